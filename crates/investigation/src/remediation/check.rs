//! What an order to change an endpoint may say, whoever wrote it: lengths, numbers and characters.

use super::{Measure, MeasureOrder, Undo, UndoOrder};

/// Most measures of one order.
pub const MAX_MEASURES: usize = 64;
/// Longest time of an isolation, in seconds: 30 days.
pub const MAX_ISOLATION_SECONDS: u64 = 30 * 86_400;
/// Longest path, image or location, in bytes.
const MAX_PATH_BYTES: usize = 4096;
/// Longest command, in bytes; as long as one is kept when it is collected, and its mark of a cut.
const MAX_COMMAND_BYTES: usize = 4096 + 3;
/// Longest name of an entry or a mechanism, in bytes.
const MAX_NAME_BYTES: usize = 1024;
/// Most ports, kept networks or kept addresses.
const MAX_LIST: usize = 64;
/// Longest content of an undo, in base64.
const MAX_CONTENT_BYTES: usize = 64 << 10;

/// Why measures cannot be ordered. Reads as the end of a sentence.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum MeasureFault {
    /// Nothing to do.
    #[error("changes nothing")]
    Empty,
    /// Over [`MAX_MEASURES`].
    #[error("has {0} measures, more than {MAX_MEASURES}")]
    TooMany(usize),
    /// Two measures would take each other's work for their own.
    #[error("has two measures with the number {0}")]
    Twice(u32),
    /// Nobody says which machine is meant.
    #[error("names no host, or one with a name that none has")]
    Host,
    /// A field of one measure cannot be right.
    #[error("has a measure {n} whose {field} cannot be right")]
    Field {
        /// Number of the measure.
        n: u32,
        /// What is wrong, a few words.
        field: &'static str,
    },
}

impl MeasureOrder {
    /// The first thing that keeps this measure from being carried out, wherever it would be.
    pub fn fault(&self) -> Option<&'static str> {
        self.measure.fault()
    }
}

impl UndoOrder {
    /// As [`MeasureOrder::fault`].
    pub fn fault(&self) -> Option<&'static str> {
        self.undo.fault()
    }
}

/// What keeps a list of measures for `host_name` from being carried out.
pub fn measures_fault(host_name: &str, measures: &[MeasureOrder]) -> Option<MeasureFault> {
    fault(host_name, measures.iter().map(|order| (order.n, order.fault())))
}

/// As [`measures_fault`], for what is to be taken back.
pub fn undos_fault(host_name: &str, undos: &[UndoOrder]) -> Option<MeasureFault> {
    fault(host_name, undos.iter().map(|order| (order.n, order.fault())))
}

fn fault(
    host_name: &str,
    each: impl ExactSizeIterator<Item = (u32, Option<&'static str>)>,
) -> Option<MeasureFault> {
    match each.len() {
        0 => return Some(MeasureFault::Empty),
        count if count > MAX_MEASURES => return Some(MeasureFault::TooMany(count)),
        _ => {}
    }
    if host_name.trim().is_empty() || !is_text(host_name, 255) {
        return Some(MeasureFault::Host);
    }
    let mut numbers = std::collections::BTreeSet::new();
    each.into_iter().find_map(|(n, field)| match field {
        Some(field) => Some(MeasureFault::Field { n, field }),
        None => (!numbers.insert(n)).then_some(MeasureFault::Twice(n)),
    })
}

impl Measure {
    /// The first field that keeps it from being ordered.
    pub(super) fn fault(&self) -> Option<&'static str> {
        match self {
            Self::StopProcess { pid, image, .. } => {
                // 0 is every process of a group, 1 is the first of all.
                let sound = *pid > 1 && i32::try_from(*pid).is_ok();
                (!sound).then_some("pid").or_else(|| (!is_path(image)).then_some("image"))
            }
            Self::DisableAutostart { mechanism, location, name, command } => {
                autostart_fault(mechanism, location, name).or_else(|| {
                    let sound = command.as_ref().is_none_or(|command| is_text(command, MAX_COMMAND_BYTES));
                    (!sound).then_some("command")
                })
            }
            Self::BlockTraffic { image, ports } => {
                if image.is_none() && ports.is_empty() || ports.len() > MAX_LIST || ports.contains(&0) {
                    return Some("ports");
                }
                image.as_ref().is_some_and(|image| !is_path(image)).then_some("image")
            }
            Self::QuarantineFile { path, path_hex, .. } => path_fault(path, path_hex.as_deref()),
            Self::Isolate { seconds, keep, keep_hosts } => {
                if !(1..=MAX_ISOLATION_SECONDS).contains(seconds) {
                    return Some("seconds");
                }
                // A network of all addresses cuts nothing off.
                let keeps_all = keep.iter().any(|network| network.prefix_len() == 0);
                (keeps_all || keep.len() > MAX_LIST || keep_hosts.len() > MAX_LIST).then_some("keep")
            }
        }
    }
}

impl Undo {
    fn fault(&self) -> Option<&'static str> {
        match self {
            Self::RestoreAutostart { mechanism, location, name, content } => {
                autostart_fault(mechanism, location, name).or_else(|| {
                    let sound = content.as_ref().is_none_or(|content| is_base64(content));
                    (!sound).then_some("content")
                })
            }
            Self::RestoreFile { path, path_hex, sha256 } => {
                let sound = sha256.len() == 64 && is_hex(sha256);
                path_fault(path, path_hex.as_deref()).or_else(|| (!sound).then_some("sha256"))
            }
            Self::UnblockTraffic | Self::EndIsolation => None,
        }
    }
}

fn autostart_fault(mechanism: &str, location: &str, name: &str) -> Option<&'static str> {
    let word = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_';
    if mechanism.is_empty() || mechanism.len() > 64 || !mechanism.bytes().all(word) {
        return Some("mechanism");
    }
    if !is_path(location) {
        return Some("location");
    }
    (!is_text(name, MAX_NAME_BYTES)).then_some("name")
}

fn path_fault(path: &str, hex: Option<&str>) -> Option<&'static str> {
    if !is_path(path) {
        return Some("path");
    }
    let sound = hex.is_none_or(|hex| {
        let bytes = hex.len() / 2;
        hex.len().is_multiple_of(2) && is_hex(hex) && (1..=MAX_PATH_BYTES).contains(&bytes) && !has_nul(hex)
    });
    (!sound).then_some("path_hex")
}

fn has_nul(hex: &str) -> bool {
    hex.as_bytes().chunks(2).any(|pair| pair == b"00")
}

fn is_path(path: &str) -> bool {
    !path.is_empty() && is_text(path, MAX_PATH_BYTES)
}

/// No system has a NUL in such a text, and what runs there ends at one.
fn is_text(text: &str, most: usize) -> bool {
    text.len() <= most && !text.contains('\0')
}

fn is_hex(text: &str) -> bool {
    text.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'))
}

fn is_base64(text: &str) -> bool {
    let fine = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'+' | b'/' | b'=');
    text.len() <= MAX_CONTENT_BYTES && text.bytes().all(fine)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stop(n: u32, pid: u32) -> MeasureOrder {
        let measure = Measure::StopProcess { pid, image: "/usr/bin/aria2c".into(), start_time: None };
        MeasureOrder { n, measure }
    }

    #[test]
    fn a_sound_list_has_no_fault() {
        let file = Measure::QuarantineFile {
            path: "/home/a/-$(x)\n'.torrent".into(),
            path_hex: Some("2fff".into()),
            size: 0,
        };
        let isolate = Measure::Isolate {
            seconds: 5,
            keep: vec!["10.0.0.0/8".parse().unwrap()],
            keep_hosts: Vec::new(),
        };
        let all = [stop(1, 2), MeasureOrder { n: 2, measure: file }, MeasureOrder { n: 3, measure: isolate }];
        assert_eq!(measures_fault("laptop", &all), None);
        let undo = UndoOrder { n: 1, undo: Undo::EndIsolation };
        assert_eq!(undos_fault("laptop", &[undo]), None);
    }

    #[test]
    fn what_cannot_be_right_is_named() {
        let field = |n, field| Some(MeasureFault::Field { n, field });
        assert_eq!(measures_fault("laptop", &[]), Some(MeasureFault::Empty));
        assert_eq!(measures_fault(" ", &[stop(1, 2)]), Some(MeasureFault::Host));
        assert_eq!(measures_fault("laptop", &[stop(7, 2), stop(7, 3)]), Some(MeasureFault::Twice(7)));
        let many: Vec<_> = (0..65).map(|n| stop(n, 2)).collect();
        assert_eq!(measures_fault("laptop", &many), Some(MeasureFault::TooMany(65)));
        for pid in [0, 1, u32::MAX] {
            assert_eq!(measures_fault("laptop", &[stop(1, pid)]), field(1, "pid"));
        }
        let one = |measure| measures_fault("laptop", &[MeasureOrder { n: 1, measure }]);
        assert_eq!(one(Measure::BlockTraffic { image: None, ports: Vec::new() }), field(1, "ports"));
        assert_eq!(one(Measure::BlockTraffic { image: None, ports: vec![0] }), field(1, "ports"));
        for (keep, seconds, what) in
            [("0.0.0.0/0", 60, "keep"), ("::/0", 60, "keep"), ("10.0.0.0/8", 0, "seconds")]
        {
            let keep = vec![keep.parse().unwrap()];
            assert_eq!(one(Measure::Isolate { seconds, keep, keep_hosts: Vec::new() }), field(1, what));
        }
        for hex in ["f", "FF", "", "2f00", "zz"] {
            let path = "/a".to_owned();
            let measure = Measure::QuarantineFile { path, path_hex: Some(hex.into()), size: 1 };
            assert_eq!(one(measure), field(1, "path_hex"), "{hex}");
        }
        let nul = Measure::QuarantineFile { path: "/a\0b".into(), path_hex: None, size: 1 };
        assert_eq!(one(nul), field(1, "path"));
    }
}
