//! The whole page: what it holds, that it holds together whatever the endpoint says, and how it looks in a browser.

mod browser;
mod digest;
mod done;
mod hostile;
mod sample;
mod windows;

use super::*;
use crate::assess::{Citation, Verdict};
use crate::case::{Outcome, State};
use crate::evidence::{ArtifactKind, ArtifactOutcome, ArtifactStatus};

#[test]
fn a_report_of_everything() {
    insta::assert_snapshot!("full", sample::full().html());
}

#[test]
fn the_verdict_is_a_word_and_a_sign_and_never_a_colour_alone() {
    for (verdict, word) in [
        (Verdict::Compromised, "Compromised"),
        (Verdict::PolicyViolation, "Policy violation"),
        (Verdict::Inconclusive, "Inconclusive"),
        (Verdict::FalsePositive, "False positive"),
    ] {
        let page = sample::with_verdict(verdict).html();
        assert!(page.contains(&format!("<span class=\"word\">{word}</span>")), "{verdict}");
        assert!(page.contains("<svg class=\"sign\""), "{verdict}");
    }
}

#[test]
fn a_case_without_evidence_says_why() {
    let mut sample = sample::full();
    sample.case.assessment = None;
    sample.case.evidence = None;
    sample.case.identity = None;
    sample.case.artifacts.clear();
    sample.case.state = State::Closed {
        outcome: Outcome::Failed {
            code: "unreachable".to_owned(),
            reason: "10.20.0.5 does not answer on port 22".to_owned(),
            retryable: true,
        },
    };
    let subject = Subject { evidence: None, collection: None, entries: &[], ..sample.subject() };
    let page = html(&subject);
    assert!(page.contains("Not investigated") && page.contains("does not answer on port 22"), "{page}");
    for absent in ["id=\"connections\"", "id=\"findings\"", "id=\"artifacts\"", "SHA-256 of the whole"] {
        assert!(!page.contains(absent), "{absent}");
    }
}

#[test]
fn what_a_system_does_not_keep_has_no_part_and_what_could_not_be_read_says_so() {
    let mut sample = sample::full();
    let evidence = &mut sample.evidence;
    (evidence.prefetch, evidence.dns_cache) = (None, None);
    (evidence.programs, evidence.neighbors) = (None, Some(Vec::new()));
    sample.collection.outcomes.push(ArtifactOutcome {
        kind: ArtifactKind::Programs,
        status: ArtifactStatus::Failed,
        ..sample.collection.outcomes[0].clone()
    });
    let page = sample.html();
    assert!(!page.contains("id=\"runs\"") && !page.contains("id=\"names\""));
    let part = |id: &str| {
        page.split(&format!("<section id=\"{id}\"")).nth(1).unwrap().split("</section>").next().unwrap()
    };
    assert!(part("programs").contains("could not be listed"), "{}", part("programs"));
    assert!(part("neighbors").contains("knew of none"), "{}", part("neighbors"));
}

/// Rules and findings grow: what this page does not know by name is shown all the same.
#[test]
fn every_field_of_a_finding_is_shown() {
    let sample = sample::full();
    let finding = &sample.case.assessment.as_ref().unwrap().findings[0];
    let serde_json::Value::Object(fields) = serde_json::to_value(finding).unwrap() else { panic!() };
    let page = sample.html();
    for (name, value) in fields {
        if let Some(text) = value.as_str() {
            let shown = match name.as_str() {
                "bearing" => "proves use".to_owned(),
                "confidence" => format!("{text} confidence"),
                _ => text.replace('\'', "&#39;"),
            };
            assert!(page.contains(&shown), "{name}: {shown}");
        }
    }
    #[derive(serde::Serialize)]
    struct Later {
        rule: &'static str,
        score: u32,
        because: &'static str,
    }
    let mut written = Html::new();
    findings::further(&mut written, &Later { rule: "r", score: 7, because: "<b>" }, &["rule"]);
    let written = written.finish();
    assert!(written.contains("<dt><bdi>score</bdi></dt><dd><bdi>7</bdi></dd>"), "{written}");
    assert!(written.contains("<bdi>&lt;b&gt;</bdi>") && !written.contains("rule"), "{written}");
}

#[test]
fn the_page_lets_in_its_own_style_and_nothing_else() {
    let page = sample::full().html();
    let style = page.split("<style>").nth(1).and_then(|rest| rest.split("</style>").next()).unwrap();
    let hash = BASE64.encode(&Sha256::digest(style.as_bytes()));
    assert!(page.contains(&format!(
        "content=\"default-src &#39;none&#39;; style-src &#39;sha256-{hash}&#39;; base-uri &#39;none&#39;; form-action &#39;none&#39;\""
    )));
    for (what, most) in [
        ("<script", 0),
        (" style=", 0),
        ("<img", 0),
        ("<link", 0),
        ("<iframe", 0),
        ("url(", 0),
        ("@import", 0),
    ] {
        assert_eq!(page.matches(what).count(), most, "{what}");
    }
}

#[test]
fn what_the_alert_is_about_comes_first() {
    let mut sample = sample::full();
    sample.evidence.sockets.as_mut().unwrap().reverse();
    sample.evidence.torrents.as_mut().unwrap().reverse();
    // What a finding cites comes before what is only later or earlier.
    let cite = |kind: ArtifactKind, row| Citation { entry: kind.parsed_entry(), row, ..Citation::default() };
    let findings = &mut sample.case.assessment.as_mut().unwrap().findings;
    findings[0].citations.extend([cite(ArtifactKind::DnsCache, 1), cite(ArtifactKind::Programs, 1)]);
    let page = sample.html();
    for (part, first) in [
        ("connections", "203.0.113.9:6881"),
        ("torrents", "Big Buck Bunny"),
        ("autostart", "transmission-daemon.service"),
        ("runs", "QBITTORRENT.EXE"),
        ("programs", "transmission-daemon"),
        ("names", "tracker.opentrackr.org"),
        ("neighbors", "10.20.0.1"),
    ] {
        let section = page.split(&format!("<section id=\"{part}\"")).nth(1).unwrap();
        let body = section.split("<tbody").nth(1).unwrap();
        let row = body.split("</tr>").next().unwrap();
        assert!(row.contains(first), "{part}: {row}");
    }
}
