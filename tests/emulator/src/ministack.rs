//! MiniStack, an emulator of AWS services, as a process of the test.

use std::fs::{self, File};
use std::io;
use std::net::{TcpListener, TcpStream};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant, SystemTime};

use serde_json::Value;

use crate::{http, requirements, settings};

/// A cold start takes about a second; a busy machine gets more.
const START_LIMIT: Duration = Duration::from_secs(60);
const END_LIMIT: Duration = Duration::from_secs(10);
/// Another process may take the free port before MiniStack does.
const ATTEMPTS: usize = 3;
/// Logs of runs that failed are kept this long.
const LOG_AGE: Duration = Duration::from_secs(24 * 3600);

/// Runs the program it is given, and ends its whole process group (functions that it started are in it) when
/// standard input closes, which happens at the latest when the test's process dies, or when the program ends.
const SUPERVISOR: &str = r#"{ "$@"; kill -KILL 0; } < /dev/null & cat > /dev/null; kill -KILL 0"#;

/// How to start it.
#[derive(Debug, Clone, Default)]
pub struct Options {
    /// Where functions find Systems Manager (`AWS_ENDPOINT_URL_SSM`), e.g. `http://127.0.0.1:4577`.
    pub ssm_endpoint: Option<String>,
    /// More variables for MiniStack, which hands them on to the functions it runs.
    pub environment: Vec<(String, String)>,
}

/// The running emulator; ends on drop, with every function it runs.
#[derive(Debug)]
pub struct Ministack {
    /// None where the services were there already.
    supervisor: Option<Child>,
    folder: PathBuf,
    port: u16,
    endpoint: String,
}

impl Ministack {
    /// Starts it on a free port of 127.0.0.1 and waits until it answers. Any credentials and the region `us-east-1`
    /// are right for it; its account is `000000000000`.
    ///
    /// # Errors
    /// When it is not installed or does not answer within a minute; the error has the end of its log.
    pub fn start(options: Options) -> io::Result<Self> {
        if let Some(endpoint) = settings::given_endpoint() {
            return Self::given(endpoint);
        }
        forget_old_logs();
        let mut failure = io::Error::other("MiniStack was not started");
        for _ in 0..ATTEMPTS {
            match Self::attempt(&options) {
                Ok(started) => return Ok(started),
                Err(error) => failure = error,
            }
        }
        Err(failure)
    }

    /// Services that somebody else started, compatible with LocalStack's.
    fn given(endpoint: String) -> io::Result<Self> {
        let port = endpoint.rsplit(':').next().and_then(|port| port.trim_end_matches('/').parse().ok());
        let port = port.ok_or_else(|| io::Error::other("the endpoint that is given names no port"))?;
        let folder = folder()?;
        File::create(folder.join("log"))?;
        Ok(Self { supervisor: None, folder, port, endpoint })
    }

    fn attempt(options: &Options) -> io::Result<Self> {
        let folder = folder()?;
        let log = File::create(folder.join("log"))?;
        let port = TcpListener::bind("127.0.0.1:0")?.local_addr()?.port();
        let endpoint = format!("http://127.0.0.1:{port}");

        let mut command = Command::new("/bin/sh");
        command
            .args(["-c", SUPERVISOR, "sh"])
            .arg(requirements::program())
            .current_dir(&folder)
            // It runs code that is uploaded to it, with its own environment: that must have nothing of ours in it.
            .env_clear()
            .env("PATH", settings::search_path())
            .env("HOME", &folder)
            .env("TMPDIR", folder.join("tmp"))
            .env("BIND_HOST", "127.0.0.1")
            .env("MINISTACK_HOST", "127.0.0.1")
            .env("GATEWAY_PORT", port.to_string())
            .env("LAMBDA_EXECUTOR", "local")
            .env("AWS_ENDPOINT_URL", &endpoint)
            .envs(options.ssm_endpoint.iter().map(|url| ("AWS_ENDPOINT_URL_SSM", url)))
            .envs(options.environment.iter().map(|(name, value)| (name, value)))
            .stdin(Stdio::piped())
            .stdout(log.try_clone()?)
            .stderr(log)
            .process_group(0);
        let mut started = Self { supervisor: Some(command.spawn()?), folder, port, endpoint };
        started.wait_until_it_answers()?;
        Ok(started)
    }

    fn wait_until_it_answers(&mut self) -> io::Result<()> {
        let begun = Instant::now();
        let health = format!("{}/_ministack/health", self.endpoint);
        loop {
            // Before the question: a stranger on the port would answer it too.
            if self.supervisor.as_mut().map(Child::try_wait).transpose()?.flatten().is_some() {
                return Err(self.failure("ended at once"));
            }
            if TcpStream::connect(("127.0.0.1", self.port)).is_ok()
                && http::ask("GET", &health, &[], b"").is_ok_and(|answer| answer.status == 200)
            {
                return Ok(());
            }
            if begun.elapsed() > START_LIMIT {
                return Err(self.failure("does not answer"));
            }
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    fn failure(&self, what: &str) -> io::Error {
        let log = fs::read_to_string(self.log()).unwrap_or_default();
        let end: Vec<&str> = log.lines().rev().take(5).collect();
        let end: Vec<&str> = end.into_iter().rev().collect();
        io::Error::other(format!("MiniStack {what}; its log ends: {}", end.join(" | ").escape_debug()))
    }

    /// Its folder. Functions are unpacked below it.
    #[must_use]
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// Where it listens: `http://127.0.0.1:PORT`.
    #[must_use]
    pub fn endpoint(&self) -> &str {
        &self.endpoint
    }

    /// Forgets every queue, table, bucket, function and message.
    ///
    /// # Errors
    /// When it does not answer, or refuses.
    pub fn reset(&self) -> io::Result<()> {
        let answer = http::ask("POST", &format!("{}/_ministack/reset", self.endpoint), &[], b"")?;
        match answer.status {
            200 => Ok(()),
            status => Err(io::Error::other(format!("MiniStack answered the reset with {status}"))),
        }
    }

    /// What it and the functions that it runs wrote. The file goes with this value, unless the test fails.
    #[must_use]
    pub fn log(&self) -> PathBuf {
        self.folder.join("log")
    }

    /// Whether this process runs it, and may end it and the functions in it.
    #[must_use]
    pub fn is_ours(&self) -> bool {
        self.supervisor.is_some()
    }

    /// Every message that SES took since the start or the last reset, as MiniStack tells them: `MessageId`, `Source`,
    /// `To`, `CC`, `BCC`, `Subject`, `BodyText`, `BodyHtml`, `Timestamp` (seconds since 1970) and `Type`. Oldest first.
    ///
    /// # Errors
    /// When it does not answer, or with something else than lists of messages by account.
    pub fn mails(&self) -> io::Result<Vec<Value>> {
        let answer = http::ask("GET", &format!("{}/_ministack/ses/messages", self.endpoint), &[], b"")?;
        let told: Value = serde_json::from_slice(&answer.body)?;
        let accounts = told["messages"]
            .as_object()
            .ok_or_else(|| io::Error::other("MiniStack's list of messages has another shape"))?;
        let mut mails: Vec<Value> =
            accounts.values().filter_map(Value::as_array).flatten().cloned().collect();
        mails.sort_by(|a, b| {
            a["Timestamp"].as_f64().unwrap_or(0.0).total_cmp(&b["Timestamp"].as_f64().unwrap_or(0.0))
        });
        Ok(mails)
    }
}

impl Drop for Ministack {
    fn drop(&mut self) {
        // The supervisor kills its group and with it itself; the group's members vanish a moment later.
        let begun = Instant::now();
        if let Some(supervisor) = &mut self.supervisor {
            drop(supervisor.stdin.take());
            let _ = supervisor.wait();
        }
        while self.is_ours()
            && TcpStream::connect(("127.0.0.1", self.port)).is_ok()
            && begun.elapsed() < END_LIMIT
        {
            std::thread::sleep(Duration::from_millis(10));
        }
        if !std::thread::panicking() {
            let _ = fs::remove_dir_all(&self.folder);
        }
    }
}

/// A folder of this run's own.
fn folder() -> io::Result<PathBuf> {
    static NUMBER: AtomicU32 = AtomicU32::new(0);
    let number = NUMBER.fetch_add(1, Ordering::Relaxed);
    let folder = runs().join(format!("{}-{number}", std::process::id()));
    fs::create_dir_all(folder.join("tmp"))?;
    Ok(folder)
}

/// Where the runs' folders lie.
fn runs() -> PathBuf {
    requirements::root().join("target/emulator")
}

fn forget_old_logs() {
    let Ok(entries) = fs::read_dir(runs()) else { return };
    for entry in entries.flatten() {
        if is_old(&entry.path()) {
            let _ = fs::remove_dir_all(entry.path());
        }
    }
}

fn is_old(folder: &Path) -> bool {
    let written = fs::metadata(folder.join("log")).and_then(|log| log.modified());
    written.is_ok_and(|at| SystemTime::now().duration_since(at).is_ok_and(|age| age > LOG_AGE))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn authorization(service: &str) -> String {
        let scope = format!("20260101/us-east-1/{service}/aws4_request");
        format!("AWS4-HMAC-SHA256 Credential=test/{scope}, SignedHeaders=host, Signature=0")
    }

    fn sqs(ministack: &Ministack, operation: &str, body: &str) -> (u16, Value) {
        let (target, authorization) = (format!("AmazonSQS.{operation}"), authorization("sqs"));
        let headers = [
            ("Content-Type", "application/x-amz-json-1.0"),
            ("X-Amz-Target", target.as_str()),
            ("Authorization", authorization.as_str()),
        ];
        let answer = http::ask("POST", ministack.endpoint(), &headers, body.as_bytes()).expect("an answer");
        (answer.status, serde_json::from_slice(&answer.body).expect("JSON"))
    }

    fn ses(ministack: &Ministack, path: &str, body: &Value) -> u16 {
        let authorization = authorization("ses");
        let headers = [("Content-Type", "application/json"), ("Authorization", authorization.as_str())];
        let url = format!("{}{path}", ministack.endpoint());
        http::ask("POST", &url, &headers, body.to_string().as_bytes()).expect("an answer").status
    }

    #[test]
    fn it_starts_works_forgets_and_is_gone_afterwards() {
        if requirements::skipped() {
            return;
        }
        let ministack = Ministack::start(Options::default()).expect("MiniStack");
        let endpoint = ministack.endpoint().to_owned();
        let (status, queue) = sqs(&ministack, "CreateQueue", r#"{"QueueName":"alerts"}"#);
        assert_eq!(status, 200, "{queue}");
        let url = queue["QueueUrl"].as_str().expect("a URL");
        assert!(url.starts_with(&endpoint), "{url} is on {endpoint}");
        assert_eq!(sqs(&ministack, "ListQueues", "{}").1["QueueUrls"], json!([url]));

        assert!(ministack.mails().expect("mails").is_empty());
        assert_eq!(
            ses(&ministack, "/v2/email/identities", &json!({"EmailIdentity": "soc@example.com"})),
            200
        );
        let mail = json!({
            "FromEmailAddress": "soc@example.com",
            "Destination": {"ToAddresses": ["someone@example.com"]},
            "Content": {"Simple": {"Subject": {"Data": "Hello"}, "Body": {"Text": {"Data": "there"}}}},
        });
        assert_eq!(ses(&ministack, "/v2/email/outbound-emails", &mail), 200);
        let mails = ministack.mails().expect("mails");
        let subjects: Vec<&Value> = mails.iter().map(|mail| &mail["Subject"]).collect();
        assert_eq!(subjects, [&json!("Hello")]);

        ministack.reset().expect("a reset");
        assert!(ministack.mails().expect("mails").is_empty());
        assert_eq!(sqs(&ministack, "ListQueues", "{}").1.get("QueueUrls").and_then(|urls| urls.get(0)), None);
        assert!(fs::metadata(ministack.log()).expect("the log").len() > 0);

        let folder = ministack.folder.clone();
        drop(ministack);
        assert!(TcpStream::connect(endpoint.trim_start_matches("http://")).is_err(), "still listens");
        assert!(!folder.exists());
    }

    #[test]
    fn it_ends_with_the_one_who_holds_the_pipe_and_takes_its_children_along() {
        let mut child = Command::new("/bin/sh")
            .args(["-c", SUPERVISOR, "sh", "/bin/sh", "-c", "sleep 61 & echo $!; sleep 62"])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .process_group(0)
            .spawn()
            .expect("a supervisor");
        let mut said = String::new();
        let output = child.stdout.take().expect("output");
        io::BufRead::read_line(&mut io::BufReader::new(output), &mut said).expect("the grandchild's id");
        let process = PathBuf::from(format!("/proc/{}", said.trim()));
        assert!(process.exists());
        drop(child.stdin.take());
        child.wait().expect("its end");
        let begun = Instant::now();
        while command_line(&process).contains("sleep") {
            assert!(begun.elapsed() < END_LIMIT, "the grandchild still runs");
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    /// Empty for a process that has ended.
    fn command_line(process: &Path) -> String {
        fs::read_to_string(process.join("cmdline")).unwrap_or_default()
    }
}
