//! `Linux.System.Programs`: which packages are installed, by whichever package managers the endpoint has, and the list
//! that every system's answers end in.

use std::io::{self, BufRead};

use investigation::evidence::{ArtifactStatus, Program};
use investigation::order::Limits;
use investigation::text::one_line;
use jiff::Timestamp;
use jiff::tz::Offset;

use super::facts::Facts;
use super::record::{Records, cut_text, some_text, text};
use super::tally::Tally;
use super::{Parsed, script};

/// Longest line.
const VALUE_CAP: usize = 8 << 10;
/// Longest name, version or publisher that is kept, in bytes.
const NAME_CAP: usize = 255;
/// Longest path or key that is kept, in bytes.
const PATH_CAP: usize = 1024;

/// What is run on the endpoint.
pub(crate) fn script() -> &'static str {
    script!("sh/programs.sh")
}

/// Reads the script's output.
pub(crate) fn parse(input: &mut dyn BufRead, _: &Facts, limits: &Limits) -> io::Result<(Parsed, Tally)> {
    let mut tally = Tally::default();
    let mut list = List::new(limits);
    let Some(mut records) = Records::open(input, VALUE_CAP)? else {
        tally.failed("the endpoint ran no script");
        return Ok((Parsed::Programs(Vec::new()), tally));
    };
    let mut answered = false;
    let mut app: Option<Program> = None;
    while let Some(record) = records.next()? {
        if record.key != b"user"
            && let Some(app) = app.take()
        {
            list.push(app, &mut tally);
        }
        match record.key {
            b"packages" => {
                answered = true;
                let source = text(record.value);
                while let Some(line) = records.line()? {
                    if let Some(program) = package(&source, &String::from_utf8_lossy(line)) {
                        list.push(program, &mut tally);
                    }
                }
            }
            b"silent" => {
                let source = one_line(&text(record.value), 40);
                tally.partial(format!("{source} does not list its packages"));
            }
            b"app" => app = Some(flatpak(text(record.value))),
            b"user" => {
                if let Some(app) = &mut app {
                    app.user = some_text(record.value);
                }
            }
            b"snap" => list.push(snap(&text(record.value)), &mut tally),
            b"closed" => tally.count(
                ArtifactStatus::Partial,
                "home folders are closed to this account: programs of those users alone are not listed",
            ),
            _ => {}
        }
    }
    if let Some(app) = app {
        list.push(app, &mut tally);
    }
    if !records.is_whole() {
        tally.truncated("the answer stopped before its end: programs are missing");
    } else if !answered && list.rows.is_empty() {
        tally.failed("none of dpkg, rpm, apk, pacman, Flatpak and snap answered");
    } else if !answered {
        tally.partial("none of dpkg, rpm, apk and pacman answered");
    }
    Ok((Parsed::Programs(list.finish()), tally))
}

/// A line of a package manager's list.
fn package(source: &str, line: &str) -> Option<Program> {
    let some = |text: &str| Some(text.trim().to_owned()).filter(|text| !text.is_empty() && text != "(none)");
    let mut program = Program { source: source.to_owned(), ..Program::default() };
    match source {
        "dpkg" => {
            let fields: Vec<&str> = line.splitn(4, '\t').collect();
            let [state, name, version, maker] = fields.as_slice() else { return None };
            // Wanted and state: of what is removed, settings may be left.
            state.get(1..2).filter(|state| *state == "i")?;
            program.name = some(name)?;
            (program.version, program.publisher) = (some(version), some(maker));
        }
        "rpm" => {
            let fields: Vec<&str> = line.splitn(4, '\t').collect();
            let [name, version, maker, time] = fields.as_slice() else { return None };
            program.name = some(name)?;
            (program.version, program.publisher) = (some(version), some(maker));
            let time = time.trim().parse().ok().and_then(|seconds| Timestamp::from_second(seconds).ok());
            program.installed = time.map(|time| Offset::UTC.to_datetime(time).date());
        }
        // `musl-1.2.4-r2`: a version and a release behind the name.
        "apk" => {
            let line = line.split_ascii_whitespace().next()?;
            let (at, _) = line.rmatch_indices('-').nth(1)?;
            program.name = some(&line[..at])?;
            program.version = some(&line[at + 1..]);
        }
        "pacman" => {
            let (name, version) = line.split_once(' ')?;
            program.name = some(name)?;
            program.version = some(version);
        }
        _ => return None,
    }
    Some(program)
}

/// `org.qbittorrent.qBittorrent`, whose last part is the name.
fn flatpak(id: String) -> Program {
    let name = id.rsplit('.').next().unwrap_or_default().to_owned();
    Program { name, source: "flatpak".into(), key: Some(id), ..Program::default() }
}

/// `transmission_12.snap`: name and revision.
fn snap(file: &str) -> Program {
    let stem = file.strip_suffix(".snap").unwrap_or(file);
    let (name, revision) = stem.rsplit_once('_').unwrap_or((stem, ""));
    Program {
        name: name.to_owned(),
        source: "snap".into(),
        version: Some(revision.to_owned()).filter(|revision| !revision.is_empty()),
        ..Program::default()
    }
}

/// Programs up to the cap on rows.
pub(crate) struct List<'a> {
    limits: &'a Limits,
    rows: Vec<Program>,
}

impl<'a> List<'a> {
    pub(crate) fn new(limits: &'a Limits) -> Self {
        Self { limits, rows: Vec::new() }
    }

    pub(crate) fn push(&mut self, mut row: Program, tally: &mut Tally) {
        if self.rows.len() as u64 >= self.limits.rows {
            tally.count(ArtifactStatus::Truncated, "programs beyond the cap on rows were left out");
            return;
        }
        cut_text(&mut row.name, NAME_CAP);
        for text in [&mut row.version, &mut row.publisher, &mut row.user].into_iter().flatten() {
            cut_text(text, NAME_CAP);
        }
        for text in [&mut row.key, &mut row.image, &mut row.folder].into_iter().flatten() {
            cut_text(text, PATH_CAP);
        }
        self.rows.push(row);
    }

    pub(crate) fn finish(self) -> Vec<Program> {
        self.rows
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn read(body: &[u8], rows: u64) -> (Vec<Program>, ArtifactStatus, Vec<String>) {
        let output = [b"\0PEERHOUND-1\0", body, b"end\0\0"].concat();
        let limits = Limits { rows, ..Limits::default() };
        let (parsed, tally) = parse(&mut output.as_slice(), &Facts::default(), &limits).unwrap();
        let Parsed::Programs(rows) = parsed else { panic!("programs") };
        let (status, reasons) = tally.settle();
        (rows, status, reasons)
    }

    #[test]
    fn every_package_manager_s_list_is_read() {
        let body = b"packages\0dpkg\0ii \tqbittorrent-nox\t4.5.2-3\tDebian <a@b>\0rc \ttransmission-gtk\t3.00\tDebian\0\0\
            packages\0rpm\0transmission-gtk\t4.0.5-1.fc39\tFedora Project\t1764000000\0bare\t1-1\t(none)\tx\0\0\
            packages\0apk\0aria2-daemon-1.37.0-r0\0\0packages\0pacman\0ktorrent 24.02.0-1\0\0\
            app\0de.haeckerfelix.Fragments\0user\0alice\0app\0org.qbittorrent.qBittorrent\0user\0\0snap\0transmission_12.snap\0";
        let (rows, status, reasons) = read(body, 100);
        assert_eq!((status, reasons.len()), (ArtifactStatus::Ok, 0), "{reasons:?}");
        let shown: Vec<_> = rows
            .iter()
            .map(|p| (p.source.as_str(), p.name.as_str(), p.version.as_deref(), p.user.as_deref()))
            .collect();
        assert_eq!(
            shown,
            [
                ("dpkg", "qbittorrent-nox", Some("4.5.2-3"), None),
                ("rpm", "transmission-gtk", Some("4.0.5-1.fc39"), None),
                ("rpm", "bare", Some("1-1"), None),
                ("apk", "aria2-daemon", Some("1.37.0-r0"), None),
                ("pacman", "ktorrent", Some("24.02.0-1"), None),
                ("flatpak", "Fragments", None, Some("alice")),
                ("flatpak", "qBittorrent", None, None),
                ("snap", "transmission", Some("12"), None),
            ]
        );
        assert_eq!(rows[1].installed.unwrap().to_string(), "2025-11-24");
        assert_eq!((rows[2].publisher.as_deref(), rows[2].installed), (None, None));
        assert_eq!(rows[5].key.as_deref(), Some("de.haeckerfelix.Fragments"));
        let (rows, status, _) = read(body, 2);
        assert_eq!((rows.len(), status), (2, ArtifactStatus::Truncated));
    }

    #[test]
    fn what_is_missing_is_said() {
        assert_eq!(read(b"", 9).1, ArtifactStatus::Failed);
        let (_, status, reasons) = read(b"snap\0a_1.snap\0closed\0/home/b\0silent\0rpm\0", 9);
        assert_eq!((status, reasons.len()), (ArtifactStatus::Partial, 3), "{reasons:?}");
        let (parsed, tally) = parse(
            &mut &b"\0PEERHOUND-1\0packages\0pacman\0a 1\0b"[..],
            &Facts::default(),
            &Limits::default(),
        )
        .unwrap();
        assert_eq!((parsed.items(), tally.settle().0), (1, ArtifactStatus::Truncated));
    }

    proptest! {
        #[test]
        fn any_line_is_read(line: String, source in "dpkg|rpm|apk|pacman|other") {
            package(&source, &line);
            snap(&line);
            flatpak(line);
        }
    }
}
