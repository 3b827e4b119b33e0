//! A deployment with a door for approvers, and people with authenticators.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use data_encoding::{BASE32_NOPAD, BASE64, HEXLOWER};
use investigation::act::ActionKind;
use investigation::alert::Alert;
use investigation::case::{Case, Delivery, Effect, Event, Intake, Pending, SealedEvidence, intake};
use investigation::evidence::Identity;
use investigation::policy::Policy;
use investigation::remediation::{Measure, Proposal, Suggestion, Why};
use jiff::{SignedDuration, Timestamp};
use serde_json::{Map, Value, json};

use super::super::Approvals;
use crate::approval_link::{LinkKey, Offer};
use crate::aws::decisions::Spoken;
use crate::aws::deployment::Deployment;
use crate::aws::door::Doorman;
use crate::aws::metrics::Metrics;
use crate::aws::performer::Role;
use crate::aws::progress::Undone;
use crate::aws::testing::Site;
use crate::backend::{Backend, Committed, Received};
use crate::worker::{Performed, Performer};

/// Those who are asked by a link.
pub(super) const PEOPLE: [&str; 2] = ["anna", "bert"];
const KEY: &str = "0123456789abcdef0123456789abcdef";
const SECTIONS: &str = "[mail]\nfrom = 'peerhound@approvals.example'\n\
    [remediation]\npolicy_violation = ['stop_process']\napprovers = ['anna', 'bert', 'carl']\napprovals = 2\n\
    [remediation.link]\nmail = { anna = 'anna@corp.example', bert = 'bert@corp.example' }\n";

pub(super) struct Bench {
    site: Site,
    doorman: Doorman,
    pub(super) key: LinkKey,
    /// Seeds in base32.
    pub(super) seeds: BTreeMap<&'static str, String>,
}

impl Bench {
    /// `None` where the emulator is not installed, and the test has to be skipped.
    pub(super) async fn start() -> Option<Self> {
        let mut site = Site::start().await?.with(SECTIONS);
        let seed = |person: &str| BASE32_NOPAD.encode(format!("{person}{KEY}").as_bytes());
        let seeds: BTreeMap<&str, String> = PEOPLE.map(|person| (person, seed(person))).into();
        let named = |name: &str| format!("{}-{name}", site.deployment.cases_table);
        let (link, codes) = (named("link"), named("codes"));
        let lines: String = seeds.iter().map(|(person, seed)| format!("{person} {seed}\n")).collect();
        for (name, text) in [(&link, KEY), (&codes, lines.as_str())] {
            let secret = site.clients.secrets().create_secret().name(name).secret_string(text);
            secret.send().await.expect("a secret");
        }
        site.deployment = Arc::new(Deployment {
            link_secret: Some(link.clone()),
            codes_secret: Some(codes),
            approve_url: Some("https://abc.execute-api.example".to_owned()),
            ..(*site.deployment).clone()
        });
        let doorman = Doorman {
            clients: site.clients.clone(),
            policy: (*site.progress(Role::Progress).worker.policy).clone(),
            alerts_queue_url: String::new(),
            alerts_dlq_url: String::new(),
            secret: link.clone(),
            keys: Default::default(),
            metrics: Metrics::default(),
            approvals: Some(Approvals {
                store: site.store.clone(),
                link_secret: link,
                key: Default::default(),
                decisions_queue_url: site.deployment.decisions_queue_url.clone(),
            }),
        };
        Some(Self { site, doorman, key: LinkKey::of(KEY).unwrap(), seeds })
    }

    fn policy(&self) -> &Policy {
        &self.doorman.policy
    }

    /// A closed case of a machine with a hostile name, with one measure that waits for two persons.
    pub(super) async fn offered(&self, machine: &str) -> Case {
        let now = Timestamp::now();
        let alert = json!({ "id": machine, "format": "suricata_eve", "event.original": "{}", "source.ip": machine,
            "destination.ip": "203.0.113.7", "destination.port": 6881 });
        let alert: Alert = serde_json::from_value(alert).unwrap();
        let received =
            Received { id: machine.to_owned(), origin: "x".to_owned(), content: Ok(alert.clone()) };
        self.site.store.take_in(vec![received], now).await.unwrap();
        let Intake::Open(step) = intake(&alert, self.policy(), now) else { panic!("not opened") };
        assert_eq!(self.site.store.commit(&step, now).await.unwrap(), Committed::Done);
        let host_name = "<script>ws</script>\u{202e}".to_owned();
        let measure =
            Measure::StopProcess { pid: 7, image: "/home/a/<b>q".to_owned(), start_time: Some(now) };
        let why = Why { rule: "p2p.x".to_owned(), entry: "artifacts/processes.json".to_owned(), row: 0 };
        let measures = vec![Suggestion { measure, why }];
        let proposal = Proposal { host_name: host_name.clone(), measures, left_out: Vec::new() };
        let assessment = json!({ "verdict": "policy_violation", "confidence": "high", "summary": "<b>s",
            "findings": [], "missing": [], "indicators_version": "1" });
        let sha256 = HEXLOWER.encode(&[step.case.id.as_bytes()[12]; 32]);
        let evidence =
            SealedEvidence { location: "s3://x/y.zip".to_owned(), sha256, size: 1, sealed_at: now };
        let mut case = step.case;
        for event in [
            Event::Identified { identity: Identity { host_name, ..Identity::default() } },
            Event::Collected { outcomes: Vec::new(), staged: None },
            Event::Assessed {
                assessment: Box::new(serde_json::from_value(assessment).unwrap()),
                proposal: Some(Box::new(proposal)),
            },
            Event::Sealed { evidence },
        ] {
            case = self.write(&case, event).await;
        }
        while let Some(act) = case.pending.iter().find(|pending| matches!(pending.effect, Effect::Act { .. }))
        {
            let effect = act.n;
            let delivery = Delivery::Accepted { receipt: "ok".to_owned() };
            case = self.write(&case, Event::Delivered { effect, delivery }).await;
        }
        assert!(case.is_closed());
        self.case(&case).await
    }

    async fn write(&self, case: &Case, event: Event) -> Case {
        let now = Timestamp::now();
        let step = case.advance(event, self.policy(), now).unwrap();
        assert_eq!(self.site.store.commit(&step, now).await.unwrap(), Committed::Done);
        step.case
    }

    pub(super) async fn case(&self, case: &Case) -> Case {
        self.site.store.case(&case.id).await.unwrap().unwrap()
    }

    /// Lets the function `act` mail everybody who is asked, and gives the mails, in the order of [`PEOPLE`].
    pub(super) async fn mails(&self, case: &Case) -> Vec<String> {
        let identity = self.site.clients.ses().create_email_identity().email_identity("approvals.example");
        // Another test of this process may have been first.
        let _ = identity.send().await;
        let act = self.site.progress(Role::Act).worker;
        let mut mails = Vec::new();
        for person in PEOPLE {
            let to = format!("{person}@corp.example");
            let effect = Effect::Act { kind: ActionKind::MailApprover, to: vec![to.clone()] };
            let pending = Pending { effect, ..case.pending[0].clone() };
            let performed = act.performer.perform(case, &pending).await;
            let Performed::Done(Event::Delivered { delivery: Delivery::Accepted { .. }, .. }) = performed
            else {
                panic!("not delivered: {performed:?}")
            };
            mails.extend(self.site.mails_to(&to).pop());
        }
        mails
    }

    /// A link of one's own making.
    pub(super) fn link(&self, case: &Case, by: &str, seconds: i64) -> String {
        let offer = Offer {
            case_id: case.id.clone(),
            evidence_sha256: case.remediation.as_ref().unwrap().evidence_sha256.clone(),
            measures: vec![1],
            by: by.to_owned(),
            expires_at: Timestamp::now() + SignedDuration::from_secs(seconds),
        };
        self.key.sign(&offer).unwrap()
    }

    /// What a person's authenticator shows so many seconds from now: by another hand than ours.
    pub(super) fn code(&self, person: &str, seconds: i64) -> String {
        let script = "import base64,hmac,struct,sys\n\
                      d=hmac.new(base64.b32decode(sys.argv[1]+'='*(-len(sys.argv[1])%8)),\
                      struct.pack('>Q',int(sys.argv[2])//30),'sha1').digest()\no=d[-1]&15\n\
                      print('%06d'%((struct.unpack('>I',d[o:o+4])[0]&0x7fffffff)%10**6))";
        let at = (Timestamp::now().as_second() + seconds).to_string();
        let output = std::process::Command::new("python3")
            .args(["-c", script, &self.seeds[person], &at])
            .output()
            .expect("python3, which the emulator needs too");
        String::from_utf8(output.stdout).unwrap().trim().to_owned()
    }

    pub(super) async fn put_codes(&self, text: &str) {
        let id = self.site.deployment.codes_secret.clone().unwrap();
        let put = self.site.clients.secrets().put_secret_value().secret_id(id).secret_string(text);
        put.send().await.expect("a secret");
    }

    /// The deployment as it is without `door.approve`.
    pub(super) fn without_door(&mut self) {
        let without = Deployment { link_secret: None, codes_secret: None, ..(*self.site.deployment).clone() };
        self.site.deployment = Arc::new(without);
    }

    pub(super) async fn ask(&self, method: &str, query: &[(&str, &str)], body: &str) -> Value {
        self.at("/approve", method, query, body).await
    }

    pub(super) async fn post(&self, form: &str) -> Value {
        self.ask("POST", &[], form).await
    }

    pub(super) async fn posted_from(&self, site: &str, form: &str) -> Value {
        let mut event = event("/approve", "POST", &[], form);
        event["headers"]["sec-fetch-site"] = json!(site);
        self.doorman.handle(&event, Timestamp::now()).await
    }

    pub(super) async fn at(&self, path: &str, method: &str, query: &[(&str, &str)], body: &str) -> Value {
        self.doorman.handle(&event(path, method, query, body), Timestamp::now()).await
    }

    /// Goes where a form led.
    pub(super) async fn follow(&self, answer: &Value) -> String {
        let query = location(answer).strip_prefix("approve?").expect("a place");
        let pairs: Vec<(&str, &str)> = query.split('&').filter_map(|pair| pair.split_once('=')).collect();
        body(&self.ask("GET", &pairs, "").await).to_owned()
    }

    /// The messages on the queue of words.
    pub(super) async fn words(&self) -> Vec<String> {
        let taken = self.site.take(&self.site.deployment.decisions_queue_url).await;
        taken.into_iter().map(|(body, _)| body).collect()
    }

    /// Lets the function `progress` take a message.
    pub(super) async fn hear(&self, message: &str) -> Result<(), Undone> {
        let until = Instant::now() + Duration::from_secs(60);
        self.site.progress(Role::Progress).handle(message, until).await
    }

    pub(super) async fn hear_spoken(&self, spoken: &Spoken) -> Result<(), Undone> {
        self.hear(&json!({ "spoken": spoken }).to_string()).await
    }

    /// Sends the form, lets the word be taken, and gives the page that tells what became of it.
    pub(super) async fn say(&self, link: &str, code: &str) -> String {
        let answer = self.post(&format!("link={link}&code={code}")).await;
        assert_eq!(status(&answer), 303, "{answer}");
        for word in self.words().await {
            self.hear(&word).await.expect("a word that is taken or noted");
        }
        self.follow(&answer).await
    }
}

/// A request as API Gateway hands it on (payload format 2.0): forms come encoded.
fn event(path: &str, method: &str, query: &[(&str, &str)], body: &str) -> Value {
    let pairs: Map<String, Value> =
        query.iter().map(|(name, value)| ((*name).to_owned(), json!(value))).collect();
    let raw: Vec<String> = query.iter().map(|(name, value)| format!("{name}={value}")).collect();
    json!({
        "version": "2.0", "routeKey": format!("{method} {path}"), "rawPath": path, "rawQueryString": raw.join("&"),
        "queryStringParameters": pairs,
        "headers": { "content-type": "application/x-www-form-urlencoded", "host": "abc.execute-api.example" },
        "requestContext": { "requestId": "r1", "http": { "method": method, "path": path } },
        "isBase64Encoded": true, "body": BASE64.encode(body.as_bytes()),
    })
}

pub(super) fn status(answer: &Value) -> u64 {
    answer["statusCode"].as_u64().unwrap_or_default()
}

pub(super) fn body(answer: &Value) -> &str {
    answer["body"].as_str().unwrap_or_default()
}

pub(super) fn location(answer: &Value) -> &str {
    answer["headers"]["location"].as_str().unwrap_or_default()
}

/// The warning of a page; empty where there is none.
pub(super) fn warning(page: &str) -> &str {
    let rest = page.split("class=\"warning\"").nth(1).unwrap_or_default();
    rest.split("</p>").next().unwrap_or_default()
}

/// The link of a mail to an approver.
pub(super) fn link_in(mail: &str) -> String {
    let rest = mail.split("https://abc.execute-api.example/approve?link=").nth(1).expect("a link");
    rest.chars().take_while(|c| c.is_ascii_alphanumeric() || "-_.".contains(*c)).collect()
}
