//! As much of HTTP as it takes to ask a server on this machine something: one request, one answer, no keep-alive.

use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpStream, ToSocketAddrs};
use std::time::Duration;

/// More than any answer of a test server; what is longer is an error.
const LONGEST_ANSWER: u64 = 64 << 20;
const PATIENCE: Duration = Duration::from_secs(30);

/// A server's answer.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) body: Vec<u8>,
}

/// Sends a request to `http://host:port/path` and reads the answer.
///
/// # Errors
/// When the URL is not of that form, the server cannot be reached, does not answer within 30 s, or talks nonsense.
pub(crate) fn ask(method: &str, url: &str, headers: &[(&str, &str)], body: &[u8]) -> io::Result<Answer> {
    let rest = url.strip_prefix("http://").ok_or_else(|| invalid("not an http:// URL"))?;
    let slash = rest.find('/').unwrap_or(rest.len());
    let (authority, path) = (&rest[..slash], &rest[slash..]);
    let mut stream = connect(authority)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.set_write_timeout(Some(PATIENCE))?;
    // Version 1.0 spares the chunks: the end of the connection is the end of the answer.
    let path = if path.is_empty() { "/" } else { path };
    let mut head =
        format!("{method} {path} HTTP/1.0\r\nHost: {authority}\r\nContent-Length: {}\r\n", body.len());
    for (name, value) in headers {
        head.push_str(&format!("{name}: {value}\r\n"));
    }
    head.push_str("\r\n");
    stream.write_all(head.as_bytes())?;
    stream.write_all(body)?;

    let mut answer = Vec::new();
    stream.take(LONGEST_ANSWER).read_to_end(&mut answer)?;
    parse(&answer)
}

fn connect(authority: &str) -> io::Result<TcpStream> {
    let addresses: Vec<SocketAddr> = authority.to_socket_addrs()?.collect();
    let mut failure = invalid("no address");
    for address in addresses {
        match TcpStream::connect_timeout(&address, PATIENCE) {
            Ok(stream) => return Ok(stream),
            Err(error) => failure = error,
        }
    }
    Err(failure)
}

fn parse(answer: &[u8]) -> io::Result<Answer> {
    let end = answer
        .windows(4)
        .position(|window| window == b"\r\n\r\n")
        .ok_or_else(|| invalid("the answer has no end of headers"))?;
    let head =
        std::str::from_utf8(&answer[..end]).map_err(|_| invalid("the answer's headers are not text"))?;
    let status = head
        .split_whitespace()
        .nth(1)
        .and_then(|status| status.parse().ok())
        .ok_or_else(|| invalid("the answer has no status"))?;
    Ok(Answer { status, body: answer[end + 4..].to_vec() })
}

fn invalid(reason: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, reason)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_is_taken_apart() {
        let answer = parse(b"HTTP/1.1 404 \r\nA: b\r\n\r\nnot\r\n\r\nhere").expect("an answer");
        assert_eq!((answer.status, answer.body.as_slice()), (404, b"not\r\n\r\nhere".as_slice()));
        for nonsense in [&b""[..], b"HTTP/1.1 200 OK\r\n", b"hello\r\n\r\n"] {
            assert!(parse(nonsense).is_err());
        }
        assert!(ask("GET", "https://127.0.0.1/", &[], b"").is_err());
    }
}
