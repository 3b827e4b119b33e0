//! Servers on loopback that speak their protocol as far as a test needs it, and then misbehave.

use std::time::Duration;

use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::task::JoinHandle;
use tokio::time::sleep;

/// How a mail server misbehaves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fault {
    Nothing,
    /// This instead of the greeting.
    Greeting(&'static str),
    /// No word at all.
    Silent,
    /// This as the answer to AUTH.
    Auth(&'static str),
    /// This as the answer to MAIL.
    Sender(&'static str),
    /// This as the answer to RCPT for an address that begins with `bad`.
    Recipient(&'static str),
    /// This as the answer to DATA.
    Data(&'static str),
    /// This as the answer to the message.
    Message(&'static str),
    /// The connection is closed after the answer to DATA, before the message was read.
    CloseBeforeMessage,
    /// Nothing is read after the answer to DATA, and the connection stays.
    NotReading,
    /// The connection is closed once the message is there.
    CloseAfterMessage,
    /// The message is there, and no answer comes.
    SilentAfterMessage,
}

/// What a mail server got.
#[derive(Debug, Default)]
pub(super) struct Got {
    pub commands: Vec<String>,
    pub message: String,
}

/// Serves one connection.
pub(super) async fn smtp(fault: Fault) -> (u16, JoinHandle<Got>) {
    let socket = TcpSocket::new_v4().unwrap();
    if fault == Fault::NotReading {
        // So that what is not read does not fit into it either.
        socket.set_recv_buffer_size(4096).unwrap();
    }
    socket.bind("127.0.0.1:0".parse().unwrap()).unwrap();
    let listener = socket.listen(8).unwrap();
    let port = listener.local_addr().unwrap().port();
    let server = tokio::spawn(async move {
        let (stream, _) = listener.accept().await.unwrap();
        let mut got = Got::default();
        let _ = converse(stream, fault, &mut got).await;
        got
    });
    (port, server)
}

async fn converse(stream: TcpStream, fault: Fault, got: &mut Got) -> std::io::Result<()> {
    let mut stream = BufReader::new(stream);
    match fault {
        Fault::Greeting(line) => return say(&mut stream, line).await,
        Fault::Silent => return forever().await,
        _ => say(&mut stream, "220 mx.test ESMTP").await?,
    }
    loop {
        let mut line = String::new();
        if stream.read_line(&mut line).await? == 0 {
            return Ok(());
        }
        got.commands.push(line.trim_end().to_owned());
        let verb = line.get(..4).unwrap_or_default().to_ascii_uppercase();
        let answer = match (verb.as_str(), fault) {
            ("EHLO", _) => "250-mx.test\r\n250 AUTH PLAIN LOGIN",
            ("AUTH", Fault::Auth(answer)) | ("MAIL", Fault::Sender(answer)) => answer,
            ("RCPT", Fault::Recipient(answer)) if line.to_lowercase().contains("<bad") => answer,
            ("AUTH", _) => "235 ok",
            ("DATA", Fault::Data(answer)) => answer,
            ("DATA", _) => {
                say(&mut stream, "354 go on").await?;
                match fault {
                    Fault::CloseBeforeMessage => return Ok(()),
                    Fault::NotReading => return forever().await,
                    _ => {}
                }
                read_message(&mut stream, &mut got.message).await?;
                match fault {
                    Fault::CloseAfterMessage => return Ok(()),
                    Fault::SilentAfterMessage => return forever().await,
                    Fault::Message(answer) => answer,
                    _ => "250 2.0.0 queued as 4711",
                }
            }
            ("QUIT", _) => return say(&mut stream, "221 bye").await,
            _ => "250 ok",
        };
        say(&mut stream, answer).await?;
    }
}

async fn read_message(stream: &mut BufReader<TcpStream>, message: &mut String) -> std::io::Result<()> {
    loop {
        let mut line = String::new();
        if stream.read_line(&mut line).await? == 0 || line == ".\r\n" {
            return Ok(());
        }
        message.push_str(line.strip_prefix('.').unwrap_or(&line));
    }
}

async fn say(stream: &mut BufReader<TcpStream>, line: &str) -> std::io::Result<()> {
    stream.get_mut().write_all(format!("{line}\r\n").as_bytes()).await
}

/// Longer than any time-out of a test.
async fn forever() -> std::io::Result<()> {
    sleep(Duration::from_secs(60)).await;
    Ok(())
}

/// Serves one HTTP request with these bytes as the answer; none at all means that the connection is closed, and
/// `None` that no answer ever comes. Gives the request as it came.
pub(in super::super) async fn http(answer: Option<String>) -> (u16, JoinHandle<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let server = tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        let request = read_request(&mut stream).await;
        match answer {
            Some(answer) => {
                let _ = stream.write_all(answer.as_bytes()).await;
                let _ = stream.shutdown().await;
            }
            None => sleep(Duration::from_secs(5)).await,
        }
        request
    });
    (port, server)
}

/// Head and body, by the head's `content-length`.
pub(super) async fn read_request(stream: &mut TcpStream) -> String {
    let mut request = Vec::new();
    let mut buffer = [0; 4096];
    loop {
        let text = String::from_utf8_lossy(&request).into_owned();
        if let Some((head, body)) = text.split_once("\r\n\r\n") {
            let length = head
                .lines()
                .find_map(|line| line.to_lowercase().strip_prefix("content-length: ")?.parse().ok());
            if body.len() >= length.unwrap_or(0) {
                return text;
            }
        }
        match stream.read(&mut buffer).await {
            Ok(0) | Err(_) => return text,
            Ok(count) => request.extend_from_slice(&buffer[..count]),
        }
    }
}

/// A port on loopback at which nobody listens.
pub(in super::super) async fn closed_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap().port()
}
