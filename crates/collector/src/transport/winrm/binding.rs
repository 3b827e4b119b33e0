//! What ties an exchange to a TLS channel (RFC 5929, `tls-server-end-point`): a hash of the certificate, by the hash
//! function that the certificate is signed with.

use sha2::{Digest, Sha256, Sha384, Sha512};

use crate::transport::account::der::element;

/// The binding to a certificate in DER. SHA-256 stands in for MD5 and SHA-1, and for what is signed without a hash.
pub(super) fn to_certificate(der: &[u8]) -> Vec<u8> {
    let mut binding = b"tls-server-end-point:".to_vec();
    match signature_hash(der) {
        Hash::Sha256 => binding.extend_from_slice(&Sha256::digest(der)),
        Hash::Sha384 => binding.extend_from_slice(&Sha384::digest(der)),
        Hash::Sha512 => binding.extend_from_slice(&Sha512::digest(der)),
    }
    binding
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Hash {
    Sha256,
    Sha384,
    Sha512,
}

fn signature_hash(der: &[u8]) -> Hash {
    // Certificate ::= SEQUENCE { tbsCertificate, signatureAlgorithm SEQUENCE { algorithm, parameters }, … }
    let algorithm = || {
        let (certificate, _) = element(der, 0x30)?;
        let (_, rest) = element(certificate, 0x30)?;
        let (algorithm, _) = element(rest, 0x30)?;
        element(algorithm, 0x06)
    };
    let Some((oid, parameters)) = algorithm() else { return Hash::Sha256 };
    match oid {
        // sha384WithRSAEncryption, sha512WithRSAEncryption
        [0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x0c] => Hash::Sha384,
        [0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x0d] => Hash::Sha512,
        // RSASSA-PSS names its hash in the parameters: SEQUENCE { [0] SEQUENCE { algorithm, … }, … }
        [0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x0a] => pss_hash(parameters),
        // ecdsa-with-SHA384, ecdsa-with-SHA512
        [0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04, 0x03, 0x03] => Hash::Sha384,
        [0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04, 0x03, 0x04] => Hash::Sha512,
        _ => Hash::Sha256,
    }
}

fn pss_hash(parameters: &[u8]) -> Hash {
    let oid = || {
        let (parameters, _) = element(parameters, 0x30)?;
        let (hash, _) = element(parameters, 0xa0)?;
        let (algorithm, _) = element(hash, 0x30)?;
        Some(element(algorithm, 0x06)?.0)
    };
    match oid() {
        Some([0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, 0x02]) => Hash::Sha384,
        Some([0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, 0x03]) => Hash::Sha512,
        _ => Hash::Sha256,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// A certificate with nothing in it but how it is signed.
    fn certificate(algorithm: &[u8]) -> Vec<u8> {
        let wrap = |contents: &[u8]| [&[0x30, u8::try_from(contents.len()).unwrap()], contents].concat();
        wrap(&[wrap(&[0x02, 0x01, 0x07]), wrap(algorithm), vec![0x03, 0x01, 0x00]].concat())
    }

    #[test]
    fn the_hash_is_the_signatures_and_never_a_weak_one() {
        let rsa = |last| [0x06, 9, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, last, 0x05, 0x00];
        let ecdsa = |last| [0x06, 8, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04, 0x03, last];
        for (algorithm, length) in [
            (&rsa(0x04)[..], 32), // MD5
            (&rsa(0x05), 32),     // SHA-1
            (&rsa(0x0b), 32),
            (&rsa(0x0c), 48),
            (&rsa(0x0d), 64),
            (&ecdsa(2), 32),
            (&ecdsa(3), 48),
            (&ecdsa(4), 64),
            (&[0x06, 3, 0x2b, 0x65, 0x70], 32), // Ed25519
        ] {
            let binding = to_certificate(&certificate(algorithm));
            assert!(binding.starts_with(b"tls-server-end-point:"));
            assert_eq!(binding.len() - 21, length, "{algorithm:x?}");
        }
    }

    #[test]
    fn pss_names_its_hash_in_the_parameters() {
        let hash = [0x06, 9, 0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, 0x02];
        let mut algorithm = vec![0x06, 9, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x0a];
        algorithm.extend([0x30, 15, 0xa0, 13, 0x30, 11]);
        algorithm.extend(hash);
        assert_eq!(to_certificate(&certificate(&algorithm)).len() - 21, 48);
    }

    proptest! {
        #[test]
        fn no_bytes_make_it_panic(bytes in proptest::collection::vec(any::<u8>(), 0..100)) {
            let _ = to_certificate(&bytes);
            let _ = to_certificate(&certificate(&bytes));
        }
    }
}
