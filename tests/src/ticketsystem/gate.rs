//! A proxy in front of a ticket system, in which requests and answers get lost.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use anyhow::Result;

/// What happens to the next request that it is meant for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Trouble {
    /// Refused for a while by the proxy itself; the system never sees it.
    Unavailable,
    /// The system gets the request that begins with this and does it; its answer is thrown away.
    AnswerLost(&'static str),
}

/// The proxy; its thread ends with the test's process.
#[derive(Clone, Debug)]
pub struct Gate {
    port: u16,
    troubles: Arc<Mutex<Vec<Trouble>>>,
    seen: Arc<Mutex<Vec<String>>>,
}

impl Gate {
    /// Starts one in front of this port of loopback.
    ///
    /// # Errors
    /// When no port is free.
    pub fn start(behind: u16) -> Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0")?;
        let gate =
            Self { port: listener.local_addr()?.port(), troubles: Arc::default(), seen: Arc::default() };
        let own = gate.clone();
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                // Whatever goes wrong here is an answer that is lost, which the test sees.
                let _ = own.pass(stream, behind);
            }
        });
        Ok(gate)
    }

    /// Its port.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Makes trouble, once.
    pub fn trouble(&self, trouble: Trouble) {
        self.troubles.lock().unwrap_or_else(|broken| broken.into_inner()).push(trouble);
    }

    /// Method and path of every request so far.
    #[must_use]
    pub fn seen(&self) -> Vec<String> {
        self.seen.lock().unwrap_or_else(|broken| broken.into_inner()).clone()
    }

    fn pass(&self, mut client: TcpStream, behind: u16) -> std::io::Result<()> {
        client.set_read_timeout(Some(Duration::from_secs(20)))?;
        let (head, body) = read_request(&mut client)?;
        let line = head.lines().next().unwrap_or_default().to_owned();
        self.seen.lock().unwrap_or_else(|broken| broken.into_inner()).push(line.clone());
        let trouble = {
            let mut troubles = self.troubles.lock().unwrap_or_else(|broken| broken.into_inner());
            let meant = |trouble: &Trouble| match trouble {
                Trouble::Unavailable => true,
                Trouble::AnswerLost(start) => line.starts_with(start),
            };
            troubles.iter().position(meant).map(|at| troubles.remove(at))
        };
        if trouble == Some(Trouble::Unavailable) {
            let answer = "HTTP/1.1 503 Service Unavailable\r\nretry-after: 3\r\ncontent-length: 0\r\nconnection: close\r\n\r\n";
            return client.write_all(answer.as_bytes());
        }
        let mut system = TcpStream::connect(("127.0.0.1", behind))?;
        system.set_read_timeout(Some(Duration::from_secs(20)))?;
        // The system is to close the connection at the end of its answer, and sees its own name as behind any proxy.
        let own = ["connection:", "host:"];
        let kept = head.lines().filter(|line| !line.is_empty()).filter(|line| {
            let line = line.to_ascii_lowercase();
            !own.iter().any(|header| line.starts_with(header))
        });
        let head = kept.collect::<Vec<_>>().join("\r\n");
        let passed_on = format!("{head}\r\nhost: 127.0.0.1:{behind}\r\nconnection: close\r\n\r\n");
        system.write_all(passed_on.as_bytes())?;
        system.write_all(&body)?;
        let mut answer = Vec::new();
        system.read_to_end(&mut answer)?;
        if trouble.is_none() {
            client.write_all(&answer)?;
        }
        Ok(())
    }
}

/// Head and body of a request with a `content-length`.
fn read_request(stream: &mut TcpStream) -> std::io::Result<(String, Vec<u8>)> {
    let mut bytes = Vec::new();
    let mut buffer = [0; 8192];
    loop {
        if let Some(end) = bytes.windows(4).position(|window| window == b"\r\n\r\n") {
            let head = String::from_utf8_lossy(&bytes[..end]).into_owned();
            let length = head.lines().find_map(|line| {
                line.to_ascii_lowercase().strip_prefix("content-length:")?.trim().parse::<usize>().ok()
            });
            if bytes.len() >= end + 4 + length.unwrap_or(0) {
                return Ok((head, bytes.split_off(end + 4)));
            }
        }
        match stream.read(&mut buffer)? {
            0 => return Err(std::io::ErrorKind::UnexpectedEof.into()),
            count => bytes.extend_from_slice(&buffer[..count]),
        }
    }
}
