//! A made-up case, to see what mails will look like.

use jiff::Timestamp;

use crate::act::Brief;
use crate::alert::Alert;
use crate::assess::{Assessment, Bearing, Citation, Confidence, Finding, Verdict};
use crate::evidence::{Identity, SessionUser, TransportProtocol};
use crate::policy::Policy;

/// What mails would be written from if this were a case of this verdict. Nothing in it is real: the addresses are those
/// that are kept for documentation.
pub fn brief(verdict: Verdict, policy: &Policy) -> Brief {
    let at =
        |minutes: i64| Timestamp::from_second(1_772_442_000 + 60 * minutes).unwrap_or(Timestamp::UNIX_EPOCH);
    let alert = Alert {
        id: "sample".to_owned(),
        event_id: Some("998877".to_owned()),
        timestamp: Some(at(-1)),
        format: "suricata".to_owned(),
        rule_name: Some("ET P2P BitTorrent peer sync".to_owned()),
        rule_id: Some("2000334".to_owned()),
        source_ip: Some([192, 0, 2, 45].into()),
        source_port: Some(51413),
        destination_ip: Some([203, 0, 113, 9].into()),
        destination_port: Some(6881),
        transport: Some(TransportProtocol::Tcp),
        ..Alert::default()
    };
    let user = SessionUser {
        name: "alice".to_owned(),
        domain: Some("CORP".to_owned()),
        session: None,
        from: None,
        since: None,
    };
    Brief {
        case_id: "ph-20260302-k3m7qd5a".to_owned(),
        alert,
        target: [192, 0, 2, 45].into(),
        identity: Some(Identity {
            host_name: "ws-0042".to_owned(),
            domain: Some("corp.example.com".to_owned()),
            os: Some("Microsoft Windows 11 Enterprise".to_owned()),
            users: vec![user],
            ..Identity::default()
        }),
        suspects: vec!["corp\\alice".to_owned()],
        assessment: Some(assessment(verdict)),
        evidence_location: "evidence/ph-20260302-k3m7qd5a.zip".to_owned(),
        evidence_sha256: "3b1f".repeat(16),
        opened_at: at(0),
        sealed_at: Some(at(4)),
        cooldown_until: Some(at(3 * 1440)),
        second: None,
        waiting: None,
        page: policy.case_page("ph-20260302-k3m7qd5a"),
        organisation: policy.organisation.name.clone(),
        soc_contact: policy.organisation.contact.clone(),
    }
}

fn assessment(verdict: Verdict) -> Assessment {
    let citation = Citation {
        entry: "artifacts/connections.json".to_owned(),
        row: 3,
        excerpt: "tcp 192.0.2.45:51413 203.0.113.9:6881 client.exe".to_owned(),
        pid: Some(4711),
        image: Some("C:\\Users\\alice\\client.exe".to_owned()),
        user: Some("alice".to_owned()),
        peer: Some("203.0.113.9:6881".to_owned()),
        sha256: None,
    };
    let finding = Finding {
        rule: "p2p.client_connected_to_peer".to_owned(),
        title: "Peer-to-peer client connected to the alert's peer".to_owned(),
        technique: None,
        confidence: Confidence::High,
        bearing: if verdict == Verdict::Compromised { Bearing::Compromise } else { Bearing::Violation },
        explanation: "client.exe (PID 4711) of alice has a socket to 203.0.113.9:6881.".to_owned(),
        runbook: "Ask the user what it is for.".to_owned(),
        citations: vec![citation],
    };
    let quiet = matches!(verdict, Verdict::FalsePositive | Verdict::Inconclusive);
    Assessment {
        verdict,
        confidence: if quiet { Confidence::Medium } else { Confidence::High },
        summary: format!("A sample of the verdict {}: this case does not exist.", verdict.words()),
        findings: if quiet { Vec::new() } else { vec![finding] },
        missing: Vec::new(),
        indicators_version: "sample".to_owned(),
        basis: Default::default(),
    }
}
