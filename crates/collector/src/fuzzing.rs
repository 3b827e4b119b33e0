//! The parsers of outside data, opened for the fuzz harness. No part of this crate's interface: it may change at any
//! time.

use std::io;
use std::net::IpAddr;

use investigation::evidence::{ArtifactKind, ArtifactStatus};
use investigation::order::Limits;
use investigation::policy::MemoryTool;
use russh::keys::parse_public_key_base64;

use crate::artifact::facts::Facts;
use crate::artifact::windows::answers::{Answer, Answers, Output};
use crate::artifact::{self, Parse, Reader, System, windows};
use crate::transport::ssh::known_hosts::{KnownHosts, Match};

/// What a parser made of a script's output.
#[derive(Debug)]
pub struct Reading {
    /// Rows of the parsed form.
    pub items: u64,
    /// How it went.
    pub status: ArtifactStatus,
    /// Why it is not `ok`.
    pub reasons: Vec<String>,
    parsed: artifact::Parsed,
}

impl Reading {
    /// The parsed form as it lies in a container.
    ///
    /// # Errors
    /// Where it cannot be serialised.
    pub fn json(&self) -> serde_json::Result<Vec<u8>> {
        serde_json::to_vec(&self.parsed)
    }
}

/// Reads the output of one Linux script under `limits`. `identity` is the output of the identity script, from which
/// account names, time of the start and byte order follow.
///
/// # Errors
/// For a kind that Linux does not have; none for input in memory.
pub fn read(identity: &[u8], kind: ArtifactKind, mut output: &[u8], limits: &Limits) -> io::Result<Reading> {
    let mut identity = identity;
    let (contact, _) = artifact::identity::read(&mut identity, false)?;
    let facts = contact.map_or_else(Facts::default, |contact| contact.facts);
    let parse: Parse = match kind {
        ArtifactKind::Identity => artifact::identity::parse,
        ArtifactKind::Processes => artifact::processes::parse,
        ArtifactKind::Connections => artifact::connections::parse,
        ArtifactKind::Torrents => artifact::torrents::parse,
        ArtifactKind::Autostart => artifact::autostart::parse,
        ArtifactKind::Firewall => artifact::firewall::parse,
        ArtifactKind::Neighbors => artifact::neighbors::parse,
        ArtifactKind::Programs => artifact::programs::parse,
        ArtifactKind::PacketSockets => artifact::forensic::packet_sockets::parse,
        ArtifactKind::Logins => artifact::forensic::logins::parse,
        ArtifactKind::KernelModules => artifact::forensic::kernel_modules::parse,
        ArtifactKind::NameResolution => artifact::forensic::name_resolution::parse,
        ArtifactKind::ScheduledTasks => artifact::forensic::scheduled_tasks::parse,
        ArtifactKind::AuthorizedKeys => artifact::forensic::authorized_keys::parse,
        ArtifactKind::ShellHistories => artifact::forensic::shell_histories::parse,
        ArtifactKind::RecentExecutables => artifact::forensic::recent_executables::parse,
        // Linux has none of them.
        ArtifactKind::DnsCache
        | ArtifactKind::Prefetch
        | ArtifactKind::Services
        | ArtifactKind::WmiSubscriptions
        | ArtifactKind::RegistryPersistence
        | ArtifactKind::Accounts
        | ArtifactKind::Shares
        | ArtifactKind::Antivirus
        | ArtifactKind::EventLogs
        | ArtifactKind::TransferJobs
        | ArtifactKind::Memory => return Err(io::ErrorKind::Unsupported.into()),
    };
    let (parsed, tally) = parse(&mut output, &facts, limits)?;
    let (status, reasons) = tally.settle();
    Ok(Reading { items: parsed.items(), status, reasons, parsed })
}

/// Reads the output of the PowerShell script of one kind under `limits`.
///
/// # Errors
/// None for input in memory.
pub fn read_rows(kind: ArtifactKind, mut output: &[u8], limits: &Limits) -> io::Result<Reading> {
    let parse: Parse = match kind {
        ArtifactKind::Identity => windows::identity::parse_rows,
        ArtifactKind::Processes => windows::processes::parse_rows,
        ArtifactKind::Connections => windows::connections::parse_rows,
        ArtifactKind::Torrents => windows::torrents::parse_rows,
        ArtifactKind::Autostart => windows::autostart::parse_rows,
        ArtifactKind::Firewall => windows::firewall::parse_rows,
        ArtifactKind::Neighbors => windows::neighbors::parse_rows,
        ArtifactKind::DnsCache => windows::dns_cache::parse_rows,
        ArtifactKind::Prefetch => windows::prefetch::parse_rows,
        ArtifactKind::Programs => windows::programs::parse_rows,
        ArtifactKind::Logins => windows::forensic::logins::parse_rows,
        ArtifactKind::KernelModules => windows::forensic::services::parse_driver_rows,
        ArtifactKind::NameResolution => windows::forensic::name_resolution::parse_rows,
        ArtifactKind::ScheduledTasks => windows::forensic::scheduled_tasks::parse_rows,
        ArtifactKind::AuthorizedKeys => windows::forensic::authorized_keys::parse_rows,
        ArtifactKind::ShellHistories => windows::forensic::shell_histories::parse_rows,
        ArtifactKind::RecentExecutables => windows::forensic::recent_executables::parse_rows,
        ArtifactKind::Services => windows::forensic::services::parse_rows,
        ArtifactKind::WmiSubscriptions => windows::forensic::wmi_subscriptions::parse_rows,
        ArtifactKind::RegistryPersistence => windows::forensic::registry_persistence::parse_rows,
        ArtifactKind::Accounts => windows::forensic::accounts::parse_rows,
        ArtifactKind::Shares => windows::forensic::shares::parse_rows,
        ArtifactKind::Antivirus => windows::forensic::antivirus::parse_rows,
        ArtifactKind::EventLogs => windows::forensic::event_logs::parse_rows,
        ArtifactKind::TransferJobs => windows::forensic::transfer_jobs::parse_rows,
        // No script of Windows tells of the rest.
        _ => return Err(io::ErrorKind::Unsupported.into()),
    };
    let (parsed, tally) = parse(&mut output, &Facts::default(), limits)?;
    let (status, reasons) = tally.settle();
    Ok(Reading { items: parsed.items(), status, reasons, parsed })
}

/// Reads the outputs of the Windows commands of one kind, in the order of the catalogue, printed in a code page.
///
/// # Errors
/// None for input in memory.
pub fn read_answers(
    kind: ArtifactKind,
    outputs: &[&[u8]],
    code_page: Option<u16>,
    limits: &Limits,
) -> io::Result<Reading> {
    let commands = artifact::find(kind, System::Windows).into_iter().flat_map(|artifact| &artifact.readers);
    let commands = commands.filter_map(|reader| match reader {
        Reader::Commands { commands, parse } => Some((commands, parse)),
        Reader::Shell { .. } | Reader::PowerShell { .. } | Reader::Native | Reader::Smb | Reader::Tool => {
            None
        }
    });
    let mut answers = Answers::default();
    let mut parser = None;
    for (commands, parse) in commands {
        parser = Some(parse);
        for (command, output) in commands.iter().zip(outputs) {
            answers.push(Answer {
                name: command.name.clone(),
                output: Output::Bytes(output.to_vec()),
                exit_code: Some(0),
                stderr: String::new(),
                spare: command.spare,
            });
        }
    }
    let facts = Facts { code_page, ..Facts::default() };
    let parser = parser.ok_or_else(|| io::Error::other("no such way"))?;
    let (parsed, tally) = parser(&answers, &facts, limits)?;
    let (status, reasons) = tally.settle();
    Ok(Reading { items: parsed.items(), status, reasons, parsed })
}

/// What came of a program's answer.
#[derive(Debug)]
pub enum ProgramAnswer {
    /// It is whole, or was still being said.
    Read {
        /// What it says.
        reading: Reading,
        /// Whether its end has come.
        whole: bool,
    },
    /// It is none to what was asked, one line says why.
    None(String),
}

/// The first line of a program's answer.
pub const PROGRAM_HELLO: &str = crate::program::HELLO;

/// Reads the answer of a program that was sent to an endpoint and was asked for one kind.
///
/// # Errors
/// None for input in memory.
pub fn read_program(kind: ArtifactKind, mut output: &[u8], limits: &Limits) -> io::Result<ProgramAnswer> {
    use crate::program::reading;

    let read = reading::read(&mut output, kind, env!("CARGO_PKG_VERSION"), limits)?;
    let whole = matches!(read, reading::Reading::Whole(..));
    Ok(match read {
        reading::Reading::Whole(parsed, tally) | reading::Reading::Cut(parsed, tally) => {
            let (status, reasons) = tally.settle();
            let reading = Reading { items: parsed.items(), status, reasons, parsed };
            ProgramAnswer::Read { reading, whole }
        }
        reading::Reading::None(why) => ProgramAnswer::None(why),
    })
}

/// What a `known_hosts` file says of a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HostKey {
    /// It is pinned.
    Pinned,
    /// It is revoked, on this line.
    Revoked(usize),
    /// Another is pinned, on this line.
    Other(usize),
    /// The address is not known.
    Unknown,
}

/// Holds a key (its base64) against the text of a `known_hosts` file; with the number of keys pinned for the address.
/// `None` where the key is none.
pub fn host_key(text: &str, target: IpAddr, port: u16, key: &str) -> Option<(usize, HostKey)> {
    let key = parse_public_key_base64(key).ok()?;
    let known = KnownHosts::parse(text, target, port);
    let says = match known.check(&key) {
        Match::Pinned => HostKey::Pinned,
        Match::Revoked { line } => HostKey::Revoked(line),
        Match::Other { line, .. } => HostKey::Other(line),
        Match::Unknown => HostKey::Unknown,
    };
    Some((known.keys().count(), says))
}

/// Reads bytes as each message of Kerberos that a KDC or an endpoint may send: a bit for each that they are.
pub fn kerberos(bytes: &[u8]) -> u64 {
    crate::transport::account::kerberos::read_anything(bytes)
}

/// Reads what an endpoint sends over SMB by one of its readers, which a number picks: what was made of it, or why it is
/// none.
pub fn read_smb(reader: u8, bytes: &[u8]) -> Result<String, String> {
    crate::transport::smb::fuzzing::read(reader, bytes)
}

/// What is seen in an image of memory.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ImageSeen {
    /// It ends where a range does, and has one.
    pub is_whole: bool,
    /// Bytes of memory in it.
    pub memory_bytes: u64,
    /// First and last addresses of its ranges.
    pub ranges: Vec<(u64, u64)>,
    /// Why it is none any more.
    pub refused: Option<&'static str>,
}

/// Walks through an image that comes in pieces of so many bytes.
pub fn walk_image(bytes: &[u8], piece: usize) -> ImageSeen {
    let mut lime = artifact::forensic::memory::lime::Lime::default();
    let refused = bytes.chunks(piece.max(1)).find_map(|piece| lime.take(piece).err()).map(|none| none.why);
    let (is_whole, memory_bytes) = (lime.is_whole(), lime.memory_bytes());
    let ranges = lime.into_ranges().into_iter().map(|range| (range.first, range.last)).collect();
    ImageSeen { is_whole, memory_bytes, ranges, refused }
}

/// What an endpoint's answer to the look before an image is worth for a tool: bytes of memory, and the most that an image may
/// have; or why none is taken.
///
/// # Errors
/// One line.
pub fn judge_look(mut output: &[u8], tool: &MemoryTool) -> Result<(u64, u64), String> {
    let look = artifact::forensic::memory::Look::read(&mut output).map_err(|error| error.to_string())?;
    look.judge(tool).map(|plan| (plan.ram_bytes, plan.most_bytes))
}
