//! The command line on a deployment: a real emulator, the real program.
#![expect(clippy::unwrap_used, reason = "a test that cannot be set up has failed")]

#[path = "serve/http.rs"]
mod http;
#[path = "aws/reassessing.rs"]
mod reassessing;
#[path = "../../crates/casework/src/reassess/tests/sealing.rs"]
mod sealing;
#[path = "aws/serving.rs"]
mod serving;

use std::process::{Command, Output, Stdio};
use std::time::Duration;

use aws_sdk_dynamodb::types::{
    AttributeDefinition, BillingMode, GlobalSecondaryIndex, KeySchemaElement, KeyType, Projection,
    ProjectionType, ScalarAttributeType, TimeToLiveSpecification,
};
use casework::aws::client::{Clients, Surroundings};
use casework::aws::queues;
use casework::backend::Backend;
use casework::backend::aws::Aws;
use emulator::Ministack;
use emulator::ssm::{Node, Ping, SsmServer};
use investigation::case::{Intake, intake};
use investigation::claim::ClaimKey;
use investigation::policy::Policy;
use jiff::Timestamp;
use serde_json::Value;
use tokio::runtime::Runtime;

const POLICY: &str = "version = 1\n[scope]\nnetworks = ['10.0.0.0/8']\n[mail]\nfrom = 'peerhound@corp.example'\n\
    [[relay]]\nname = 'hq'\nnetworks = ['10.0.0.0/9']\n[[relay]]\nname = 'plant'\nnetworks = ['10.128.0.0/9']\n";

/// A deployment that is made by hand, with nothing that a test does not ask for.
struct Site {
    ministack: Ministack,
    ssm: SsmServer,
    clients: Clients,
    runtime: Runtime,
    folder: tempfile::TempDir,
}

impl Site {
    fn start() -> Option<Self> {
        if emulator::skipped() {
            return None;
        }
        let ssm = SsmServer::start(emulator::ssm::Options::default()).unwrap();
        let ministack = Ministack::start(emulator::Options::default()).unwrap();
        let surroundings = Surroundings {
            region: Some("us-east-1".to_owned()),
            ca_bundle: None,
            endpoint: Some(ministack.endpoint().to_owned()),
            ssm_endpoint: Some(ssm.endpoint().to_owned()),
        };
        let clients = Clients::with_keys(&surroundings, "test", "test").unwrap();
        let runtime = Runtime::new().unwrap();
        let folder = tempfile::tempdir().unwrap();
        let site = Self { ministack, ssm, clients, runtime, folder };
        site.runtime.block_on(site.make());
        std::fs::write(site.path("peerhound.toml"), POLICY).unwrap();
        Some(site)
    }

    async fn make(&self) {
        let mut urls = Vec::new();
        for name in [
            "alerts-dlq",
            "reports-dlq",
            "actions-dlq",
            "decisions-dlq",
            "alerts",
            "reports",
            "actions",
            "decisions",
        ] {
            let mut create = self.clients.sqs().create_queue().queue_name(name);
            if name == "alerts" {
                let policy = r#"{"deadLetterTargetArn":"arn:aws:sqs:us-east-1:000000000000:alerts-dlq","maxReceiveCount":5}"#;
                create = create.attributes(aws_sdk_sqs::types::QueueAttributeName::RedrivePolicy, policy);
            }
            urls.push(create.send().await.unwrap().queue_url.unwrap());
        }
        for (table, keys) in [("cases", &["pk", "sk"][..]), ("cooldowns", &["pk"])] {
            self.table(table, keys).await;
        }
        for bucket in ["staging", "evidence"] {
            self.clients.s3().create_bucket().bucket(bucket).send().await.unwrap();
        }
        let [dead, dead_reports, dead_actions, dead_decisions, alerts, reports, actions, decisions] =
            urls.as_slice()
        else {
            unreachable!()
        };
        let deployment = format!(
            "region = \"us-east-1\"\ncases_table = \"cases\"\ncooldowns_table = \"cooldowns\"\nstaging_bucket = \"staging\"\n\
             evidence_bucket = \"evidence\"\nalerts_queue_url = \"{alerts}\"\nalerts_dlq_url = \"{dead}\"\n\
             reports_queue_url = \"{reports}\"\nreports_dlq_url = \"{dead_reports}\"\n\
             actions_queue_url = \"{actions}\"\nactions_dlq_url = \"{dead_actions}\"\n\
             decisions_queue_url = \"{decisions}\"\ndecisions_dlq_url = \"{dead_decisions}\"\nssm_document_linux = \"ph-linux\"\n\
             ssm_document_windows = \"ph-windows\"\n"
        );
        std::fs::write(self.path("deployment.toml"), deployment).unwrap();
    }

    async fn table(&self, name: &str, keys: &[&str]) {
        let indexed = [("by_queue", "queue", "at"), ("by_day", "day", "at"), ("by_event", "event_id", "")];
        let attribute = |name: &str| {
            AttributeDefinition::builder()
                .attribute_name(name)
                .attribute_type(ScalarAttributeType::S)
                .build()
                .unwrap()
        };
        let key = |name: &str, kind| {
            KeySchemaElement::builder().attribute_name(name).key_type(kind).build().unwrap()
        };
        let kinds = [KeyType::Hash, KeyType::Range];
        let schema = keys.iter().zip(kinds).map(|(name, kind)| key(name, kind)).collect();
        let mut create = self.clients.dynamodb().create_table().table_name(name).set_key_schema(Some(schema));
        for name in keys {
            create = create.attribute_definitions(attribute(name));
        }
        if keys.len() > 1 {
            for name in ["queue", "at", "day", "event_id"] {
                create = create.attribute_definitions(attribute(name));
            }
            for (name, hash, range) in indexed {
                let mut index =
                    GlobalSecondaryIndex::builder().index_name(name).key_schema(key(hash, KeyType::Hash));
                if !range.is_empty() {
                    index = index.key_schema(key(range, KeyType::Range));
                }
                let projection = Projection::builder().projection_type(ProjectionType::All).build();
                create = create.global_secondary_indexes(index.projection(projection).build().unwrap());
            }
        }
        create.billing_mode(BillingMode::PayPerRequest).send().await.unwrap();
    }

    fn path(&self, name: &str) -> std::path::PathBuf {
        self.folder.path().join(name)
    }

    /// The program, as a person with every right.
    fn peerhound(&self) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_peerhound"));
        command
            .current_dir(self.folder.path())
            .env_clear()
            .env("HOME", self.folder.path())
            .env("AWS_ACCESS_KEY_ID", "test")
            .env("AWS_SECRET_ACCESS_KEY", "test")
            .env("AWS_REGION", "us-east-1")
            .env("AWS_ENDPOINT_URL", self.ministack.endpoint())
            .env("AWS_ENDPOINT_URL_SSM", self.ssm.endpoint())
            .args(["--deployment", "deployment.toml", "--json"])
            .stdin(Stdio::null());
        command
    }

    fn run(&self, arguments: &[&str]) -> Output {
        self.peerhound().args(arguments).output().unwrap()
    }

    /// As [`Site::run`], with the objects that it printed.
    fn json(&self, arguments: &[&str], code: i32) -> Vec<Value> {
        let output = self.run(arguments);
        let (out, err) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
        assert_eq!(output.status.code(), Some(code), "{arguments:?}\n{out}\n{err}");
        out.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }

    /// As the functions do it.
    fn set_aside(&self, queue: &str, body: &str, origin: &str) {
        let (body, origin, reason) = (body.to_owned(), origin.to_owned(), "no format fits".to_owned());
        let aside = queues::Aside { body, origin, reason };
        self.runtime.block_on(queues::set_aside_one(self.clients.sqs(), queue, aside)).unwrap();
    }

    fn bodies(&self, queue: &str) -> Vec<String> {
        let url = format!("{}/000000000000/{queue}", self.ministack.endpoint());
        let receive = self
            .clients
            .sqs()
            .receive_message()
            .queue_url(url)
            .max_number_of_messages(10)
            .visibility_timeout(0);
        let answer = self.runtime.block_on(receive.send()).unwrap();
        answer.messages().iter().map(|message| message.body().unwrap_or_default().to_owned()).collect()
    }
}

#[test]
fn alerts_are_handed_over_and_dead_letters_put_back() {
    let Some(site) = Site::start() else { return };
    let alert = r#"{"@timestamp":"2026-03-02T09:00:00Z","source":{"ip":"10.0.0.5"}}"#;
    std::fs::write(site.path("a.json"), format!("{alert}\n{{\"no\": alert\n")).unwrap();
    let dry = site.json(&["submit", "--dry-run", "a.json", "10.0.0.6"], 2);
    assert_eq!(dry.iter().filter(|told| told["outcome"] == "would_be_sent").count(), 2, "{dry:#?}");
    assert!(site.bodies("alerts").is_empty(), "a dry run sent something");
    let told = site.json(&["submit", "a.json", "10.0.0.6"], 2);
    let count = |outcome: &str| told.iter().filter(|told| told["outcome"] == outcome).count();
    assert_eq!((count("sent"), count("unreadable")), (2, 1), "{told:#?}");
    let bodies = site.bodies("alerts");
    assert_eq!(bodies.len(), 2);
    assert!(bodies.iter().any(|body| body == alert), "the record goes as it came: {bodies:#?}");

    let dead = format!("{}/000000000000/alerts-dlq", site.ministack.endpoint());
    for number in 0..12 {
        let body = format!("\u{1b}[2J poison {number}").replace('\u{1b}', "~");
        site.set_aside(&dead, &body, "message x, line 3");
    }
    let listed = site.json(&["redrive", "list"], 0);
    assert_eq!(listed.len(), 12, "{listed:#?}");
    assert!(listed.iter().all(|letter| letter.to_string().contains("no format fits")), "{listed:#?}");
    let id = listed[0]["message_id"].as_str().unwrap().to_owned();
    let shown = site.json(&["redrive", "show", &id], 0);
    assert!(shown[0].to_string().contains("poison"), "{shown:#?}");
    assert_eq!(site.json(&["redrive", "requeue", &id], 0).len(), 1);
    assert_eq!(site.json(&["redrive", "list"], 0).len(), 11, "what was looked at is not hidden");
    let all = site.json(&["redrive", "requeue", "--all"], 0);
    assert_eq!(all.iter().filter(|told| told["outcome"] == "requeued").count(), 11, "{all:#?}");
    assert!(site.json(&["redrive", "list"], 0).is_empty());
}

#[test]
fn what_is_on_record_is_shown_and_an_alert_that_was_only_counted_is_explained() {
    let Some(site) = Site::start() else { return };
    let store = Aws::new(site.clients.dynamodb().clone(), "cases".to_owned(), "cooldowns".to_owned());
    let policy = Policy::parse(POLICY).unwrap();
    let now = Timestamp::now();
    let alert = serde_json::json!({ "id": "0123456789abcdef0123", "format": "test", "event.original": "{}", "source.ip": "10.0.0.5" });
    let Intake::Open(step) = intake(&serde_json::from_value(alert).unwrap(), &policy, now) else { panic!() };
    let repeat = "fedcba98765432100000".to_owned();
    site.runtime.block_on(async {
        store.commit(&step, now).await.unwrap();
        let key = ClaimKey::ip(step.case.target);
        store.count_batch(&step.case.id, &key, std::slice::from_ref(&repeat), now).await.unwrap();
    });
    let cases = site.json(&["case", "list"], 0);
    assert_eq!((cases.len(), cases[0]["id"].as_str()), (1, Some(step.case.id.as_str())), "{cases:#?}");
    assert_eq!(cases[0]["suppressed"], 1, "{cases:#?}");
    let explained = site.json(&["explain", &repeat], 0);
    let text = explained[0].to_string();
    assert!(text.contains(&step.case.id) && text.contains("ip#10.0.0.5"), "{explained:#?}");
    let claims = site.json(&["cooldown", "list"], 0);
    assert_eq!(claims[0]["key"], "ip#10.0.0.5", "{claims:#?}");
    site.json(&["cooldown", "release", "10.0.0.5"], 0);
    assert!(site.json(&["cooldown", "list"], 0).is_empty());
    site.json(&["verify", &step.case.id], 2);
    site.json(&["verify", "s3://evidence/evidence/2026/03/nothing.zip"], 2);
}

#[test]
fn the_doctor_finds_each_fault_and_is_content_once_it_is_mended() {
    let Some(site) = Site::start() else { return };
    let node = site.ssm.register(Node::new("relay", site.folder.path()).tag("PeerhoundRelay", "hq")).unwrap();
    site.ssm.set_ping(&node, Ping::ConnectionLost);
    let dead = format!("{}/000000000000/alerts-dlq", site.ministack.endpoint());
    site.set_aside(&dead, "poison", "here");
    site.set_aside(&format!("{}/000000000000/actions-dlq", site.ministack.endpoint()), "poison", "here");
    let found = |checks: &[Value], what: &str| -> (String, String) {
        let check = checks.iter().find(|check| check["what"].as_str().unwrap().starts_with(what));
        let check = check.unwrap_or_else(|| panic!("{what}: {checks:#?}"));
        (check["status"].as_str().unwrap().to_owned(), check["found"].as_str().unwrap().to_owned())
    };
    let checks = site.json(&["doctor"], 1);
    for (what, status, says) in [
        ("queue alerts-dlq", "warning", "redrive list --queue alerts"),
        ("queue actions-dlq", "warning", "redrive list --queue actions"),
        ("queue reports-dlq", "ok", "empty"),
        ("queue reports", "wrong", "no dead-letter queue"),
        ("queue alerts", "ok", "dead letters go to alerts-dlq"),
        ("table cases", "ok", "active"),
        ("table cases: TTL", "wrong", "is off"),
        ("bucket evidence: Object Lock", "wrong", "is off"),
        ("bucket evidence: public access", "wrong", "not blocked"),
        ("document ph-linux", "wrong", "InvalidDocument"),
        ("relay hq mi-", "wrong", "is offline"),
        ("relay plant", "wrong", "is not registered"),
        ("mail from", "wrong", "neither"),
    ] {
        let (is, text) = found(&checks, what);
        assert!(is == status && text.contains(says), "{what}: {is} {text}");
    }

    site.ssm.set_ping(&node, Ping::Online);
    site.runtime.block_on(async {
        let ttl = TimeToLiveSpecification::builder().enabled(true).attribute_name("ttl").build().unwrap();
        let update = site.clients.dynamodb().update_time_to_live().table_name("cases");
        update.time_to_live_specification(ttl).send().await.unwrap();
        site.clients.ses().create_email_identity().email_identity("corp.example").send().await.unwrap();
        site.clients.sqs().purge_queue().queue_url(&dead).send().await.unwrap();
        let document = include_str!("../../infra/documents/orders-linux.json");
        let create = site.clients.ssm().create_document().name("ph-linux").content(document);
        create.document_type(aws_sdk_ssm::types::DocumentType::Command).send().await.unwrap();
    });
    std::thread::sleep(Duration::from_millis(300));
    let checks = site.json(&["doctor"], 1);
    for what in ["queue alerts-dlq", "table cases: TTL", "document ph-linux", "relay hq mi-", "mail from"] {
        let (status, text) = found(&checks, what);
        assert_eq!(status, "ok", "{what}: {text}");
    }
}
