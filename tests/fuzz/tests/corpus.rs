//! Every input of the corpus through its target, without a fuzzer: what was found once stays mended.

use std::path::Path;

use althing_fuzz::{TARGETS, component};

#[test]
fn inputs_that_were_found_break_nothing_any_more() {
    let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("corpus");
    for (name, target) in TARGETS {
        let inputs = corpus.join(name).read_dir().expect(name);
        for path in inputs.map(|entry| entry.expect(name).path()) {
            println!("{}", path.display());
            target(&std::fs::read(&path).expect("an input"));
        }
    }
}

#[test]
fn good_components_are_taken() {
    for seed in component::seeds() {
        component::run(&seed);
    }
}
