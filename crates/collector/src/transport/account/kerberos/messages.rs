//! Messages to a KDC and what comes back: a ticket for tickets against the password, and with it one for a service. A
//! reply counts only if it is sealed for its request: with the key, the nonce and the name that were asked for.

use investigation::policy::Kerberos;
use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use picky_krb::constants::key_usages::{AS_REP_ENC, TGS_REP_ENC_SESSION_KEY};
use picky_krb::constants::types::NT_PRINCIPAL;
use picky_krb::data_types::PrincipalName;
use picky_krb::messages::{AsRep, EncAsRepPart, EncKdcRepPart, EncTgsRepPart, KdcRep, TgsRep};
use sspi::ClientRequestFlags;
use sspi::kerberos::client::generators::{
    GenerateAsReqOptions, GenerateAuthenticatorOptions, GenerateKeytabPaDataOptions, GenerateTgsReqOptions,
    generate_as_req, generate_as_req_kdc_body, generate_authenticator, generate_pa_datas_for_as_req_with_key,
    generate_tgs_req,
};

use super::{KerberosError, Key, quietly, suite};
use crate::transport::account::der::number;

/// The service that gives tickets.
const TICKETS: &str = "krbtgt";

/// A ticket, the key that goes with it, and how long it counts.
pub(super) struct Ticket {
    /// The reply that it came in: it names us as the KDC does.
    pub(super) reply: KdcRep,
    pub(super) key: Key,
    pub(super) ends: Timestamp,
}

/// Why a reply does not count.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Unfit {
    /// It is not what was asked for.
    Reply(&'static str),
    /// It is a ticket for the KDCs of another realm.
    Referral(String),
}

/// Asks for a ticket for tickets; with a key of the password, which proves that it is known, or without.
pub(super) fn logon(who: &Kerberos, nonce: u32, key: Option<&Key>) -> Result<Vec<u8>, KerberosError> {
    let options = GenerateAsReqOptions {
        realm: &who.realm,
        username: &who.principal,
        cname_type: NT_PRINCIPAL,
        snames: &[TICKETS, &who.realm],
        nonce,
        hostname: "",
        context_requirements: ClientRequestFlags::empty(),
    };
    quietly(|| {
        let mut body = generate_as_req_kdc_body(&options)?;
        // A ticket that is bound to no address: ours may be translated on the way.
        body.addresses.0 = None;
        let proof = GenerateKeytabPaDataOptions {
            key: key.map(|key| key.bytes.clone()).unwrap_or_default(),
            key_enctype: key
                .map_or(picky_krb::crypto::CipherSuite::Aes256CtsHmacSha196, |key| key.suite.clone()),
            with_pre_auth: key.is_some(),
        };
        encoded(&generate_as_req(generate_pa_datas_for_as_req_with_key(&proof)?, body))
    })
}

/// Reads the ticket for tickets.
pub(super) fn logged_on(reply: &[u8], who: &Kerberos, nonce: u32, key: &Key) -> Result<Ticket, Unfit> {
    let reply = picky_asn1_der::from_bytes::<AsRep>(reply).map_err(|_| Unfit::Reply("it is no AS-REP"))?.0;
    let expected = Expected { nonce, realm: &who.realm, service: [TICKETS, &who.realm] };
    ticket(reply, key, AS_REP_ENC, &expected)
}

/// Asks for a ticket for `service/host`; also says which nonce the reply has to have.
pub(super) fn service(
    tickets: &Ticket,
    who: &Kerberos,
    service: &str,
) -> Result<(Vec<u8>, u32), KerberosError> {
    quietly(|| {
        let mut authenticator = generate_authenticator(GenerateAuthenticatorOptions {
            kdc_rep: &tickets.reply,
            seq_num: None,
            sub_key: None,
            checksum: None,
            channel_bindings: None,
            extensions: Vec::new(),
        })?;
        let request = generate_tgs_req(GenerateTgsReqOptions {
            realm: &who.realm,
            service_principal: service,
            session_key: &tickets.key.bytes,
            ticket: tickets.reply.ticket.0.clone(),
            authenticator: &mut authenticator,
            additional_tickets: None,
            enc_params: &tickets.key.params(),
            context_requirements: ClientRequestFlags::empty(),
        })?;
        let nonce = number(&request.0.req_body.0.nonce.0.0)
            .ok_or_else(|| KerberosError::Internal("a request has no nonce".to_owned()))?;
        Ok((encoded(&request)?, nonce))
    })
}

/// Reads the ticket for a service.
pub(super) fn served(
    reply: &[u8],
    tickets: &Ticket,
    who: &Kerberos,
    service: &str,
    nonce: u32,
) -> Result<Ticket, Unfit> {
    let reply = picky_asn1_der::from_bytes::<TgsRep>(reply).map_err(|_| Unfit::Reply("it is no TGS-REP"))?.0;
    let (kind, host) = service.split_once('/').ok_or(Unfit::Reply("the service has no host"))?;
    let expected = Expected { nonce, realm: &who.realm, service: [kind, host] };
    ticket(reply, &tickets.key, TGS_REP_ENC_SESSION_KEY, &expected)
}

/// What a reply has to be for.
struct Expected<'a> {
    nonce: u32,
    realm: &'a str,
    service: [&'a str; 2],
}

fn ticket(reply: KdcRep, key: &Key, usage: i32, expected: &Expected<'_>) -> Result<Ticket, Unfit> {
    let sealed = &reply.enc_part.0;
    if suite(&sealed.etype.0.0).as_ref() != Some(&key.suite) {
        return Err(Unfit::Reply("it is sealed with another kind of key"));
    }
    let plain = key.open(usage, &sealed.cipher.0.0).ok_or(Unfit::Reply("it is not sealed with our key"))?;
    let part = part(plain.as_ref()).ok_or(Unfit::Reply("it cannot be read"))?;
    if number(&part.nonce.0.0) != Some(expected.nonce) {
        return Err(Unfit::Reply("it belongs to another request"));
    }
    let names = names(&part.sname.0);
    let is_same = |one: &str, other: &str| one.eq_ignore_ascii_case(other);
    if let [kind, realm] = names.as_slice()
        && is_same(kind, TICKETS)
        && !is_same(realm, expected.realm)
    {
        return Err(Unfit::Referral(super::refusal::shown(realm)));
    }
    let [kind, host] = expected.service;
    if !matches!(names.as_slice(), [one, other] if is_same(one, kind) && is_same(other, host))
        || !is_same(part.srealm.0.0.as_utf8(), expected.realm)
        || !is_same(reply.crealm.0.0.as_utf8(), expected.realm)
    {
        return Err(Unfit::Reply("it is for another service"));
    }
    let key = Key::read(&part.key.0).ok_or(Unfit::Reply("its key is none for AES"))?;
    let ends = time(&part).ok_or(Unfit::Reply("it does not say how long it counts"))?;
    Ok(Ticket { reply, key, ends })
}

/// RFC 4120 has one tag for either reply, and allows the other's.
fn part(plain: &[u8]) -> Option<EncKdcRepPart> {
    match plain.first()? {
        0x79 => picky_asn1_der::from_bytes::<EncAsRepPart>(plain).ok().map(|part| part.0),
        _ => picky_asn1_der::from_bytes::<EncTgsRepPart>(plain).ok().map(|part| part.0),
    }
}

fn names(principal: &PrincipalName) -> Vec<&str> {
    principal.name_string.0.0.iter().take(4).map(|name| name.0.as_utf8()).collect()
}

fn time(part: &EncKdcRepPart) -> Option<Timestamp> {
    let ends = &part.end_time.0.0;
    let small = |number: u8| i8::try_from(number).ok();
    let civil = DateTime::new(
        i16::try_from(ends.year()).ok()?,
        small(ends.month())?,
        small(ends.day())?,
        small(ends.hour())?,
        small(ends.minute())?,
        small(ends.second())?,
        0,
    );
    TimeZone::UTC.to_timestamp(civil.ok()?).ok()
}

pub(super) fn encoded<T: serde::Serialize>(message: &T) -> Result<Vec<u8>, KerberosError> {
    picky_asn1_der::to_vec(message)
        .map_err(|_| KerberosError::Internal("a message for the KDC cannot be written".to_owned()))
}
