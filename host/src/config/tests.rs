//! Where settings come from, what is said about wrong ones, and that the example file is true.

use super::*;

fn load(text: &str, variables: &[(&str, &str)]) -> Result<Config, Faults> {
    let mut source = Source::default();
    source.add_text("althing.toml", text);
    source.add_variables(
        variables
            .iter()
            .map(|(name, text)| (name.to_string(), text.to_string())),
    );
    Config::from_source(source)
}

fn faults(text: &str, variables: &[(&str, &str)]) -> String {
    load(text, variables).unwrap_err().to_string()
}

/// `#key = value` becomes `key = value`; prose and examples stay comments.
fn uncommented(example: &str) -> String {
    let lines = example.lines().map(|line| match line.strip_prefix('#') {
        Some(rest) if rest.starts_with(|first: char| first.is_ascii_lowercase()) => rest,
        _ => line,
    });
    lines.collect::<Vec<_>>().join("\n")
}

#[test]
fn nothing_set_is_the_default() {
    assert_eq!(load("", &[]).unwrap(), Config::default());
    assert_eq!(Config::load(None, []).unwrap(), Config::default());
    assert_eq!(
        Config::default().server.listen.to_string(),
        "127.0.0.1:7600"
    );
}

#[test]
fn variables_go_on_top_of_the_file() {
    let text = "data_dir = '/var/lib/a'\n[socket]\nframe_bytes_max = 2048\nsubscriptions_max = 7";
    let config = load(
        text,
        &[
            ("ALTHING_SOCKET__FRAME_BYTES_MAX", "4_096"),
            (
                "ALTHING_SERVER__TRUSTED_PROXIES",
                r#"["10.0.0.0/8", "::1"]"#,
            ),
            ("ALTHING_SERVER__LISTEN", "0.0.0.0:80"),
            ("ALTHING_LOG__FORMAT", "json"),
            ("ALTHING_LOG__FILTER", "\"debug\""),
            ("PATH", "/bin"),
        ],
    )
    .unwrap();
    assert_eq!(config.paths.data_dir, Path::new("/var/lib/a"));
    assert_eq!(config.socket.frame_bytes_max, 4096);
    assert_eq!(config.socket.subscriptions_max, 7);
    assert_eq!(
        config.server.trusted_proxies,
        crate::address::Networks::parse(["10.0.0.0/8", "::1"]).unwrap()
    );
    assert_eq!(config.server.listen.to_string(), "0.0.0.0:80");
    assert_eq!(
        (config.log.format, config.log.filter.as_str()),
        (LogFormat::Json, "debug")
    );
}

#[test]
fn a_text_setting_takes_a_variable_as_it_is() {
    let config = load(
        "",
        &[
            ("ALTHING_DATA_DIR", "2024"),
            ("ALTHING_SECRET_KEY_FILE", "true"),
        ],
    );
    let config = config.unwrap();
    assert_eq!(config.paths.data_dir, Path::new("2024"));
    assert_eq!(config.secret_key_file(), Path::new("true"));
    // A line break does not smuggle in another key.
    let smuggled = [(
        "ALTHING_SOCKET__FRAME_BYTES_MAX",
        "2048\nsubscriptions_max = 1",
    )];
    assert!(faults("", &smuggled).starts_with("socket.frame_bytes_max: must be a whole number"));
}

#[test]
fn all_faults_are_reported_together_by_name() {
    let text = "
        data_dir = 5
        colour = 'red'
        sessions = 3
        [socket]
        frame_bytes_max = 12
        queue_bytes_max = '1 MiB'
        ping_interval_ms = -1
        subscription_max = 5
        [sockets]
        frame_bytes_max = 1
        [server]
        listen = 'localhost'
        trusted_proxies = ['10.0.0.1/8']
        [log]
        format = 'xml'
        filter = 'althing=loud'
        [plugins]
        guard_cpu_ms = 1.5
        kv_bytes_max = 99999999999999
    ";
    let variables = [
        ("ALTHING_SOCKET__PONG_TIMEOUT_MS", "soon"),
        ("ALTHING_SOCKET__FRAME_BYTE_MAX", "1"),
        ("ALTHING_socket__frame_bytes_max", "1"),
        ("ALTHING_NOWHERE__X", "1"),
        ("ALTHING___X", "1"),
        ("ALTHING_PORT", "tcp://10.0.0.1:7600"),
        ("ALTHING_DATA_DIR", "/\u{fffd}"),
    ];
    insta::assert_snapshot!(faults(text, &variables), @r#"
    sessions: is a section: write `[sessions]` and its keys below (set in althing.toml)
    [sockets]: no such section; did you mean `socket`? (set in althing.toml)
    ALTHING_SOCKET__FRAME_BYTE_MAX: no such setting; did you mean `ALTHING_SOCKET__FRAME_BYTES_MAX`?
    ALTHING_socket__frame_bytes_max: no such setting; did you mean `ALTHING_SOCKET__FRAME_BYTES_MAX`?
    ALTHING_NOWHERE__X: no such setting
    ALTHING___X: no such setting
    ALTHING_DATA_DIR: is not UTF-8
    data_dir: must be a path in quotes (set in althing.toml)
    server.listen: must be an IP address and a port, such as "127.0.0.1:7600" (set in althing.toml)
    server.trusted_proxies: must be a list of networks: `10.0.0.1/8` has bits set beyond its prefix: write `10.0.0.0/8`, or the address alone (set in althing.toml)
    log.format: must be "text" or "json" (set in althing.toml)
    log.filter: must be a filter such as "info": error parsing level filter: expected one of "off", "error", "warn", "info", "debug", "trace", or a number 0-5 (set in althing.toml)
    socket.frame_bytes_max: must be 1024 to 16777216, not 12 (set in althing.toml)
    socket.queue_bytes_max: must be a whole number (set in althing.toml)
    socket.ping_interval_ms: must be 0 or more (set in althing.toml)
    socket.pong_timeout_ms: must be a whole number (set in ALTHING_SOCKET__PONG_TIMEOUT_MS)
    plugins.guard_cpu_ms: must be a whole number (set in althing.toml)
    plugins.kv_bytes_max: must be 0 to 1073741824, not 99999999999999 (set in althing.toml)
    colour: no such setting (set in althing.toml)
    socket.subscription_max: no such setting; did you mean `subscriptions_max`? (set in althing.toml)
    "#);
}

#[test]
fn settings_that_contradict_each_other_are_faults() {
    let text = "
        [store]
        batch_messages_max = 100
        queue_max = 50
        [limits]
        data_bytes_max = 2000000
        text_bytes_max = 1000000
        [sessions]
        lifetime_s = 100
        lifetime_s_max = 99
        [plugins]
        guard_cpu_ms = 500
        concurrent_calls_max = 2
    ";
    insta::assert_snapshot!(faults(text, &[]), @r#"
    store.batch_messages_max: must be at most `store.queue_max`, which is 50, not 100
    limits.data_bytes_max: must be at most `server.body_bytes_max`, which is 1048576, not 2000000
    sessions.lifetime_s: must be at most `sessions.lifetime_s_max`, which is 99, not 100
    plugins.guard_cpu_ms: must be at most `plugins.guard_wall_ms`, which is 250, not 500
    plugins.concurrent_calls_per_app_max: must be at most `plugins.concurrent_calls_max`, which is 2, not 16
    "#);
    // Not said of a setting that is wrong in itself.
    let text = "[sessions]\nlifetime_s = 100_000\nlifetime_s_max = 'x'";
    assert_eq!(faults(text, &[]).lines().count(), 1);
}

#[test]
fn a_file_that_is_no_toml_is_named_without_its_contents() {
    let text = "[store]\nurl = \"postgres://u:hunter2@db/x\n[log]";
    let said = faults(text, &[("ALTHING_LOG__FORMAT", "xml")]);
    assert!(said.starts_with("althing.toml: line 2: "), "{said}");
    assert!(said.contains("log.format"), "{said}");
    assert!(!said.contains("hunter2"), "{said}");
    assert_eq!(faults("[log]\n[log]", &[]).lines().count(), 1);
}

#[test]
fn files_are_read_and_missing_ones_named() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("althing.toml");
    let error = Config::load(Some(&path), []).unwrap_err();
    assert!(
        error.to_string().contains("althing.toml: can't be read"),
        "{error}"
    );
    assert_eq!(error.code(), "config_invalid");
    std::fs::write(&path, "[log]\nfilter = 'debug'").unwrap();
    assert_eq!(Config::load(Some(&path), []).unwrap().log.filter, "debug");
}

#[test]
fn passwords_are_not_shown() {
    let text = "[store]\nurl = 'postgres://u:hunter2@db/x'";
    let config = load(text, &[]).unwrap();
    assert_eq!(config.store_url().expose(), "postgres://u:hunter2@db/x");
    assert!(!format!("{config:?} {config:#?}").contains("hunter2"));
    for url in ["mysql://u:hunter2@db/x", "hunter2", "sqlite:"] {
        let said = faults("", &[("ALTHING_STORE__URL", url)]);
        assert!(
            said.starts_with("store.url: must be") && !said.contains("hunter2"),
            "{said}"
        );
    }
}

#[test]
fn files_are_in_the_data_folder_unless_told_otherwise() {
    let config = load("data_dir = '/data'", &[]).unwrap();
    assert_eq!(config.store_url().expose(), "sqlite:/data/althing.db");
    assert_eq!(config.operator_key_file(), Path::new("/data/operator.key"));
    assert_eq!(config.secret_key_file(), Path::new("/data/secret.key"));
    let config = load(
        "operator_key_file = '/run/o'\nsecret_key_file = '/run/s'",
        &[],
    )
    .unwrap();
    assert_eq!(config.operator_key_file(), Path::new("/run/o"));
    assert_eq!(config.secret_key_file(), Path::new("/run/s"));
}

#[test]
fn every_default_is_within_its_own_limits() {
    // Reading the defaults back runs every check on them.
    assert_eq!(
        load(&uncommented(&example()), &[]).unwrap(),
        Config::default()
    );
}

/// After a change of settings: `UPDATE_EXAMPLE=1 cargo test -p althing config`.
#[test]
fn the_example_file_is_true() {
    let path = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../deploy/althing.example.toml"
    );
    if std::env::var_os("UPDATE_EXAMPLE").is_some() {
        std::fs::write(path, example()).unwrap();
    }
    let text = std::fs::read_to_string(path).unwrap();
    assert_eq!(
        text,
        example(),
        "run the test again with UPDATE_EXAMPLE=1 and commit the file"
    );
    assert_eq!(load(&text, &[]).unwrap(), Config::default());
    for section in super::example::sections() {
        for key in super::example::keys(section) {
            assert!(text.contains(&format!("{key} = ")), "{section}.{key}");
        }
    }
}

#[test]
fn the_examples_of_settings_without_a_default_are_right() {
    let mut section = "";
    let mut count = 0;
    let mut text = String::new();
    let example = example();
    for line in example.lines() {
        if let Some(name) = line.strip_prefix('[') {
            section = name.trim_end_matches(']');
        }
        let set = line.strip_prefix("# ").filter(|rest| {
            super::example::keys(section).any(|key| rest.starts_with(&format!("{key} = ")))
        });
        count += usize::from(set.is_some());
        text.push_str(set.unwrap_or(line));
        text.push('\n');
    }
    assert_eq!(count, 7);
    let config = load(&text, &[]).unwrap();
    assert_eq!(
        config.operator_key_file(),
        Path::new("/run/secrets/operator.key")
    );
}

#[test]
fn settings_for_tests_are_settings() {
    let config = Config::for_testing(Path::new("/tmp/x"));
    assert_eq!(config.server.listen.port(), 0);
    assert_eq!(config.store_url().expose(), "sqlite:/tmp/x/althing.db");
    let mut source = Source::default();
    config.check_together(&mut source);
    assert_eq!(source.finish(), Ok(()));
}
