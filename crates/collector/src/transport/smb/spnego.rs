//! The wrapping in which a logon is negotiated (RFC 4178): one mechanism is offered, and its tokens go in and out.

use super::bytes::Malformed;

/// How the account is proven.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Mechanism {
    Ntlm,
}

impl Mechanism {
    /// Its object identifier in DER.
    fn oid(self) -> &'static [u8] {
        match self {
            Self::Ntlm => &[0x06, 0x0a, 0x2b, 0x06, 0x01, 0x04, 0x01, 0x82, 0x37, 0x02, 0x02, 0x0a],
        }
    }
}

/// The list of what is offered. The mechanism signs it in the end.
pub(super) fn offered(mechanism: Mechanism) -> Vec<u8> {
    tagged(0x30, mechanism.oid())
}

/// The first token: what is offered, and the mechanism's own first one.
pub(super) fn offer(mechanism: Mechanism, token: &[u8]) -> Vec<u8> {
    let mechanisms = tagged(0xa0, &offered(mechanism));
    let token = tagged(0xa2, &tagged(0x04, token));
    let init = tagged(0xa0, &tagged(0x30, &[mechanisms, token].concat()));
    let spnego: &[u8] = &[0x06, 0x06, 0x2b, 0x06, 0x01, 0x05, 0x05, 0x02];
    tagged(0x60, &[spnego, &init].concat())
}

/// The last one, with the signature of the list.
pub(super) fn answer(token: &[u8], signature: &[u8]) -> Vec<u8> {
    let (token, signature) = (tagged(0xa2, &tagged(0x04, token)), tagged(0xa3, &tagged(0x04, signature)));
    tagged(0xa1, &tagged(0x30, &[token, signature].concat()))
}

/// The mechanism's token in what came back. Some endpoints answer without the wrapping.
pub(super) fn token(bytes: &[u8]) -> Result<&[u8], Malformed> {
    if bytes.starts_with(b"NTLMSSP\0") {
        return Ok(bytes);
    }
    let (response, _) = expect(bytes, 0xa1)?;
    let (mut fields, _) = expect(response, 0x30)?;
    while !fields.is_empty() {
        let (tag, value, rest) = element(fields)?;
        if tag == 0xa2 {
            return expect(value, 0x04).map(|(token, _)| token);
        }
        fields = rest;
    }
    Err(Malformed("its logon offers no NTLM"))
}

fn expect(bytes: &[u8], tag: u8) -> Result<(&[u8], &[u8]), Malformed> {
    match element(bytes)? {
        (found, value, rest) if found == tag => Ok((value, rest)),
        _ => Err(Malformed("its logon is not negotiated as it should be")),
    }
}

/// Tag, value and what follows.
fn element(bytes: &[u8]) -> Result<(u8, &[u8], &[u8]), Malformed> {
    let cut = Malformed("its logon token is cut off");
    let [tag, first, rest @ ..] = bytes else { return Err(cut) };
    let (length, rest) = match (first, rest) {
        (0..=0x7f, rest) => (usize::from(*first), rest),
        (0x81, [a, rest @ ..]) => (usize::from(*a), rest),
        (0x82, [a, b, rest @ ..]) => (usize::from(u16::from_be_bytes([*a, *b])), rest),
        _ => return Err(cut),
    };
    let (value, rest) = rest.split_at_checked(length).ok_or(cut)?;
    Ok((*tag, value, rest))
}

fn tagged(tag: u8, value: &[u8]) -> Vec<u8> {
    let mut element = vec![tag];
    match (u8::try_from(value.len()), u16::try_from(value.len())) {
        (Ok(length @ 0..=0x7f), _) => element.push(length),
        (Ok(length), _) => element.extend([0x81, length]),
        // What we send is never longer.
        (_, length) => {
            element.push(0x82);
            element.extend(length.unwrap_or(u16::MAX).to_be_bytes());
        }
    }
    element.extend(value);
    element
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_of_every_length_go_in_and_out() {
        for length in [0, 1, 100, 127, 128, 200, 255, 256, 3000] {
            let inside = vec![7; length];
            assert_eq!(token(&answer(&inside, &[1; 16])).unwrap(), inside);
            let first = offer(Mechanism::Ntlm, &inside);
            assert!(first.ends_with(&inside) && first[0] == 0x60);
            assert!(first.windows(14).any(|part| part == offered(Mechanism::Ntlm)));
        }
    }

    #[test]
    fn the_token_is_found_among_what_windows_sends_with_it() {
        let state = tagged(0xa0, &tagged(0x0a, &[1]));
        let mechanism = tagged(0xa1, Mechanism::Ntlm.oid());
        let inside = tagged(0xa2, &tagged(0x04, b"NTLMSSP\0\x02"));
        let sent = tagged(0xa1, &tagged(0x30, &[state.clone(), mechanism, inside].concat()));
        assert_eq!(token(&sent).unwrap(), b"NTLMSSP\0\x02");
        for cut in 0..sent.len() {
            assert!(token(&sent[..cut]).is_err(), "{cut}");
        }
        assert!(token(&tagged(0xa1, &tagged(0x30, &state))).is_err());
        assert_eq!(token(b"NTLMSSP\0\x02").unwrap(), b"NTLMSSP\0\x02");
    }
}
