//! TLS to an endpoint: whose certificates are trusted, and which name one has to be for.

use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::{fmt, io};

use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime};
use rustls::{CertificateError, ClientConfig, DigitallySignedStruct, Error, RootCertStore, SignatureScheme};

use crate::transport::account::hosts::Hosts;
use crate::transport::account::password::private;

/// What of the settings cannot be used, and why.
type Unusable = (PathBuf, io::Error);

/// The settings for one session. Read anew each time, so that a changed file needs no restart.
pub(super) fn settings(
    ca_file: Option<&Path>,
    client_certificate: Option<&Path>,
    expected: Hosts,
) -> Result<Arc<ClientConfig>, Unusable> {
    let about = |file: Option<&Path>| {
        let file = file.unwrap_or(Path::new("(the certificates that this system trusts)")).to_owned();
        |error: Box<dyn std::error::Error + Send + Sync>| (file, io::Error::other(error))
    };
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let roots = roots(ca_file).map_err(|error| about(ca_file)(error.into()))?;
    let inner = WebPkiServerVerifier::builder_with_provider(Arc::new(roots), Arc::clone(&provider))
        .build()
        .map_err(|error| about(ca_file)(error.into()))?;
    let verifier = Arc::new(Verifier { inner, expected });
    let builder = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| about(ca_file)(error.into()))?
        .dangerous()
        .with_custom_certificate_verifier(verifier);
    let mut settings = match client_certificate {
        None => builder.with_no_client_auth(),
        Some(file) => {
            let (chain, key) = identity(file).map_err(|error| (file.to_owned(), error))?;
            builder.with_client_auth_cert(chain, key).map_err(|error| about(Some(file))(error.into()))?
        }
    };
    settings.alpn_protocols = vec![b"http/1.1".to_vec()];
    // What a session left behind is of no use to the next: NTLM is bound to one connection.
    settings.resumption = rustls::client::Resumption::disabled();
    Ok(Arc::new(settings))
}

fn roots(ca_file: Option<&Path>) -> io::Result<RootCertStore> {
    let mut roots = RootCertStore::empty();
    match ca_file {
        Some(file) => {
            for certificate in CertificateDer::pem_slice_iter(&std::fs::read(file)?) {
                let certificate = certificate.map_err(io::Error::other)?;
                roots.add(certificate).map_err(io::Error::other)?;
            }
        }
        // Some stores hold certificates that nothing can read: the others still count.
        None => {
            roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
        }
    }
    match roots.is_empty() {
        true => Err(io::Error::new(io::ErrorKind::InvalidData, "there is no certificate in it")),
        false => Ok(roots),
    }
}

/// The certificates and the key of one file.
fn identity(file: &Path) -> io::Result<(Vec<CertificateDer<'static>>, PrivateKeyDer<'static>)> {
    private(&std::fs::File::open(file)?)?;
    let pem = std::fs::read(file)?;
    let chain: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&pem).collect();
    let key = PrivateKeyDer::from_pem_slice(&pem);
    Ok((chain.map_err(io::Error::other)?, key.map_err(io::Error::other)?))
}

/// A certificate is accepted for the address itself or for a host that is expected. Endpoints' certificates rarely name
/// addresses, and a certificate for just any host of the company proves nothing about this one.
struct Verifier {
    inner: Arc<WebPkiServerVerifier>,
    expected: Hosts,
}

impl fmt::Debug for Verifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Verifier").finish_non_exhaustive()
    }
}

impl ServerCertVerifier for Verifier {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        let verify = |name: &ServerName<'_>| {
            self.inner.verify_server_cert(end_entity, intermediates, name, ocsp_response, now)
        };
        let refused = match verify(server_name) {
            Err(error @ Error::InvalidCertificate(CertificateError::NotValidForName)) => error,
            Err(error @ Error::InvalidCertificate(CertificateError::NotValidForNameContext { .. })) => error,
            settled => return settled,
        };
        let expected = names(end_entity).into_iter().find(|name| self.expected.contains(name));
        match expected.map(ServerName::try_from) {
            Some(Ok(name)) => verify(&name),
            _ => Err(refused),
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.inner.verify_tls12_signature(message, cert, dss)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.inner.verify_tls13_signature(message, cert, dss)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.inner.supported_verify_schemes()
    }
}

/// The DNS names that a certificate is for.
pub(super) fn names(certificate: &CertificateDer<'_>) -> Vec<String> {
    let Ok(parsed) = webpki::EndEntityCert::try_from(certificate) else { return Vec::new() };
    parsed.valid_dns_names().take(100).map(str::to_owned).collect()
}

/// The endpoint is asked for by its address.
pub(super) fn server_name(target: IpAddr) -> ServerName<'static> {
    ServerName::IpAddress(target.into())
}
