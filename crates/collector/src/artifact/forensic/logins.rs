//! `Linux.System.Logins`: who logged in and from where, and whose tries failed (ATT&CK T1078, T1110).

use std::io::{self, BufRead};

use data_encoding::BASE64;
use investigation::evidence::{Login, LoginKind};
use investigation::order::Limits;
use investigation::text::one_line;

use super::super::Parsed;
use super::super::facts::Facts;
use super::super::record::{Records, text};
use super::super::tally::Tally;
use super::super::utmp;
use super::{NAME_CAP, Rows, cut, note_whole, some};

/// Longest value: what the script sends of one file, in base64 with a newline each 76 characters.
const VALUE_CAP: usize = 3 << 20;
/// Bytes of one file that the script sends.
const SENT: u64 = 2_092_800;

/// What is run on the endpoint.
pub(crate) fn script() -> &'static str {
    super::script_of::logins()
}

/// Reads the script's output.
pub(crate) fn parse(input: &mut dyn BufRead, _: &Facts, limits: &Limits) -> io::Result<(Parsed, Tally)> {
    let mut tally = Tally::default();
    let mut rows = Rows::new(limits);
    let Some(mut records) = Records::open(input, VALUE_CAP)? else {
        tally.failed("the endpoint ran no script");
        return Ok((Parsed::Logins(Vec::new()), tally));
    };
    let (mut machine, mut answered) = (String::new(), false);
    while let Some(record) = records.next()? {
        match record.key {
            b"machine" => machine = text(record.value),
            b"size" if text(record.value).parse::<u64>().is_ok_and(|size| size > SENT) => {
                tally.truncated("a record of logins is longer than 2 MiB: its oldest part was left out");
            }
            b"closed" => {
                let file = one_line(&text(record.value), 200);
                tally.partial(format!("{file} is closed to this account"));
            }
            key @ (b"wtmp" | b"btmp") => {
                answered = true;
                let failed = key == b"btmp";
                let base64: Vec<u8> =
                    record.value.iter().copied().filter(|b| !b.is_ascii_whitespace()).collect();
                match BASE64.decode(&base64) {
                    Ok(table) if !record.cut => of_table(&table, &machine, failed, &mut rows, &mut tally),
                    _ => tally.partial("a record of logins did not come whole and was left out"),
                }
            }
            _ => {}
        }
    }
    note_whole(&records, &mut tally);
    if !answered && !tally.is_failed() {
        tally.note("the endpoint keeps neither /var/log/wtmp nor /var/log/btmp, or showed none");
    }
    rows.rows.sort_by_key(|row: &Login| std::cmp::Reverse(row.at));
    Ok((Parsed::Logins(rows.rows), tally))
}

/// The latest first, so that a cap cuts off the oldest.
fn of_table(table: &[u8], machine: &str, failed: bool, rows: &mut Rows<'_, Login>, tally: &mut Tally) {
    for (kind, record) in utmp::records(table, machine).rev() {
        // utmp(5)
        let kind = match kind {
            6 | 7 if failed => LoginKind::Failed,
            7 => LoginKind::Login,
            8 => LoginKind::Logout,
            2 => LoginKind::Boot,
            1 => LoginKind::RunLevel,
            3 | 4 => LoginKind::ClockSet,
            _ => continue,
        };
        let row = Login {
            kind,
            at: record.since,
            user: some(cut(record.name, NAME_CAP)),
            session: some(cut(record.line, NAME_CAP)),
            from: some(cut(record.host, NAME_CAP)),
            pid: Some(record.pid).filter(|pid| *pid != 0),
            source: if failed { "/var/log/btmp" } else { "/var/log/wtmp" }.to_owned(),
            ..Login::default()
        };
        rows.push(row, tally);
    }
}

#[cfg(test)]
mod tests {
    use investigation::evidence::ArtifactStatus;
    use proptest::prelude::*;

    use super::super::super::utmp::tests::record;
    use super::super::testing::{keeps_to_its_word, read, read_bare, run};
    use super::*;

    fn rows(parsed: Parsed) -> Vec<Login> {
        let Parsed::Logins(rows) = parsed else { panic!("logins") };
        rows
    }

    fn body() -> Vec<u8> {
        let mut wtmp = record(2, 0, "~", "reboot", "6.1.0", 1_764_000_000);
        wtmp.extend(record(7, 812, "pts/0", "alice", "10.1.2.3", 1_764_000_100));
        wtmp.extend(record(8, 812, "pts/0", "", "", 1_764_000_200));
        wtmp.extend(record(5, 9, "tty1", "", "", 1_764_000_200));
        let btmp = record(6, 900, "ssh:notty", "root", "203.0.113.9", 1_764_000_150);
        let wtmp = BASE64.encode(&wtmp);
        let (first, second) = wtmp.split_at(76);
        format!(
            "machine\0x86_64\n\0size\x001536\0wtmp\0{first}\n{second}\n\0btmp\0{}\0",
            BASE64.encode(&btmp)
        )
        .into()
    }

    #[test]
    fn the_latest_come_first_and_tries_that_failed_are_told_apart() {
        let (parsed, status, reasons) = read(parse, &body(), &Limits::default());
        let rows = rows(parsed);
        assert_eq!(status, ArtifactStatus::Ok, "{reasons:?}");
        let kinds: Vec<_> = rows.iter().map(|row| row.kind).collect();
        assert_eq!(kinds, [LoginKind::Logout, LoginKind::Failed, LoginKind::Login, LoginKind::Boot]);
        assert_eq!((rows[1].user.as_deref(), rows[1].from.as_deref()), (Some("root"), Some("203.0.113.9")));
        assert_eq!((rows[2].pid, rows[2].session.as_deref()), (Some(812), Some("pts/0")));
        assert_eq!(rows[1].source, "/var/log/btmp");
        let few = Limits { rows: 2, ..Limits::default() };
        let (parsed, status, _) = read(parse, &body(), &few);
        assert_eq!((parsed.items(), status), (2, ArtifactStatus::Truncated));
    }

    #[test]
    fn what_is_missing_is_said() {
        let of = |body: &[u8]| read(parse, body, &Limits::default()).1;
        assert_eq!(of(b"closed\0/var/log/btmp\0"), ArtifactStatus::Partial);
        assert_eq!(of(b"size\x002092801\0wtmp\0\0"), ArtifactStatus::Truncated);
        assert_eq!(of(b"wtmp\0not base64!\0"), ArtifactStatus::Partial);
        assert_eq!(of(b"machine\0x86_64\0"), ArtifactStatus::Ok, "a container keeps none");
    }

    #[test]
    fn this_machine_answers() {
        let (_, status, reasons) = read_bare(parse, &run(script()), &Limits::default());
        assert!(matches!(status, ArtifactStatus::Ok | ArtifactStatus::Partial), "{reasons:?}");
    }

    proptest! {
        #[test]
        fn any_answer_is_read(bytes: Vec<u8>, table: Vec<u8>) {
            keeps_to_its_word(parse, &bytes);
            let body = format!("machine\0aarch64\0wtmp\0{}\0", BASE64.encode(&table));
            keeps_to_its_word(parse, body.as_bytes());
        }
    }
}
