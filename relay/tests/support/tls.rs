//! A real TLS server with a certificate of its own: `openssl s_server`, which hands out the files of its folder.

use std::net::TcpStream;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use super::skip;
use super::sshd::free_port;

const REQUEST: &str = "[req]\ndistinguished_name = name\nx509_extensions = use\nprompt = no\n\
    [name]\nCN = localhost\n[use]\nsubjectAltName = DNS:localhost\nbasicConstraints = CA:FALSE\n";

/// A running server, ended on drop.
pub(crate) struct Server {
    folder: tempfile::TempDir,
    pub(crate) port: u16,
    server: Child,
}

impl Server {
    /// Starts one that has `/orders.json`. `None`, said in one line, where that is not possible.
    pub(crate) fn start(orders: &[u8]) -> Option<Self> {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("orders.json"), orders).unwrap();
        std::fs::write(folder.path().join("request"), REQUEST).unwrap();
        let made = Command::new("openssl")
            .args(["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"])
            .args(["-days", "2", "-config", "request", "-keyout", "key.pem", "-out", "certificate.pem"])
            .current_dir(folder.path())
            .output();
        if !made.is_ok_and(|made| made.status.success()) {
            skip("no openssl here that makes a certificate");
            return None;
        }
        let port = free_port();
        let server = Command::new("openssl")
            .args(["s_server", "-quiet", "-WWW", "-key", "key.pem", "-cert", "certificate.pem", "-accept"])
            .arg(format!("127.0.0.1:{port}"))
            .current_dir(folder.path())
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let server = Self { folder, port, server };
        let begun = Instant::now();
        while TcpStream::connect(("127.0.0.1", port)).is_err() {
            assert!(begun.elapsed() < Duration::from_secs(60), "it does not listen");
            std::thread::sleep(Duration::from_millis(20));
        }
        Some(server)
    }

    /// The certificate that vouches for it.
    pub(crate) fn certificate(&self) -> PathBuf {
        self.folder.path().join("certificate.pem")
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.server.kill();
        let _ = self.server.wait();
    }
}
