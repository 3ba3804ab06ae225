//! Components written as text: what no compiler would make.

pub const MANIFEST: &str = "name = 'odd'\nversion = '1.0.0'\ntitle = 'Odd'";

/// A component with the hook `schedule`, and `more` before it.
pub fn component(more: &str) -> Vec<u8> {
    component_with(MANIFEST, more)
}

pub fn component_with(manifest: &str, more: &str) -> Vec<u8> {
    build(manifest, &format!("{more} {}", schedule("")))
}

/// The same, with `code` in the module that implements the hook.
pub fn with_module(code: &str) -> Vec<u8> {
    build(MANIFEST, &schedule(code))
}

/// A component that exports whatever instance `$hook` is in `body` as `schedule`.
pub fn bare(body: &str) -> Vec<u8> {
    build(MANIFEST, body)
}

fn build(manifest: &str, body: &str) -> Vec<u8> {
    let manifest = manifest.replace('\n', "\\0a");
    let text = format!(
        "(component
            (@custom \"althing:manifest\" \"{manifest}\")
            {body}
            (export \"althing:plugin/schedule@0.1.0\" (instance $hook)))"
    );
    wat::parse_str(text).unwrap()
}

/// `schedule` whose `run` says that all went well.
fn schedule(code: &str) -> String {
    format!(
        "(import \"althing:plugin/types@0.1.0\" (instance $types
            (type $role (enum \"none\" \"member\" \"admin\" \"owner\" \"server\" \"plugin\"))
            (export \"role\" (type $named (eq $role)))
            (type $context (record
                (field \"now-ms\" u64) (field \"seed\" u64) (field \"channel\" string)
                (field \"channel-type\" string) (field \"actor\" string)
                (field \"actor-role\" $named)))
            (export \"context\" (type (eq $context)))))
         (alias export $types \"context\" (type $context))
         (core module $guest
            (memory (export \"memory\") 1)
            (func (export \"realloc\") (param i32 i32 i32 i32) (result i32) (i32.const 1024))
            (func (export \"run\")
                (param i64 i64 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32) (result i32)
                (i32.const 0))
            {code})
         (core instance $guest (instantiate $guest))
         (type $run (func (param \"ctx\" $context) (param \"name\" string)
            (param \"payload\" string) (result (result (error string)))))
         (func $run (type $run) (canon lift (core func $guest \"run\")
            (memory $guest \"memory\") (realloc (func $guest \"realloc\"))))
         (instance $hook (export \"run\" (func $run)))"
    )
}
