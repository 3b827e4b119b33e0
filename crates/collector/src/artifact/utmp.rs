//! Login sessions from `/run/utmp` (utmp(5)), the binary table that `who` prints; and the records of the same shape that
//! `/var/log/wtmp` and `/var/log/btmp` keep of the past.

use jiff::Timestamp;

/// `ut_type` of a session.
const USER_PROCESS: i16 = 7;

/// One row of the table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct UtmpSession {
    pub(crate) pid: u32,
    pub(crate) name: String,
    pub(crate) line: String,
    pub(crate) host: String,
    pub(crate) since: Option<Timestamp>,
}

/// Where a record's fields lie. Only the time differs: 64-bit systems without a 32-bit past keep it in eight bytes.
struct Layout {
    size: usize,
    time_at: usize,
    wide_time: bool,
}

/// Reads the sessions out of a table. `machine` is what `uname -m` says.
pub(crate) fn sessions(table: &[u8], machine: &str) -> Vec<UtmpSession> {
    let is_session =
        |(kind, row): (i16, UtmpSession)| (kind == USER_PROCESS && !row.name.is_empty()).then_some(row);
    records(table, machine).filter_map(is_session).collect()
}

/// Reads every record of a table, each with its `ut_type`, in its order.
pub(crate) fn records<'t>(
    table: &'t [u8],
    machine: &str,
) -> impl DoubleEndedIterator<Item = (i16, UtmpSession)> + use<'t> {
    let layout = match machine {
        "aarch64" | "riscv64" | "loongarch64" => Layout { size: 400, time_at: 344, wide_time: true },
        _ => Layout { size: 384, time_at: 340, wide_time: false },
    };
    table.chunks_exact(layout.size).filter_map(move |chunk| record(chunk, &layout))
}

fn record(record: &[u8], layout: &Layout) -> Option<(i16, UtmpSession)> {
    let kind = i16::from_le_bytes(record.get(0..2)?.try_into().ok()?);
    let pid = u32::from_le_bytes(record.get(4..8)?.try_into().ok()?);
    let seconds = if layout.wide_time {
        i64::from_le_bytes(record.get(layout.time_at..layout.time_at + 8)?.try_into().ok()?)
    } else {
        // Unsigned, so that the table lasts until 2106.
        u32::from_le_bytes(record.get(layout.time_at..layout.time_at + 4)?.try_into().ok()?).into()
    };
    let session = UtmpSession {
        pid,
        name: field(record.get(44..76)?),
        line: field(record.get(8..40)?),
        host: field(record.get(76..332)?),
        since: Timestamp::from_second(seconds).ok(),
    };
    Some((kind, session))
}

/// A text field ends at its first NUL or at its end.
fn field(bytes: &[u8]) -> String {
    let end = bytes.iter().position(|&b| b == 0).unwrap_or(bytes.len());
    String::from_utf8_lossy(&bytes[..end]).into_owned()
}

#[cfg(test)]
pub(crate) mod tests {
    use proptest::prelude::*;

    use super::*;

    /// A record as glibc writes it on x86-64.
    pub(crate) fn record(kind: i16, pid: u32, line: &str, name: &str, host: &str, seconds: u32) -> Vec<u8> {
        let mut record = vec![0; 384];
        record[0..2].copy_from_slice(&kind.to_le_bytes());
        record[4..8].copy_from_slice(&pid.to_le_bytes());
        record[8..8 + line.len()].copy_from_slice(line.as_bytes());
        record[44..44 + name.len()].copy_from_slice(name.as_bytes());
        record[76..76 + host.len()].copy_from_slice(host.as_bytes());
        record[340..344].copy_from_slice(&seconds.to_le_bytes());
        record
    }

    #[test]
    fn only_sessions_are_read() {
        let mut table = record(2, 0, "~", "reboot", "6.1.0", 5);
        table.extend(record(7, 812, "pts/0", "alice", "10.1.2.3", 1_764_000_000));
        table.extend(record(8, 813, "pts/1", "", "", 6));
        let sessions = sessions(&table, "x86_64");
        assert_eq!(sessions.len(), 1);
        assert_eq!((sessions[0].pid, sessions[0].name.as_str()), (812, "alice"));
        assert_eq!((sessions[0].line.as_str(), sessions[0].host.as_str()), ("pts/0", "10.1.2.3"));
        assert_eq!(sessions[0].since, Timestamp::from_second(1_764_000_000).ok());
    }

    proptest! {
        #[test]
        fn any_table_is_read(table: Vec<u8>, arm: bool) {
            sessions(&table, if arm { "aarch64" } else { "x86_64" });
        }
    }
}
