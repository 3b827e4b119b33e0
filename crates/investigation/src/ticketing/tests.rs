//! From a ticket to requests, and from answers to a reference.

use serde_json::{Value, json};

use super::*;
use crate::act::{ActionKind, Priority, Ticket};
use crate::policy::Policy;

fn policy(sections: &str) -> Policy {
    let text = format!("version = 1\n[scope]\nnetworks = ['10.0.0.0/8']\n{sections}");
    Policy::parse(&text).unwrap_or_else(|error| panic!("{error}"))
}

fn refused(sections: &str) -> String {
    let text = format!("version = 1\n[scope]\nnetworks = ['10.0.0.0/8']\n{sections}");
    Policy::parse(&text).unwrap_err().to_string()
}

fn ticket() -> Ticket {
    Ticket {
        title: "Policy violation: ws-5 [case ph-20261130-aaaaaaaa]".to_owned(),
        body_markdown: "| a |\n".to_owned(),
        body_text: "a\n".to_owned(),
        priority: Priority::High,
        labels: vec!["p2p".to_owned()],
        fields: json!({"peerhound.case_id": "ph-20261130-aaaaaaaa", "peerhound.verdict": "compromised"}),
    }
}

const RT: &str = "[ticket]\npreset = 'rt'\nurl = 'https://rt.example.com/rt/'\ntoken_file = 't'\nparameters = { queue = 'SOC & more' }\n";

#[test]
fn a_request_is_whole_and_its_values_stay_values() {
    let desk = policy(RT).desk(ActionKind::Ticket).unwrap();
    let values = desk.values(&ticket(), "ph-20261130-aaaaaaaa.effect-6");
    let find = desk.preset.find.clone().unwrap();
    let request = desk.request(&find.request, &values, Some("1-2-abc")).unwrap();
    assert_eq!(
        request.url,
        "https://rt.example.com/rt/REST/2.0/tickets?fields=Subject&per_page=10&query=Queue%20%3D%20%27SOC%20%26%20more%27\
         %20AND%20Subject%20LIKE%20%27ph-20261130-aaaaaaaa%27"
    );
    assert_eq!(request.headers, [("Authorization".to_owned(), "token 1-2-abc".to_owned())]);
    let create = &desk.preset.create.steps[0];
    let Some(Body::Json(body)) = desk.request(create, &values, None).unwrap().body else { panic!("no body") };
    assert_eq!(body["Queue"], "SOC & more");
    assert_eq!(body["Subject"], ticket().title);
}

#[test]
fn a_user_means_basic_and_a_secret_stands_in_no_other_place() {
    let desk = policy(&format!("{RT}user = 'peerhound'\n")).desk(ActionKind::Ticket).unwrap();
    let values = desk.values(&ticket(), "k");
    let request = desk.request(&desk.preset.create.steps[0], &values, Some("pw")).unwrap();
    assert_eq!(request.headers[0].1, "Basic cGVlcmhvdW5kOnB3");
    assert!(!request.url.contains("pw") && !request.body.unwrap().text().contains("pw"));
}

#[test]
fn a_title_keeps_its_case_whatever_the_product_takes() {
    let mut desk = policy(RT).desk(ActionKind::Ticket).unwrap();
    desk.preset.title_chars = 60;
    let mut long = ticket();
    long.title = format!("Compromised: {} [case ph-20261130-aaaaaaaa]", "Ü".repeat(100));
    let values = desk.values(&long, "k");
    let title = values.get("title").unwrap().as_str().unwrap();
    assert!(
        title.starts_with("[ph-20261130-aaaaaaaa] Compromised") && title.chars().count() == 60,
        "{title}"
    );
}

#[test]
fn fields_of_the_site_go_where_the_product_has_them() {
    let section = "[ticket]\npreset = 'jira'\nurl = 'https://x.atlassian.net'\nuser = 'a@example.com'\ntoken_file = 't'\n\
                   parameters = { project = 'SEC' }\n[ticket.fields]\npriority = { name = 'High' }\nissuetype = { name = '${verdict}' }\n";
    let desk = policy(section).desk(ActionKind::Ticket).unwrap();
    let values = desk.values(&ticket(), "k");
    let step = &desk.preset.create.steps[0];
    let Some(Body::Json(body)) = desk.request(step, &values, None).unwrap().body else { panic!("no body") };
    assert_eq!(body["fields"]["priority"], json!({"name": "High"}));
    assert_eq!(body["fields"]["issuetype"], json!({"name": "compromised"}));
    assert_eq!(body["fields"]["project"], json!({"key": "SEC"}));
}

#[test]
fn a_search_believes_no_item_that_is_only_alike() {
    let search = policy(RT).desk(ActionKind::Ticket).unwrap().preset.find.unwrap();
    let item = |subject: &str| json!({"items": [{"id": "1", "Subject": subject}]});
    let found = |subject: &str| found(&search, &item(subject), "ph-1.effect-1").unwrap().is_some();
    assert!(found("x [ph-1.effect-1]") && found("ph-1.effect-1"));
    for alike in ["ph-1.effect-12", "xph-1.effect-1", "ph-1.effect", "", "ph-2.effect-1"] {
        assert!(!found(alike), "{alike}");
    }
    assert!(super::found(&search, &json!({"message": "x"}), "w").unwrap_err().contains("/items"));
}

#[test]
fn what_an_answer_says_is_one_line_and_no_other_address() {
    let desk = policy(RT).desk(ActionKind::Ticket).unwrap();
    let step = &desk.preset.create.steps[0];
    let of = |answer: Value| {
        let mut values = desk.values(&ticket(), "k");
        captured(&step.capture, &answer).into_iter().for_each(|(name, value)| values.put(&name, value));
        reference(&desk, &values)
    };
    let fine = of(json!({"id": 7})).unwrap();
    assert_eq!(
        (fine.number.as_str(), fine.url.as_deref()),
        ("7", Some("https://rt.example.com/rt/Ticket/Display.html?id=7"))
    );
    let evil = of(json!({"id": "7\n\u{1b}[2J&x=<b>"})).unwrap();
    assert!(!evil.id.contains('\n') && !evil.url.unwrap_or_default().contains('<'));
    assert_eq!(of(json!({"id": {"a": 1}})), None);
    assert_eq!(of(json!([])), None);
}

#[test]
fn a_section_that_cannot_work_is_refused_with_what_to_do() {
    let jira = "[ticket]\npreset = 'jira'\n";
    let wrong = [
        ("[ticket]\npreset = 'bugzilla'\n", "there are webhook, jira"),
        ("[ticket]\nurl = 'https://x'\n", "names no preset"),
        (jira, "url is missing"),
        ("[ticket]\npreset = 'jira'\nurl = 'https://x'\n", "user is missing"),
        (
            "[ticket]\npreset = 'jira'\nurl = 'https://x'\nuser = 'u'\n",
            "parameters.project is missing: key of the project",
        ),
        ("[ticket]\npreset = 'rt'\nurl = 'http://rt.example.com'\n", "http is for this machine only"),
        ("[ticket]\npreset = 'rt'\nurl = 'http://127.0.0.1.evil.example'\n", "http is for this machine only"),
        ("[ticket]\npreset = 'rt'\nurl = 'rt.example.com'\n", "must begin with https://"),
        ("[ticket]\npreset = 'rt'\nurl = 'https://x'\nparameters = { queue = \"a' OR 1=1\" }\n", "no quotes"),
        ("[ticket]\npreset = 'rt'\nurl = 'https://x'\nparameters = { quue = 'a' }\n", "it has queue"),
        ("[ticket]\npreset = 'rt'\nurl = 'https://x'\nca_file = 'a'\nca_pem = 'b'\n", "one of them"),
        ("[chat]\npreset = 'slack'\nurl = 'https://x'\n", "here the address is the secret"),
        ("[chat]\npreset = 'slack'\nfields = { a = 1 }\n", "takes none"),
        ("[ticket]\npreset = 'rt'\nurl = 'https://x'\nfields = { a = [nan] }\n", "no values of JSON"),
        (
            "[ticket]\npreset = 'rt'\nurl = 'https://x'\nfields = { a = { b = 1979-05-27 } }\n",
            "no values of JSON",
        ),
        (
            "[ticket]\npreset = 'rt'\nurl = 'https://x'\nwebhook = { url = 'https://y' }\n",
            "a preset and a webhook",
        ),
        ("[actions]\ncompromised = ['ticket_comment']\n", "leave it out"),
    ];
    for (section, what) in wrong {
        let told = refused(section);
        assert!(told.contains(what), "{section}: {told}");
    }
    assert!(
        policy(RT).remarks().iter().all(|remark| !remark.text.contains("[ticket]")),
        "{:?}",
        policy(RT).remarks()
    );
    let chat =
        policy("[chat]\npreset = 'slack'\ntoken_file = 't'\n[actions]\ncompromised = ['chat', 'page']\n");
    let remarks: Vec<String> = chat.remarks().into_iter().map(|remark| remark.text).collect();
    assert!(remarks.iter().any(|text| text.contains("slack looks nothing up")), "{remarks:?}");
    assert!(remarks.iter().any(|text| text.contains("page is skipped")), "{remarks:?}");
}

/// What the documentation tells people to write has to work as it stands.
#[test]
fn every_policy_of_the_documentation_is_sound() {
    let page = include_str!("../../../../docs/tickets.md");
    let blocks: Vec<&str> =
        page.split("```toml\n").skip(1).filter_map(|rest| rest.split("```").next()).collect();
    let mut presets = Vec::new();
    for block in &blocks {
        let policy = policy(block);
        for kind in [ActionKind::Ticket, ActionKind::Page, ActionKind::Chat] {
            presets.extend(policy.desk(kind).map(|desk| desk.preset.name));
        }
    }
    for preset in shipped() {
        assert!(presets.contains(&preset.name), "{} has no section with a policy", preset.name);
        assert!(page.contains(&format!("`{}`", preset.name)), "{} is not in the table", preset.name);
    }
}

const OWN: &str = "[[preset]]\nname = 'own'\nabout = 'x'\nauth = 'bearer'\nmarkup = 'text'\ntitle_chars = 100\nbody_bytes = 1000\n\
                   create = { steps = [{ method = 'POST', path = '/t', json = { t = '${title}', k = '${kind}' }, capture = { id = '/id' } }] }\n\
                   parameters = { kind = { about = 'what it is' } }\n";

#[test]
fn a_site_has_presets_of_its_own() {
    let section =
        "[ticket]\npreset = 'own'\nurl = 'https://t'\ntoken_file = 't'\nparameters = { kind = 'p2p' }\n";
    let desk = policy(&format!("{section}{OWN}")).desk(ActionKind::Ticket).unwrap();
    assert!(!desk.may_repeat());
    for (from, to, what) in [
        ("'${title}'", "'${titel}'", "`${titel}` is no value"),
        ("'${title}'", "'${title'", "not closed"),
        ("'${title}'", "'${secret}'", "only stand in a body, with auth"),
        ("path = '/t'", "path = 't'", "must begin with /"),
        ("'/id'", "'id'", "no JSON pointer"),
        ("title_chars = 100", "title_chars = 10", "at least 60"),
        ("{ kind = {", "{ title = {", "would hide"),
        ("about = 'x'", "about = 'x'\nabuot = 'x'", "abuot"),
    ] {
        let told = refused(&format!("{section}{}", OWN.replacen(from, to, 1)));
        assert!(told.contains(what), "{from} -> {to}: {told}");
    }
}
