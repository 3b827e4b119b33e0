use super::*;

const BARE: &str = "version = 1\nname = 'site-1'\n[scope]\nnetworks = ['10.0.0.0/8']\n";

#[test]
fn the_example_reads_once_a_network_is_in_it_and_is_what_the_code_defaults_to() {
    assert!(matches!(RelayConfig::parse(EXAMPLE), Err(ConfigError::Wrong(_))), "it serves nothing yet");
    let filled = EXAMPLE.replace("networks = []", "networks = ['10.0.0.0/8']");
    let bare = RelayConfig::parse(BARE).unwrap();
    assert_eq!(RelayConfig::parse(&filled).unwrap(), bare);
    // What is commented out shows the default.
    let uncommented: Vec<&str> = filled
        .lines()
        .map(|line| match line.strip_prefix("# ") {
            Some(setting) if setting.contains(" = ") && setting.starts_with(char::is_lowercase) => setting,
            _ => line,
        })
        .filter(|line| !line.contains("example") && !line.contains("staging_dir"))
        // These have no default: each is absent unless it is wanted.
        .filter(|line| {
            let absent = [
                "user = 'CORP",
                "password_file",
                "client_certificate",
                "port = 5986",
                "ca_file",
                "expected_hosts",
                "kdc",
                "realm",
                "windows = {",
                "linux = {",
                "tool = ",
                "sha256 = ",
                "max_bytes = ",
            ];
            !absent.iter().any(|start| line.starts_with(start))
        })
        .collect();
    assert_eq!(RelayConfig::parse(&uncommented.join("\n")).unwrap(), bare);
}

#[test]
fn an_unknown_key_is_named_with_its_line() {
    let error = RelayConfig::parse(&format!("{BARE}netwroks = []\n")).unwrap_err().to_string();
    assert!(error.contains("line 5") && error.contains("netwroks") && !error.contains('\n'), "{error}");
}

#[test]
fn what_cannot_be_right_is_refused() {
    for (change, what) in [
        (("site-1", "Site 1"), "name"),
        (("'10.0.0.0/8'", ""), "networks is empty"),
        (("10.0.0.0/8", "8.0.0.0/7"), "wider than /8"),
        (("version = 1", "version = 1\njobs = 0"), "jobs"),
        (("[scope]", "[transfer]\nattempts = 0\n[scope]"), "attempts"),
        (("[scope]", "[transfer]\nupload_timeout = '0s'\n[scope]"), "time-out"),
        (("[scope]", "[transfer]\nbundle_bytes = 6000000000\n[scope]"), "bundle_bytes"),
        (("[scope]", "[transfer]\nhosts = ['https://a']\n[scope]"), "no host name"),
        (("[scope]", "[remediation]\nallow = ['stop_process', 'reboot']\n[scope]"), "`reboot` is no measure"),
        (("version = 1", "version = 2"), "version = 2"),
    ] {
        let error = RelayConfig::parse(&BARE.replace(change.0, change.1)).unwrap_err().to_string();
        assert!(error.contains(what), "{what}: {error}");
    }
}

#[test]
fn paths_are_relative_to_the_file() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("relay.toml");
    let text = BARE.replace("[scope]", "staging_dir = 'staging'\n[ssh]\nidentity_files = ['k']\n[scope]");
    std::fs::write(&file, text).unwrap();
    let site = Site::load(&file, None).unwrap();
    assert_eq!(site.staging_dir(), dir.path().join("staging"));
    assert_eq!(site.identity_files(), [dir.path().join("k")]);
}

#[test]
fn nothing_is_changed_unless_it_is_listed() {
    let none = RelayConfig::parse(BARE).unwrap().remediation;
    assert_eq!(none.refuses(&["stop_process"]), Some("stop_process"));
    assert_eq!(none.refuses(&[]), None, "what changes nothing");
    let text = BARE.replace("[scope]", "[remediation]\nallow = ['stop_process']\n[scope]");
    let some = RelayConfig::parse(&text).unwrap().remediation;
    assert_eq!(some.refuses(&["stop_process"]), None);
    assert_eq!(some.refuses(&["stop_process", "isolate"]), Some("isolate"));
}
