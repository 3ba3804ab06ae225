//! Whatever is uploaded as a component is refused or is one, in bounded time and memory, and the same
//! bytes come out the same each time. What is linked needs no more than its manifest asks for, and
//! nothing is linked without what it needs.

use std::sync::{Arc, LazyLock};

use althing::plugins::{
    Digest, Engine, Grants, Inspection, Limits, Permission, Refusal, inspect, link,
};
use althing_corpus::Contract;
use wasmparser::{Encoding, Parser, Payload};

use crate::world::{block_on, workspace};

/// Two of them, so that the second knows nothing of what the first has seen.
static ENGINES: LazyLock<[Arc<Engine>; 2]> = LazyLock::new(|| [(); 2].map(|()| engine()));

fn engine() -> Arc<Engine> {
    let limits = Limits {
        concurrent_calls_max: 2,
        app_concurrent_calls_max: 2,
        stream_calls_max: 1,
        kept_instances_max: 1,
        probe_cpu_ms_max: 20,
        component_bytes_max: 256 << 10,
        functions_max: 500,
        function_bytes_max: 16 << 10,
        parts_max: 40,
        manifest_bytes_max: 8 << 10,
        ..Limits::default()
    };
    Engine::start(limits).expect("an engine")
}

/// Looks at bytes twice, and tries out what is a component.
pub fn run(bytes: &[u8]) {
    let [first, second] = ENGINES.each_ref().map(|engine| inspect(engine, bytes));
    match (first, second) {
        (Ok(first), Ok(second)) => {
            check_inspection(bytes, &first);
            assert_eq!(first.manifest, second.manifest);
            assert_eq!((first.hooks, first.needed), (second.hooks, second.needed));
            assert_eq!(first.uses_wasi, second.uses_wasi);
            try_out(&first);
        }
        (Err(first), Err(second)) => {
            assert_eq!((first.code, &first.detail), (second.code, &second.detail));
            check_refusal(&first);
        }
        (first, second) => panic!("once {:?}, once {:?}", first.err(), second.err()),
    }
}

fn check_inspection(bytes: &[u8], inspection: &Inspection) {
    assert_eq!(inspection.digest, Digest::of(bytes));
    assert_eq!(inspection.bytes, bytes.len());
    assert!(!inspection.hooks.is_empty(), "nothing to call");
    let asked = inspection.manifest.requested();
    let beyond = inspection.needed.without(asked);
    assert!(beyond.is_empty(), "needs more than it asks for: {beyond:?}");
    for name in imports(bytes) {
        let interface = name.strip_prefix("althing:plugin/");
        let interface = interface.map(|rest| rest.split('@').next().unwrap_or_default());
        let is_asked = match interface {
            Some("types" | "log" | "config" | "metrics") => true,
            Some(interface) => Permission::from_name(interface)
                .is_some_and(|permission| inspection.needed.contains(permission)),
            None => name.starts_with("wasi:") && inspection.uses_wasi,
        };
        assert!(is_asked, "imports {name} without asking for it");
    }
}

/// What the component imports, read once more and by less code.
fn imports(bytes: &[u8]) -> Vec<&str> {
    let mut depth = 0;
    let mut names = Vec::new();
    for payload in Parser::new(0).parse_all(bytes) {
        match payload.expect("was valid") {
            Payload::Version { encoding, .. } => {
                assert!(depth > 0 || encoding == Encoding::Component);
                depth += 1;
            }
            Payload::End(_) => depth -= 1,
            Payload::ComponentImportSection(section) if depth == 1 => {
                names.extend(
                    section
                        .into_iter()
                        .map(|import| import.expect("was valid").name.name),
                );
            }
            _ => {}
        }
    }
    names
}

fn check_refusal(refusal: &Refusal) {
    assert!(refusal.code.starts_with("plugin"), "{refusal:?}");
    assert!(!refusal.detail.is_empty() && refusal.detail.len() < 16 << 10);
}

/// Links it with what it needs, with less, and with all that it asks for.
fn try_out(inspection: &Arc<Inspection>) {
    let engine = &ENGINES[0];
    let with = |grants: Grants| block_on(link(engine, inspection, grants));
    let needed = inspection.needed;
    for left_out in needed.iter() {
        let fewer = needed.iter().filter(|permission| *permission != left_out);
        let refusal = with(fewer.collect()).err().expect("linked without a grant");
        assert_eq!(refusal.code, "plugin_not_granted");
    }
    for grants in [needed, inspection.manifest.requested()] {
        match with(grants) {
            Ok(linked) => assert_eq!(linked.grants, grants),
            Err(refusal) => check_refusal(&refusal),
        }
    }
}

/// Components to begin with: a good one for each hook, and one that needs every permission.
pub fn seeds() -> Vec<Vec<u8>> {
    let contract = Contract::read(&workspace().join("wit")).expect("wit/");
    let hooks: Vec<&str> = contract.hooks().collect();
    let good = hooks.into_iter().map(|hook| {
        let made = contract.returning(hook, &[], 0);
        made.expect("a component")
    });
    let greedy = wat::parse_str(include_str!("component/greedy.wat")).expect("a component");
    good.chain([greedy]).collect()
}

#[cfg(test)]
mod tests {
    use althing::plugins::{inspect, link};

    use super::{ENGINES, seeds};
    use crate::world::block_on;

    #[test]
    fn every_seed_can_be_linked() {
        for seed in seeds() {
            let inspection = inspect(&ENGINES[0], &seed).expect("a plugin");
            let linked = block_on(link(&ENGINES[0], &inspection, inspection.needed));
            assert!(linked.is_ok(), "{:?}", linked.err());
        }
        let greedy = seeds().pop().expect("the last one");
        let needed = inspect(&ENGINES[0], &greedy).expect("a plugin").needed;
        assert_eq!(needed.iter().count(), 7);
    }
}
