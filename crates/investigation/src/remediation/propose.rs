//! What the evidence says could be done: only about what a deciding finding cites, row by row, and the torrents that were
//! touched while what it proves was going on.
//!
//! A measure is proposed where everything that it needs to name its object stands in the row itself. Where a list is not
//! whole and a measure would need the whole of it, it is left out; whatever is left out is said with its reason.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{Measure, MeasureKind};
use super::{protected, windows};
use crate::assess::{Assessment, Bearing, Confidence, Finding, Question, Verdict};
use crate::evidence::{
    ArtifactKind, ArtifactStatus, AutostartEntry, Evidence, Process, Socket, SocketState, TorrentFile,
    TorrentKind,
};
use crate::policy::Policy;
use crate::text::one_line;

/// Measures of one case at most: a hostile endpoint can make any number of rows, and a person reads them all.
pub const MAX_PROPOSED: usize = 20;
/// Processes that are looked at.
const MAX_PROCESSES: usize = 20;
/// Ports of one measure.
const MAX_PORTS: usize = 32;
/// Lines about what was left out.
const MAX_LEFT_OUT: usize = 20;
/// Characters of a text that goes back to the endpoint. Longer ones are left out, as a cut one names something else.
const MAX_TEXT: usize = 2000;

/// What a measure rests on: the row that a finding cites.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Why {
    /// Rule of the finding.
    pub rule: String,
    /// Entry of the container.
    pub entry: String,
    /// Row in it, from 0.
    pub row: usize,
}

/// One measure that could be taken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Suggestion {
    /// What to do.
    pub measure: Measure,
    /// What it rests on.
    pub why: Why,
}

/// What was read off the evidence of one case.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Proposal {
    /// The name that the host gave itself.
    pub host_name: String,
    /// The measures, in the order in which they are carried out; at most [`MAX_PROPOSED`].
    pub measures: Vec<Suggestion>,
    /// What was left out and why, a line each, safe to show.
    pub left_out: Vec<String>,
}

/// Proposes measures; `None` where the policy has none for the verdict.
pub fn propose(
    question: &Question<'_>,
    evidence: &Evidence,
    assessment: &Assessment,
    suspects: &[String],
    policy: &Policy,
    now: Timestamp,
) -> Option<Proposal> {
    let kinds = policy.remediation.after(assessment.verdict);
    if kinds.is_empty() {
        return None;
    }
    let identity = evidence.identity.as_ref();
    let host_name = identity.map(|identity| identity.host_name.clone()).unwrap_or_default();
    let nothing =
        |why: String| Proposal { host_name: host_name.clone(), measures: Vec::new(), left_out: vec![why] };
    let Some(identity) = identity.filter(|identity| !identity.host_name.is_empty()) else {
        return Some(nothing("nothing is proposed: the machine did not say who it is".to_owned()));
    };
    if let Some(reason) = policy.never_changed(question.target, identity, suspects) {
        return Some(nothing(format!(
            "nothing is proposed: the policy's never says {}",
            one_line(reason, 200)
        )));
    }
    if protected::is_server(identity) && !policy.remediation.servers {
        return Some(nothing("nothing is proposed: the machine says that it is a server".to_owned()));
    }
    let age = now.duration_since(question.collected_at);
    if age > policy.remediation.max_age.signed() {
        let (hours, most) = (age.as_secs() / 3600, policy.remediation.max_age);
        return Some(nothing(format!(
            "nothing is proposed: the evidence was {hours}h old when it was assessed, [remediation] max_age = {most}"
        )));
    }
    let mut drafting = Drafting { evidence, policy, kinds, found: Vec::new(), left_out: Vec::new() };
    let cited = drafting.cited(&assessment.findings);
    for (row, why) in &cited.processes {
        drafting.process(*row, why);
    }
    for (row, why) in &cited.autostart {
        drafting.autostart(*row, why);
    }
    for (row, why) in &cited.torrents {
        drafting.file(*row, why);
    }
    drafting.isolate(assessment);
    Some(drafting.proposal(host_name))
}

/// Rows that deciding findings cite, each with the first finding that does.
#[derive(Default)]
struct Cited {
    processes: BTreeMap<usize, Why>,
    autostart: BTreeMap<usize, Why>,
    torrents: BTreeMap<usize, Why>,
}

struct Drafting<'a> {
    evidence: &'a Evidence,
    policy: &'a Policy,
    kinds: &'a [MeasureKind],
    found: Vec<Suggestion>,
    left_out: Vec<String>,
}

impl<'a> Drafting<'a> {
    fn wants(&self, kind: MeasureKind) -> bool {
        self.kinds.contains(&kind)
    }

    fn leave_out(&mut self, kind: MeasureKind, what: &str, why: &str) {
        self.left_out.push(format!("{} of {}: {why}", kind.as_str(), one_line(what, 120)));
    }

    fn suggest(&mut self, measure: Measure, why: &Why) {
        // What no order may say would keep all else in the same order from being done.
        if let Some(field) = measure.fault() {
            self.left_out.push(format!("{}: its {field} is nothing that can be ordered", measure.as_str()));
            return;
        }
        if !self.found.iter().any(|known| known.measure == measure) {
            self.found.push(Suggestion { measure, why: why.clone() });
        }
    }

    fn is_whole(&self, kind: ArtifactKind) -> bool {
        let mut outcomes = self.evidence.outcomes.iter().filter(|outcome| outcome.kind == kind).peekable();
        outcomes.peek().is_some() && outcomes.all(|outcome| outcome.status == ArtifactStatus::Ok)
    }

    fn processes(&self) -> &'a [Process] {
        self.evidence.processes.as_deref().unwrap_or_default()
    }

    /// Findings that decide are those that prove something. What only keeps a case open is no ground to touch a machine:
    /// but where another finding proves that peer-to-peer software was in use, the torrents of that time go with it.
    fn cited(&mut self, findings: &[Finding]) -> Cited {
        let mut cited = Cited::default();
        let entry = ArtifactKind::parsed_entry;
        let [processes, connections, autostart, torrents] = [
            entry(ArtifactKind::Processes),
            entry(ArtifactKind::Connections),
            entry(ArtifactKind::Autostart),
            entry(ArtifactKind::Torrents),
        ];
        let in_use = findings.iter().any(|finding| finding.bearing == Bearing::Violation);
        for finding in findings {
            let proves = finding.bearing >= Bearing::Violation;
            let goes_with_it =
                in_use && finding.bearing == Bearing::Suspicion && finding.confidence >= Confidence::Medium;
            let counts = |entry: &String| proves || goes_with_it && *entry == torrents;
            for citation in finding.citations.iter().filter(|citation| counts(&citation.entry)) {
                let why =
                    Why { rule: finding.rule.clone(), entry: citation.entry.clone(), row: citation.row };
                if citation.entry == processes {
                    cited.processes.entry(citation.row).or_insert(why);
                } else if citation.entry == connections {
                    if let Some(row) = self.owner(citation.row) {
                        cited.processes.entry(row).or_insert(why);
                    }
                } else if citation.entry == autostart {
                    cited.autostart.entry(citation.row).or_insert(why);
                } else if citation.entry == torrents {
                    cited.torrents.entry(citation.row).or_insert(why);
                }
            }
        }
        if cited.processes.len() > MAX_PROCESSES {
            let more = cited.processes.len() - MAX_PROCESSES;
            self.left_out.push(format!("{more} further processes that are cited were not looked at"));
            let beyond = cited.processes.keys().nth(MAX_PROCESSES).copied();
            drop(beyond.map(|row| cited.processes.split_off(&row)));
        }
        cited
    }

    /// The process that holds a socket, where both lists say the same of it.
    fn owner(&self, row: usize) -> Option<usize> {
        let socket = self.evidence.sockets.as_deref().unwrap_or_default().get(row)?;
        let pid = socket.pid?;
        let mut same = self.processes().iter().enumerate().filter(|(_, process)| process.pid == pid);
        let (row, process) = same.next()?;
        let fits = match (&socket.path, &process.path) {
            (Some(socket), Some(process)) => socket == process,
            _ => true,
        };
        (fits && same.next().is_none()).then_some(row)
    }

    fn process(&mut self, row: usize, why: &Why) {
        let Some(process) = self.processes().get(row) else { return };
        let stop = MeasureKind::StopProcess;
        let path = match process.path.as_deref().filter(|path| protected::is_plain_path(path)) {
            Some(path) if path.chars().count() <= MAX_TEXT => path,
            _ => {
                let what = format!("process {} ({})", process.pid, process.name);
                if self.wants(stop) {
                    self.leave_out(stop, &what, "its image is not known by a full path");
                }
                return;
            }
        };
        if self.wants(stop) {
            let refused = protected::process(process.pid, path).or(match process {
                Process { image_deleted: true, .. } => Some("its image was replaced since it started"),
                Process { start_time: None, .. } => Some("when it started is not known"),
                _ => None,
            });
            match refused {
                Some(reason) => self.leave_out(stop, &format!("process {} ({path})", process.pid), reason),
                None => self.suggest(
                    Measure::StopProcess {
                        pid: process.pid,
                        image: path.to_owned(),
                        start_time: process.start_time,
                    },
                    why,
                ),
            }
        }
        if self.wants(MeasureKind::DisableAutostart) && protected::process(process.pid, path).is_none() {
            self.autostart_of(path, why);
        }
        if self.wants(MeasureKind::BlockTraffic) {
            self.traffic(process.pid, path, why);
        }
    }

    /// Whatever starts the image by itself.
    fn autostart_of(&mut self, image: &str, why: &Why) {
        if !self.is_whole(ArtifactKind::Autostart) {
            let kind = MeasureKind::DisableAutostart;
            self.leave_out(kind, image, "the list of what starts by itself is not whole, there may be more");
        }
        let entries = self.evidence.autostart.as_deref().unwrap_or_default();
        let rows: Vec<usize> = entries
            .iter()
            .enumerate()
            .filter(|(_, entry)| entry.command.as_deref().is_some_and(|command| runs(command, image)))
            .map(|(row, _)| row)
            .take(MAX_PROPOSED)
            .collect();
        for row in rows {
            self.autostart(row, why);
        }
    }

    fn autostart(&mut self, row: usize, why: &Why) {
        let kind = MeasureKind::DisableAutostart;
        let entries = self.evidence.autostart.as_deref().unwrap_or_default();
        let Some(entry) = entries.get(row).filter(|_| self.wants(kind)) else { return };
        if entry.enabled == Some(false) {
            return;
        }
        let AutostartEntry { mechanism, location, name, command, .. } = entry;
        let long = [Some(mechanism), Some(location), Some(name), command.as_ref()]
            .into_iter()
            .flatten()
            .any(|text| text.chars().count() > MAX_TEXT);
        let unknown =
            (command.is_none() || long).then_some("what it runs is not known, or too long to be named");
        if let Some(reason) = unknown.or_else(|| windows::left_alone(entry)) {
            self.leave_out(kind, name, reason);
            return;
        }
        let measure = Measure::DisableAutostart {
            mechanism: mechanism.clone(),
            location: location.clone(),
            name: name.clone(),
            command: command.clone(),
        };
        self.suggest(measure, why);
    }

    /// On Windows the firewall goes by programs, elsewhere by ports; those have to be known for sure.
    fn traffic(&mut self, pid: u32, path: &str, why: &Why) {
        let kind = MeasureKind::BlockTraffic;
        if protected::is_windows(path) {
            match protected::traffic(path) {
                Some(reason) => self.leave_out(kind, path, reason),
                None => self
                    .suggest(Measure::BlockTraffic { image: Some(path.to_owned()), ports: Vec::new() }, why),
            }
            return;
        }
        if !self.is_whole(ArtifactKind::Connections) {
            self.leave_out(
                kind,
                path,
                "the list of sockets is not whole, so its ports are not known for sure",
            );
            return;
        }
        let sockets = self.evidence.sockets.as_deref().unwrap_or_default();
        let waits = |socket: &&Socket| socket.pid == Some(pid) && socket.state == SocketState::Listening;
        let ports: BTreeSet<u16> = sockets
            .iter()
            .filter(waits)
            .map(|socket| socket.local_port)
            .filter(|port| protected::may_block(*port))
            .collect();
        // Others wait on the same port: they would be cut off with it.
        let alone = |port: &u16| {
            sockets.iter().all(|socket| {
                socket.local_port != *port
                    || socket.state != SocketState::Listening
                    || socket.pid.is_none_or(|owner| owner == pid)
            })
        };
        let ports: Vec<u16> = ports.into_iter().filter(alone).collect();
        match ports.len() {
            0 => self.leave_out(kind, path, "it waits on no port that can be blocked"),
            1..=MAX_PORTS => self.suggest(Measure::BlockTraffic { image: None, ports }, why),
            many => self.leave_out(kind, path, &format!("it waits on {many} ports")),
        }
    }

    fn file(&mut self, row: usize, why: &Why) {
        let kind = MeasureKind::QuarantineFile;
        let files = self.evidence.torrents.as_deref().unwrap_or_default();
        let Some(file) = files.get(row).filter(|_| self.wants(kind)) else { return };
        let TorrentFile { path, path_hex, size, .. } = file;
        let refused = match file.kind {
            _ if file.weak => Some("other software leaves such files too"),
            TorrentKind::PartialDownload | TorrentKind::ClientData => {
                Some("only .torrent files and resume records are moved")
            }
            TorrentKind::Metainfo | TorrentKind::Resume => None,
        };
        let unnamed = path_hex.is_none() && !protected::is_plain_path(path);
        let refused = refused.or(unnamed.then_some("its path is not plain"));
        let refused = refused.or((path.chars().count() > MAX_TEXT).then_some("its path is too long"));
        match refused {
            Some(reason) => self.leave_out(kind, path, reason),
            None => self.suggest(
                Measure::QuarantineFile { path: path.clone(), path_hex: path_hex.clone(), size: *size },
                why,
            ),
        }
    }

    fn isolate(&mut self, assessment: &Assessment) {
        let kind = MeasureKind::Isolate;
        if !self.wants(kind) {
            return;
        }
        let shows = |finding: &&Finding| {
            finding.bearing == Bearing::Compromise && finding.confidence >= Confidence::Medium
        };
        let shown = assessment.findings.iter().find(shows);
        match shown.and_then(|finding| Some((finding, finding.citations.first()?))) {
            Some((finding, first)) if assessment.verdict == Verdict::Compromised => {
                let why = Why { rule: finding.rule.clone(), entry: first.entry.clone(), row: first.row };
                let isolation = &self.policy.remediation.isolate;
                let measure = Measure::Isolate {
                    seconds: isolation.lasts.duration().as_secs(),
                    keep: isolation.keep.clone(),
                    keep_hosts: Vec::new(),
                };
                self.suggest(measure, &why);
            }
            _ => self.leave_out(
                kind,
                "the host",
                "no finding shows a compromise with more than low confidence",
            ),
        }
    }

    fn proposal(mut self, host_name: String) -> Proposal {
        if self.found.len() > MAX_PROPOSED {
            let more = self.found.len() - MAX_PROPOSED;
            self.found = fair(self.found);
            self.left_out.push(format!("{more} further measures: a case has {MAX_PROPOSED} at most"));
        }
        self.found.sort_by_key(|suggestion| suggestion.measure.kind());
        if self.left_out.len() > MAX_LEFT_OUT {
            let more = self.left_out.len() - MAX_LEFT_OUT;
            self.left_out.truncate(MAX_LEFT_OUT);
            self.left_out.push(format!("{more} further things were left out"));
        }
        Proposal { host_name, measures: self.found, left_out: self.left_out }
    }
}

/// As many as a case has, of each kind in turn: whoever writes a thousand autostart entries keeps no process from being
/// stopped by it.
fn fair(found: Vec<Suggestion>) -> Vec<Suggestion> {
    let mut seen: BTreeMap<MeasureKind, usize> = BTreeMap::new();
    let mut turns: Vec<(usize, Suggestion)> = Vec::with_capacity(found.len());
    for suggestion in found {
        let turn = seen.entry(suggestion.measure.kind()).or_default();
        turns.push((*turn, suggestion));
        *turn += 1;
    }
    turns.sort_by_key(|(turn, _)| *turn);
    turns.into_iter().take(MAX_PROPOSED).map(|(_, suggestion)| suggestion).collect()
}

/// Whether a command begins with this image, quoted or not.
fn runs(command: &str, image: &str) -> bool {
    let (command, image) = match protected::is_windows(image) {
        true => (command.to_lowercase(), image.to_lowercase()),
        false => (command.to_owned(), image.to_owned()),
    };
    let command = command.trim_start();
    let (rest, quote) = match command.strip_prefix(['"', '\'']) {
        Some(rest) => (rest, true),
        None => (command, false),
    };
    rest.strip_prefix(image.as_str()).is_some_and(|rest| {
        rest.is_empty() || rest.starts_with(char::is_whitespace) || quote && rest.starts_with(['"', '\''])
    })
}
