//! An alert storm through the function that takes alerts in, on an emulator, counted and reckoned at the wire. The costs
//! in docs/cost.md rest on these figures: what a storm costs depends on machines and batches, not on alerts.
#![cfg(feature = "aws")]
#![forbid(unsafe_code)]

mod meter;

use std::sync::Arc;
use std::time::{Duration, Instant};

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::types::{
    AttributeDefinition, BillingMode, GlobalSecondaryIndex, KeySchemaElement, KeyType, Projection,
    ProjectionType, ScalarAttributeType,
};
use casework::aws::client::{Clients, Surroundings};
use casework::aws::deployment::Deployment;
use casework::aws::dispatch::Dispatch;
use casework::aws::intake::{Intake, Message};
use casework::aws::metrics::Metrics;
use casework::aws::performer::{Role, ThroughRelays};
use casework::backend::Backend;
use casework::backend::aws::Aws;
use casework::worker::{Clock, Worker};
use emulator::ssm::{Behaviour, Node, SsmServer};
use emulator::{Ministack, Options};
use investigation::policy::Policy;
use jiff::Timestamp;

use meter::{Meter, Spent};

const HOSTS: usize = 100;
const PER_BATCH: usize = 1000;
const BATCHES: usize = 20;
const DOCUMENT: &str = include_str!("../../../../infra/documents/orders-linux.json");
const ALERT: &str = include_str!("../../../../events/alerts/suricata_eve-alert.json");
const POLICY: &str =
    "version = 1\n[scope]\nnetworks = ['10.0.0.0/8']\n[[relay]]\nname = 'hq'\nfallback = true\n";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_storm_costs_a_write_for_each_machine_and_batch_and_nothing_for_an_alert() {
    if emulator::skipped() {
        return;
    }
    let ministack = Ministack::start(Options::default()).expect("MiniStack");
    let ssm = SsmServer::start(emulator::ssm::Options::default()).expect("the SSM server");
    let mut node = Node::new("relay", std::env::temp_dir()).tag("PeerhoundRelay", "hq");
    // Collecting takes longer than the storm lasts.
    node.behaviour = Behaviour::Hangs;
    ssm.register(node).expect("a node");
    let meter = Meter::to(ministack.endpoint()).await;
    let counted = clients(meter.endpoint(), &ssm);
    prepare(&counted).await;
    let function = function(counted);
    meter.spent();

    for number in 0..BATCHES {
        let messages = batch(number);
        // The queue gives a message twice now and then; here it does so with all of them.
        for again in [false, true] {
            let undone = function.handle(&messages, Instant::now() + Duration::from_mins(5)).await;
            assert_eq!(undone, Vec::<String>::new(), "batch {number}");
            function.worker.backend.flush().await;
            let spent = meter.spent();
            if number == 0 || number == BATCHES - 1 {
                println!("batch {number}, again {again}: {spent:?}");
            }
            match (number, again) {
                (0, false) => opens(&spent, ssm.calls("SendCommand")),
                _ => repeats(&spent),
            }
        }
    }

    // Exact, although every message came twice: one alert of each machine opened its case, the others are repeats.
    let store = store(&clients(ministack.endpoint(), &ssm));
    let cases = store.cases(true, 10 * HOSTS).await.expect("cases");
    assert_eq!(cases.len(), HOSTS);
    let expected = (BATCHES * PER_BATCH / HOSTS - 1) as u64;
    let wrong: Vec<_> = cases.iter().filter(|case| case.suppressed != expected).collect();
    assert!(wrong.is_empty(), "not {expected}: {wrong:#?}");
}

/// The first sight of all machines: a constant for each.
fn opens(spent: &Spent, commands: u64) {
    let hosts = HOSTS as u64;
    // Opened; begun; handed over to a relay.
    assert_eq!(spent.of("TransactWriteItems"), 3 * hosts, "{spent:?}");
    // The alert that opened the case, and what was sent to the relay; the batch's other alerts on it.
    assert_eq!(spent.of("PutItem"), hosts + commands, "{spent:?}");
    assert_eq!(spent.of("BatchWriteItem"), hosts, "{spent:?}");
    // Whether a case waits for the machine, and the case itself.
    assert_eq!(spent.of("GetItem"), 2 * hosts, "{spent:?}");
    // The case in hand.
    assert_eq!((spent.of("UpdateItem"), spent.of("DeleteItem")), (hosts, hosts), "{spent:?}");
    // All machines, and each again once its case is open.
    assert_eq!(spent.of("BatchGetItem"), hosts.div_ceil(50) + hosts, "{spent:?}");
    // Orders that are ready in the same moment travel together.
    assert!(commands < hosts && spent.of("PUT") == commands, "{commands} commands, {spent:?}");
    // What docs/cost.md says of a first alert. A command's item has a line for each of its orders: with many of them it takes
    // a second unit.
    let writes = 31 * hosts + commands..=31 * hosts + 2 * commands;
    assert!(writes.contains(&spent.writes), "{commands} commands, {spent:?}");
    assert_eq!((spent.indexes, spent.reads), (6 * hosts, 6 * hosts), "{spent:?}");
}

/// Machines that are looked at already: one write for each, and nothing else but the look-up.
fn repeats(spent: &Spent) {
    let hosts = HOSTS as u64;
    let calls: Vec<(&str, u64)> = spent.calls.iter().map(|(name, n)| (name.as_str(), *n)).collect();
    assert_eq!(calls, [("BatchGetItem", hosts.div_ceil(50)), ("BatchWriteItem", hosts.div_ceil(25))]);
    assert_eq!((spent.writes, spent.indexes, spent.reads), (hosts, 0, 2 * hosts), "{spent:?}");
}

/// One batch: each machine as often as any other, each alert one of its own.
fn batch(number: usize) -> Vec<Message> {
    let message = |n: usize| {
        let flow = number * PER_BATCH + n;
        let body = ALERT
            .replace("1207645113954211", &(1_207_645_113_954_211 + flow).to_string())
            .replace("10.20.4.17", &format!("10.20.4.{}", n % HOSTS + 1));
        Message { id: format!("m{flow}"), body }
    };
    (0..PER_BATCH).map(message).collect()
}

/// The function, as it is put together when it starts.
fn function(clients: Clients) -> Arc<Intake> {
    let policy = Arc::new(Policy::parse(POLICY).expect("the policy"));
    let deployment = Deployment::from_env(|name| Some(name.trim_start_matches("PEERHOUND_").to_lowercase()));
    let deployment = Arc::new(Deployment {
        staging_bucket: "staging".to_owned(),
        ssm_document_linux: "orders-linux".to_owned(),
        ..deployment.expect("a deployment")
    });
    let store = store(&clients);
    let (now, metrics): (Clock, _) = (Arc::new(Timestamp::now), Arc::new(Metrics::default()));
    let performer = ThroughRelays {
        role: Role::Intake,
        dispatch: Dispatch::new(clients.clone(), Arc::clone(&deployment), store.clone()),
        clients,
        deployment,
        policy: Arc::clone(&policy),
        rules: casework::rules::Rules::Shipped,
        texts: Arc::new(investigation::act::Texts::shipped().clone()),
        directories: Default::default(),
        now: Arc::clone(&now),
        metrics: Arc::clone(&metrics),
        tokens: Default::default(),
    };
    let worker = Worker { backend: store, performer, policy, observer: Arc::new(()), now };
    Arc::new(Intake { worker: Arc::new(worker), metrics })
}

fn clients(endpoint: &str, ssm: &SsmServer) -> Clients {
    let surroundings = Surroundings {
        region: Some("us-east-1".to_owned()),
        ca_bundle: None,
        endpoint: Some(endpoint.to_owned()),
        ssm_endpoint: Some(ssm.endpoint().to_owned()),
    };
    Clients::with_keys(&surroundings, "test", "test").expect("clients")
}

fn store(clients: &Clients) -> Aws {
    Aws::new(clients.dynamodb().clone(), "cases_table".to_owned(), "cooldowns_table".to_owned())
}

/// Tables as the Terraform module makes them, a bucket and the document.
async fn prepare(clients: &Clients) {
    make_tables(clients.dynamodb()).await;
    clients.s3().create_bucket().bucket("staging").send().await.expect("a bucket");
    let document = clients.ssm().create_document().name("orders-linux").content(DOCUMENT);
    document.document_type(aws_sdk_ssm::types::DocumentType::Command).send().await.expect("a document");
}

async fn make_tables(client: &Client) {
    let attribute = |name: &str| {
        let builder = AttributeDefinition::builder().attribute_name(name);
        builder.attribute_type(ScalarAttributeType::S).build().expect("all of it is set")
    };
    let key = |name: &str, kind| {
        KeySchemaElement::builder().attribute_name(name).key_type(kind).build().expect("all of it is set")
    };
    let index = |name: &str, keys: Vec<KeySchemaElement>, projection| {
        let builder = GlobalSecondaryIndex::builder().index_name(name).set_key_schema(Some(keys));
        builder.projection(projection).build().expect("all of it is set")
    };
    let keys_only = || Projection::builder().projection_type(ProjectionType::KeysOnly).build();
    let due =
        Projection::builder().projection_type(ProjectionType::Include).non_key_attributes("due").build();
    let (hash, range) = (KeyType::Hash, KeyType::Range);
    let by_queue = vec![key("queue", hash.clone()), key("at", range.clone())];
    let by_day = vec![key("day", hash.clone()), key("at", range.clone())];
    let table = client.create_table().table_name("cooldowns_table").billing_mode(BillingMode::PayPerRequest);
    let table = table.attribute_definitions(attribute("pk")).key_schema(key("pk", hash.clone()));
    table.send().await.expect("the table cooldowns");
    let mut table = client
        .create_table()
        .table_name("cases_table")
        .billing_mode(BillingMode::PayPerRequest)
        .key_schema(key("pk", hash.clone()))
        .key_schema(key("sk", range))
        .global_secondary_indexes(index("by_queue", by_queue, due))
        .global_secondary_indexes(index("by_day", by_day, keys_only()))
        .global_secondary_indexes(index("by_event", vec![key("event_id", hash)], keys_only()));
    for name in ["pk", "sk", "queue", "at", "day", "event_id"] {
        table = table.attribute_definitions(attribute(name));
    }
    table.send().await.expect("the table cases");
}
