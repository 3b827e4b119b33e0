//! An emulator that the tests of this process share, and tables in it.

use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::Duration;

use aws_config::retry::RetryConfig;
use aws_config::{BehaviorVersion, Region};
use aws_credential_types::Credentials;
use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::config::Config;
use aws_sdk_dynamodb::types::{
    AttributeDefinition, BillingMode, GlobalSecondaryIndex, KeySchemaElement, KeyType, Projection,
    ProjectionType, ScalarAttributeType,
};
use emulator::{Ministack, Options};

use super::super::Aws;

static SHARED: Mutex<Weak<Ministack>> = Mutex::new(Weak::new());
static NUMBER: AtomicU32 = AtomicU32::new(0);

/// The running emulator; it ends with the last test that uses it.
pub(crate) struct Emulated {
    ministack: Arc<Ministack>,
}

impl Emulated {
    /// `None` where it is not installed, and the test has to be skipped.
    pub(crate) fn start() -> Option<Self> {
        if emulator::skipped() {
            return None;
        }
        let mut shared = SHARED.lock().unwrap_or_else(PoisonError::into_inner);
        let ministack = shared
            .upgrade()
            .unwrap_or_else(|| Arc::new(Ministack::start(Options::default()).expect("MiniStack")));
        *shared = Arc::downgrade(&ministack);
        Some(Self { ministack })
    }

    pub(crate) fn endpoint(&self) -> &str {
        self.ministack.endpoint()
    }

    /// Every mail that its SES took, as it tells of it.
    pub(crate) fn mails(&self) -> Vec<serde_json::Value> {
        self.ministack.mails().expect("the mails")
    }

    pub(super) fn client(&self) -> Client {
        client(self.endpoint())
    }

    /// An empty store in tables of its own. Only on a runtime of several threads.
    pub(super) fn fresh(&self) -> Aws {
        let (client, number) = (self.client(), NUMBER.fetch_add(1, Ordering::Relaxed));
        let (cases, cooldowns) = (format!("cases-{number}"), format!("cooldowns-{number}"));
        let store = Aws::new(client.clone(), cases.clone(), cooldowns.clone());
        let make = make(client, cases, cooldowns);
        tokio::task::block_in_place(|| tokio::runtime::Handle::current().block_on(make));
        store
    }
}

/// A client that gives up on an address early.
pub(super) fn client(endpoint: &str) -> Client {
    let retries = RetryConfig::standard().with_max_attempts(4).with_initial_backoff(Duration::from_millis(5));
    let config = Config::builder()
        .behavior_version(BehaviorVersion::latest())
        .credentials_provider(Credentials::new("test", "test", None, None, "test"))
        .region(Region::new("us-east-1"))
        .endpoint_url(endpoint)
        .http_client(aws_smithy_http_client::Builder::new().build_http())
        .retry_config(retries);
    Client::from_conf(config.build())
}

/// The same store, reached by another way.
pub(super) fn through(store: &Aws, endpoint: &str) -> Aws {
    Aws::new(client(endpoint), store.cases.to_string(), store.cooldowns.to_string())
}

fn element(name: &str, kind: KeyType) -> KeySchemaElement {
    KeySchemaElement::builder().attribute_name(name).key_type(kind).build().unwrap()
}

fn attribute(name: &str) -> AttributeDefinition {
    let builder = AttributeDefinition::builder().attribute_name(name);
    builder.attribute_type(ScalarAttributeType::S).build().unwrap()
}

/// An index with no more than its keys and `due`.
fn index(name: &str, hash: &str, range: Option<&str>) -> GlobalSecondaryIndex {
    let projection = match name {
        "by_queue" => {
            Projection::builder().projection_type(ProjectionType::Include).non_key_attributes("due").build()
        }
        _ => Projection::builder().projection_type(ProjectionType::KeysOnly).build(),
    };
    let mut keys = vec![element(hash, KeyType::Hash)];
    keys.extend(range.map(|range| element(range, KeyType::Range)));
    let builder = GlobalSecondaryIndex::builder().index_name(name).set_key_schema(Some(keys));
    builder.projection(projection).build().unwrap()
}

pub(crate) async fn make(client: Client, cases: String, cooldowns: String) {
    let table = client.create_table().table_name(cooldowns).billing_mode(BillingMode::PayPerRequest);
    let table = table.attribute_definitions(attribute("pk")).key_schema(element("pk", KeyType::Hash));
    table.send().await.expect("the table cooldowns");
    let mut table = client
        .create_table()
        .table_name(cases)
        .billing_mode(BillingMode::PayPerRequest)
        .key_schema(element("pk", KeyType::Hash))
        .key_schema(element("sk", KeyType::Range))
        .global_secondary_indexes(index("by_queue", "queue", Some("at")))
        .global_secondary_indexes(index("by_day", "day", Some("at")))
        .global_secondary_indexes(index("by_event", "event_id", None));
    for name in ["pk", "sk", "queue", "at", "day", "event_id"] {
        table = table.attribute_definitions(attribute(name));
    }
    table.send().await.expect("the table cases");
}
