//! The macro that makes a component of a crate: its exports and its manifest.

/// Exports the hooks of a plugin and puts its manifest into the component.
///
/// ```text
/// althing_plugin::plugin!(Assistant: Commands + Events + Schedule, manifest = "plugin.toml");
/// ```
///
/// Names a type, the hooks it implements, and the manifest by its path from the crate's
/// `Cargo.toml`. The component exports those hooks and no others, so the host calls no others.
/// Once in a crate.
#[macro_export]
macro_rules! plugin {
    ($plugin:ident : $hook:ident $(+ $more:ident)*, manifest = $manifest:literal $(,)?) => {
        $crate::__export_hook!($hook, $plugin);
        $($crate::__export_hook!($more, $plugin);)*

        const _: () = {
            const MANIFEST: &[u8] =
                include_bytes!(concat!(env!("CARGO_MANIFEST_DIR"), "/", $manifest));

            // The host reads the manifest from this section before it compiles anything.
            #[cfg(target_arch = "wasm32")]
            #[used]
            #[unsafe(link_section = "althing:manifest")]
            static SECTION: [u8; MANIFEST.len()] =
                *include_bytes!(concat!(env!("CARGO_MANIFEST_DIR"), "/", $manifest));
        };
    };
}

/// Exports one hook. Natively it only checks that the plugin implements it: the names that a
/// component exports mean something else to other linkers.
#[doc(hidden)]
#[macro_export]
macro_rules! __export_hook {
    (MessageGuard, $plugin:ident) => {
        $crate::__export_hook!(@ message_guard MessageGuard $plugin);
    };
    (Events, $plugin:ident) => {
        $crate::__export_hook!(@ events Events $plugin);
    };
    (Commands, $plugin:ident) => {
        $crate::__export_hook!(@ commands Commands $plugin);
    };
    (Interactions, $plugin:ident) => {
        $crate::__export_hook!(@ interactions Interactions $plugin);
    };
    (MessageKind, $plugin:ident) => {
        $crate::__export_hook!(@ message_kind MessageKind $plugin);
    };
    (Schedule, $plugin:ident) => {
        $crate::__export_hook!(@ schedule Schedule $plugin);
    };
    (MembershipGuard, $plugin:ident) => {
        $crate::__export_hook!(@ membership_guard MembershipGuard $plugin);
    };
    (SessionGuard, $plugin:ident) => {
        $crate::__export_hook!(@ session_guard SessionGuard $plugin);
    };
    (FileGuard, $plugin:ident) => {
        $crate::__export_hook!(@ file_guard FileGuard $plugin);
    };
    (Endpoint, $plugin:ident) => {
        $crate::__export_hook!(@ endpoint Endpoint $plugin);
    };
    (Feed, $plugin:ident) => {
        $crate::__export_hook!(@ feed Feed $plugin);
    };
    (Lifecycle, $plugin:ident) => {
        $crate::__export_hook!(@ lifecycle Lifecycle $plugin);
    };
    (@ $module:ident $hook:ident $plugin:ident) => {
        const _: () = {
            const fn implements<T: $crate::$hook>() {}
            implements::<$plugin>();
        };
        #[cfg(target_arch = "wasm32")]
        $crate::__hooks::$module::export!($plugin with_types_in $crate::__hooks::$module);
    };
    ($other:ident, $plugin:ident) => {
        compile_error!(concat!(
            "`",
            stringify!($other),
            "` is not a hook; there are MessageGuard, Events, Commands, Interactions, ",
            "MessageKind, Schedule, MembershipGuard, SessionGuard, FileGuard, Endpoint, Feed and Lifecycle"
        ));
    };
}
