use super::*;

pub(super) const ALL: [Script; 14] = [
    STOP,
    DISABLE_VALUE,
    RESTORE_VALUE,
    DISABLE_SERVICE,
    RESTORE_SERVICE,
    DISABLE_TASK,
    RESTORE_TASK,
    MOVE,
    PUT_BACK,
    BLOCK,
    UNBLOCK,
    WHO_ASKS,
    ISOLATE,
    END_ISOLATION,
];

/// As it is sent, with empty values.
pub(super) fn text(script: &Script) -> String {
    script.with(&task(Work::Undo(Undo::EndIsolation)), &[]).text
}

fn task(work: Work) -> Task {
    Task { case_id: "ph-1".into(), n: 3, work }
}

fn measure(measure: Measure, peer: Option<&str>) -> Result<Step, String> {
    let own = OwnConnection { peer: peer.map(|peer| peer.parse().unwrap()), ..connection::unasked(None) };
    step(&task(Work::Measure(measure)), &own)
}

fn autostart(mechanism: &str, location: &str, name: &str, command: &str) -> Result<Step, String> {
    let entry = Measure::DisableAutostart {
        mechanism: mechanism.into(),
        location: location.into(),
        name: name.into(),
        command: Some(command.into()),
    };
    measure(entry, None)
}

fn file(path: &str) -> Result<Step, String> {
    measure(Measure::QuarantineFile { path: path.into(), path_hex: None, size: 7 }, None)
}

fn isolate(keep: &[&str], peer: Option<&str>) -> Result<Step, String> {
    let keep = keep.iter().map(|network| network.parse().unwrap()).collect();
    measure(Measure::Isolate { seconds: 3600, keep, keep_hosts: Vec::new() }, peer)
}

const SERVICE: &str = r"HKEY_LOCAL_MACHINE\SYSTEM\CurrentControlSet\Services\$(whoami)";
const RUN: &str = r"HKEY_USERS\S-1-5-21-1\Software\Microsoft\Windows\CurrentVersion\Run";
const STARTUP: &str = r"C:\ProgramData\Microsoft\Windows\Start Menu\Programs\Startup";

/// One step of each kind, with values that would be commands if they were anything but values.
fn hostile() -> Vec<Step> {
    let startup = format!(r"{STARTUP}\$(whoami)'; exit #.lnk");
    [
        autostart("run_key", RUN, "µTorrent'; exit #$(whoami)", r#""C:\a b\u.exe" $(whoami)"#),
        autostart("service", SERVICE, "$(whoami)", r"C:\u\'; exit #"),
        autostart("scheduled_task", r"\'; exit #\", "$(whoami)", "`whoami`"),
        autostart("startup_folder", STARTUP, "$(whoami)'; exit #.lnk", &startup),
        file(r"C:\Users\a\$(whoami)'; exit #.torrent"),
        measure(
            Measure::BlockTraffic { image: Some("C:\\$(whoami)'; exit #".into()), ports: vec![6881] },
            None,
        ),
        measure(
            Measure::StopProcess { pid: 7, image: "C:\\$(whoami)'; exit #".into(), start_time: None },
            None,
        ),
        isolate(&["10.0.0.0/8"], Some("192.0.2.9")),
    ]
    .into_iter()
    .map(Result::unwrap)
    .collect()
}

#[test]
fn no_value_is_ever_part_of_a_script() {
    for step in hostile() {
        assert!(!step.text.contains("whoami") && !step.text.contains("exit #"), "{}", step.text);
        assert!(step.described.contains(&format!("{} (SHA-256 ", step.name)));
        assert!(step.text.is_ascii(), "whatever the code page is");
        // A value is a line of numbers, and its own text is nowhere else.
        let values = step
            .text
            .lines()
            .filter(|line| line.starts_with('$') && line.contains(" = -join ([char[]]("))
            .count();
        assert!(values >= 3, "{}", step.text);
    }
    assert!(hostile()[0].text.contains("\n$hive = -join ([char[]]("));
}

/// What a script reads is set by it, or given: with nothing in front of it, it would read what somebody else has set.
#[test]
fn every_script_sets_all_of_its_values_and_reads_no_others() {
    let automatic = ["_", "null", "true", "false", "env", "PID", "full", "case", "n", "measure"];
    for script in ALL {
        let body: String = script.parts.concat();
        for name in script.takes {
            assert!(body.contains(&format!("${name}")), "{} does not use {name}", script.name);
        }
        let code: String =
            body.lines().filter(|line| !line.trim_start().starts_with('#')).collect::<Vec<_>>().join("\n");
        for rest in code.split('$').skip(1) {
            let rest = rest.trim_start_matches('{');
            let end = rest.find(|c: char| !c.is_ascii_alphanumeric() && c != '_').unwrap_or(rest.len());
            let name = &rest[..end];
            let of_function = code.contains(&format!("]${name})"))
                || code.contains(&format!("(${name}"))
                || code.contains(&format!(", ${name}"));
            let set = code.contains(&format!("${name} = "))
                || code.contains(&format!("(${name} in "))
                || of_function;
            let given = automatic.contains(&name)
                || script.takes.contains(&name)
                || name.is_empty()
                || name == "DATA";
            assert!(given || set, "{} reads {name}", script.name);
        }
    }
}

#[test]
fn each_way_to_start_has_its_own_script() {
    let name = |step: Result<Step, String>| step.map(|step| step.name);
    let steps: Vec<&str> = hostile().iter().map(|step| step.name).collect();
    assert_eq!(
        steps[..4],
        ["disable_run_value.ps1", "disable_service.ps1", "disable_task.ps1", "move_away.ps1"]
    );
    for (mechanism, location, command) in [
        ("winlogon", RUN, "x"),
        ("run_key", r"HKEY_CURRENT_USER\Software\Microsoft\Windows\CurrentVersion\Run", "x"),
        (
            "service",
            r"HKEY_LOCAL_MACHINE\SYSTEM\CurrentControlSet\Services\x",
            r"C:\Windows\System32\svchost.exe",
        ),
        ("scheduled_task", r"\Microsoft\Windows\", "x"),
        ("systemd", "/etc/systemd/system/x", "x"),
    ] {
        assert!(name(autostart(mechanism, location, "x", command)).is_err(), "{location}");
    }
    let undo = |mechanism: &str, location: &str, name: &str| {
        let undo = Undo::RestoreAutostart {
            mechanism: mechanism.into(),
            location: location.into(),
            name: name.into(),
            content: None,
        };
        step(&task(Work::Undo(undo)), &OwnConnection::default()).map(|step| step.name)
    };
    assert_eq!(undo("run_key", RUN, "x"), Ok("restore_run_value.ps1"));
    assert_eq!(undo("service", SERVICE, "x"), Ok("restore_service.ps1"));
    assert_eq!(undo("scheduled_task", r"\", "x"), Ok("restore_task.ps1"));
    assert_eq!(undo("startup_folder", STARTUP, "x.lnk"), Ok("put_back.ps1"));
    for (mechanism, location) in [("startup_folder", r"C:\Windows"), ("winlogon", RUN), ("run_key", "x")] {
        assert!(undo(mechanism, location, "x.lnk").is_err(), "{mechanism}");
    }
}

#[test]
fn only_what_is_named_like_a_torrent_is_moved_and_by_its_plain_path() {
    assert_eq!(file(r"C:\Users\a\x.torrent").unwrap().name, "move_away.ps1");
    for path in [r"C:\Windows\System32\config\SAM", r"C:\Users\a\..\x.torrent", r"\\?\C:\x.torrent"] {
        assert!(file(path).is_err(), "{path}");
    }
    let hex = Measure::QuarantineFile { path: r"C:\x.torrent".into(), path_hex: Some("ff".into()), size: 1 };
    assert!(measure(hex, None).is_err());
    // The order's undo has to name the bytes that were moved.
    let work =
        Work::Measure(Measure::QuarantineFile { path: r"C:\x.torrent".into(), path_hex: None, size: 1 });
    assert_eq!(undo(&work, &Answer::failed(String::new())), None);
}

#[test]
fn the_way_that_an_order_comes_by_is_not_cut() {
    let block = |ports: Vec<u16>| measure(Measure::BlockTraffic { image: None, ports }, None);
    assert!(block(vec![6881]).is_ok());
    assert!(block(vec![6881, 5985]).is_err());
    assert!(isolate(&["10.0.0.0/8"], None).is_err(), "not known");
    let step = isolate(&["10.0.0.0/8"], Some("192.0.2.9")).unwrap();
    assert!(step.described.contains(
        "v4=0.0.0.0-9.255.255.255 11.0.0.0-126.255.255.255 128.0.0.0-192.0.2.8 192.0.2.10-255.255.255.255"
    ));
    assert!(isolate(&["0.0.0.0/1", "128.0.0.0/1"], Some("192.0.2.9")).is_err(), "nothing would be cut");
}

/// The task's command line holds the name of the rules and nothing from outside.
#[test]
fn what_ends_an_isolation_is_one_line_without_quotes_of_its_own() {
    let ending = ENDING.trim();
    assert!(!ending.contains('"') && !ending.contains('\n') && ending.matches("'RULE'").count() == 3);
    assert!(ending.matches("RULE").count() == 3 && ending.len() < 1000);
    let name = task(Work::Undo(Undo::EndIsolation)).name();
    assert!(name.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-'), "{name}");
}
