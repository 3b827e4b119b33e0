//! Asking a KDC: one message over TCP, with its length before it (RFC 4120, 7.2.2). Only the configured ones are asked;
//! what a reply names is never contacted.

use std::time::Duration;

use investigation::policy::Kdc;
use investigation::text::one_line;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::timeout;

/// Largest reply. A ticket with the groups of an account in it has at most 64 KiB in Windows.
const REPLY: u32 = 192 << 10;

/// The KDCs of a realm.
#[derive(Clone, Copy)]
pub(super) struct Kdcs<'a> {
    pub(super) kdcs: &'a [Kdc],
    /// For connecting, and again for the answer.
    pub(super) patience: Duration,
}

/// A reply, and by whom.
pub(super) struct Reply {
    pub(super) bytes: Vec<u8>,
    /// Which of the KDCs.
    pub(super) by: usize,
}

impl Kdcs<'_> {
    /// Asks one after the other, from `first` on, until one answers. The error says why each did not.
    pub(super) async fn ask(&self, first: usize, request: &[u8]) -> Result<Reply, String> {
        let mut silent = Vec::new();
        for turn in 0..self.kdcs.len() {
            let by = (first + turn) % self.kdcs.len();
            match self.ask_only(by, request).await {
                Ok(bytes) => return Ok(Reply { bytes, by }),
                Err(why) => silent.push(why),
            }
        }
        Err(silent.join("; "))
    }

    /// Asks this one and no other.
    pub(super) async fn ask_only(&self, which: usize, request: &[u8]) -> Result<Vec<u8>, String> {
        let name = self.name(which);
        let Some(kdc) = self.kdcs.get(which) else { return Err("no KDC is named".to_owned()) };
        let failed = |error: std::io::Error| format!("{name}: {}", one_line(&error.to_string(), 100));
        let late = |_| format!("{name}: no answer in {} s", self.patience.as_secs());
        let connecting = TcpStream::connect((kdc.host.as_str(), kdc.port));
        let mut stream = timeout(self.patience, connecting).await.map_err(late)?.map_err(failed)?;
        let exchange = exchange(&mut stream, request);
        timeout(self.patience, exchange).await.map_err(late)?.map_err(failed)
    }

    /// How it is called in messages.
    pub(super) fn name(&self, which: usize) -> String {
        self.kdcs.get(which).map_or_else(String::new, |kdc| format!("{} port {}", kdc.host, kdc.port))
    }
}

async fn exchange(stream: &mut TcpStream, request: &[u8]) -> std::io::Result<Vec<u8>> {
    let length = u32::try_from(request.len()).map_err(std::io::Error::other)?;
    let mut message = length.to_be_bytes().to_vec();
    message.extend_from_slice(request);
    stream.write_all(&message).await?;
    let length = stream.read_u32().await?;
    if length == 0 || length > REPLY {
        return Err(std::io::Error::other("it answers with something else than Kerberos"));
    }
    // Memory grows with what comes, and not with what is announced.
    let mut reply = Vec::new();
    stream.take(u64::from(length)).read_to_end(&mut reply).await?;
    match reply.len() == length as usize {
        true => Ok(reply),
        false => Err(std::io::Error::other("its answer ends early")),
    }
}

#[cfg(test)]
mod tests {
    use tokio::net::TcpListener;

    use super::*;

    /// Answers each connection with the same, and hands out what it was sent last.
    async fn server(answer: &'static [u8]) -> (Kdc, tokio::task::JoinHandle<Vec<u8>>) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let served = tokio::spawn(async move {
            let (mut stream, _) = listener.accept().await.unwrap();
            let mut asked = vec![0; 64];
            let count = stream.read(&mut asked).await.unwrap();
            stream.write_all(answer).await.unwrap();
            asked.truncate(count);
            asked
        });
        (Kdc { host: "127.0.0.1".into(), port }, served)
    }

    async fn closed() -> Kdc {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        Kdc { host: "127.0.0.1".into(), port: listener.local_addr().unwrap().port() }
    }

    #[tokio::test]
    async fn the_next_one_is_asked_where_one_does_not_answer() {
        let (answers, served) = server(b"\0\0\0\x02ok").await;
        let kdcs = [closed().await, answers];
        let kdcs = Kdcs { kdcs: &kdcs, patience: Duration::from_secs(5) };
        let reply = kdcs.ask(0, b"hello").await.unwrap();
        assert_eq!((reply.bytes.as_slice(), reply.by), (&b"ok"[..], 1));
        assert_eq!(served.await.unwrap(), b"\0\0\0\x05hello");
    }

    #[tokio::test]
    async fn what_is_no_reply_is_none() {
        for (answer, says) in [
            (&b"\0\0\0\x03ok"[..], "ends early"),
            (b"\0\0\0\0", "something else"),
            (b"HTTP/1.1 400 Bad Request", "something else"),
            (b"\0\0", "end of file"),
        ] {
            let (kdc, _served) = server(answer).await;
            let kdcs = [kdc];
            let kdcs = Kdcs { kdcs: &kdcs, patience: Duration::from_secs(5) };
            let why = kdcs.ask(0, b"hello").await.err().unwrap();
            assert!(why.contains(says) && why.contains("127.0.0.1 port"), "{why}");
        }
    }

    #[tokio::test]
    async fn one_that_is_silent_is_given_up() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let kdcs = [Kdc { host: "127.0.0.1".into(), port: listener.local_addr().unwrap().port() }];
        let kdcs = Kdcs { kdcs: &kdcs, patience: Duration::from_millis(50) };
        assert!(kdcs.ask(0, b"hello").await.err().unwrap().contains("no answer"));
    }
}
