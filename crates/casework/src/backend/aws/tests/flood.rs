//! An alert storm through the function that takes alerts in, counted at the wire: what it costs must not depend on how
//! many alerts there are, but on how many machines and batches.

use std::sync::Arc;
use std::time::{Duration, Instant};

use emulator::ssm::{Behaviour, Node, Options, SsmServer};
use investigation::assess::Indicators;

use super::proxy::{Fate, Proxy};
use super::tables::through;
use super::*;
use crate::aws::client::{Clients, Surroundings};
use crate::aws::deployment::Deployment;
use crate::aws::dispatch::Dispatch;
use crate::aws::intake::{Intake as Function, Message};
use crate::aws::metrics::Metrics;
use crate::aws::performer::{Role, ThroughRelays};
use crate::worker::{Clock, Worker};

const HOSTS: u32 = 40;
const PER_BATCH: u32 = 400;
const BATCHES: u32 = 4;
const DOCUMENT: &str = include_str!("../../../../../../infra/documents/orders-linux.json");

fn relays() -> Arc<Policy> {
    let text = "version = 1\n[scope]\nnetworks = ['10.0.0.0/8']\n[[relay]]\nname = 'hq'\nfallback = true\n";
    Arc::new(Policy::parse(text).unwrap())
}

/// The function, over a store that is reached through a counter of calls.
fn function(store: Aws, clients: Clients) -> Arc<Function> {
    let policy = relays();
    let deployment = Deployment::from_env(|name| {
        Some(match name {
            "PEERHOUND_STAGING_BUCKET" => "staging".to_owned(),
            "PEERHOUND_SSM_DOCUMENT_LINUX" => "ph-linux".to_owned(),
            other => other.to_lowercase(),
        })
    });
    let deployment = Arc::new(deployment.unwrap());
    let (now, metrics): (Clock, _) = (Arc::new(Timestamp::now), Arc::new(Metrics::default()));
    let performer = ThroughRelays {
        role: Role::Intake,
        dispatch: Dispatch::new(clients.clone(), Arc::clone(&deployment), store.clone()),
        clients,
        deployment,
        policy: Arc::clone(&policy),
        indicators: Indicators::bundled(),
        now: Arc::clone(&now),
        metrics: Arc::clone(&metrics),
        token: tokio::sync::Mutex::default(),
    };
    let worker = Arc::new(Worker { backend: store, performer, policy, observer: Arc::new(()), now });
    Arc::new(Function { worker, metrics })
}

/// One batch: each machine as often as any other, and each alert one of its own.
fn batch(number: u32) -> Vec<Message> {
    let message = |n: u32| {
        let (host, flow) = (n % HOSTS, number * PER_BATCH + n);
        let body = serde_json::json!({ "event.id": format!("f{flow}"), "source.ip": format!("10.0.0.{}", host + 1), "rule.name": "P2P" });
        Message { id: format!("m{flow}"), body: body.to_string() }
    };
    (0..PER_BATCH).map(message).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_storm_costs_one_write_for_each_machine_and_batch() {
    let Some(emulated) = Emulated::start() else { return };
    let ssm = SsmServer::start(Options::default()).unwrap();
    let mut node = Node::new("relay", std::env::temp_dir()).tag("PeerhoundRelay", "hq");
    node.behaviour = Behaviour::Hangs;
    ssm.register(node).unwrap();
    let surroundings = Surroundings {
        region: Some("us-east-1".to_owned()),
        ca_bundle: None,
        endpoint: Some(emulated.endpoint().to_owned()),
        ssm_endpoint: Some(ssm.endpoint().to_owned()),
    };
    let clients = Clients::with_keys(&surroundings, "test", "test").unwrap();
    // Another test of this process may have made it.
    let _ = clients.s3.create_bucket().bucket("staging").send().await;
    let document = clients.ssm.create_document().name("ph-linux").content(DOCUMENT);
    document.document_type(aws_sdk_ssm::types::DocumentType::Command).send().await.unwrap();

    let store = emulated.fresh();
    let proxy = Proxy::to(emulated.endpoint(), |_| Fate::Pass).await;
    let counted = through(&store, proxy.endpoint());
    let function = function(counted.clone(), clients);
    // Forgets what was counted so far.
    proxy.calls();
    for number in 0..BATCHES {
        let messages = batch(number);
        // The queue gives messages twice now and then; here it does so with all of them.
        for again in [false, true] {
            let undone = function.handle(&messages, Instant::now() + Duration::from_secs(120)).await;
            counted.flush().await;
            assert_eq!(undone, Vec::<String>::new(), "batch {number}");
            let after = proxy.calls();
            let made = |operation: &str| *after.get(operation).unwrap_or(&0);
            if number == 0 && !again {
                // The first sight of each machine: its alert, its case with its claim, what was begun and handed over,
                // the hold, and the note of the command.
                assert!(made("TransactWriteItems") <= 3 * HOSTS, "{after:?}");
                assert!(made("PutItem") <= 2 * HOSTS + HOSTS, "{after:?}");
            } else {
                assert_eq!(made("PutItem"), HOSTS, "batch {number}, {again}: {after:?}");
                assert_eq!(made("BatchGetItem"), HOSTS.div_ceil(50), "{after:?}");
                for operation in
                    ["TransactWriteItems", "UpdateItem", "GetItem", "Query", "DeleteItem", "Scan"]
                {
                    assert_eq!(made(operation), 0, "{operation} in batch {number}: {after:?}");
                }
            }
            println!("batch {number}, again {again}: {after:?}");
        }
    }
    // Exact, although everything came twice: one alert of each machine opened its case, the others are repeats.
    let cases = store.cases(true, 1000).await.unwrap();
    assert_eq!(cases.len(), HOSTS as usize);
    let expected = u64::from(BATCHES * PER_BATCH / HOSTS - 1);
    assert!(cases.iter().all(|case| case.suppressed == expected), "{cases:#?}");
    // Orders of one moment travel together.
    assert!(ssm.calls("SendCommand") <= u64::from(HOSTS) / 2, "{}", ssm.calls("SendCommand"));
}
