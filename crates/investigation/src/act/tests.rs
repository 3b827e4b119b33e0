mod document;
mod ocsf;

use jiff::Timestamp;
use proptest::prelude::*;

use super::*;
use crate::alert::Alert;
use crate::assess::{Assessment, Bearing, Citation, Confidence, Finding, Verdict};
use crate::evidence::{
    ArtifactKind, ArtifactOutcome, ArtifactStatus, Collection, CommandRecord, Identity, SessionUser,
};

fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

fn alert() -> Alert {
    serde_json::from_value(serde_json::json!({
        "id": "a1",
        "event.id": "998877",
        "@timestamp": "2026-03-02T08:58:59.9Z",
        "format": "suricata",
        "rule.name": "ET P2P BitTorrent peer sync",
        "rule.id": "2000334",
        "source.ip": "10.20.0.5",
        "source.port": 51413,
        "destination.ip": "203.0.113.9",
        "destination.port": 6881,
        "network.transport": "tcp",
        "user.name": "alice",
        "user.domain": "CORP",
        "event.original": "{}",
    }))
    .unwrap()
}

fn brief(verdict: Verdict) -> Brief {
    let finding = Finding {
        rule: "p2p.client_connected_to_peer".to_owned(),
        title: "A known client is connected to the alert's peer".to_owned(),
        technique: Some("T1105".to_owned()),
        confidence: Confidence::High,
        bearing: Bearing::Violation,
        explanation: "transmission-daemon (PID 4711) has a socket to 203.0.113.9:6881.".to_owned(),
        runbook: "Ask the user.".to_owned(),
        citations: vec![Citation {
            entry: "artifacts/connections.json".to_owned(),
            row: 3,
            excerpt: "tcp 10.20.0.5:51413 203.0.113.9:6881 transmission-daemon".to_owned(),
            pid: Some(4711),
            image: Some("/usr/bin/transmission-daemon".to_owned()),
            user: Some("alice".to_owned()),
            peer: Some("203.0.113.9:6881".to_owned()),
            sha256: Some("ab".repeat(32)),
        }],
    };
    Brief {
        case_id: "case-7".to_owned(),
        alert: alert(),
        target: "10.20.0.5".parse().unwrap(),
        identity: Some(Identity {
            host_name: "ws-0042".to_owned(),
            domain: Some("corp.example.com".to_owned()),
            os: Some("Debian GNU/Linux 12 (bookworm)".to_owned()),
            users: vec![SessionUser {
                name: "alice".to_owned(),
                domain: Some("CORP".to_owned()),
                session: None,
                from: None,
                since: None,
            }],
            ..Identity::default()
        }),
        suspects: vec!["corp\\alice".to_owned()],
        assessment: Some(Assessment {
            verdict,
            confidence: Confidence::High,
            summary: "Policy violation at 10.20.0.5 (high confidence): a client is connected to the peer."
                .to_owned(),
            findings: if verdict == Verdict::PolicyViolation { vec![finding] } else { Vec::new() },
            missing: vec!["firewall: failed: permission denied".to_owned()],
            indicators_version: "2026-01".to_owned(),
            basis: Default::default(),
        }),
        evidence_location: "/var/lib/peerhound/evidence/case-7.zip".to_owned(),
        evidence_sha256: "a".repeat(64),
        opened_at: at("2026-03-02T09:00:00Z"),
        sealed_at: Some(at("2026-03-02T09:04:31Z")),
        cooldown_until: Some(at("2026-03-05T09:00:00Z")),
        second: None,
        waiting: None,
        page: None,
        organisation: Some("Example Corp".to_owned()),
        soc_contact: Some("soc@example.com".to_owned()),
    }
}

fn collection() -> Collection {
    let started_at = at("2026-03-02T09:01:00Z");
    Collection {
        case_id: "case-7".to_owned(),
        target: "10.20.0.5".parse().unwrap(),
        transport: "ssh".to_owned(),
        endpoint_key: Some("SHA256:abc".to_owned()),
        collector_host: "soc-1".to_owned(),
        collector_version: "0.1.0".to_owned(),
        clock_skew_ms: Some(-1200),
        started_at,
        finished_at: at("2026-03-02T09:03:00Z"),
        outcomes: vec![ArtifactOutcome {
            artifact: "Linux.Network.Connections".to_owned(),
            kind: ArtifactKind::Connections,
            status: ArtifactStatus::Partial,
            reasons: vec!["3 sockets without a process".to_owned()],
            items: 42,
            entries: vec!["artifacts/connections.json".to_owned()],
            started_at,
            finished_at: started_at,
        }],
        program: None,
        commands: vec![CommandRecord {
            artifact: "Linux.Network.Connections".to_owned(),
            command: "ss -tunap | cat".to_owned(),
            exit_code: Some(0),
            stdout_bytes: 1234,
            stderr: String::new(),
            started_at,
            elapsed_ms: 17,
        }],
    }
}

fn mail_user(brief: &Brief) -> Message {
    written(Texts::shipped().mail_user(brief, "en"))
}

fn mail_soc(brief: &Brief) -> Message {
    written(Texts::shipped().mail_soc(brief, "en"))
}

fn written(written: mail::Written) -> Message {
    assert_eq!(written.fault, None);
    written.message
}

fn show(message: &Message) -> String {
    format!("Subject: {}\n\n{}", message.subject, message.text)
}

#[test]
fn the_notice_to_the_user() {
    insta::assert_snapshot!("mail_user_policy_violation", show(&mail_user(&brief(Verdict::PolicyViolation))));
    insta::assert_snapshot!("mail_user_inconclusive", show(&mail_user(&brief(Verdict::Inconclusive))));
}

#[test]
fn the_notice_says_nothing_of_a_compromise() {
    let text = |verdict| show(&mail_user(&brief(verdict)));
    assert_eq!(text(Verdict::Compromised), text(Verdict::Inconclusive));
}

#[test]
fn the_notice_quotes_no_evidence() {
    let text = mail_user(&brief(Verdict::PolicyViolation)).text;
    for private in ["transmission", "4711", "203.0.113.9", "alice", &"a".repeat(64), "/var/lib"] {
        assert!(!text.contains(private), "{private}: {text}");
    }
}

#[test]
fn the_mail_to_the_soc() {
    insta::assert_snapshot!("mail_soc", show(&mail_soc(&brief(Verdict::PolicyViolation))));
}

#[test]
fn the_ticket() {
    let ticket = ticket(&brief(Verdict::PolicyViolation));
    insta::assert_snapshot!("ticket_body", format!("{}\n\n{}", ticket.title, ticket.body_markdown));
    insta::assert_json_snapshot!("ticket_fields", (ticket.labels, ticket.fields));
}

#[test]
fn a_ticket_says_how_soon_it_wants_somebody() {
    let of = |verdict| {
        let ticket = ticket(&brief(verdict));
        let label = ticket.labels.iter().find(|label| label.starts_with("priority-")).cloned();
        (ticket.priority, ticket.fields["peerhound.priority"].clone(), label)
    };
    assert_eq!(of(Verdict::Compromised), (Priority::High, "high".into(), Some("priority-high".to_owned())));
    assert_eq!(of(Verdict::PolicyViolation), (Priority::Normal, "normal".into(), None));
    assert_eq!(of(Verdict::Inconclusive), (Priority::Normal, "normal".into(), None));
    assert_eq!(of(Verdict::FalsePositive), (Priority::Low, "low".into(), Some("priority-low".to_owned())));
    // Tickets that were written before there were priorities still read.
    let old = r#"{"title":"t","body_markdown":"b","labels":[],"fields":{}}"#;
    assert_eq!(serde_json::from_str::<Ticket>(old).unwrap().priority, Priority::Normal);
}

#[test]
fn the_report() {
    insta::assert_snapshot!("report", report_markdown(&brief(Verdict::PolicyViolation), &collection()));
}

#[test]
fn a_program_that_was_left_behind_is_in_the_report() {
    let mut collection = collection();
    let mut program = crate::evidence::SentProgram {
        name: "peerhound-collect".to_owned(),
        version: "0.1.0".to_owned(),
        sha256: "ab".repeat(32),
        size: 7,
        path: "/tmp/peerhound-0/peerhound-collect".to_owned(),
        read: vec![ArtifactKind::Connections],
        removed: true,
    };
    let report = |program: &crate::evidence::SentProgram, collection: &mut Collection| {
        collection.program = Some(program.clone());
        report_markdown(&brief(Verdict::PolicyViolation), collection)
    };
    let removed = report(&program, &mut collection);
    assert!(removed.contains("and removed again") && removed.contains(&program.sha256), "{removed}");
    program.removed = false;
    let left = report(&program, &mut collection);
    assert!(left.contains("could not be removed: it lies at") && left.contains("/tmp/peerhound"), "{left}");
}

#[test]
fn a_case_of_which_little_is_known_reads_well() {
    let bare = Brief {
        identity: None,
        suspects: Vec::new(),
        assessment: None,
        evidence_location: String::new(),
        evidence_sha256: String::new(),
        sealed_at: None,
        cooldown_until: None,
        organisation: None,
        soc_contact: None,
        ..brief(Verdict::Inconclusive)
    };
    insta::assert_snapshot!("bare", [show(&mail_user(&bare)), show(&mail_soc(&bare))].join("\n----\n"));
    let fields = ticket(&bare).fields;
    assert!(fields.get("peerhound.verdict").is_none() && fields.get("peerhound.evidence.sha256").is_none());
}

/// Every text of a brief that comes from outside, set to one hostile string.
fn hostile(text: &str) -> Brief {
    let mut brief = brief(Verdict::PolicyViolation);
    for field in [
        &mut brief.alert.event_id,
        &mut brief.alert.rule_name,
        &mut brief.alert.rule_id,
        &mut brief.alert.infohash,
        &mut brief.organisation,
        &mut brief.soc_contact,
    ] {
        *field = Some(text.to_owned());
    }
    let identity = brief.identity.as_mut().unwrap();
    text.clone_into(&mut identity.host_name);
    identity.domain = Some(text.to_owned());
    identity.os = Some(text.to_owned());
    text.clone_into(&mut identity.users[0].name);
    brief.suspects = vec![text.to_owned()];
    text.clone_into(&mut brief.evidence_location);
    text.clone_into(&mut brief.case_id);
    let assessment = brief.assessment.as_mut().unwrap();
    text.clone_into(&mut assessment.summary);
    assessment.missing = vec![text.to_owned()];
    let finding = &mut assessment.findings[0];
    text.clone_into(&mut finding.title);
    text.clone_into(&mut finding.explanation);
    text.clone_into(&mut finding.citations[0].excerpt);
    finding.citations[0].image = Some(text.to_owned());
    brief
}

/// The HTML elements that an independent renderer makes of Markdown: what outside text must not add to.
fn tags(markdown: &str) -> Vec<String> {
    let mut options = comrak::Options::default();
    options.extension.table = true;
    options.extension.autolink = true;
    options.extension.strikethrough = true;
    options.extension.footnotes = true;
    options.render.r#unsafe = true;
    let html = comrak::markdown_to_html(markdown, &options);
    html.split('<').skip(1).filter_map(|rest| rest.split(['>', ' ']).next()).map(str::to_owned).collect()
}

fn check_hostile(text: &str) -> Result<(), TestCaseError> {
    let brief = hostile(text);
    let mut collection = collection();
    text.clone_into(&mut collection.outcomes[0].reasons[0]);
    text.clone_into(&mut collection.commands[0].command);
    collection.endpoint_key = Some(text.to_owned());
    for message in [mail_user(&brief), mail_soc(&brief)] {
        prop_assert!(!message.subject.contains(char::is_control), "{:?}", message.subject);
        prop_assert!(message.subject.chars().count() <= 151);
        prop_assert!(!message.text.contains(|c: char| c.is_control() && c != '\n'), "{:?}", message.text);
    }
    let ticket = ticket(&brief);
    prop_assert!(!ticket.title.contains(char::is_control));
    prop_assert!(!ticket.body_markdown.contains(|c: char| c.is_control() && c != '\n'));
    prop_assert_eq!(tags(&ticket.body_markdown), tags(&self::ticket(&hostile("x")).body_markdown));
    let mut harmless = self::collection();
    "x".clone_into(&mut harmless.outcomes[0].reasons[0]);
    "x".clone_into(&mut harmless.commands[0].command);
    let harmless = report_markdown(&hostile("x"), &harmless);
    prop_assert_eq!(tags(&report_markdown(&brief, &collection)), tags(&harmless));
    Ok(())
}

#[test]
fn hostile_names_break_out_of_nothing() {
    for text in [
        "a\r\nBcc: everyone@example.com",
        "<script>alert(1)</script>",
        "[click](http://e.example)",
        "| a | b |\n# heading",
        "\u{202e}gpj.exe",
        "\x1b[2J",
        "`code` ![x](http://e.example/y)",
    ] {
        check_hostile(text).unwrap();
    }
    let long = mail_user(&hostile(&"x".repeat(10_000)));
    assert!(long.subject.chars().count() <= 151 && long.text.len() < 5_000);
}

proptest! {
    #[test]
    fn no_text_breaks_out_of_its_medium(text in "\\PC{0,20}[\\x00-\\x20<>|`\\[\\]()!#*_:&-]{0,10}\\PC{0,20}") {
        // A paragraph of nothing is no paragraph.
        prop_assume!(!text.trim().is_empty());
        check_hostile(&text)?;
    }
}

#[test]
fn a_ticket_and_the_mail_lead_to_the_case_and_say_what_waits() {
    let mut brief = brief(Verdict::Compromised);
    brief.page = Some("https://cases.corp.example/case/case-7".to_owned());
    brief.waiting = Some((1, "2026-03-02T17:04:31Z".parse().unwrap()));
    brief.second = Some(("evidence/case-7-forensics.zip".to_owned(), "5eed".repeat(16)));
    let ticket = ticket(&brief);
    assert_eq!(ticket.fields["event.url"], "https://cases.corp.example/case/case-7");
    assert_eq!(ticket.fields["peerhound.approvals.waiting"], 1);
    assert_eq!(ticket.fields["peerhound.forensics.sha256"], "5eed".repeat(16));
    for there in [
        "Approval wanted:  1 measure, until 2026-03-02T17:04Z",
        "Case page:        https://cases.corp.example/case/case-7",
        "Deeper look:      evidence/case-7-forensics.zip",
    ] {
        assert!(ticket.body_text.contains(there), "{there}: {}", ticket.body_text);
    }
    // Addresses of outsiders become no links: ours is no exception.
    assert!(ticket.body_markdown.contains("| Case page | https\\://cases"), "{}", ticket.body_markdown);
    let mail = Texts::shipped().mail_soc(&brief, "en").message;
    assert!(mail.text.contains("peerhound approve. The page of the case asks for a login."), "{}", mail.text);
    let html = mail.html.unwrap();
    let link = "<a href=\"https:&#x2f;&#x2f;cases.corp.example&#x2f;case&#x2f;case-7\">";
    assert!(html.contains(link), "{html}");
    assert_eq!(html.matches("<a ").count(), 1, "nothing else is a link");
    let user = Texts::shipped().mail_user(&brief, "en").message;
    assert!(!user.text.contains("cases.corp") && !user.text.contains("approv"), "{}", user.text);
}

#[test]
fn observables_are_each_there_once_and_what_an_endpoint_says_is_no_hash() {
    let mut brief = brief(Verdict::PolicyViolation);
    let finding = brief.assessment.as_ref().unwrap().findings[0].clone();
    let cited = &mut brief.assessment.as_mut().unwrap().findings;
    cited.push(finding);
    for hash in ["<script>", "AB", &"g".repeat(64)] {
        let mut other = cited[0].clone();
        other.citations[0].sha256 = Some(hash.to_owned());
        other.citations[0].peer = Some("x\"},{:6881".to_owned());
        cited.push(other);
    }
    let fields = ticket(&brief).fields;
    let observables = fields["peerhound.observables"].as_array().unwrap();
    let of = |kind: &str| observables.iter().filter(|one| one["dataType"] == kind).count();
    assert_eq!((of("ip"), of("hash"), of("hostname"), of("other")), (2, 1, 1, 1), "{observables:?}");
    assert_eq!(fields["related.hash"], serde_json::json!(["ab".repeat(32)]));
}
