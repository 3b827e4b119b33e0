//! Cases as they come: one with everything in it, and one with next to nothing.

mod assessed;
mod collected;
mod deeper;
mod endpoint;
mod windows;

use std::net::IpAddr;

use jiff::{SignedDuration, Timestamp};

use self::assessed::assessment;
use self::collected::collection;
pub(super) use self::deeper::{done, packet_socket};
use self::endpoint::evidence;
pub(super) use self::endpoint::{socket, torrent};
pub(super) use self::windows::windows;
use super::super::{Deeper, Subject};
use crate::act::ActionKind;
use crate::alert::Alert;
use crate::assess::{Bearing, Verdict};
use crate::case::{ActionRecord, ActionStatus, Case, HistoryEntry, Outcome, SealedEvidence, State};
use crate::claim::{Claim, ClaimKey};
use crate::evidence::manifest::{Entry, media_type};
use crate::evidence::{ArtifactKind, Collection, Evidence};

/// Everything that a report is written from.
#[derive(Clone)]
pub(super) struct Sample {
    pub(super) case: Case,
    pub(super) evidence: Evidence,
    pub(super) collection: Collection,
    pub(super) entries: Vec<Entry>,
}

impl Sample {
    pub(super) fn subject(&self) -> Subject<'_> {
        Subject {
            case: &self.case,
            evidence: Some(&self.evidence),
            collection: Some(&self.collection),
            deeper: Deeper::None,
            entries: &self.entries,
            organisation: Some("Example Ltd"),
            written_at: at("09:04:31"),
            version: "0.1.0",
        }
    }

    pub(super) fn html(&self) -> String {
        super::super::html(&self.subject())
    }
}

pub(super) fn at(time: &str) -> Timestamp {
    format!("2026-03-02T{time}Z").parse().unwrap()
}

fn ip(text: &str) -> IpAddr {
    text.parse().unwrap()
}

const CLIENT: &str = "/usr/bin/transmission-daemon";
const INFOHASH: &str = "2b66980093bc11806fab50cb3cb41835b95a0362";

fn case(collection: &Collection) -> Case {
    let alert: Alert = serde_json::from_value(serde_json::json!({
        "id": "3f0c2a9d8e1b", "event.id": "998877", "@timestamp": "2026-03-02T08:58:59.9Z", "format": "suricata_eve",
        "rule.name": "ET P2P BitTorrent peer sync", "rule.id": "2000334", "event.severity": "1",
        "source.ip": "10.20.0.5", "source.port": 51413, "destination.ip": "203.0.113.9", "destination.port": 6881,
        "network.transport": "tcp", "observer.name": "ids-core-2", "torrent.infohash": INFOHASH,
        "event.original": "{}",
    }))
    .unwrap();
    let note = |time: &str, what: &str| HistoryEntry { at: at(time), what: what.to_owned() };
    let action = |kind, to: &str, status, detail: &str| ActionRecord {
        effect: Some(7),
        kind,
        to: if to.is_empty() { Vec::new() } else { vec![to.to_owned()] },
        status,
        detail: detail.to_owned(),
        attempts: 1,
        at: at("09:04:35"),
    };
    let claim = |key: &str| {
        let key = ClaimKey::stored(key.to_owned());
        Claim::lease(key, "ph-20260302-kq3v7a2m", at("09:00:00"), SignedDuration::from_hours(72))
    };
    Case {
        id: "ph-20260302-kq3v7a2m".to_owned(),
        version: 9,
        alert,
        target: ip("10.20.0.5"),
        target_port: Some(51413),
        peer_ip: Some(ip("203.0.113.9")),
        peer_port: Some(6881),
        opened_at: at("09:00:00"),
        updated_at: at("09:04:36"),
        state: State::Closed { outcome: Outcome::Investigated { verdict: Verdict::PolicyViolation } },
        claims: vec![claim("ip#10.20.0.5"), claim("user#corp\\alice")],
        identity: None,
        artifacts: collection.outcomes.clone(),
        staged: None,
        assessment: Some(assessment()),
        evidence: Some(SealedEvidence {
            location: "/var/lib/peerhound/evidence/ph-20260302-kq3v7a2m.zip".to_owned(),
            sha256: "c0ffee11".repeat(8),
            size: 482_133,
            sealed_at: at("09:04:31"),
        }),
        people: Vec::new(),
        actions: vec![
            action(
                ActionKind::MailUser,
                "alice@example.com",
                ActionStatus::Done,
                "accepted by mail.example.com:587",
            ),
            action(ActionKind::Ticket, "", ActionStatus::Pending, ""),
        ],
        remediation: None,
        heard: Vec::new(),
        pending: Vec::new(),
        next_effect: 9,
        forensics: None,
        hold: None,
        failed_tries: 0,
        news: Vec::new(),
        ticket: None,
        history: vec![
            note("09:00:00", "opened by the alert 3f0c2a9d8e1b, 10.20.0.5 claimed"),
            note("09:00:31", "identified as ws-0042; corp\\alice claimed"),
            note("09:03:12", "collected 6 artifacts"),
            note("09:03:13", "assessed: policy violation"),
            note("09:04:31", "sealed"),
        ],
    }
}

/// A case with something of everything.
pub(super) fn full() -> Sample {
    let collection = collection();
    let mut case = case(&collection);
    let evidence = evidence();
    case.identity.clone_from(&evidence.identity);
    let kinds = ArtifactKind::ALL.iter().map(|kind| kind.parsed_entry());
    let paths = ["alert.json".to_owned()].into_iter().chain(kinds).chain(["collection.json".to_owned()]);
    let entries = paths.enumerate().map(|(index, path)| Entry {
        size: 1_000 * (index as u64 + 1),
        sha256: format!("{:02x}", index * 29 + 16).repeat(32),
        media_type: media_type(&path).to_owned(),
        path,
    });
    Sample { entries: entries.collect(), case, evidence, collection }
}

/// A case of another verdict, with the findings that it can have.
pub(super) fn with_verdict(verdict: Verdict) -> Sample {
    let mut sample = full();
    let assessment = sample.case.assessment.as_mut().unwrap();
    assessment.verdict = verdict;
    assessment.summary = match verdict {
        Verdict::FalsePositive => {
            assessment.findings.clear();
            "False positive at 10.20.0.5 (high confidence): no peer-to-peer client, no torrent file and no socket to \
             203.0.113.9 in whole evidence, collected 2 minutes after the alert."
        }
        Verdict::Compromised => {
            assessment.findings[1].bearing = Bearing::Compromise;
            assessment.findings.swap(0, 1);
            "Compromised at 10.20.0.5 (high confidence): a program in a folder for temporary files starts by itself."
        }
        _ => {
            assessment.findings.retain(|finding| finding.bearing == Bearing::Suspicion);
            "Inconclusive at 10.20.0.5, an analyst must decide: torrent files were touched around the alert."
        }
    }
    .to_owned();
    sample.case.state = State::Closed { outcome: Outcome::Investigated { verdict } };
    if verdict == Verdict::FalsePositive {
        sample.evidence.sockets.as_mut().unwrap().retain(|socket| socket.pid != Some(4711));
        sample.evidence.torrents = Some(Vec::new());
    }
    sample
}
