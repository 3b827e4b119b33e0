//! Tickets at real ticket systems: made once whatever happens to the answers, found again, commented on, and whole.

use std::path::Path;
use std::sync::OnceLock;

use acceptance::ticketsystem::{Gate, RequestTracker, Roundup, Trouble};
use casework::deliver::{DeliveryError, Filed, TicketConfig, Token, post_ticket, update_ticket};
use investigation::act::{ActionKind, Priority, Ticket};
use investigation::policy::Policy;
use serde_json::json;

/// What outsiders write into a ticket. No quote or bracket of it means anything to the system.
const HOSTILE: &str =
    "Grüße \"}],\"Owner\":\"root\" <script>alert(1)</script> ' OR id > 0 ${secret} Ünïcödé 日本";

fn ticket(case_id: &str) -> Ticket {
    Ticket {
        title: format!(
            "Peer-to-peer alert, policy violation: ws-ü<script>x</script> (10.20.0.5) [case {case_id}]"
        ),
        body_markdown: "not for these".to_owned(),
        body_text: format!("Machine: {HOSTILE}\nFrom: nobody\n\nNext: look\n"),
        priority: Priority::Normal,
        labels: vec!["p2p".to_owned()],
        fields: json!({"peerhound.case_id": case_id, "peerhound.verdict": "policy_violation", "host.ip": "10.20.0.5"}),
    }
}

fn config(section: &str, secret: &str) -> TicketConfig {
    let text = format!("version = 1\n[scope]\nnetworks = ['10.0.0.0/8']\n[ticket]\n{section}\n");
    let policy = Policy::parse(&text).expect("a policy");
    TicketConfig {
        desk: policy.desk(ActionKind::Ticket),
        token: Some(Token::Value(secret.to_owned())),
        ca: None,
    }
}

async fn post(config: &TicketConfig, case_id: &str) -> Result<Filed, DeliveryError> {
    post_ticket(config, &ticket(case_id), &format!("{case_id}.effect-6"), Path::new("/nowhere")).await
}

/// What every system has to stand, behind a gate that loses answers.
async fn made_once(config: &TicketConfig, gate: &Gate, creates: &'static str, count: &dyn Fn(&str) -> usize) {
    // Twice the same.
    let case_id = "ph-20261130-aaaaaaaa";
    let filed = post(config, case_id).await.expect("a ticket");
    let ticket = filed.ticket.expect("its number");
    assert!(ticket.url.as_ref().is_some_and(|url| url.ends_with(&ticket.number)), "{ticket:?}");
    let again = post(config, case_id).await.expect("the ticket");
    assert_eq!(again.ticket.as_ref(), Some(&ticket));
    assert!(again.receipt.to_string().contains("found from an earlier try"), "{}", again.receipt);
    assert_eq!(count(case_id), 1);

    // The system took it, and its answer was lost.
    let case_id = "ph-20261130-bbbbbbbb";
    gate.trouble(Trouble::AnswerLost(creates));
    let lost = post(config, case_id).await.expect_err("no answer");
    assert!(matches!(lost, DeliveryError::Uncertain { .. }), "{lost}");
    assert_eq!(count(case_id), 1, "it was taken");
    let found = post(config, case_id).await.expect("the ticket").ticket.expect("its number");
    assert_ne!(found.id, ticket.id);
    assert_eq!(count(case_id), 1, "and not made again");

    // Down for a while.
    let case_id = "ph-20261130-cccccccc";
    gate.trouble(Trouble::Unavailable);
    let busy = post(config, case_id).await.expect_err("no service");
    let DeliveryError::NotAccepted { retry_after: Some(wait), .. } = &busy else { panic!("{busy:?}") };
    assert_eq!((wait.as_secs(), count(case_id)), (3, 0));
    post(config, case_id).await.expect("a ticket");
    assert_eq!(count(case_id), 1);
}

fn rt() -> Option<&'static RequestTracker> {
    static RT: OnceLock<Option<RequestTracker>> = OnceLock::new();
    let start = || match RequestTracker::missing() {
        None => Some(RequestTracker::start().expect("Request Tracker")),
        Some(missing) => {
            acceptance::skip_or_fail(missing);
            None
        }
    };
    RT.get_or_init(start).as_ref()
}

/// A gate of its own in front of the system, and Peerhound's settings for it.
fn to_rt(rt: &RequestTracker, token: &str) -> (Gate, TicketConfig) {
    let gate = Gate::start(rt.port()).expect("a gate");
    let section = format!("preset = 'rt'\nurl = 'http://127.0.0.1:{}'", gate.port());
    (gate, config(&section, token))
}

#[tokio::test]
async fn request_tracker_has_one_ticket_of_a_case_whatever_happens_to_the_answers() {
    let Some(rt) = rt() else { return };
    let (gate, config) = to_rt(rt, rt.token());
    let count = |case_id: &str| rt.tickets(case_id).expect("tickets").len();
    made_once(&config, &gate, "POST /REST/2.0/ticket ", &count).await;
}

#[tokio::test]
async fn request_tracker_shows_what_outsiders_wrote_as_text() {
    let Some(rt) = rt() else { return };
    let (_gate, config) = to_rt(rt, rt.token());
    let case_id = "ph-20261130-dddddddd";
    let id = post(&config, case_id).await.expect("a ticket").ticket.expect("its number").id;
    assert_eq!(rt.tickets(case_id).expect("tickets"), [(id.clone(), ticket(case_id).title)]);
    let texts = rt.texts(&id).expect("texts");
    assert_eq!(texts, [(ticket(case_id).body_text.trim_end().to_owned(), "text/plain".to_owned())]);
    let page = rt.page(&id).expect("the page");
    assert!(page.contains("ws-ü&lt;script&gt;x&lt;/script&gt;"), "the page of a ticket: {page}");
    assert!(!page.contains("<script>alert(1)") && !page.contains("<script>x"), "it runs there");
}

#[tokio::test]
async fn request_tracker_has_one_comment_of_each() {
    let Some(rt) = rt() else { return };
    let (gate, config) = to_rt(rt, rt.token());
    let case_id = "ph-20261130-eeeeeeee";
    let ticket = post(&config, case_id).await.expect("a ticket").ticket.expect("its number");
    let tell = async |effect: u32, text: &str| {
        update_ticket(&config, &ticket, text, &format!("{case_id}.effect-{effect}")).await
    };
    tell(7, "10 further alerts, Grüße <b>").await.expect("a comment");
    tell(7, "10 further alerts, Grüße <b>").await.expect("the comment");
    gate.trouble(Trouble::AnswerLost("POST /REST/2.0/ticket/"));
    let lost = tell(70, "100 further alerts").await.expect_err("no answer");
    assert!(matches!(lost, DeliveryError::Uncertain { .. }), "{lost}");
    let found = tell(70, "100 further alerts").await.expect("the comment");
    assert!(found.to_string().contains("found from an earlier try"), "{found}");
    let texts: Vec<String> = rt.texts(&ticket.id).expect("texts").into_iter().map(|(text, _)| text).collect();
    assert_eq!(texts.len(), 3, "{texts:?}");
    assert!(texts[1].starts_with("10 further alerts, Grüße <b>"), "{texts:?}");
    assert!(texts[2].starts_with("100 further alerts"), "{texts:?}");
}

/// What came after the verdict, as the core words it, with what an endpoint may put into it.
fn news() -> String {
    format!(
        "Measure 1 on ws-5, stop process 7 (/tmp/{HOSTILE}): done, approved by anna: ended\n\
         The evidence is under legal hold, by ann: {HOSTILE}"
    )
}

#[tokio::test]
async fn request_tracker_has_the_priority_of_the_case_and_its_news_as_text() {
    let Some(rt) = rt() else { return };
    let (gate, config) = to_rt(rt, rt.token());
    for (n, (priority, shown)) in
        [("high", ["100", "High"]), ("normal", ["50", "Medium"]), ("low", ["0", "Low"])]
            .into_iter()
            .enumerate()
    {
        let case_id = format!("ph-20261130-mmmmmmm{n}");
        let mut ticket = ticket(&case_id);
        ticket.fields["peerhound.priority"] = priority.into();
        let key = format!("{case_id}.effect-6");
        let made = post_ticket(&config, &ticket, &key, Path::new("/nowhere")).await.expect("a ticket");
        let made = made.ticket.expect("its number");
        let is = rt.priority(&made.id).expect("its priority");
        assert!(shown.contains(&is.as_str()), "{priority}: {is}");
        if n > 0 {
            continue;
        }
        // The answer is lost, as where a worker dies: told once.
        let key = format!("{case_id}.effect-9");
        gate.trouble(Trouble::AnswerLost("POST /REST/2.0/ticket/"));
        update_ticket(&config, &made, &news(), &key).await.expect_err("no answer");
        update_ticket(&config, &made, &news(), &key).await.expect("the comment");
        let texts = rt.texts(&made.id).expect("texts");
        assert_eq!(texts.len(), 2, "{texts:?}");
        assert!(texts[1].0.starts_with(&news()) && texts[1].1 == "text/plain", "{texts:?}");
        let page = rt.page(&made.id).expect("the page");
        assert!(page.contains("under legal hold") && !page.contains("<script>alert(1)"), "{page}");
    }
}

#[tokio::test]
async fn request_tracker_says_in_one_line_what_is_wrong() {
    let Some(rt) = rt() else { return };
    let (_gate, config) = to_rt(rt, "1-99-0123456789abcdef");
    let wrong = post(&config, "ph-20261130-ffffffff").await.expect_err("a wrong token").to_string();
    assert!(wrong.contains("401") && wrong.contains("Unauthorized") && !wrong.contains('\n'), "{wrong}");
    assert!(!wrong.contains("0123456789abcdef"), "{wrong}");
    let section = format!(
        "preset = 'rt'\nurl = 'http://127.0.0.1:{}'\nparameters = {{ queue = 'Nowhere' }}",
        rt.port()
    );
    let no_queue =
        post(&self::config(&section, rt.token()), "ph-20261130-ffffffff").await.expect_err("no queue");
    assert!(
        no_queue.to_string().contains("No permission to create tickets in the queue 'Nowhere'"),
        "{no_queue}"
    );
}

fn roundup() -> Option<&'static Roundup> {
    static ROUNDUP: OnceLock<Option<Roundup>> = OnceLock::new();
    let start = || match Roundup::missing() {
        None => Some(Roundup::start().expect("Roundup")),
        Some(missing) => {
            acceptance::skip_or_fail(missing);
            None
        }
    };
    ROUNDUP.get_or_init(start).as_ref()
}

fn to_roundup(roundup: &Roundup, password: &str) -> (Gate, TicketConfig) {
    let gate = Gate::start(roundup.port()).expect("a gate");
    let section = format!(
        "preset = 'roundup'\nurl = 'http://127.0.0.1:{}'\nuser = 'peerhound'\n\
         parameters = {{ origin = 'http://127.0.0.1:{}' }}",
        gate.port(),
        roundup.port()
    );
    (gate, config(&section, password))
}

#[tokio::test]
async fn roundup_has_one_issue_of_a_case_whatever_happens_to_the_answers() {
    let Some(roundup) = roundup() else { return };
    let (gate, config) = to_roundup(roundup, roundup.password());
    let count = |case_id: &str| roundup.tickets(case_id).expect("issues").len();
    made_once(&config, &gate, "POST /rest/data/issue ", &count).await;
    // The message of an issue is made first. Its answer is lost: it is found, and no second one lies around.
    let case_id = "ph-20261130-gggggggg";
    gate.trouble(Trouble::AnswerLost("POST /rest/data/msg "));
    let lost = post(&config, case_id).await.expect_err("no answer");
    assert!(
        matches!(lost, DeliveryError::NotAccepted { .. }),
        "nobody sees a message without an issue: {lost}"
    );
    let id = post(&config, case_id).await.expect("an issue").ticket.expect("its number").id;
    assert_eq!(roundup.texts(&id).expect("texts").len(), 1);
    let made = gate.seen().iter().filter(|line| line.starts_with("POST /rest/data/msg ")).count();
    let issues = gate.seen().iter().filter(|line| line.starts_with("POST /rest/data/issue ")).count();
    assert_eq!(made, issues, "{:?}", gate.seen());
}

#[tokio::test]
async fn roundup_shows_what_outsiders_wrote_as_text() {
    let Some(roundup) = roundup() else { return };
    let (_gate, config) = to_roundup(roundup, roundup.password());
    let case_id = "ph-20261130-hhhhhhhh";
    let id = post(&config, case_id).await.expect("an issue").ticket.expect("its number").id;
    assert_eq!(roundup.tickets(case_id).expect("issues"), [(id.clone(), ticket(case_id).title)]);
    let texts = roundup.texts(&id).expect("texts");
    assert_eq!(texts, [ticket(case_id).body_text.trim_end()]);
    let page = roundup.page(&id).expect("the page");
    assert!(page.contains("&lt;script&gt;alert(1)&lt;/script&gt;"), "the page of an issue: {page}");
    assert!(!page.contains("<script>alert(1)") && !page.contains("<script>x"), "it runs there");
}

#[tokio::test]
async fn roundup_has_one_comment_of_each() {
    let Some(roundup) = roundup() else { return };
    let (gate, config) = to_roundup(roundup, roundup.password());
    let case_id = "ph-20261130-jjjjjjjj";
    let ticket = post(&config, case_id).await.expect("an issue").ticket.expect("its number");
    let tell = async |effect: u32, text: &str| {
        update_ticket(&config, &ticket, text, &format!("{case_id}.effect-{effect}")).await
    };
    tell(7, "10 further alerts, Grüße <b>").await.expect("a comment");
    tell(7, "10 further alerts, Grüße <b>").await.expect("the comment");
    // Once the message is lost, once the word that it belongs to the issue.
    for lost in ["POST /rest/data/msg ", "PATCH /rest/data/issue/"] {
        gate.trouble(Trouble::AnswerLost(lost));
        tell(70, "100 further alerts").await.expect_err("no answer");
    }
    tell(70, "100 further alerts").await.expect("the comment");
    let texts = roundup.texts(&ticket.id).expect("texts");
    assert_eq!(texts.len(), 3, "{texts:?}");
    assert!(texts[1].starts_with("10 further alerts, Grüße <b>"), "{texts:?}");
    assert!(texts[2].starts_with("100 further alerts"), "{texts:?}");
}

#[tokio::test]
async fn roundup_has_the_priority_of_the_case() {
    let Some(roundup) = roundup() else { return };
    let (_gate, config) = to_roundup(roundup, roundup.password());
    for (n, (priority, name)) in
        [("high", "urgent"), ("normal", "bug"), ("low", "wish")].into_iter().enumerate()
    {
        let case_id = format!("ph-20261130-nnnnnnn{n}");
        let mut ticket = ticket(&case_id);
        ticket.fields["peerhound.priority"] = priority.into();
        let key = format!("{case_id}.effect-6");
        let made = post_ticket(&config, &ticket, &key, Path::new("/nowhere")).await.expect("an issue");
        let id = made.ticket.expect("its number").id;
        assert_eq!(roundup.priority(&id).expect("its priority"), name, "{priority}");
    }
}

#[tokio::test]
async fn roundup_says_in_one_line_what_is_wrong() {
    let Some(roundup) = roundup() else { return };
    let (_gate, config) = to_roundup(roundup, "wr0ng-pw");
    let wrong = post(&config, "ph-20261130-kkkkkkkk").await.expect_err("a wrong password").to_string();
    assert!(wrong.contains("401") && wrong.contains("Invalid Login") && !wrong.contains('\n'), "{wrong}");
    assert!(!wrong.contains("wr0ng-pw"), "{wrong}");
}
