//! The real program, serving.

use std::io::{BufRead, BufReader, Read};
use std::net::{SocketAddr, TcpListener};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use crate::http::{self, Answer};

/// The program with nothing of this process's environment.
pub(crate) fn peerhound(folder: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_peerhound"));
    command.current_dir(folder).env_clear().env("HOME", folder).env("USER", "ann").stdin(Stdio::null());
    command
}

/// Writes a token that only its owner can read, and returns it.
pub(crate) fn token_file(path: &Path) -> String {
    let token = "7c1d0d6b5a3e4f62981b0f6f2a4c8e917c1d0d6b5a3e4f62981b0f6f2a4c8e91".to_owned();
    std::fs::write(path, format!("{token}\n")).unwrap();
    std::fs::set_permissions(path, std::os::unix::fs::PermissionsExt::from_mode(0o600)).unwrap();
    token
}

fn spawn(folder: &Path, listen: &str, more: &[&str]) -> (Child, String, String) {
    let token = token_file(&folder.join("serve.token"));
    let mut command = peerhound(folder);
    command.args(["-vv", "serve", "--json", "--listen", listen, "--token-file", "serve.token"]).args(more);
    let log = std::fs::File::create(folder.join("serve.log")).unwrap();
    let mut child = command.stdout(Stdio::piped()).stderr(log).spawn().unwrap();
    let mut line = String::new();
    BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
    let told: serde_json::Value = serde_json::from_str(&line).unwrap();
    (child, told["url"].as_str().unwrap().to_owned(), token)
}

/// A server on a free port of this machine, which ends with the test.
pub(crate) struct Server {
    child: Child,
    pub(crate) address: SocketAddr,
    pub(crate) token: String,
}

impl Server {
    /// Starts it on the policy `peerhound.toml` of a folder.
    pub(crate) fn start(folder: &Path, more: &[&str]) -> Self {
        let (child, url, token) = spawn(folder, "127.0.0.1:0", more);
        Self { child, address: url.strip_prefix("http://").unwrap().parse().unwrap(), token }
    }

    /// Starts it for a proxy with this name.
    pub(crate) fn behind_proxy(folder: &Path, name: &str) -> Self {
        let address = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        let public = format!("https://{name}");
        let (child, url, token) = spawn(folder, &address.to_string(), &["--behind-proxy", &public]);
        assert_eq!(url, public);
        Self { child, address, token }
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// A request as a browser sends it that has no cookie.
    pub(crate) fn as_stranger(&self, line: &str) -> Answer {
        http::send(self.address, line, &[("host", &self.address.to_string())], "")
    }

    /// Logs in, and returns the cookie.
    pub(crate) fn login(&self) -> String {
        let answer = self.as_stranger(&format!("GET /login?token={}", self.token));
        assert_eq!((answer.status, answer.header("location")), (303, Some("/")), "{}", answer.text());
        answer.header("set-cookie").unwrap().split(';').next().unwrap().to_owned()
    }

    pub(crate) fn get(&self, path: &str, cookie: &str) -> Answer {
        let headers = [("host", self.address.to_string()), ("cookie", cookie.to_owned())];
        let headers: Vec<(&str, &str)> =
            headers.iter().map(|(name, value)| (*name, value.as_str())).collect();
        http::send(self.address, &format!("GET {path}"), &headers, "")
    }

    /// A page, which has to be there.
    pub(crate) fn page(&self, path: &str, cookie: &str) -> String {
        let answer = self.get(path, cookie);
        assert_eq!(answer.status, 200, "{path}: {}", answer.text());
        answer.text()
    }

    /// Asks it to end, and returns its exit code and what it logged.
    pub(crate) fn end(mut self, folder: &Path) -> (Option<i32>, String) {
        let asked = Command::new("kill").args(["-TERM", &self.child.id().to_string()]).status().unwrap();
        assert!(asked.success());
        let until = Instant::now() + Duration::from_secs(10);
        let code = loop {
            match self.child.try_wait().unwrap() {
                Some(status) => break status.code(),
                None if Instant::now() > until => panic!("it does not end"),
                None => std::thread::sleep(Duration::from_millis(20)),
            }
        };
        let mut log = String::new();
        std::fs::File::open(folder.join("serve.log")).unwrap().read_to_string(&mut log).unwrap();
        (code, log)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
