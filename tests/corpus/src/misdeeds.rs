//! What the components do, as text of a core module: bodies of the hook's functions, of `cabi_realloc`
//! and of what is called after a return. Every function of a hook gives the address of its result.

/// One way to break the rules.
pub struct Misdeed<'t> {
    pub name: &'t str,
    /// The body of each of the hook's functions, which may use a local `$n`.
    pub body: &'t str,
    /// The body of `cabi_realloc`, which gives the host room for what it passes in.
    pub realloc: &'t str,
    /// The body of what is called after each return.
    pub after: Option<&'t str>,
    /// The memory's limits, in pages.
    pub memory: &'t str,
    /// The table's upper limit.
    pub table_max: &'t str,
    /// Whatever else is in the module.
    pub more: &'t str,
}

/// Room at 1 MiB, whatever was asked for.
const ROOM: &str = "(i32.const 0x100000)";

impl Misdeed<'_> {
    /// Nothing: all zeroes come back.
    pub const GOOD: Misdeed<'static> = Misdeed {
        name: "nothing",
        body: "(i32.const 0)",
        realloc: ROOM,
        after: None,
        memory: "32",
        table_max: "1",
        more: "",
    };
}

const fn does(name: &'static str, body: &'static str) -> Misdeed<'static> {
    Misdeed {
        name,
        body,
        ..Misdeed::GOOD
    }
}

const fn with(name: &'static str, body: &'static str, more: &'static str) -> Misdeed<'static> {
    Misdeed {
        name,
        body,
        more,
        ..Misdeed::GOOD
    }
}

const fn gives_room(name: &'static str, realloc: &'static str) -> Misdeed<'static> {
    Misdeed {
        name,
        realloc,
        ..Misdeed::GOOD
    }
}

/// All of them.
pub const MISDEEDS: &[Misdeed<'static>] = &[
    Misdeed::GOOD,
    // Time.
    does("loops", "(loop (br 0)) (unreachable)"),
    does(
        "counts for ever",
        "(loop (local.set $n (i32.add (local.get $n) (i32.const 1))) (br 0)) (unreachable)",
    ),
    with(
        "calls itself",
        "(call $deeper) (i32.const 0)",
        "(func $deeper (call $deeper) (call $deeper))",
    ),
    with(
        "calls itself with a large frame",
        "(drop (call $deeper (i64.const 1) (i64.const 2) (i64.const 3) (i64.const 4))) (i32.const 0)",
        "(func $deeper (param i64 i64 i64 i64) (result i64) (local i64 i64 i64 i64 i64 i64 i64 i64)
            (i64.add (call $deeper (local.get 3) (local.get 2) (local.get 1) (local.get 0))
                (call $deeper (local.get 0) (local.get 1) (local.get 2) (local.get 3))))",
    ),
    does(
        "fills its memory again and again",
        "(loop (memory.fill (i32.const 0) (i32.const 7) (i32.const 0x200000)) (br 0)) (unreachable)",
    ),
    does(
        "copies its memory to and fro",
        "(loop (memory.copy (i32.const 1) (i32.const 0) (i32.const 0x1fffff)) (br 0)) (unreachable)",
    ),
    with(
        "jumps through a table for ever",
        "(loop (call_indirect (type $none) (i32.const 0)) (br 0)) (unreachable)",
        "(func $hop) (elem (i32.const 0) $hop)",
    ),
    // Traps.
    does("traps", "(unreachable)"),
    does("divides by nothing", "(i32.div_u (i32.const 1) (local.get $n))"),
    does("divides too far", "(i32.div_s (i32.const 0x80000000) (i32.const -1))"),
    does("rounds what is no number", "(i32.trunc_f32_s (f32.const nan))"),
    does("reads beyond its memory", "(i32.load (i32.const 0x7fffffff))"),
    does(
        "writes beyond its memory",
        "(i64.store offset=0xfffffff0 (i32.const -1) (i64.const 1)) (i32.const 0)",
    ),
    does(
        "fills beyond its memory",
        "(memory.fill (i32.const -16) (i32.const 1) (i32.const 64)) (i32.const 0)",
    ),
    does(
        "calls what is not there",
        "(call_indirect (type $none) (i32.const 0)) (i32.const 0)",
    ),
    does(
        "calls beyond its table",
        "(call_indirect (type $none) (i32.const 0x7fffffff)) (i32.const 0)",
    ),
    with(
        "calls what has another type",
        "(call_indirect (type $none) (i32.const 0)) (i32.const 0)",
        "(func $other (param i64)) (elem (i32.const 0) $other)",
    ),
    // Memory.
    does(
        "grows its memory for ever",
        "(loop (drop (memory.grow (i32.const 64))) (br 0)) (unreachable)",
    ),
    does(
        "grows its memory and uses it",
        "(loop
            (local.set $n (memory.grow (i32.const 16)))
            (if (i32.ne (local.get $n) (i32.const -1))
                (then (memory.fill (i32.shl (local.get $n) (i32.const 16)) (i32.const 1) (i32.const 0x100000))))
            (br 0)) (unreachable)",
    ),
    does(
        "wants all memory at once",
        "(drop (memory.grow (i32.const 65000))) (i32.const 0)",
    ),
    Misdeed {
        name: "grows its table for ever",
        body: "(loop (drop (table.grow $table (ref.null func) (i32.const 1000))) (br 0)) (unreachable)",
        table_max: "",
        ..Misdeed::GOOD
    },
    // Lies about where and what its result is.
    does("returns an address beyond its memory", "(i32.const 0x7ffffff0)"),
    does("returns the last address", "(i32.const -1)"),
    does("returns an address that no result may have", "(i32.const 1)"),
    does("returns the end of its memory", "(i32.const 0x1ffffc)"),
    with(
        "returns what is nothing",
        "(memory.fill (i32.const 64) (i32.const 0xff) (i32.const 4096)) (i32.const 64)",
        "",
    ),
    with(
        "returns ones",
        "(memory.fill (i32.const 64) (i32.const 1) (i32.const 4096)) (i32.const 64)",
        "",
    ),
    with(
        "returns twos",
        "(memory.fill (i32.const 64) (i32.const 2) (i32.const 4096)) (i32.const 64)",
        "",
    ),
    with(
        "returns a list as long as it can be",
        "(loop
            (i32.store (i32.add (i32.const 64) (local.get $n)) (i32.const 0x7fffffff))
            (local.set $n (i32.add (local.get $n) (i32.const 8)))
            (br_if 0 (i32.lt_u (local.get $n) (i32.const 512))))
         (i32.const 64)",
        "",
    ),
    with(
        "returns more than it may",
        "(i32.store (i32.const 64) (i32.const 1))
         (loop
            (i32.store (i32.add (i32.const 68) (local.get $n)) (i32.const 1024))
            (i32.store (i32.add (i32.const 72) (local.get $n)) (i32.const 0x1f0000))
            (local.set $n (i32.add (local.get $n) (i32.const 8)))
            (br_if 0 (i32.lt_u (local.get $n) (i32.const 256))))
         (i32.const 64)",
        "",
    ),
    with(
        "returns text that is none",
        "(memory.fill (i32.const 1024) (i32.const 0xfe) (i32.const 1024))
         (i32.store (i32.const 64) (i32.const 1))
         (loop
            (i32.store (i32.add (i32.const 68) (local.get $n)) (i32.const 1024))
            (i32.store (i32.add (i32.const 72) (local.get $n)) (i32.const 16))
            (local.set $n (i32.add (local.get $n) (i32.const 8)))
            (br_if 0 (i32.lt_u (local.get $n) (i32.const 256))))
         (i32.const 64)",
        "",
    ),
    // Has no room, or none that there is, for what the host passes in.
    gives_room("traps when it should give room", "(unreachable)"),
    gives_room("loops when it should give room", "(loop (br 0)) (unreachable)"),
    gives_room("gives room beyond its memory", "(i32.const 0x7ffffff0)"),
    gives_room("gives no room", "(i32.const -1)"),
    gives_room("gives room that is not aligned", "(i32.const 3)"),
    gives_room("gives room at the end of its memory", "(i32.const 0x1fffff)"),
    gives_room(
        "calls the host while it should give room",
        "(call $log (i32.const 0) (i32.const 0) (i32.const 8)) (i32.const 0x100000)",
    ),
    // After it has returned.
    Misdeed {
        name: "traps after it has returned",
        after: Some("(unreachable)"),
        ..Misdeed::GOOD
    },
    Misdeed {
        name: "loops after it has returned",
        after: Some("(loop (br 0))"),
        ..Misdeed::GOOD
    },
    Misdeed {
        name: "calls the host after it has returned",
        after: Some("(call $log (i32.const 0) (i32.const 0) (i32.const 8))"),
        ..Misdeed::GOOD
    },
    // Calls the host.
    does(
        "calls the host for ever",
        "(loop (call $log (i32.const 0) (i32.const 0) (i32.const 8)) (br 0)) (unreachable)",
    ),
    does(
        "passes what is beyond its memory",
        "(call $log (i32.const 0) (i32.const 0x7ffffff0) (i32.const 64)) (i32.const 0)",
    ),
    does(
        "passes more than there is",
        "(call $log (i32.const 0) (i32.const 0) (i32.const -1)) (i32.const 0)",
    ),
    does(
        "passes more than it may",
        "(loop (call $log (i32.const 0) (i32.const 0) (i32.const 0x1fffff)) (br 0)) (unreachable)",
    ),
    does(
        "passes text that is none",
        "(memory.fill (i32.const 0) (i32.const 0xc0) (i32.const 64))
         (call $log (i32.const 0) (i32.const 0) (i32.const 64)) (i32.const 0)",
    ),
    does(
        "passes a level that there isn't",
        "(call $log (i32.const 99) (i32.const 0) (i32.const 8)) (i32.const 0)",
    ),
    // As it is made.
    with("loops as it begins", "(i32.const 0)", "(func $begin (loop (br 0))) (start $begin)"),
    with("traps as it begins", "(i32.const 0)", "(func $begin (unreachable)) (start $begin)"),
    with(
        "grows as it begins",
        "(i32.const 0)",
        "(func $begin (loop (drop (memory.grow (i32.const 64))) (br 0))) (start $begin)",
    ),
    Misdeed {
        name: "has more memory than it may",
        memory: "2000",
        ..Misdeed::GOOD
    },
    Misdeed {
        name: "has as much memory as it may",
        memory: "1000",
        ..Misdeed::GOOD
    },
];
