use std::sync::Arc;
use althing::plugins::{Call, Chat, Draft, Engine, Grants, Install, Permission, guard_send, inspect, link};
use super::chat::FakeChat;
use super::support::{context, guest, patient};

#[tokio::test]
#[ignore]
async fn cost() {
    let engine = Engine::start(patient()).unwrap();
    let path = std::env::var("WASM").unwrap();
    let _ = guest;
    let bytes = std::fs::read(path).unwrap();
    let inspection = inspect(&engine, &bytes.into()).unwrap();
    let grants: Grants = [Permission::Counters].into_iter().collect();
    let linked = link(&engine, &inspection, grants).await.unwrap();
    let words = r#""words":[{"name":"mild","words":["darn","dang","heck","blast","crud","frick","bollocks","bugger","sod","git"]},{"words":["wire transfer","free crypto","double your money","seed phrase","gift card code"],"action":"reject"}],"links":"allow_listed","link_domains":["example.com","wikipedia.org"],"flood_messages":0,"repeats":0"#;
    let texts = [
        ("short", "ok see you at 7 then"),
        ("usual", "can somebody look at the report of yesterday, please? i think the numbers are off by one or two"),
        ("long", &"yes i think we should meet there after work and then go home together ".repeat(14)),
        ("leet", "fr33 stuff for y0u and m3 today, come and get it while it lasts my fr1end"),
    ];
    for (name, text) in texts {
        let mut line = format!("{name:8} {:5} bytes:", text.len());
        for (what, config) in [("rules", format!("{{{words}}}")), ("rules, no disguises", format!("{{{words},\"disguises\":[]}}")), ("rules+spam", format!("{{{words},\"spam_action\":\"count\"}}"))] {
            let install = Install::new(&engine, &linked, "app_1", &format!("{name}{what}"), &config);
            let chat: Arc<dyn Chat> = Arc::new(FakeChat::default());
            let ctx = context();
            let draft = Draft { kind: "text".into(), text: text.to_owned(), data: "\"x\"".into() };
            let mut best = f64::MAX;
            for _ in 0..6 {
                let start = std::time::Instant::now();
                for _ in 0..2000 {
                    let call = Call { install: &install, chat: &chat, context: &ctx };
                    guard_send(call, &draft).await.unwrap();
                }
                best = best.min(start.elapsed().as_secs_f64() / 2000.0 * 1e6);
            }
            line += &format!(" {what} {best:.1} µs;");
        }
        println!("{line}");
    }
}
