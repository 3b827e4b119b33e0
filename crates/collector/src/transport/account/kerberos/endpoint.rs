//! The exchange with an endpoint: our ticket, and its proof that it can read it (RFC 4120, 3.2; RFC 4121, 4.1).

use picky_krb::constants::gss_api::{AP_REP_TOKEN_ID, AP_REQ_TOKEN_ID, AUTHENTICATOR_CHECKSUM_TYPE};
use picky_krb::constants::key_usages::AP_REP_ENC;
use picky_krb::data_types::{EncApRepPart, KerberosTime};
use picky_krb::messages::ApRep;
use sspi::channel_bindings::ChannelBindings;
use sspi::kerberos::client::generators::{
    ChecksumOptions, EncKey, GenerateAuthenticatorOptions, generate_ap_req, generate_authenticator,
};
use sspi::kerberos::flags::ApOptions;

use super::messages::encoded;
use super::refusal::Refusal;
use super::seal::Sealed;
use super::tickets::ServiceTicket;
use super::{KerberosError, Key, nonce, quietly, suite};
use crate::transport::account::der::{element, number, wrapped};

/// Kerberos V5 among the ways of GSS-API: 1.2.840.113554.1.2.2.
const MECHANISM: [u8; 9] = [0x2a, 0x86, 0x48, 0x86, 0xf7, 0x12, 0x01, 0x02, 0x02];

/// An error of Kerberos in GSS-API.
const ERROR_TOKEN_ID: [u8; 2] = [3, 0];

/// The checksum's flags: mutual, replay, sequence, confidentiality, integrity. We delegate nothing.
const FLAGS: u8 = 2 | 4 | 8 | 16 | 32;

/// Longest answer. Real ones have about 150 bytes.
const ANSWER: usize = 4096;

/// What the endpoint's answer has to match.
pub(in crate::transport) struct Exchange {
    session: Key,
    /// Ours, which the endpoint may replace.
    subkey: Key,
    time: KerberosTime,
    microseconds: Option<u32>,
    number: u32,
}

impl Exchange {
    /// Begins: what is sent. `binding` ties it to the certificate that the endpoint has shown.
    pub(in crate::transport) fn begin(
        ticket: &ServiceTicket,
        binding: Option<&[u8]>,
    ) -> Result<(Self, Vec<u8>), KerberosError> {
        let ticket = &ticket.0;
        let subkey = Key::random(ticket.key.suite.clone())?;
        let number = nonce()?;
        let binding = binding.map(|binding| ChannelBindings {
            initiator_addr_type: 0,
            initiator: Vec::new(),
            acceptor_addr_type: 0,
            acceptor: Vec::new(),
            application_data: binding.to_vec(),
        });
        let mut checksum = [0; 24];
        (checksum[0], checksum[20]) = (16, FLAGS);
        quietly(|| {
            let mut authenticator = generate_authenticator(GenerateAuthenticatorOptions {
                kdc_rep: &ticket.reply,
                seq_num: Some(number),
                sub_key: Some(EncKey {
                    key_type: subkey.suite.clone(),
                    key_value: subkey.bytes.as_ref().clone(),
                }),
                checksum: Some(ChecksumOptions {
                    checksum_type: AUTHENTICATOR_CHECKSUM_TYPE.to_vec(),
                    checksum_value: checksum.into(),
                }),
                channel_bindings: binding.as_ref(),
                extensions: Vec::new(),
            })?;
            // The binding is in the checksum. What else announces it is not written as MS-KILE has it.
            authenticator.0.authorization_data.0 = None;
            let request = generate_ap_req(
                ticket.reply.ticket.0.clone(),
                &ticket.key.bytes,
                &authenticator,
                &ticket.key.params(),
                ApOptions::MUTUAL_REQUIRED,
            )?;
            let token = token(AP_REQ_TOKEN_ID, &encoded(&request)?);
            let (session, inner) = (ticket.key.clone(), authenticator.0);
            let (time, microseconds) = (inner.ctime.0, self::number(&inner.cusec.0.0));
            Ok((Self { session, subkey, time, microseconds, number }, token))
        })
    }

    /// One that began at a time.
    #[cfg(test)]
    pub(super) fn of(session: Key, subkey: Key, time: KerberosTime, microseconds: u32, number: u32) -> Self {
        Self { session, subkey, time, microseconds: Some(microseconds), number }
    }

    /// Checks the endpoint's proof. It can only come from who has read our ticket, and only for this exchange.
    pub(in crate::transport) fn finish(self, answer: &[u8]) -> Result<Sealed, KerberosError> {
        let unproven = KerberosError::Unproven;
        let (kind, answer) = opened(answer).ok_or(unproven("its answer is none of Kerberos"))?;
        if kind != AP_REP_TOKEN_ID {
            return Err(unproven("it does not prove who it is"));
        }
        let answer: ApRep =
            picky_asn1_der::from_bytes(answer).map_err(|_| unproven("its proof cannot be read"))?;
        let sealed = &answer.0.enc_part.0;
        if suite(&sealed.etype.0.0).as_ref() != Some(&self.session.suite) {
            return Err(unproven("its proof is sealed with another kind of key"));
        }
        let plain = self.session.open(AP_REP_ENC, &sealed.cipher.0.0);
        let plain = plain.ok_or(unproven("its proof is not sealed with the ticket's key"))?;
        let proof: EncApRepPart =
            picky_asn1_der::from_bytes(plain.as_ref()).map_err(|_| unproven("its proof cannot be read"))?;
        let proof = proof.0;
        if proof.ctime.0 != self.time || number(&proof.cusec.0.0) != self.microseconds {
            return Err(unproven("its proof belongs to another exchange"));
        }
        let theirs = proof.seq_number.0.and_then(|first| number(&first.0.0));
        let theirs = theirs.ok_or(unproven("its proof does not number what follows"))?;
        let (key, is_theirs) = match &proof.subkey.0 {
            Some(key) => (Key::read(&key.0).ok_or(unproven("its key is none for AES"))?, true),
            None => (self.subkey, false),
        };
        Ok(Sealed::new(key, is_theirs, self.number, theirs))
    }
}

/// Why an endpoint refuses a ticket, where it says so. Nothing protects this.
pub(in crate::transport) fn refusal_in(answer: &[u8]) -> Option<String> {
    let (kind, error) = opened(answer)?;
    (kind == ERROR_TOKEN_ID).then(|| Refusal::read(error).map(|refusal| refusal.meaning()))?
}

/// InitialContextToken of RFC 2743, 3.1.
fn token(kind: [u8; 2], message: &[u8]) -> Vec<u8> {
    wrapped(0x60, &[&wrapped(0x06, &MECHANISM), &kind[..], message].concat())
}

fn opened(token: &[u8]) -> Option<([u8; 2], &[u8])> {
    if token.len() > ANSWER {
        return None;
    }
    let (inner, _) = element(token, 0x60)?;
    let (mechanism, message) = element(inner, 0x06)?;
    let (kind, message) = message.split_first_chunk::<2>()?;
    (mechanism == MECHANISM).then_some((*kind, message))
}
