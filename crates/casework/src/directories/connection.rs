//! A connection to a directory server under TLS, from its first byte or by StartTLS (RFC 4511, section 4.14).
//!
//! The LDAP library gets one end of a pair of sockets in this process; the other is joined with the server's under TLS. So
//! nothing is asked before the server's certificate is verified, whatever the library does.

use std::path::Path;
use std::sync::Arc;

use ldap3::{Ldap, LdapConnAsync, LdapConnSettings, StdStream};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, copy_bidirectional};
use tokio::net::{TcpStream, UnixStream};
use tokio::task::JoinHandle;
use tokio_rustls::TlsConnector;

use super::Silent;
use crate::deliver::{install_crypto, with_causes};

/// LDAPMessage 1 with an ExtendedRequest of `1.3.6.1.4.1.1466.20037`.
const STARTTLS: &[u8] = b"\x30\x1d\x02\x01\x01\x77\x18\x80\x161.3.6.1.4.1.1466.20037";
/// Longest answer to it that is read, in bytes.
const MAX_ANSWER: usize = 4096;

/// An open connection. Dropping it ends what runs for it.
pub(super) struct Connection {
    pub(super) ldap: Ldap,
    tasks: [JoinHandle<()>; 2],
}

impl Drop for Connection {
    fn drop(&mut self) {
        for task in &self.tasks {
            task.abort();
        }
    }
}

/// Connects, and verifies the server. Whoever calls bounds the time.
pub(super) async fn open(url: &str, ca_file: Option<&Path>) -> Result<Connection, Silent> {
    let failed = |what: &str, error: &(dyn std::error::Error + 'static)| {
        Silent::for_now(format!("{url}: {what}: {}", with_causes(error)))
    };
    let (starttls, authority) = match url.split_once("://") {
        Some(("ldaps", authority)) => (false, authority),
        Some(("ldap", authority)) => (true, authority),
        _ => return Err(Silent::for_good(format!("{url}: no URL of a directory server"))),
    };
    let (host, port) = host_and_port(authority, if starttls { 389 } else { 636 });
    let name = ServerName::try_from(host.to_owned()).map_err(|error| failed("its host", &error))?;
    let config = trusting(ca_file)?;
    let stream = TcpStream::connect((host, port)).await;
    let mut stream = stream.map_err(|error| failed("no connection", &error))?;
    if starttls {
        start_tls(&mut stream).await.map_err(|error| failed("StartTLS", &error))?;
    }
    let secured = TlsConnector::from(config).connect(name, stream).await;
    let mut secured = secured.map_err(|error| failed("TLS", &error))?;
    let (ours, mut theirs) = UnixStream::pair().map_err(|error| failed("no sockets", &error))?;
    let ours = ours.into_std().map_err(|error| failed("no sockets", &error))?;
    let joined = tokio::spawn(async move {
        // An end of either is an end of both; what it means is seen at the other one.
        let _ = copy_bidirectional(&mut theirs, &mut secured).await;
    });
    let settings = LdapConnSettings::new().set_std_stream(StdStream::Unix(ours));
    let opened = LdapConnAsync::with_settings(settings, "ldapi://joined").await;
    let (driver, ldap) = opened.map_err(|error| failed("no connection", &error))?;
    let driven = tokio::spawn(async move {
        // What ends it is reported by the call that waits for an answer.
        let _ = driver.drive().await;
    });
    Ok(Connection { ldap, tasks: [joined, driven] })
}

/// Asks for TLS. Nothing but the yes may follow before it begins: what somebody on the way put behind it would be taken
/// for the server's word under TLS.
async fn start_tls(stream: &mut TcpStream) -> std::io::Result<()> {
    let refused = |why: &str| std::io::Error::other(why.to_owned());
    stream.write_all(STARTTLS).await?;
    let mut answer = vec![0; 2];
    stream.read_exact(&mut answer).await?;
    if answer[0] != 0x30 {
        return Err(refused("the answer is no LDAP"));
    }
    let rest = match answer[1] {
        short @ 0..=0x7f => usize::from(short),
        long @ 0x81..=0x84 => {
            let mut length = vec![0; usize::from(long & 0x7f)];
            stream.read_exact(&mut length).await?;
            length.iter().fold(0_usize, |sum, byte| (sum << 8) | usize::from(*byte))
        }
        _ => return Err(refused("the answer is no LDAP")),
    };
    if rest > MAX_ANSWER {
        return Err(refused("the answer is too long"));
    }
    let mut body = vec![0; rest];
    stream.read_exact(&mut body).await?;
    // messageID 1, ExtendedResponse of some length, resultCode.
    let Some(response) = body.strip_prefix(b"\x02\x01\x01\x78") else {
        return Err(refused("the answer is to something else"));
    };
    let skip =
        response.first().map_or(1, |length| 1 + usize::from(if *length > 0x7f { length & 0x7f } else { 0 }));
    match response.get(skip..skip + 3) {
        Some([0x0a, 1, 0]) => Ok(()),
        Some([0x0a, 1, code]) => Err(refused(&format!("refused with result code {code}"))),
        _ => Err(refused("the answer is cut off")),
    }
}

/// `host:port`, `[v6]:port`, or the host alone.
fn host_and_port(authority: &str, default: u16) -> (&str, u16) {
    let (host, port) = match authority.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
        Some((host, rest)) => (host, rest.strip_prefix(':')),
        None => match authority.split_once(':') {
            Some((host, port)) => (host, Some(port)),
            None => (authority, None),
        },
    };
    (host, port.and_then(|port| port.parse().ok()).unwrap_or(default))
}

/// Certificates that a server's is verified against. Read anew each time, so that a changed file needs no restart.
fn trusting(ca_file: Option<&Path>) -> Result<Arc<ClientConfig>, Silent> {
    install_crypto();
    let mut roots = RootCertStore::empty();
    match ca_file {
        Some(file) => {
            let failed = |why: String| Silent::for_now(format!("ca_file {}: {why}", file.display()));
            let pem = std::fs::read(file).map_err(|error| failed(error.to_string()))?;
            for certificate in CertificateDer::pem_slice_iter(&pem) {
                let certificate = certificate.map_err(|error| failed(error.to_string()))?;
                roots.add(certificate).map_err(|error| failed(error.to_string()))?;
            }
        }
        None => {
            roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
        }
    }
    if roots.is_empty() {
        let place = ca_file.map_or_else(|| "this system".to_owned(), |file| file.display().to_string());
        return Err(Silent::for_now(format!("there is no certificate to trust in {place}")));
    }
    Ok(Arc::new(ClientConfig::builder().with_root_certificates(roots).with_no_client_auth()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_authority_is_a_host_and_perhaps_a_port() {
        for (text, parts) in [
            ("dc1.example.com", ("dc1.example.com", 636)),
            ("dc1:3269", ("dc1", 3269)),
            ("[fd12::5]:3269", ("fd12::5", 3269)),
            ("[fd12::5]", ("fd12::5", 636)),
        ] {
            assert_eq!(host_and_port(text, 636), parts);
        }
        assert_eq!(STARTTLS.len(), 31);
    }
}
