//! The Rust side of `wit/`, generated. The world `plugin` names every hook, so it is never
//! instantiated as a whole: `link` asks for each exported interface by itself.

wasmtime::component::bindgen!({
    path: "../wit",
    world: "althing:plugin/plugin",
    imports: {
        "althing:plugin/log": trappable,
        "althing:plugin/config": trappable,
        "althing:plugin/counters": trappable,
        "althing:plugin/metrics": trappable,
        default: async | trappable,
    },
    exports: { default: async },
    additional_derives: [PartialEq, Eq, PartialOrd, Ord],
});
