//! Runs the host: opens everything, accepts connections, and stops in order.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::routing::get;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::{TcpListener, TcpStream};
use tokio::signal::unix::{SignalKind, signal};
use tokio::task::JoinHandle;
use tokio_util::task::TaskTracker;
use tower::ServiceExt;

use crate::app::App;
use crate::chat::{decisions, deliver, handlers, plugins, quarantine, recordings, sweep, timers};
use crate::clock::Clock;
use crate::config::Config;
use crate::http::Peer;
use crate::hub::Close;
use crate::{http, socket};

/// Serves until SIGTERM or Ctrl-C, then drains. A second signal ends it at once.
///
/// # Errors
/// A sentence for the operator: what keeps it from starting.
pub async fn run(config: Config) -> Result<(), String> {
    let host = Host::start(config, Clock::System).await?;
    tracing::info!(listen = %host.address, "serving");
    let mut terminate =
        signal(SignalKind::terminate()).map_err(|e| format!("can't listen for signals: {e}"))?;
    let mut interrupt =
        signal(SignalKind::interrupt()).map_err(|e| format!("can't listen for signals: {e}"))?;
    tokio::select! {
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
        () = host.app.store.failed() => {
            return Err("the store has failed; what was acknowledged is in it. Look at the disk and start again".into());
        }
    }
    tracing::info!("stopping: no new connections, finishing what is under way");
    tokio::select! {
        () = host.stop() => tracing::info!("stopped"),
        _ = terminate.recv() => tracing::warn!("stopped at once"),
        _ = interrupt.recv() => tracing::warn!("stopped at once"),
    }
    Ok(())
}

/// A host that serves.
pub struct Host {
    /// Where it listens.
    pub address: std::net::SocketAddr,
    /// What it works with.
    pub app: Arc<App>,
    accepting: JoinHandle<()>,
    tasks: Vec<JoinHandle<()>>,
}

impl Host {
    /// Opens everything and begins to serve.
    ///
    /// # Errors
    /// A sentence for the operator.
    pub async fn start(config: Config, clock: Clock) -> Result<Host, String> {
        let listen = config.server.listen;
        let listener = TcpListener::bind(listen)
            .await
            .map_err(|e| format!("can't listen at {listen}: {e}"))?;
        let address = listener.local_addr().map_err(|e| e.to_string())?;
        let (app, committed) = App::open(config, clock).await?;
        let delivering = tokio::spawn(deliver::run(app.clone(), committed));
        // Whoever needs an app whose plugins are not loaded waits for them, and nobody else.
        let loading = plugins::begin_to_load(&app)
            .await
            .map_err(|e| format!("can't load the plugins: {e}"))?;
        let tasks = vec![
            delivering,
            tokio::spawn(plugins::load_all(app.clone(), loading)),
            tokio::spawn(handlers::run_events(app.clone())),
            tokio::spawn(timers::run(app.clone())),
            tokio::spawn(quarantine::run(app.clone())),
            tokio::spawn(decisions::run(app.clone())),
            tokio::spawn(recordings::run(app.clone())),
            tokio::spawn(sweep::run(app.clone())),
            tokio::spawn(tidy(app.clone())),
        ];
        let sockets = Router::new().route("/v1/socket", get(socket::upgrade));
        let router = http::router(app.clone(), sockets);
        let accepting = tokio::spawn(accept(app.clone(), listener, router));
        Ok(Host {
            address,
            app,
            accepting,
            tasks,
        })
    }

    /// Stops taking requests, tells every socket to come back, lets what is under way end, and
    /// closes the store.
    pub async fn stop(self) {
        self.app.stopping.send_replace(true);
        self.app.hub.close_all(None, Close::SHUTDOWN);
        let drain = Duration::from_millis(self.app.config.server.drain_timeout_ms);
        let ended = async {
            let _ = self.accepting.await;
            self.app.under_way.close();
            self.app.under_way.wait().await;
        };
        if tokio::time::timeout(drain, ended).await.is_err() {
            tracing::warn!("some requests did not end in time");
        }
        for task in self.tasks {
            task.abort();
        }
        self.app.store.close().await;
    }
}

/// Accepts until the host stops, then waits for the requests that are under way.
async fn accept(app: Arc<App>, listener: TcpListener, router: Router) {
    let connections = TaskTracker::new();
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            () = app.stopped() => break,
        };
        match accepted {
            Ok((stream, peer)) => {
                connections.spawn(connection(app.clone(), stream, Peer(peer), router.clone()));
            }
            Err(error) => {
                // Out of file descriptors, most likely: existing connections go on, new ones wait.
                tracing::error!(error = %error, "can't accept a connection");
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
        }
    }
    drop(listener);
    connections.close();
    connections.wait().await;
}

async fn connection(app: Arc<App>, stream: TcpStream, peer: Peer, router: Router) {
    let settings = &app.config.server;
    let service =
        hyper::service::service_fn(move |mut request: hyper::Request<hyper::body::Incoming>| {
            request.extensions_mut().insert(peer);
            router.clone().oneshot(request.map(Body::new))
        });
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(Duration::from_millis(settings.header_timeout_ms))
        .max_headers(settings.headers_max)
        .max_buf_size(settings.header_bytes_max)
        .serve_connection(TokioIo::new(stream), service)
        .with_upgrades();
    let mut connection = std::pin::pin!(connection);
    // A client that goes away in the middle is no news.
    let _ = tokio::select! {
        ended = connection.as_mut() => ended,
        () = app.stopped() => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    };
}

/// Forgets what is no longer needed, now and then.
async fn tidy(app: Arc<App>) {
    let mut every = tokio::time::interval(Duration::from_secs(60));
    loop {
        every.tick().await;
        app.rates.tidy();
    }
}
