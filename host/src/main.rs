use althing::config::Config;

#[tokio::main]
async fn main() {
    tracing_subscriber::fmt().init();
    let config = Config::load(None, Config::variables()).unwrap();
    althing::serve::run(config).await.unwrap();
}
