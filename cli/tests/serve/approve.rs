//! The page behind an approver's link: to look at it changes nothing, and a form of it counts once for its person.

use std::path::Path;

use casework::approval_link::{LinkKey, Offer};
use casework::backend::local::Local;
use casework::backend::{Backend, Committed, Received};
use investigation::assess::{Assessment, Confidence, Verdict};
use investigation::case::{Case, Delivery, Effect, Event, Intake, SealedEvidence, intake};
use investigation::evidence::Identity;
use investigation::policy::Policy;
use investigation::remediation::{Measure, Proposal, Stage, Suggestion, Why};
use jiff::{SignedDuration, Timestamp};

use crate::http::{form, send};
use crate::server::Server;

const POLICY: &str = "
version = 1
[scope]
networks = ['10.0.0.0/8']
[actions]
policy_violation = ['ticket']
[remediation]
policy_violation = ['stop_process']
approvers = ['anna', 'bert']
approvals = 2
[remediation.link]
url = 'https://cases.corp.example'
key_file = 'link.key'
mail = { anna = 'anna@example.com', bert = 'bert@example.com' }
";
const KEY: &str = "0123456789abcdef0123456789abcdef";

/// A closed case of a machine with a hostile name, with one measure that waits.
async fn offered(store: &Local, policy: &Policy) -> Case {
    let now = Timestamp::now();
    let alert = serde_json::json!({
        "id": "a1", "format": "suricata_eve", "event.original": "{}", "source.ip": "10.20.0.5",
        "destination.ip": "203.0.113.7", "destination.port": 6881,
    });
    let alert: investigation::alert::Alert = serde_json::from_value(alert).unwrap();
    let received = Received { id: "a1".to_owned(), origin: "x".to_owned(), content: Ok(alert.clone()) };
    store.take_in(vec![received], now).await.unwrap();
    let Intake::Open(step) = intake(&alert, policy, now) else { panic!("not opened") };
    assert_eq!(store.commit(&step, now).await.unwrap(), Committed::Done);
    let host_name = "<script>ws</script>\u{202e}".to_owned();
    let measure = Measure::StopProcess { pid: 7, image: "/home/a/<b>q".to_owned(), start_time: Some(now) };
    let why = Why { rule: "p2p.x".to_owned(), entry: "artifacts/processes.json".to_owned(), row: 0 };
    let proposal = Proposal {
        host_name: host_name.clone(),
        measures: vec![Suggestion { measure, why }],
        left_out: Vec::new(),
    };
    let assessment = Assessment {
        verdict: Verdict::PolicyViolation,
        confidence: Confidence::High,
        summary: "A client was in use.".to_owned(),
        findings: Vec::new(),
        missing: Vec::new(),
        indicators_version: "1".to_owned(),
        basis: Default::default(),
    };
    let evidence =
        SealedEvidence { location: "x.zip".to_owned(), sha256: "ab".repeat(32), size: 1, sealed_at: now };
    let mut case = step.case;
    for event in [
        Event::Identified { identity: Identity { host_name, ..Identity::default() } },
        Event::Collected { outcomes: Vec::new(), staged: None },
        Event::Assessed { assessment: Box::new(assessment), proposal: Some(Box::new(proposal)) },
        Event::Sealed { evidence },
    ] {
        case = write(store, policy, &case, event).await;
    }
    while let Some(act) = case.pending.iter().find(|pending| matches!(pending.effect, Effect::Act { .. })) {
        let effect = act.n;
        let delivery = Delivery::Accepted { receipt: "ok".to_owned() };
        case = write(store, policy, &case, Event::Delivered { effect, delivery }).await;
    }
    case
}

async fn write(store: &Local, policy: &Policy, case: &Case, event: Event) -> Case {
    let now = Timestamp::now();
    let step = case.advance(event, policy, now).unwrap();
    assert_eq!(store.commit(&step, now).await.unwrap(), Committed::Done);
    step.case
}

fn private(path: &Path, text: &str) {
    std::fs::write(path, text).unwrap();
    std::fs::set_permissions(path, std::os::unix::fs::PermissionsExt::from_mode(0o600)).unwrap();
}

/// The value of the hidden field of a page's form.
fn word(page: &str) -> &str {
    let start = page.find("name=\"form\" value=\"").unwrap();
    page[start..].split('"').nth(3).unwrap()
}

#[test]
fn a_link_shows_what_it_is_about_and_its_form_counts_once_for_its_person() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("peerhound.toml"), POLICY).unwrap();
    private(&folder.path().join("link.key"), KEY);
    let policy = Policy::parse(POLICY).unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let store = Local::open(&folder.path().join("peerhound-data")).unwrap();
    let case = runtime.block_on(offered(&store, &policy));
    let now = || runtime.block_on(store.case(&case.id)).unwrap().unwrap();

    let link_of = |by: &str, key: &str, hours: i64| {
        let offer = Offer {
            case_id: case.id.clone(),
            evidence_sha256: "ab".repeat(32),
            measures: vec![1],
            by: by.to_owned(),
            expires_at: Timestamp::now() + SignedDuration::from_hours(hours),
        };
        let link = LinkKey::of(key).unwrap().sign(&offer).unwrap();
        format!("/approve?link={link}")
    };
    let server = Server::start(folder.path(), &[]);
    let anna = link_of("anna", KEY, 1);
    assert_eq!(server.as_stranger(&format!("GET {anna}")).status, 401, "the link alone lets nobody in");
    let cookie = server.login();
    let page = server.page(&anna, &cookie);
    assert!(page.contains("stop process 7") && page.contains("0 of 2") && page.contains("anna"), "{page}");
    assert!(!page.contains("<script") && !page.contains("<b>") && !page.contains('\u{202e}'), "{page}");
    assert_eq!(now(), case, "looking changes nothing");

    let post = |path: &str, form_word: &str, origin: &str| {
        let headers = [
            ("host", server.address.to_string()),
            ("cookie", cookie.clone()),
            ("origin", origin.to_owned()),
            ("content-type", "application/x-www-form-urlencoded".to_owned()),
        ];
        let headers: Vec<(&str, &str)> =
            headers.iter().map(|(name, value)| (*name, value.as_str())).collect();
        send(server.address, &format!("POST {path}"), &headers, &form(&[("form", form_word)])).status
    };
    let (word, own) = (word(&page).to_owned(), server.url());
    for (path, form_word, origin, status) in [
        (anna.clone(), word.as_str(), "http://evil.example", 403),
        (anna.clone(), "0", own.as_str(), 403),
        (link_of("anna", &"x".repeat(32), 1), &word, &own, 403),
        (link_of("anna", KEY, -1), &word, &own, 403),
        (link_of("mallory", KEY, 1), &word, &own, 409),
        (format!("{anna}0"), &word, &own, 403),
        ("/approve?link=".to_owned(), &word, &own, 403),
    ] {
        assert_eq!(post(&path, form_word, origin), status, "{path} {form_word} {origin}");
    }
    assert_eq!(now(), case, "nothing of that was taken");

    let stage = |case: &Case| case.remediation.as_ref().unwrap().measures[0].stage;
    assert_eq!(post(&anna, &word, &own), 303);
    assert_eq!(stage(&now()), Stage::Proposed, "two have to");
    assert_eq!(post(&anna, &word, &own), 409, "the same person twice");
    assert_eq!(post(&link_of("bert", KEY, 1), &word, &own), 303);
    let after = now();
    assert_eq!(stage(&after), Stage::Ordered);
    assert!(after.history.iter().any(|entry| entry.what.contains("bert approved 1 by a signed link")));
    assert_eq!(post(&link_of("bert", KEY, 1), &word, &own), 409, "it is ordered already");
    let page = server.page(&format!("/case/{}", case.id), &cookie);
    assert!(page.contains("Remediation") && page.contains("anna, bert"), "{page}");
}

#[test]
fn a_key_that_others_can_read_is_refused_with_what_to_do() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("peerhound.toml"), POLICY).unwrap();
    let key = folder.path().join("link.key");
    std::fs::write(&key, KEY).unwrap();
    std::fs::set_permissions(&key, std::os::unix::fs::PermissionsExt::from_mode(0o644)).unwrap();
    crate::server::token_file(&folder.path().join("serve.token"));
    let output = crate::server::peerhound(folder.path())
        .args(["serve", "--listen", "127.0.0.1:0", "--token-file", "serve.token"])
        .output()
        .unwrap();
    let told = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(3), "{told}");
    assert!(told.contains("chmod 600") && !told.contains(KEY), "{told}");
}
