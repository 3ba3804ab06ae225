//! Components that are refused, each with the code that says why, and before anybody depends on
//! them.

use std::sync::Arc;

use althing::plugins::{
    Call, Chat, Engine, FaultKind, Grants, Hook, Hooks, Install, Limits, Permission, guard_send,
    inspect, link, run_schedule,
};

use super::chat::FakeChat;
use super::support::{all_but_moderation, context, draft, guest, holder, patient};
use super::text::{MANIFEST, bare, component, component_with, with_module};

fn engine() -> Arc<Engine> {
    Engine::start(patient()).unwrap()
}

/// The code and the detail of the refusal.
fn refusal(engine: &Engine, bytes: &[u8]) -> (&'static str, String) {
    let refusal = inspect(engine, bytes).err().expect("should be refused");
    (refusal.code, refusal.detail)
}

fn code(more: &str) -> &'static str {
    refusal(&engine(), &component(more)).0
}

async fn probe_refusal(engine: &Engine, bytes: &[u8]) -> String {
    let inspection = inspect(engine, bytes).unwrap();
    let refusal = link(engine, &inspection, inspection.needed)
        .await
        .err()
        .unwrap();
    refusal.to_string()
}

#[test]
fn a_good_component_is_described() {
    let engine = engine();
    let bytes = guest("hostile");
    let inspection = inspect(&engine, &bytes).unwrap();
    assert_eq!(inspection.manifest.name, "hostile");
    assert_eq!(inspection.bytes, bytes.len());
    assert_eq!(inspection.hooks, Hook::ALL.into_iter().collect());
    // It asks for routes that anybody may ask, too, but these are no interface that it imports.
    let interfaces = all_but_moderation();
    assert_eq!(inspection.needed, interfaces);
    let requested = interfaces.iter().chain([Permission::PublicRoutes]);
    assert_eq!(inspection.manifest.requested(), requested.collect());
    assert_eq!(inspection.digest.to_string().len(), 64);
}

#[test]
fn what_is_no_component_is_refused() {
    let engine = engine();
    assert_eq!(refusal(&engine, b"").0, "plugin_invalid");
    assert_eq!(
        refusal(&engine, b"hello, this is not wasm").0,
        "plugin_invalid"
    );
    let module = wat::parse_str("(module)").unwrap();
    assert_eq!(refusal(&engine, &module).0, "plugin_not_a_component");
    let bytes = guest("hostile");
    for length in [9, 100, 10_000, bytes.len() - 1] {
        assert_eq!(
            refusal(&engine, &bytes[..length]).0,
            "plugin_invalid",
            "{length}"
        );
    }
}

#[test]
fn flipped_bytes_never_panic() {
    let engine = engine();
    let good = component("");
    for at in 0..good.len() {
        let mut bytes = good.clone();
        bytes[at] ^= 0x41;
        let _ = inspect(&engine, &bytes);
    }
}

#[test]
fn unknown_imports_are_refused_by_name() {
    let engine = engine();
    for (import, expected) in [
        ("wasi:http/outgoing-handler@0.2.0", "plugin_import_unknown"),
        ("wasi:io/poll@0.3.0", "plugin_import_unknown"),
        ("althing:plugin/email@0.1.0", "plugin_import_unknown"),
        ("althing:plugin/kv@0.2.0", "plugin_version_unsupported"),
        ("acme:tools/magic@1.0.0", "plugin_import_unknown"),
        ("magic", "plugin_import_unknown"),
    ] {
        let bytes = component(&format!("(import \"{import}\" (instance))"));
        let (code, detail) = refusal(&engine, &bytes);
        assert_eq!(code, expected, "{import}");
        assert!(detail.contains(import), "{detail}");
    }
}

#[test]
fn an_import_must_be_asked_for() {
    let engine = engine();
    let import = "(import \"althing:plugin/kv@0.1.3\" (instance))";
    let (code, detail) = refusal(&engine, &component(import));
    assert_eq!(code, "plugin_permission_missing");
    assert!(detail.contains("`kv`"), "{detail}");
    let asked = format!("{MANIFEST}\npermissions = [{{ name = 'kv', reason = 'to keep' }}]");
    let inspection = inspect(&engine, &component_with(&asked, import)).unwrap();
    assert_eq!(inspection.needed, Grants::from_iter([Permission::Kv]));
}

#[tokio::test]
async fn what_is_not_granted_is_not_linked() {
    let engine = engine();
    let inspection = inspect(&engine, &guest("hostile")).unwrap();
    let some = Grants::from_iter([Permission::Kv, Permission::Counters]);
    let refusal = link(&engine, &inspection, some).await.err().unwrap();
    assert_eq!(refusal.code, "plugin_not_granted");
    assert!(refusal.detail.contains("chat-read"), "{refusal}");
    let all = Grants::from_iter(Permission::ALL);
    let refusal = link(&engine, &inspection, all).await.err().unwrap();
    assert_eq!(refusal.code, "plugin_grant_not_requested");
}

#[test]
fn hooks_and_manifest_must_agree() {
    let engine = engine();
    for listed in [
        "events = ['message.new']",
        "commands = [{ name = 'a', description = 'b' }]",
        "kinds = [{ name = 'a', title = 'b' }]",
    ] {
        let bytes = component_with(&format!("{MANIFEST}\n{listed}"), "");
        assert_eq!(
            refusal(&engine, &bytes).0,
            "plugin_hook_mismatch",
            "{listed}"
        );
    }
    for hook in ["events", "commands", "message-kind"] {
        let export = format!(
            "(component $other) (instance $other (instantiate $other))
             (export \"althing:plugin/{hook}@0.1.0\" (instance $other))"
        );
        assert_eq!(code(&export), "plugin_hook_mismatch", "{hook}");
    }
    let none = wat::parse_str("(component)").unwrap();
    assert_eq!(refusal(&engine, &none).0, "plugin_without_hooks");
}

#[test]
fn the_manifest_is_found_once() {
    let engine = engine();
    let escaped = MANIFEST.replace('\n', "\\0a");
    let same = format!("(core module (@custom \"althing:manifest\" \"{escaped}\"))");
    assert!(inspect(&engine, &component(&same)).is_ok());
    assert_eq!(
        code("(core module (@custom \"althing:manifest\" \"other\"))"),
        "plugin_manifest_invalid"
    );
    assert_eq!(
        refusal(&engine, &component_with("name = 1", "")).0,
        "plugin_manifest_invalid"
    );
    let without = wat::parse_str(
        "(component (component $c) (instance $i (instantiate $c))
            (export \"althing:plugin/schedule@0.1.0\" (instance $i)))",
    )
    .unwrap();
    assert_eq!(refusal(&engine, &without).0, "plugin_manifest_missing");
}

#[test]
fn proposals_that_nobody_needs_are_off() {
    for module in [
        "(memory i64 1)",
        "(memory 1 1 shared)",
        "(memory 1) (memory 1)",
        "(func $f return_call $f)",
        "(type (struct (field i32)))",
        "(tag)",
        "(func (param v128) (result v128) local.get 0 i32x4.relaxed_trunc_f32x4_s)",
    ] {
        assert_eq!(
            code(&format!("(core module {module})")),
            "plugin_invalid",
            "{module}"
        );
    }
    assert!(inspect(&engine(), &component("(core module (memory 1) (func))")).is_ok());
}

#[test]
fn strings_are_utf8() {
    let lower = |encoding: &str| {
        component(&format!(
            "(import \"althing:plugin/log@0.1.0\" (instance $log
                (export \"f\" (func (param \"s\" string)))))
             (core module $m (memory (export \"m\") 1))
             (core instance $m (instantiate $m))
             (core func (canon lower (func $log \"f\") (memory $m \"m\") string-encoding={encoding}))"
        ))
    };
    let engine = engine();
    assert_eq!(
        refusal(&engine, &lower("utf16")).0,
        "plugin_strings_not_utf8"
    );
    assert_eq!(
        refusal(&engine, &lower("latin1+utf16")).0,
        "plugin_strings_not_utf8"
    );
    assert!(inspect(&engine, &lower("utf8")).is_ok());
}

#[test]
fn a_component_has_a_size() {
    let small = |change: fn(&mut Limits)| {
        let mut limits = patient();
        change(&mut limits);
        Engine::start(limits).unwrap()
    };
    let bytes = guest("hostile");
    let changes: [fn(&mut Limits); 5] = [
        |limits| limits.component_bytes_max = 10_000,
        |limits| limits.functions_max = 10,
        |limits| limits.function_bytes_max = 100,
        |limits| limits.parts_max = 3,
        |limits| limits.depth_max = 0,
    ];
    for change in changes {
        assert_eq!(refusal(&small(change), &bytes).0, "plugin_too_large");
    }
    let engine = small(|limits| limits.manifest_bytes_max = 10);
    assert_eq!(refusal(&engine, &bytes).0, "plugin_manifest_invalid");
}

#[test]
fn what_the_pool_has_no_room_for_is_refused() {
    assert_eq!(
        code("(core module $m (memory 2000)) (core instance (instantiate $m))"),
        "plugin_not_compiled"
    );
    let many = "(core module $m (memory 1)) (core instance (instantiate $m))
        (core instance (instantiate $m)) (core instance (instantiate $m))
        (core instance (instantiate $m))";
    let many_instances =
        "(core module $n)".to_owned() + &"(core instance (instantiate $n))".repeat(21);
    assert_eq!(code(&many_instances), "plugin_not_compiled");
    let code = code(many);
    assert!(
        ["plugin_too_large", "plugin_not_compiled"].contains(&code),
        "{code}"
    );
}

#[tokio::test]
async fn memories_count_together() {
    let engine = engine();
    let memories = |count| {
        let instance = "(core instance (instantiate $m))".repeat(count);
        component(&format!("(core module $m (memory 600)) {instance}"))
    };
    let one = inspect(&engine, &memories(1)).unwrap();
    assert!(link(&engine, &one, Grants::default()).await.is_ok());
    // Twice 37.5 MiB: each alone would fit.
    let refusal = probe_refusal(&engine, &memories(2)).await;
    assert!(refusal.contains("memory_limit"), "{refusal}");
}

#[tokio::test]
async fn start_up_code_that_loops_is_refused() {
    let engine = engine();
    let loops = with_module("(func $f (loop br 0)) (start $f)");
    let refusal = probe_refusal(&engine, &loops).await;
    assert!(refusal.contains("cpu_limit"), "{refusal}");
    let traps = with_module("(func $f unreachable) (start $f)");
    let refusal = probe_refusal(&engine, &traps).await;
    assert!(refusal.contains("trap: "), "{refusal}");
}

#[tokio::test]
async fn resource_handles_are_limited() {
    let handles = component(
        "(type $r (resource (rep i32)))
         (core func $new (canon resource.new $r))
         (core module $m (import \"\" \"new\" (func $new (param i32) (result i32)))
            (func $f (local $left i32) (local.set $left (i32.const 5000))
                (loop (drop (call $new (i32.const 1)))
                    (br_if 0 (local.tee $left (i32.sub (local.get $left) (i32.const 1))))))
            (start $f))
         (core instance (instantiate $m (with \"\" (instance (export \"new\" (func $new))))))",
    );
    let refusal = probe_refusal(&engine(), &handles).await;
    assert!(
        refusal.contains("trap: ") && refusal.contains("handle"),
        "{refusal}"
    );
    let generous = Engine::start(Limits {
        handles_max: 10_000,
        ..patient()
    })
    .unwrap();
    let inspection = inspect(&generous, &handles).unwrap();
    assert!(
        link(&generous, &inspection, Grants::default())
            .await
            .is_ok()
    );
}

#[tokio::test]
async fn a_hook_of_another_type_is_refused() {
    let engine = engine();
    let hook = |function: &str| {
        bare(&format!(
            "(core module $m (func (export \"f\")))
             (core instance $m (instantiate $m))
             (func $f (canon lift (core func $m \"f\")))
             (instance $hook (export \"{function}\" (func $f)))"
        ))
    };
    let refusal = probe_refusal(&engine, &hook("run")).await;
    assert!(refusal.contains("plugin_probe_failed"), "{refusal}");
    let refusal = probe_refusal(&engine, &hook("walk")).await;
    assert!(refusal.contains("plugin_not_linked"), "{refusal}");
}

#[test]
fn parts_that_multiply_are_refused() {
    let times = |what: &str| format!("(instance (instantiate {what}))").repeat(25);
    let nested = format!(
        "(component $outer
            (component $inner (core module $m) (core instance (instantiate $m)))
            {})
         {}",
        times("$inner"),
        times("$outer"),
    );
    // 625 instances out of 55 parts.
    assert_eq!(code(&nested), "plugin_not_compiled");
    assert_eq!(code(&format!("(component {nested})")), "plugin_too_large");
}

#[tokio::test]
async fn a_hook_that_is_not_exported_is_a_fault() {
    let engine = engine();
    let inspection = inspect(&engine, &component("")).unwrap();
    let linked = link(&engine, &inspection, Grants::default()).await.unwrap();
    let install = Install::new(&engine, &linked, holder("app_1"), "install_1", "{}");
    assert_eq!(install.hooks(), Hooks::from_iter([Hook::Schedule]));
    let chat: Arc<dyn Chat> = Arc::new(FakeChat::default());
    let call = Call {
        install: &install,
        chat: &chat,
        context: &context(),
    };
    let ran = run_schedule(call, "timer", &"{}".into(), &Arc::default())
        .await
        .unwrap();
    assert_eq!(ran.value, Ok(()));
    let fault = guard_send(call, &draft("hello")).await.err().unwrap();
    assert_eq!(fault.kind, FaultKind::NotExported);
}

#[tokio::test]
async fn our_own_plugins_are_taken() {
    let engine = engine();
    for name in ["assistant", "moderation", "poll"] {
        let inspection = inspect(&engine, &guest(name)).unwrap_or_else(|e| panic!("{name}: {e}"));
        let grants = inspection.manifest.requested();
        let linked = link(&engine, &inspection, grants).await;
        linked.unwrap_or_else(|refusal| panic!("{name}: {refusal}"));
        let settings = inspection
            .manifest
            .complete_config(serde_json::json!({}), |_| false);
        settings.unwrap_or_else(|faults| panic!("{name}: {faults:?}"));
    }
}
