//! The body of a sealed message over HTTP (MS-WSMV 2.2.9.1): a multipart form with one sealed part.

use thiserror::Error;

/// Longest signature. NTLM's has 16 bytes, and Kerberos' 60 or 76.
const SIGNATURE: usize = 256;

/// The type of such a body.
pub(super) const CONTENT_TYPE: &str = "multipart/encrypted;protocol=\"application/HTTP-SPNEGO-session-encrypted\";\
                                       boundary=\"Encrypted Boundary\"";

/// Why a body is not a sealed one.
#[derive(Debug, Error, PartialEq, Eq)]
pub(super) enum NotSealed {
    /// It is of another type, so nothing protects it.
    #[error("the answer is not encrypted")]
    Type,
    /// It claims to be sealed, and is put together in another way.
    #[error("the encrypted answer is not put together as it should be: {0}")]
    Form(&'static str),
}

/// Puts a sealed message into a body.
pub(super) fn wrap(signature: &[u8], sealed: &[u8]) -> Vec<u8> {
    let mut body = format!(
        "--Encrypted Boundary\r\n\tContent-Type: application/HTTP-SPNEGO-session-encrypted\r\n\
         \tOriginalContent: type=application/soap+xml;charset=UTF-8;Length={}\r\n\
         --Encrypted Boundary\r\n\tContent-Type: application/octet-stream\r\n",
        sealed.len()
    )
    .into_bytes();
    body.reserve(4 + signature.len() + sealed.len() + 32);
    body.extend_from_slice(&u32::try_from(signature.len()).unwrap_or(u32::MAX).to_le_bytes());
    body.extend_from_slice(signature);
    body.extend_from_slice(sealed);
    body.extend_from_slice(b"--Encrypted Boundary--\r\n");
    body
}

/// Takes the signature and the sealed message out of a body. The lengths decide where the message ends: sealed bytes
/// may spell a boundary.
pub(super) fn unwrap<'b>(content_type: &str, body: &'b [u8]) -> Result<(&'b [u8], &'b [u8]), NotSealed> {
    let folded = content_type.to_ascii_lowercase();
    if !folded.starts_with("multipart/encrypted")
        || !folded.contains("application/http-spnego-session-encrypted")
    {
        return Err(NotSealed::Type);
    }
    let mut rest = Rest(body);
    rest.boundary()?;
    let mut length = None;
    loop {
        let before = rest.0;
        let line = rest.line()?.trim_ascii();
        if line.starts_with(b"--") {
            rest.0 = before;
            break;
        }
        if let Some((name, value)) = header(line)
            && name.eq_ignore_ascii_case("OriginalContent")
        {
            let text = value.rsplit_once("Length=").map(|(_, length)| length.trim());
            length = text.and_then(|text| text.parse::<usize>().ok());
        }
    }
    let length = length.ok_or(NotSealed::Form("it does not say how long the message is"))?;
    rest.boundary()?;
    let (name, value) = header(rest.line()?.trim_ascii()).unwrap_or_default();
    if !name.eq_ignore_ascii_case("Content-Type") || value != "application/octet-stream" {
        return Err(NotSealed::Form("there is no sealed part"));
    }
    let short = NotSealed::Form("it ends early");
    let (prefix, after) = rest.0.split_first_chunk::<4>().ok_or(short)?;
    let before = u32::from_le_bytes(*prefix) as usize;
    if before > SIGNATURE {
        return Err(NotSealed::Form("its signature is longer than any real one"));
    }
    let (signature, after) = after.split_at_checked(before).ok_or(NotSealed::Form("it ends early"))?;
    let (sealed, after) = after.split_at_checked(length).ok_or(NotSealed::Form("it ends early"))?;
    if !after.trim_ascii().starts_with(b"--") || !after.trim_ascii().ends_with(b"Encrypted Boundary--") {
        return Err(NotSealed::Form("something follows the message"));
    }
    if after.len() > 64 {
        return Err(NotSealed::Form("something follows the message"));
    }
    Ok((signature, sealed))
}

struct Rest<'b>(&'b [u8]);

impl<'b> Rest<'b> {
    fn line(&mut self) -> Result<&'b [u8], NotSealed> {
        let end = self.0.iter().take(1024).position(|byte| *byte == b'\n');
        let end = end.ok_or(NotSealed::Form("a line of its head does not end"))?;
        let (line, rest) = self.0.split_at(end + 1);
        self.0 = rest;
        Ok(line)
    }

    /// Some versions write a space after the dashes.
    fn boundary(&mut self) -> Result<(), NotSealed> {
        let line = self.line()?.trim_ascii();
        match line.strip_prefix(b"--").map(<[u8]>::trim_ascii) {
            Some(b"Encrypted Boundary") => Ok(()),
            _ => Err(NotSealed::Form("a boundary is missing")),
        }
    }
}

fn header(line: &[u8]) -> Option<(&str, &str)> {
    let (name, value) = std::str::from_utf8(line).ok()?.split_once(':')?;
    Some((name.trim(), value.trim()))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const SIG: [u8; 16] = [7; 16];

    #[test]
    fn what_was_wrapped_comes_out_again_even_if_it_spells_a_boundary() {
        let message = b"\r\n--Encrypted Boundary--\r\n\xff";
        let body = wrap(&SIG, message);
        assert_eq!(unwrap(CONTENT_TYPE, &body), Ok((&SIG[..], &message[..])));
        let body = wrap(&[9; 60], message);
        assert_eq!(unwrap(CONTENT_TYPE, &body), Ok((&[9; 60][..], &message[..])));
    }

    #[test]
    fn an_older_windows_is_understood() {
        let text = String::from_utf8(wrap(&SIG, b"<a/>")).unwrap();
        let body = text.replace("--Encrypted", "-- Encrypted").replace("\r\n\t", "\r\n");
        assert_eq!(unwrap(&CONTENT_TYPE.to_uppercase(), body.as_bytes()), Ok((&SIG[..], &b"<a/>"[..])));
    }

    #[test]
    fn a_plain_body_is_never_taken() {
        assert_eq!(unwrap("application/soap+xml;charset=UTF-8", b"<a/>"), Err(NotSealed::Type));
        assert!(matches!(unwrap(CONTENT_TYPE, b"<a/>"), Err(NotSealed::Form(_))));
    }

    #[test]
    fn lengths_have_to_add_up() {
        let body = wrap(&SIG, b"0123456789");
        for cut in 0..body.len() - 2 {
            assert!(unwrap(CONTENT_TYPE, &body[..cut]).is_err(), "{cut}");
        }
        let text = String::from_utf8(body).unwrap();
        for length in ["9", "11", "-1", "99999999999999999999", ""] {
            let wrong = text.replace("Length=10", &format!("Length={length}"));
            assert!(unwrap(CONTENT_TYPE, wrong.as_bytes()).is_err(), "{length}");
        }
        assert!(unwrap(CONTENT_TYPE, (text.clone() + &"x".repeat(100)).as_bytes()).is_err());
        assert!(unwrap(CONTENT_TYPE, text.replace('\u{10}', "\u{11}").as_bytes()).is_err());
        assert!(unwrap(CONTENT_TYPE, &wrap(&[0; 257], b"0123456789")).is_err());
    }

    proptest! {
        #[test]
        fn no_bytes_make_it_panic(bytes in proptest::collection::vec(any::<u8>(), 0..600), at in 0_usize..400) {
            let _ = unwrap(CONTENT_TYPE, &bytes);
            let mut body = wrap(&SIG, &bytes);
            let at = at.min(body.len() - 1);
            body[at] ^= 0x55;
            let _ = unwrap(CONTENT_TYPE, &body);
        }
    }
}
