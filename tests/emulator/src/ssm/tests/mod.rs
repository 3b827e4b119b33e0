//! The server as the SDK's client sees it.

mod documents;
mod knobs;
mod running;
mod sending;

use std::time::Duration;

use aws_config::BehaviorVersion;
use aws_config::retry::RetryConfig;
use aws_credential_types::Credentials;
use aws_sdk_ssm::Client;
use aws_sdk_ssm::config::Region;
use aws_sdk_ssm::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_ssm::operation::get_command_invocation::GetCommandInvocationOutput;
use serde_json::{Value, json};
use tempfile::TempDir;

use super::schema::document;
use super::{Node, Options, SsmServer};

/// Longer than any step here takes on a busy machine.
const LIMIT: Duration = Duration::from_secs(30);

/// A server with one node, and a client that does not try again by itself.
struct Rig {
    server: SsmServer,
    client: Client,
    node: String,
    folder: TempDir,
}

impl Rig {
    /// Its time-outs come when the service's do.
    fn start() -> Self {
        Self::with_second(Duration::from_secs(1))
    }

    fn with_second(second: Duration) -> Self {
        let server = SsmServer::start(Options { port: 0, second }).expect("a server");
        let folder = tempfile::tempdir().expect("a folder");
        let node = Node::new("relay-1", folder.path()).tag("PeerhoundRelay", "branch");
        let node = server.register(node).expect("a node");
        let client = client(&server, RetryConfig::disabled());
        Self { server, client, node, folder }
    }

    /// Makes the document `Run` of these lines, with the parameter `Order`.
    async fn document(&self, parameter: Value, lines: &[&str]) {
        self.create("Run", &document(&parameter, lines)).await;
    }

    async fn create(&self, name: &str, content: &str) {
        let request = self.client.create_document().name(name).content(content);
        request.document_type("Command".into()).send().await.expect("a document");
    }

    /// Makes a document of these lines with an optional parameter, and sends it to the node.
    async fn send_lines(&self, lines: &[&str]) -> String {
        self.document(json!({"type": "String", "default": ""}), lines).await;
        self.send().await
    }

    async fn send(&self) -> String {
        let request = self.client.send_command().document_name("Run").instance_ids(&self.node);
        let answer = request.timeout_seconds(30).send().await.expect("a command");
        answer.command().and_then(|command| command.command_id()).expect("an id").to_owned()
    }

    /// What GetCommandInvocation says once the command has come to its end.
    async fn outcome(&self, command: &str) -> GetCommandInvocationOutput {
        self.server.wait_for_end(command, LIMIT).expect("an end");
        self.get(command).await
    }

    async fn get(&self, command: &str) -> GetCommandInvocationOutput {
        let request = self.client.get_command_invocation().command_id(command).instance_id(&self.node);
        request.send().await.expect("an invocation")
    }
}

fn client(server: &SsmServer, retry: RetryConfig) -> Client {
    let config = aws_sdk_ssm::Config::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::new("us-east-1"))
        .endpoint_url(server.endpoint())
        .credentials_provider(Credentials::new("test", "test", None, None, "test"))
        .http_client(aws_smithy_http_client::Builder::new().build_http())
        .retry_config(retry)
        .build();
    Client::from_conf(config)
}

/// The error's `__type`.
fn code<T: std::fmt::Debug, E: ProvideErrorMetadata>(outcome: Result<T, SdkError<E>>) -> String {
    match outcome {
        Ok(answer) => panic!("was not refused: {answer:?}"),
        Err(error) => error.as_service_error().and_then(|error| error.code()).unwrap_or("none").to_owned(),
    }
}
