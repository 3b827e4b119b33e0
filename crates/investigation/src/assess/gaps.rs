//! What the evidence lacks, and whether a clean bill may still be given.

use jiff::{SignedDuration, Timestamp};

use super::Question;
use super::scene::CLOCK_TOLERANCE;
use crate::evidence::{ArtifactKind, ArtifactOutcome, ArtifactStatus, Evidence, Identity};
use crate::text::one_line;

/// Older alerts than this cannot be refuted: the processes and sockets of their time may be gone.
const FRESH: SignedDuration = SignedDuration::from_hours(24);
/// Evidence that is later than this after the alert is stale: a socket that it shows need not be the one that the
/// alert saw. Longer than a machine takes that is reached at the first or second try.
const STALE: SignedDuration = SignedDuration::from_hours(1);

/// How much later than the alert the evidence was collected, where that makes it stale.
pub(super) fn staleness(question: &Question<'_>) -> Option<SignedDuration> {
    let delay = question.collected_at.duration_since(question.moment());
    (delay > STALE).then_some(delay)
}

/// Reasons of one artifact that are repeated.
const MAX_REASONS: usize = 5;

/// One thing that is missing.
pub(super) struct Gap {
    /// What, and what that means for the verdict.
    pub(super) text: String,
    /// Whether it keeps the verdict from being a false positive.
    pub(super) blocks: bool,
}

/// Everything that is missing, in the order of collection.
pub(super) fn gaps(question: &Question<'_>, evidence: &Evidence) -> Vec<Gap> {
    let mut gaps: Vec<Gap> = ArtifactKind::ALL.into_iter().flat_map(|kind| of_kind(kind, evidence)).collect();
    gaps.extend(identity(question, evidence));
    gaps.extend(age(question));
    if question.peer_ip.is_none() && question.target_port.is_none() {
        gaps.push(Gap {
            text: "The alert names neither a peer nor a port: no socket could be tied to it.".to_owned(),
            blocks: false,
        });
    }
    gaps
}

/// What the rules read decides whether its absence blocks: a whole process list, socket list and inventory, and the
/// word of the endpoint that it is the right one.
fn of_kind(kind: ArtifactKind, evidence: &Evidence) -> Vec<Gap> {
    let (present, empty) = match kind {
        ArtifactKind::Identity => (evidence.identity.is_some(), false),
        ArtifactKind::Connections => (evidence.sockets.is_some(), false),
        ArtifactKind::Processes => {
            (evidence.processes.is_some(), evidence.processes.as_ref().is_some_and(Vec::is_empty))
        }
        ArtifactKind::Torrents => (evidence.torrents.is_some(), false),
        ArtifactKind::Autostart => (evidence.autostart.is_some(), false),
        ArtifactKind::Firewall => (evidence.firewall.is_some(), false),
        ArtifactKind::Neighbors => (evidence.neighbors.is_some(), false),
        ArtifactKind::DnsCache => (evidence.dns_cache.is_some(), false),
        ArtifactKind::Prefetch => (evidence.prefetch.is_some(), false),
        ArtifactKind::Programs => (evidence.programs.is_some(), false),
        _ => return Vec::new(),
    };
    let read_by_rules =
        matches!(kind, ArtifactKind::Connections | ArtifactKind::Processes | ArtifactKind::Torrents);
    let required = read_by_rules || kind == ArtifactKind::Identity;
    let outcomes: Vec<&ArtifactOutcome> =
        evidence.outcomes.iter().filter(|outcome| outcome.kind == kind).collect();

    // Not every system has it, nor did every version look for it.
    if !present && outcomes.is_empty() && !is_everywhere(kind) {
        return Vec::new();
    }
    let mut gaps = Vec::new();
    let mut gap = |what: String, blocks: bool| {
        let means = meaning(kind);
        let weight = match (blocks, kind) {
            (true, _) => "No false positive can be given.",
            (false, ArtifactKind::Autostart | ArtifactKind::Firewall) => {
                "Signs of a compromise may have gone unseen there."
            }
            (false, _) => "The verdict does not rest on it.",
        };
        gaps.push(Gap { text: format!("{what} {means} {weight}"), blocks });
    };
    for outcome in &outcomes {
        // Sessions or a domain that could not be read do not change which machine it is.
        let blocks = match outcome.status {
            ArtifactStatus::Ok => continue,
            ArtifactStatus::Partial | ArtifactStatus::Truncated => read_by_rules,
            ArtifactStatus::Failed => required,
        };
        gap(described(outcome), blocks);
    }
    if !present && outcomes.iter().all(|outcome| outcome.status != ArtifactStatus::Failed) {
        gap(format!("{} is absent.", title(kind)), required);
    } else if present && outcomes.is_empty() {
        gap(format!("{} came without a record of how it went.", title(kind)), required);
    }
    if empty {
        gap(format!("{} is empty, which no running machine's is.", title(kind)), true);
    }
    gaps
}

/// Whether every system has it, and every version collected it.
fn is_everywhere(kind: ArtifactKind) -> bool {
    match kind {
        ArtifactKind::Identity
        | ArtifactKind::Processes
        | ArtifactKind::Connections
        | ArtifactKind::Torrents
        | ArtifactKind::Autostart
        | ArtifactKind::Firewall => true,
        ArtifactKind::Neighbors
        | ArtifactKind::DnsCache
        | ArtifactKind::Prefetch
        | ArtifactKind::Programs
        | ArtifactKind::PacketSockets
        | ArtifactKind::Logins
        | ArtifactKind::KernelModules
        | ArtifactKind::NameResolution
        | ArtifactKind::ScheduledTasks
        | ArtifactKind::AuthorizedKeys
        | ArtifactKind::ShellHistories
        | ArtifactKind::RecentExecutables
        | ArtifactKind::Services
        | ArtifactKind::WmiSubscriptions
        | ArtifactKind::RegistryPersistence
        | ArtifactKind::Accounts
        | ArtifactKind::Shares
        | ArtifactKind::Antivirus
        | ArtifactKind::EventLogs
        | ArtifactKind::TransferJobs
        | ArtifactKind::Memory => false,
    }
}

fn described(outcome: &ArtifactOutcome) -> String {
    let status = match outcome.status {
        ArtifactStatus::Ok => "is whole",
        ArtifactStatus::Partial => "is partial",
        ArtifactStatus::Truncated => "was cut at a limit",
        ArtifactStatus::Failed => "could not be collected",
    };
    let mut reasons: Vec<String> = outcome
        .reasons
        .iter()
        .take(MAX_REASONS)
        .map(|reason| one_line(reason.trim_end_matches('.'), 200))
        .collect();
    match outcome.reasons.len() {
        0 => reasons.push("no reason given".to_owned()),
        all if all > MAX_REASONS => reasons.push(format!("and {} more", all - MAX_REASONS)),
        _ => {}
    }
    let artifact = one_line(&outcome.artifact, 80);
    format!("{} ({artifact}) {status}: {}.", title(outcome.kind), reasons.join("; "))
}

fn title(kind: ArtifactKind) -> &'static str {
    match kind {
        ArtifactKind::Identity => "The identity",
        ArtifactKind::Processes => "The process list",
        ArtifactKind::Connections => "The socket list",
        ArtifactKind::Torrents => "The torrent inventory",
        ArtifactKind::Autostart => "The autostart list",
        ArtifactKind::Firewall => "The firewall state",
        ArtifactKind::Neighbors => "The neighbour table",
        ArtifactKind::DnsCache => "The DNS cache",
        ArtifactKind::Prefetch => "The list of prefetched programs",
        ArtifactKind::Programs => "The list of installed programs",
        ArtifactKind::PacketSockets => "The list of packet sockets",
        ArtifactKind::Logins => "The list of logins",
        ArtifactKind::KernelModules => "The list of kernel modules",
        ArtifactKind::NameResolution => "The configuration of name resolution",
        ArtifactKind::ScheduledTasks => "The list of scheduled tasks",
        ArtifactKind::AuthorizedKeys => "The list of authorized keys",
        ArtifactKind::ShellHistories => "The list of shell histories",
        ArtifactKind::RecentExecutables => "The list of recent programs",
        ArtifactKind::Services => "The list of services",
        ArtifactKind::WmiSubscriptions => "The list of WMI subscriptions",
        ArtifactKind::RegistryPersistence => "The list of persistence spots in the registry",
        ArtifactKind::Accounts => "The list of local accounts",
        ArtifactKind::Shares => "The list of shares",
        ArtifactKind::Antivirus => "The virus scanner's state",
        ArtifactKind::EventLogs => "The list of event logs",
        ArtifactKind::TransferJobs => "The list of background transfers",
        ArtifactKind::Memory => "The image of the memory",
    }
}

fn meaning(kind: ArtifactKind) -> &'static str {
    match kind {
        ArtifactKind::Identity => "Whether the right machine answered is not fully proven.",
        ArtifactKind::Processes => "A client may have been running unseen.",
        ArtifactKind::Connections => "A connection to the alert's peer may have gone unseen.",
        ArtifactKind::Torrents => "Torrent files may lie where nobody looked.",
        ArtifactKind::Autostart => "What starts by itself is not fully known.",
        ArtifactKind::Firewall => "What the endpoint lets through is not fully known.",
        ArtifactKind::Neighbors => "Which machines it talked to on its own link is not fully known.",
        ArtifactKind::DnsCache => "A name that only clients ask for may have gone unseen.",
        ArtifactKind::Prefetch => "A client may have run and be gone.",
        ArtifactKind::Programs => "A client may be installed unseen.",
        // No rule reads the rest.
        _ => "",
    }
}

/// The endpoint may not be the one that the alert saw, or not be it any more.
fn identity(question: &Question<'_>, evidence: &Evidence) -> Vec<Gap> {
    let Some(identity) = &evidence.identity else { return Vec::new() };
    let mut gaps = Vec::new();
    let target = question.target.to_canonical();
    if !identity.addresses.is_empty() && identity.addresses.iter().all(|ip| ip.to_canonical() != target) {
        gaps.push(Gap {
            text: format!(
                "The endpoint does not hold {target}: it is behind address translation, or another machine answered. \
                 No false positive can be given."
            ),
            blocks: true,
        });
    }
    if let Some(why) = other_machine(question, identity) {
        gaps.push(Gap { text: format!("{} No false positive can be given.", capital(&why)), blocks: true });
    }
    if let Some(boot) = identity.boot_time
        && boot > question.moment() + CLOCK_TOLERANCE
    {
        gaps.push(Gap {
            text: format!(
                "The endpoint was started at {}, after the alert: its processes and sockets of that time are gone. \
                 No false positive can be given.",
                second(boot)
            ),
            blocks: true,
        });
    }
    gaps
}

/// Why the endpoint may be another machine than the alert's, though it holds the address: addresses are lent (DHCP), and
/// names are not. Names are compared by their first label, and by what NetBIOS leaves of it.
pub(super) fn other_machine(question: &Question<'_>, identity: &Identity) -> Option<String> {
    let label = |name: &str| name.split('.').next().unwrap_or(name).trim().to_lowercase();
    let named = question.alert.suspect_host().filter(|name| name.parse::<std::net::IpAddr>().is_err())?;
    let (alerted, own) = (label(named), label(&identity.host_name));
    let cut = |name: &str| name.chars().take(15).collect::<String>();
    if alerted.is_empty()
        || own.is_empty()
        || alerted == own
        || (cut(&alerted) == cut(&own) && alerted.len().min(own.len()) == 15)
    {
        return None;
    }
    Some(format!(
        "the alert is about {}, and the endpoint calls itself {}: the address may have been lent to another machine \
         since (DHCP).",
        one_line(named, 80),
        one_line(&identity.host_name, 80)
    ))
}

/// A sentence with its first letter in upper case.
fn capital(text: &str) -> String {
    let mut chars = text.chars();
    chars.next().map(|first| first.to_uppercase().chain(chars).collect()).unwrap_or_default()
}

fn age(question: &Question<'_>) -> Option<Gap> {
    let delay = staleness(question)?;
    let blocks = delay > FRESH;
    let weight = if blocks {
        "Processes of that time may be gone as well. No false positive can be given."
    } else {
        "No socket in it proves the connection of the alert by itself."
    };
    let text = format!("The evidence is stale, {} younger than the alert. {weight}", words(delay));
    Some(Gap { text, blocks })
}

/// A duration in the largest unit that fits, for sentences.
pub(super) fn words(duration: SignedDuration) -> String {
    let seconds = duration.as_secs().max(0);
    let (count, unit) = match seconds {
        0..=119 => (seconds, "second"),
        120..=7_199 => (seconds / 60, "minute"),
        7_200..=172_799 => (seconds / 3_600, "hour"),
        _ => (seconds / 86_400, "day"),
    };
    format!("{count} {unit}{}", if count == 1 { "" } else { "s" })
}

/// A moment without its fraction of a second.
pub(super) fn second(time: Timestamp) -> String {
    Timestamp::from_second(time.as_second()).unwrap_or(time).to_string()
}
