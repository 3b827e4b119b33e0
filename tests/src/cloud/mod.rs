//! A deployment: the real Terraform module on an emulator, the real functions behind real event source mappings, and a
//! Systems Manager that runs the real relay on the `soc` host, from where it reaches the real endpoints.

mod approver;
mod forward;
mod person;
mod relay;
mod siem;
mod staging;
mod terraform;

use std::fs;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use aws_sdk_sqs::types::SendMessageBatchRequestEntry;
use casework::aws::client::{Clients, Surroundings};
use casework::aws::deployment::Deployment;
use casework::backend::aws::Aws;
use casework::backend::{Backend, SuppressedAlert};
use emulator::ssm::SsmServer;
use emulator::{Ministack, StsServer};
use investigation::case::Case;
use serde_json::{Value, json};
use tokio::runtime::Runtime;

use crate::command::{command, run_with};
use crate::lab::Lab;
use crate::policy::PolicyText;
use crate::requirements::{require_or_skip, skip_or_fail};
use crate::wait::wait_until;
use crate::{programs, workspace};

pub use approver::{APPROVER, APPROVER_MAIL, Page};
use forward::Forward;
pub use person::{ANNA, BERT, MALLORY, Someone};
use siem::Siem;
use terraform::Deployed;

/// The relay that serves the lab's network.
pub const RELAY: &str = "hq";
/// The addresses that [`RELAY`] serves, by their numbers.
const SERVED: [u8; 10] = [20, 35, 41, 42, 43, 44, 45, 50, 51, 52];
/// Relays that serve one address each, by its number, and behave oddly: what a test does to them is no matter of the
/// others.
pub const ODD: [(&str, u8); 7] = [
    ("hangs", 31),
    ("corrupt", 32),
    ("silent", 33),
    ("offline", 34),
    ("unknown", 35),
    ("nobody", 36),
    ("stalls", 37),
];
const REGION: &str = "us-east-1";
/// Seconds. Short, so that what Lambda and SQS do after a time-out is seen in a test.
const TIMEOUT: u32 = 20;
/// The key of whoever may POST alerts.
const KEY: &str = "5d0c0ab5f1c34d1c8f5c7f0d9f0e6a11";
/// The bus that findings are put onto.
const BUS: &str = "security-findings";
const FUNCTIONS: [&str; 5] = ["ingest", "intake", "progress", "act", "sweep"];

/// A deployment for one lab. Fields are dropped in this order: the emulator, with every function, before the rest.
pub struct Cloud {
    /// The emulated services.
    pub ministack: Ministack,
    /// Systems Manager.
    pub ssm: SsmServer,
    /// Who is who.
    pub sts: StsServer,
    /// The relay's node.
    pub node: String,
    /// The nodes of [`ODD`] relays, by name.
    pub odd: std::collections::BTreeMap<&'static str, String>,
    /// Clients of a person with every right.
    pub clients: Clients,
    /// Where everything is.
    pub deployment: Deployment,
    /// Its store.
    pub store: Aws,
    /// Queues by name: `reports_dlq` and so on.
    pub queues: Value,
    /// Runs what is asynchronous.
    pub runtime: Arc<Runtime>,
    /// Where alerts are POSTed to.
    door: String,
    siem: Siem,
    _forwards: Vec<Forward>,
    folder: PathBuf,
}

/// Emulators that are deployed to at most.
const DEPLOYMENTS: u32 = 3;

impl Cloud {
    /// Deploys, or says why the test is skipped. `policy` gets the relay, mail and tickets of the lab added.
    ///
    /// # Errors
    /// When something that is installed does not start or deploy.
    pub fn deploy(lab: &Lab, policy: PolicyText) -> Result<Option<Self>> {
        if !require_or_skip(&["terraform", "python3"]) {
            return Ok(None);
        }
        if emulator::services_are_given() {
            skip_or_fail(
                "the whole chain runs on MiniStack only, and PEERHOUND_TEST_ENDPOINT names other services",
            );
            return Ok(None);
        }
        if let Some(reason) = emulator::skip_reason() {
            skip_or_fail(&reason);
            return Ok(None);
        }
        // An emulator that answers too late on a busy machine is asked again, and then has already what it is asked for.
        for attempt in 1..DEPLOYMENTS {
            match Self::deployed(lab, policy.clone(), attempt) {
                Err(error) if format!("{error:#}").contains("lreadyExists") => {
                    eprintln!("the emulator was asked twice for something: another one is started");
                }
                settled => return settled.map(Some),
            }
        }
        Self::deployed(lab, policy, DEPLOYMENTS).map(Some)
    }

    fn deployed(lab: &Lab, policy: PolicyText, attempt: u32) -> Result<Self> {
        let folder = lab.network.workspace().subfolder(&format!("cloud-{attempt}"))?;
        let served: Vec<String> =
            SERVED.iter().map(|number| format!("\"{}\"", lab.network.address(*number))).collect();
        let policy = policy
            .section("[mail]\nfrom = \"peerhound@corp.example\"\nsoc = [\"soc@corp.example\"]")
            .tickets(&lab.tickets)
            .section(&format!("[findings]\nevent_bus = \"{BUS}\""))
            .section(&format!("[[relay]]\nname = \"{RELAY}\"\nnetworks = [{}]", served.join(", ")));
        let policy = ODD.iter().fold(policy, |policy, (name, number)| {
            let address = lab.network.address(*number);
            policy.section(&format!("[[relay]]\nname = \"{name}\"\nnetworks = [\"{address}\"]"))
        });
        let policy_file = folder.join("policy.toml");
        fs::write(&policy_file, policy.text())?;
        let packages = package(&folder, &policy_file)?;

        // A twentieth of the time: what the service waits five minutes for is over in fifteen seconds.
        let ssm = SsmServer::start(emulator::ssm::Options { port: 0, second: Duration::from_millis(50) })?;
        let ministack = Ministack::start(emulator::Options {
            ssm_endpoint: Some(ssm.endpoint().to_owned()),
            environment: Vec::new(),
        })?;
        let sts = person::sts()?;
        let mut forwards = Vec::new();
        forwards.extend(Forward::into_soc(&lab.network, port(ministack.endpoint())?)?);
        forwards.extend(Forward::out_of_soc(&lab.network, lab.tickets.port())?);
        let node = relay::register(&ssm, lab, &folder)?;
        let odd = relay::register_odd(&ssm, lab, &folder)?;

        let runtime =
            Arc::new(tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?);
        let clients = clients(&ministack, &ssm)?;
        let keys =
            clients.secrets().create_secret().name("door").secret_string(format!("# the SIEM\n{KEY}\n"));
        let keys = runtime.block_on(keys.send())?.arn.context("the secret has no ARN")?;
        let variables = json!({
            "endpoint": ministack.endpoint(),
            "ssm_endpoint": ssm.endpoint(),
            "sts_endpoint": sts.endpoint(),
            "region": REGION,
            "package_dir": packages,
            "relays": { RELAY: { "platform": "linux" } },
            "mail": { "identity": "corp.example" },
            "door": { "secret_arn": keys, "approve": approver::secrets(&clients, &runtime)? },
            "findings_bus": BUS,
            "functions": timeouts(),
            "order_timeout_seconds": 600,
            "function_environment": { "AWS_ENDPOINT_URL": ministack.endpoint(), "AWS_ENDPOINT_URL_SSM": ssm.endpoint() },
        });
        let deployed = Deployed::apply(&folder, &variables)?;
        let deployment: Deployment = toml::from_str(&deployed.text("deployment", None)?)?;
        fs::write(folder.join("deployment.toml"), deployed.text("deployment", None)?)?;
        let queues = deployed.output("queue_urls")?.clone();
        ssm.set_events_queue(Some(&deployment.reports_queue_url));

        let store = Aws::new(
            clients.dynamodb().clone(),
            deployment.cases_table.clone(),
            deployment.cooldowns_table.clone(),
        );
        // As AWS names it, the host is the API; the emulator takes the same name as a part of the path.
        let door = deployed.text("door_url", None)?;
        let api =
            door.split("//").nth(1).and_then(|host| host.split('.').next()).context("an API's address")?;
        let door = format!("{}/_aws/execute-api/{api}/alerts", ministack.endpoint());
        Ok(Self {
            door,
            ministack,
            ssm,
            sts,
            node,
            odd,
            clients,
            deployment,
            store,
            queues,
            siem: Siem::new(deployed.text("siem_queue_url", None)?),
            runtime,
            _forwards: forwards,
            folder,
        })
    }

    /// POSTs a body to the door, with a key of its own or another. Returns the status and the answer.
    ///
    /// # Errors
    /// When there is no answer.
    pub fn knock(&self, key: Option<&str>, body: &str) -> Result<(u16, Value)> {
        let header = format!("authorization: Bearer {}", key.unwrap_or(KEY));
        let argv = [
            "curl",
            "--silent",
            "--max-time",
            "30",
            "--write-out",
            "\n%{http_code}",
            "--header",
            &header,
            "--data-binary",
            "@-",
            &self.door,
        ];
        let output = run_with(&mut command(&argv), body, Duration::from_mins(1))?;
        let (answer, status) = output.stdout.rsplit_once('\n').context("curl says no status")?;
        Ok((status.trim().parse()?, serde_json::from_str(answer).unwrap_or_default()))
    }

    /// Puts messages on the queue of alerts.
    ///
    /// # Errors
    /// When the queue does not take one.
    pub fn alert(&self, bodies: &[&str]) -> Result<()> {
        bodies.iter().try_for_each(|body| self.send(&self.deployment.alerts_queue_url, body))
    }

    /// Puts a message on a queue.
    ///
    /// # Errors
    /// When the queue does not take it.
    pub fn send(&self, queue_url: &str, body: &str) -> Result<()> {
        let send = self.clients.sqs().send_message().queue_url(queue_url).message_body(body);
        self.runtime.block_on(send.send())?;
        Ok(())
    }

    /// All cases, the latest first.
    ///
    /// # Errors
    /// When the store fails.
    pub fn cases(&self) -> Result<Vec<Case>> {
        self.runtime.block_on(async {
            let mut cases = Vec::new();
            for row in self.store.cases(false, 100).await? {
                cases.extend(self.store.case(&row.id).await?);
            }
            Ok(cases)
        })
    }

    /// Waits for a case of which this is true.
    ///
    /// # Errors
    /// When there is none in time; the error shows the cases that there are.
    pub fn case_that(&self, what: &str, limit: Duration, is: impl Fn(&Case) -> bool) -> Result<Case> {
        let found = wait_until(what, limit, || Ok(self.cases()?.into_iter().find(|case| is(case))));
        found.with_context(|| match self.cases() {
            Ok(cases) => cases.iter().map(told).collect::<Vec<_>>().join("\n"),
            Err(error) => format!("no cases: {error:#}"),
        })
    }

    /// Bodies on a queue, which stay there, with the reason that they carry.
    ///
    /// # Errors
    /// When the queue cannot be read.
    pub fn messages(&self, queue_url: &str) -> Result<Vec<(String, Option<String>)>> {
        let receive = self
            .clients
            .sqs()
            .receive_message()
            .queue_url(queue_url)
            .max_number_of_messages(10)
            .message_attribute_names("All")
            .visibility_timeout(0)
            .wait_time_seconds(1);
        let answer = self.runtime.block_on(receive.send())?;
        let reason = |message: &aws_sdk_sqs::types::Message| {
            message.message_attributes()?.get("Reason")?.string_value().map(str::to_owned)
        };
        let all = answer.messages().iter();
        Ok(all.map(|message| (message.body().unwrap_or_default().to_owned(), reason(message))).collect())
    }

    /// Findings about a case that came out of the bus so far, as events, each as often as it came. The rule lets no false
    /// positive through.
    ///
    /// # Errors
    /// When the queue cannot be read.
    pub fn findings(&self, case_id: &str) -> Result<Vec<Value>> {
        self.runtime.block_on(self.siem.about(&self.clients, case_id))
    }

    /// Puts messages on the queue of alerts in one batch.
    ///
    /// # Errors
    /// When the queue does not take one.
    pub fn alert_batch(&self, bodies: &[&str]) -> Result<()> {
        let entries = bodies.iter().enumerate().map(|(number, body)| {
            SendMessageBatchRequestEntry::builder().id(format!("m{number}")).message_body(*body).build()
        });
        let entries = entries.collect::<Result<Vec<_>, _>>()?;
        let send = self.clients.sqs().send_message_batch().queue_url(&self.deployment.alerts_queue_url);
        let answer = self.runtime.block_on(send.set_entries(Some(entries)).send())?;
        ensure!(answer.failed().is_empty(), "{:?}", answer.failed());
        Ok(())
    }

    /// Kills every function that runs at this moment, as Lambda does with one that takes too long.
    ///
    /// # Errors
    /// When the processes cannot be listed.
    pub fn kill_functions(&self) -> Result<usize> {
        // As the system names it: a target folder may be a link.
        let (folder, mut killed) = (fs::canonicalize(self.ministack.folder())?, 0);
        for entry in fs::read_dir("/proc")? {
            let path = entry?.path();
            let Ok(program) = fs::read_link(path.join("exe")) else { continue };
            // Only those of this emulator: it unpacks each function below its own folder.
            if program.ends_with("bootstrap") && program.starts_with(&folder) {
                let pid = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
                killed += usize::from(
                    run_with(&mut command(&["kill", "-KILL", &pid]), "", Duration::from_secs(5))?.code
                        == Some(0),
                );
            }
        }
        Ok(killed)
    }

    /// Runs the sweep now, as the schedule does every minute.
    ///
    /// # Errors
    /// When it cannot be invoked or fails.
    pub fn sweep(&self) -> Result<()> {
        let url = format!("{}/2015-03-31/functions/peerhound-sweep/invocations", self.ministack.endpoint());
        let argv = ["curl", "--silent", "--fail", "--max-time", "60", "--data", "{}", url.as_str()];
        let output = run_with(&mut command(&argv), "", Duration::from_secs(70))?;
        ensure!(output.code == Some(0), "the sweep failed: {}", output.told());
        Ok(())
    }

    /// Copies sealed evidence out of its bucket.
    ///
    /// # Errors
    /// When it is not there.
    pub fn download(&self, location: &str) -> Result<PathBuf> {
        let rest = location.strip_prefix("s3://").context("not in S3")?;
        let (bucket, key) = rest.split_once('/').context("no key")?;
        let get = self.clients.s3().get_object().bucket(bucket).key(key);
        let bytes = self.runtime.block_on(async {
            let object = get.send().await?;
            Ok::<_, anyhow::Error>(object.body.collect().await?.into_bytes())
        })?;
        let path = self.folder.join(key.rsplit('/').next().unwrap_or(key));
        fs::write(&path, bytes)?;
        Ok(path)
    }
}

fn timeouts() -> Value {
    let functions = FUNCTIONS.iter().map(|name| ((*name).to_owned(), json!({ "timeout": TIMEOUT })));
    Value::Object(functions.collect())
}

/// How many alerts were suppressed on a case, and the latest of them.
///
/// # Errors
/// When the store fails.
pub async fn suppressed(store: &Aws, case_id: &str) -> Result<(u64, Vec<SuppressedAlert>)> {
    Ok(store.suppressed(case_id).await?)
}

/// A case on one line, for failures.
fn told(case: &Case) -> String {
    let history: Vec<String> =
        case.history.iter().map(|entry| format!("{} {}", entry.at, entry.what)).collect();
    format!(
        "{} {} {:?} pending {:?}: {}",
        case.id,
        case.target,
        case.state,
        case.pending,
        history.join(" | ")
    )
}

fn clients(ministack: &Ministack, ssm: &SsmServer) -> Result<Clients> {
    // Any credentials are right for the emulator, and those of whoever runs the tests are nobody's business.
    let surroundings = Surroundings {
        region: Some(REGION.to_owned()),
        ca_bundle: None,
        endpoint: Some(ministack.endpoint().to_owned()),
        ssm_endpoint: Some(ssm.endpoint().to_owned()),
    };
    Ok(Clients::with_keys(&surroundings, "test", "test")?)
}

fn port(endpoint: &str) -> Result<u16> {
    endpoint.rsplit(':').next().and_then(|port| port.parse().ok()).context("the emulator has no port")
}

/// Builds the functions and the relay, and packs the functions.
fn package(folder: &std::path::Path, policy: &std::path::Path) -> Result<PathBuf> {
    let mut names = vec!["peerhound-relay"];
    names.extend(FUNCTIONS);
    let profile = programs::build(&names)?;
    let (out, built) = (folder.join("dist"), profile.to_string_lossy().into_owned());
    let (policy, out_text) = (policy.to_string_lossy(), out.to_string_lossy());
    let argv = ["scripts/package", "--debug", "--built", &built, "--policy", &policy, "--out", &out_text];
    let output = run_with(command(&argv).current_dir(workspace::root()), "", Duration::from_mins(5))?;
    ensure!(output.code == Some(0), "the functions cannot be packed: {}", output.told());
    Ok(out)
}
