//! A deployment for tests: real tables, queues and a bucket in an emulator, and a Systems Manager of its own.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU32, Ordering};

use emulator::StsServer;
use emulator::ssm::{Behaviour, Node, SsmServer};
use investigation::case::Case;
use investigation::policy::Policy;
use jiff::{SignedDuration, Timestamp};

use super::client::{Clients, Surroundings};
use super::deployment::Deployment;
use super::dispatch::Dispatch;
use super::intake::{Intake, Message};
use super::metrics::Metrics;
use super::performer::{Role, ThroughRelays};
use super::progress::Progress;
use super::sweep::Sweep;
use crate::backend::Backend;
use crate::backend::aws::Aws;
use crate::backend::aws::tests::tables::{Emulated, make};
use crate::worker::{Clock, Worker};

const DOCUMENT: &str = include_str!("../../../../infra/documents/orders-linux.json");
/// The bus that findings are put onto.
pub(crate) const FINDINGS: &str = "findings";
const POLICY: &str = "version = 1\n[scope]\nnetworks = ['10.0.0.0/8']\n[findings]\nevent_bus = 'findings'\n\
    [[relay]]\nname = 'hq'\nnetworks = ['10.0.0.0/9']\n[[relay]]\nname = 'plant'\nnetworks = ['10.128.0.0/9']\n";
static NUMBER: AtomicU32 = AtomicU32::new(0);

pub(crate) struct Site {
    pub(crate) ssm: SsmServer,
    pub(crate) sts: StsServer,
    pub(crate) clients: Clients,
    pub(crate) deployment: Arc<Deployment>,
    pub(crate) store: Aws,
    /// By how many seconds its clock is ahead.
    ahead: Arc<AtomicI64>,
    /// Sections of its policy, besides those that every site has.
    sections: String,
    emulated: Emulated,
}

impl Site {
    /// `None` where the emulator is not installed, and the test has to be skipped.
    pub(crate) async fn start() -> Option<Self> {
        let emulated = Emulated::start()?;
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let named = |name: &str| format!("site-{number}-{name}");
        let ssm = SsmServer::start(emulator::ssm::Options::default()).expect("the SSM server");
        let sts = StsServer::start().expect("the STS server");
        let surroundings = Surroundings {
            region: Some("us-east-1".to_owned()),
            ca_bundle: None,
            endpoint: Some(emulated.endpoint().to_owned()),
            ssm_endpoint: Some(ssm.endpoint().to_owned()),
        };
        let clients = Clients::with_keys(&surroundings, "test", "test").expect("clients");
        let (cases, cooldowns) = (named("cases"), named("cooldowns"));
        make(clients.dynamodb().clone(), cases.clone(), cooldowns.clone()).await;
        clients.s3().create_bucket().bucket(named("staging")).send().await.expect("a bucket");
        let document = clients.ssm().create_document().name("orders-linux").content(DOCUMENT);
        document.document_type(aws_sdk_ssm::types::DocumentType::Command).send().await.expect("a document");
        let mut urls = Vec::new();
        for name in
            ["alerts-dlq", "reports", "reports-dlq", "actions", "actions-dlq", "decisions", "decisions-dlq"]
        {
            let made = clients.sqs().create_queue().queue_name(named(name)).send().await.expect("a queue");
            urls.push(made.queue_url.expect("its URL"));
        }
        let key = clients.kms().create_key().key_spec(aws_sdk_kms::types::KeySpec::Hmac256);
        let key =
            key.key_usage(aws_sdk_kms::types::KeyUsageType::GenerateVerifyMac).send().await.expect("a key");
        let key_id = key.key_metadata.expect("what it is").key_id;
        let deployment = Deployment::from_env(|name| Some(name.to_owned())).expect("a deployment");
        let deployment = Arc::new(Deployment {
            cases_table: cases.clone(),
            cooldowns_table: cooldowns.clone(),
            staging_bucket: named("staging"),
            alerts_dlq_url: urls[0].clone(),
            reports_queue_url: urls[1].clone(),
            reports_dlq_url: urls[2].clone(),
            actions_queue_url: urls[3].clone(),
            actions_dlq_url: urls[4].clone(),
            region: Some("us-east-1".to_owned()),
            sts_endpoint: Some(sts.endpoint().to_owned()),
            approval_key: Some(key_id),
            decisions_queue_url: urls[5].clone(),
            decisions_dlq_url: urls[6].clone(),
            ssm_document_linux: "orders-linux".to_owned(),
            ..deployment
        });
        let store = Aws::new(clients.dynamodb().clone(), cases, cooldowns);
        Some(Self {
            ssm,
            sts,
            clients,
            deployment,
            store,
            ahead: Arc::default(),
            sections: String::new(),
            emulated,
        })
    }

    /// The same with further sections of its policy.
    pub(crate) fn with(self, sections: &str) -> Self {
        Self { sections: sections.to_owned(), ..self }
    }

    /// The mails that were sent to an address.
    pub(crate) fn mails_to(&self, address: &str) -> Vec<String> {
        let mails = self.emulated.mails().into_iter().map(|mail| mail.to_string());
        mails.filter(|mail| mail.contains(address)).collect()
    }

    /// Registers a node of a relay. It does not run what it is sent, but lets that end in this way.
    pub(crate) fn node(&self, relay: &str, behaviour: Behaviour) -> String {
        let mut node = Node::new(relay, std::env::temp_dir()).tag("PeerhoundRelay", relay);
        node.behaviour = behaviour;
        self.ssm.register(node).expect("a node")
    }

    /// Its policy.
    pub(crate) fn policy(&self) -> Policy {
        Policy::parse(&format!("{POLICY}{}", self.sections)).expect("the policy")
    }

    /// How many messages are on a queue, with those that are not to be seen yet.
    pub(crate) async fn waiting(&self, queue: &str) -> u64 {
        use aws_sdk_sqs::types::QueueAttributeName as Name;
        let names = [Name::ApproximateNumberOfMessages, Name::ApproximateNumberOfMessagesDelayed];
        let call = self.clients.sqs().get_queue_attributes().queue_url(queue);
        let answer = call.set_attribute_names(Some(names.to_vec())).send().await.expect("an answer");
        let number = |name| {
            answer.attributes().and_then(|all| all.get(name)).and_then(|text| text.parse::<u64>().ok())
        };
        names.iter().filter_map(number).sum()
    }

    fn worker(&self, role: Role) -> (Arc<Worker<Aws, ThroughRelays>>, Arc<Metrics>) {
        let policy = Arc::new(self.policy());
        let (ahead, metrics) = (Arc::clone(&self.ahead), Arc::new(Metrics::default()));
        let now: Clock =
            Arc::new(move || Timestamp::now() + SignedDuration::from_secs(ahead.load(Ordering::Relaxed)));
        let performer = ThroughRelays {
            role,
            dispatch: Dispatch::new(self.clients.clone(), Arc::clone(&self.deployment), self.store.clone()),
            clients: self.clients.clone(),
            deployment: Arc::clone(&self.deployment),
            policy: Arc::clone(&policy),
            rules: crate::rules::Rules::Shipped,
            texts: Arc::new(investigation::act::Texts::shipped().clone()),
            directories: Default::default(),
            now: Arc::clone(&now),
            metrics: Arc::clone(&metrics),
            tokens: Default::default(),
        };
        let worker = Worker { backend: self.store.clone(), performer, policy, observer: Arc::new(()), now };
        (Arc::new(worker), metrics)
    }

    pub(crate) fn intake(&self) -> Arc<Intake> {
        let (worker, metrics) = self.worker(Role::Intake);
        Arc::new(Intake { worker, metrics })
    }

    pub(crate) fn progress(&self, role: Role) -> Progress {
        Progress { worker: self.worker(role).0 }
    }

    pub(crate) fn sweep(&self) -> Sweep {
        let (worker, metrics) = self.worker(Role::Sweep);
        Sweep { progress: Progress { worker }, metrics }
    }

    /// Lets time pass for everything but AWS.
    pub(crate) fn pass(&self, time: SignedDuration) {
        self.ahead.fetch_add(time.as_secs(), Ordering::Relaxed);
    }

    pub(crate) async fn cases(&self) -> Vec<Case> {
        let mut cases = Vec::new();
        for row in self.store.cases(false, 1000).await.expect("cases") {
            cases.extend(self.store.case(&row.id).await.expect("a case"));
        }
        cases
    }

    /// What lies on a queue, with the reason that it carries. It is taken off it.
    pub(crate) async fn take(&self, queue: &str) -> Vec<(String, String)> {
        let mut taken = Vec::new();
        loop {
            let receive = self.clients.sqs().receive_message().queue_url(queue).max_number_of_messages(10);
            let answer = receive.message_attribute_names("All").send().await.expect("an answer");
            if answer.messages().is_empty() {
                return taken;
            }
            for message in answer.messages() {
                let attribute = message.message_attributes().and_then(|all| all.get("Reason"));
                let reason = attribute.and_then(|reason| reason.string_value()).unwrap_or_default();
                taken.push((message.body().unwrap_or_default().to_owned(), reason.to_owned()));
            }
        }
    }
}

/// A message about a machine, as a SIEM sends it.
pub(crate) fn alert(id: &str, machine: &str) -> Message {
    let body =
        format!(r#"{{"source":{{"ip":"{machine}"}},"rule":{{"name":"P2P"}},"event":{{"id":"{id}"}}}}"#);
    Message { id: id.to_owned(), body }
}
