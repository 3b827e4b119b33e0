//! What starts something on Linux: where such a thing may lie, whether it is still what was collected, and what is to be
//! done about it. It is read by what reads a collection, so that the same bytes are the same entry.

use data_encoding::HEXLOWER;
use investigation::evidence::AutostartEntry;
use sha2::{Digest as _, Sha256};

use super::answer::Answer;
use super::{Ending, Task};
use crate::artifact::autostart;
use investigation::remediation::MeasureStatus;

/// As much of a file as a collection reads.
const CONTENT_CAP: usize = 64 << 10;

/// One entry, as it was collected.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Wanted<'a> {
    pub(crate) mechanism: &'a str,
    pub(crate) location: &'a str,
    pub(crate) name: &'a str,
    pub(crate) command: Option<&'a str>,
}

/// How a kind of entry is switched off.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Its file, or its link, is moved away. With what a collection calls what lies there.
    File(&'static str),
    /// Its line is commented out.
    Line(&'static str),
}

impl Kind {
    /// By where it lies. Nothing but the places that a collection looks at is ever touched.
    pub(crate) fn of(mechanism: &str, location: &str) -> Option<Self> {
        let (folder, name) = location.rsplit_once('/')?;
        if name.is_empty()
            || location.contains("/../")
            || location.contains('\u{fffd}')
            || location.ends_with('…')
        {
            return None;
        }
        let wants = folder.ends_with(".wants") || folder.ends_with(".requires");
        let above = if wants { folder.rsplit_once('/')?.0 } else { folder };
        Some(match mechanism {
            "systemd" => {
                let system = above == "/etc/systemd/system" || above == "/etc/systemd/user";
                if !system && !above.ends_with("/.config/systemd/user") {
                    return None;
                }
                Self::File(if wants { "systemd_enabled" } else { "systemd_unit" })
            }
            "cron" => match folder {
                "/etc" if ["crontab", "anacrontab"].contains(&name) => Self::Line("crontab"),
                "/etc/cron.d" => Self::Line("crontab"),
                "/var/spool/cron" | "/var/spool/cron/crontabs" => Self::Line("user_crontab"),
                "/etc/cron.hourly" | "/etc/cron.daily" | "/etc/cron.weekly" | "/etc/cron.monthly" => {
                    Self::File("cron_script")
                }
                _ => return None,
            },
            "xdg" if folder == "/etc/xdg/autostart" || folder.ends_with("/.config/autostart") => {
                Self::File("xdg")
            }
            "rc_local" if location == "/etc/rc.local" => Self::File("rc_local"),
            "sysv" if ["/etc/rc2.d", "/etc/rc3.d", "/etc/rc5.d"].contains(&folder) => Self::File("sysv"),
            "profile" if folder == "/etc/profile.d" => Self::File("profile"),
            _ => return None,
        })
    }

    /// The unit that systemd is told of.
    pub(crate) fn unit(self, name: &str) -> &str {
        match self {
            Self::File("systemd_enabled" | "systemd_unit") => name,
            _ => "",
        }
    }
}

/// What is to be done about an entry.
#[derive(Debug, PartialEq)]
pub(crate) enum Plan {
    /// Nothing, for this reason.
    Nothing(Ending),
    /// Move away what has this inode and, for a file, this content.
    Move { inode: String, sha256: String, link: bool },
    /// Comment out these lines, from 1, of the table with this content; it has that one afterwards.
    Comment { lines: Vec<usize>, sha256: String, after: String },
    /// Ask what an earlier try has left.
    Finish,
}

/// What stands before a line that was commented out.
pub(crate) fn mark(task: &Task) -> String {
    format!("# {}: ", task.name())
}

/// Holds what lies there against what was collected.
pub(crate) fn judge(kind: Kind, wanted: Wanted<'_>, found: &Answer, task: &Task) -> Plan {
    let nothing = |status, why: &str| Plan::Nothing(Ending::new(status, why));
    let ours = found.bytes("ours").is_some();
    let Some(inode) = found.text("inode") else {
        return match kind {
            Kind::File(_) if ours && found.bytes("kept").is_some() => Plan::Finish,
            _ => nothing(MeasureStatus::Gone, "nothing lies there any more"),
        };
    };
    let Some(content) = found.bytes("content") else {
        return nothing(MeasureStatus::Refused, "it is no regular file, and no link to one");
    };
    if content.len() > CONTENT_CAP {
        return nothing(
            MeasureStatus::Refused,
            "it has more than 64 KiB, as nothing that starts something has",
        );
    }
    let Some(sha256) = found.sha256() else {
        return nothing(MeasureStatus::Failed, "its SHA-256 cannot be had");
    };
    match kind {
        Kind::File(found_as) => {
            let content = String::from_utf8_lossy(content);
            let rows = autostart::entries(
                found_as,
                wanted.location,
                &content,
                found.text("link"),
                found.bytes("executable").is_some(),
            );
            match rows.iter().find(|row| wanted.is(row)) {
                Some(_) => Plan::Move { inode, sha256, link: found.bytes("link").is_some() },
                None if ours && found.bytes("kept").is_some() => Plan::Finish,
                None => Plan::Nothing(wanted.another(&rows)),
            }
        }
        Kind::Line(found_as) => {
            if found.bytes("link").is_some() {
                return nothing(MeasureStatus::Refused, "there is a link in place of the table");
            }
            // Bytes that no text has were left out on the way: its lines cannot be counted then.
            if found.text("size") != Some(content.len().to_string()) {
                return nothing(MeasureStatus::Refused, "the table has bytes that no table has");
            }
            comment(found_as, wanted, content, sha256, &mark(task))
        }
    }
}

/// Lines of a table that are this job, and what becomes of the table.
fn comment(found_as: &str, wanted: Wanted<'_>, content: &[u8], sha256: String, mark: &str) -> Plan {
    let lines: Vec<&[u8]> = content.split(|byte| *byte == b'\n').collect();
    let is_job = |line: &[u8]| {
        let line = String::from_utf8_lossy(line);
        autostart::entries(found_as, wanted.location, &line, None, false).iter().any(|row| wanted.is(row))
    };
    let jobs: Vec<usize> =
        lines.iter().enumerate().filter(|(_, line)| is_job(line)).map(|(at, _)| at).collect();
    if jobs.is_empty() {
        if lines.iter().any(|line| line.starts_with(mark.as_bytes())) {
            let ending = Ending::new(MeasureStatus::Already, "the job was commented out by an earlier try");
            return Plan::Nothing(ending);
        }
        return Plan::Nothing(Ending::new(MeasureStatus::Gone, "no such job is in the table any more"));
    }
    let mut hash = Sha256::new();
    for (at, line) in lines.iter().enumerate() {
        if at > 0 {
            hash.update(b"\n");
        }
        if jobs.contains(&at) {
            hash.update(mark.as_bytes());
        }
        hash.update(line);
    }
    let lines = jobs.iter().map(|at| at + 1).collect();
    Plan::Comment { lines, sha256, after: HEXLOWER.encode(&hash.finalize()) }
}

impl Wanted<'_> {
    fn is(&self, row: &AutostartEntry) -> bool {
        (row.mechanism.as_str(), row.location.as_str(), row.name.as_str(), row.command.as_deref())
            == (self.mechanism, self.location, self.name, self.command)
    }

    /// It is another one by now.
    fn another(&self, rows: &[AutostartEntry]) -> Ending {
        let now = rows.first().and_then(|row| row.command.as_deref()).unwrap_or("nothing that is known");
        Ending::refused(format!("it is not what was collected: it runs {now} now"))
    }
}

#[cfg(test)]
mod tests {
    use super::super::Work;
    use super::*;
    use investigation::remediation::Undo;

    fn task() -> Task {
        Task { case_id: "c".into(), n: 4, work: Work::Undo(Undo::EndIsolation) }
    }

    fn answer(values: &[(&str, &[u8])]) -> Answer {
        let mut bytes = b"\0PEERHOUND-1\0".to_vec();
        for (key, value) in values {
            bytes.extend([key.as_bytes(), b"\0", value, b"\0"].concat());
        }
        bytes.extend(b"status\0done\0detail\0\0end\0\0");
        Answer::read(&mut bytes.as_slice()).unwrap().unwrap()
    }

    fn table(content: &[u8], command: &str) -> Plan {
        let wanted =
            Wanted { mechanism: "cron", location: "/etc/cron.d/x", name: "@reboot", command: Some(command) };
        let (size, hash) = (content.len().to_string(), "a".repeat(64));
        let found = answer(&[
            ("inode", b"1:2"),
            ("sha256", hash.as_bytes()),
            ("size", size.as_bytes()),
            ("content", content),
        ]);
        judge(Kind::Line("crontab"), wanted, &found, &task())
    }

    #[test]
    fn exactly_the_lines_of_the_job_are_commented_out() {
        let content = b"PATH=/bin\n@reboot root /usr/bin/aria2c -D\n@reboot root /usr/bin/backup\n\n@reboot alice /usr/bin/aria2c -D";
        let Plan::Comment { lines, after, .. } = table(content, "/usr/bin/aria2c -D") else { panic!() };
        assert_eq!(lines, [2, 5]);
        let new = "PATH=/bin\n# peerhound-c-4: @reboot root /usr/bin/aria2c -D\n@reboot root /usr/bin/backup\n\n# peerhound-c-4: @reboot alice /usr/bin/aria2c -D";
        assert_eq!(after, HEXLOWER.encode(&Sha256::digest(new.as_bytes())));
    }

    #[test]
    fn a_job_that_is_not_there_is_left_alone() {
        let ended = |plan| match plan {
            Plan::Nothing(ending) => ending.status,
            other => panic!("{other:?}"),
        };
        assert_eq!(ended(table(b"@reboot root /usr/bin/other\n", "/x")), MeasureStatus::Gone);
        assert_eq!(ended(table(b"", "/x")), MeasureStatus::Gone);
        assert_eq!(ended(table(b"# peerhound-c-4: @reboot root /x\n", "/x")), MeasureStatus::Already);
        assert_eq!(ended(table(b"# peerhound-c-44: @reboot root /x\n", "/x")), MeasureStatus::Gone);
        assert_eq!(ended(table(&[b'x'; CONTENT_CAP + 1], "/x")), MeasureStatus::Refused);
    }

    #[test]
    fn a_unit_that_runs_something_else_by_now_is_left_alone() {
        let judge = |command: &str| {
            let wanted = Wanted {
                mechanism: "systemd",
                location: "/etc/systemd/system/multi-user.target.wants/t.service",
                name: "t.service",
                command: Some(command),
            };
            let hash = "a".repeat(64);
            let found = answer(&[
                ("inode", b"1:2"),
                ("sha256", hash.as_bytes()),
                ("size", b"40"),
                ("link", b"/etc/systemd/system/t.service"),
                ("content", b"[Service]\nExecStart=/usr/bin/transmission-daemon -f\n"),
            ]);
            judge(Kind::File("systemd_enabled"), wanted, &found, &task())
        };
        assert!(matches!(judge("/usr/bin/transmission-daemon -f"), Plan::Move { link: true, .. }));
        let Plan::Nothing(ending) = judge("/usr/bin/other") else { panic!() };
        assert_eq!(ending.status, MeasureStatus::Refused);
        assert!(ending.detail.contains("transmission-daemon -f now"), "{ending:?}");
    }

    #[test]
    fn only_places_that_are_collected_are_touched() {
        for (mechanism, location, kind) in [
            ("systemd", "/etc/systemd/system/a.wants/b.service", Some(Kind::File("systemd_enabled"))),
            ("systemd", "/home/a/.config/systemd/user/b.timer", Some(Kind::File("systemd_unit"))),
            ("cron", "/etc/crontab", Some(Kind::Line("crontab"))),
            ("cron", "/var/spool/cron/crontabs/alice", Some(Kind::Line("user_crontab"))),
            ("cron", "/etc/cron.daily/x", Some(Kind::File("cron_script"))),
            ("xdg", "/home/a/.config/autostart/x.desktop", Some(Kind::File("xdg"))),
            ("profile", "/etc/profile.d/x.sh", Some(Kind::File("profile"))),
            ("profile", "/etc/passwd", None),
            ("cron", "/etc/passwd", None),
            ("cron", "/etc/cron.d/../passwd", None),
            ("systemd", "/usr/lib/systemd/system/ssh.service", None),
            ("xdg", "x.desktop", None),
            ("xdg", "/home/a\u{fffd}/.config/autostart/x.desktop", None),
            ("run_key", r"HKLM\x", None),
        ] {
            assert_eq!(Kind::of(mechanism, location), kind, "{location}");
        }
    }
}
