//! NTLM: proving that the password is known without sending it, and sealing what follows.
//!
//! The cryptography is `sspi`'s: it signs the whole exchange, binds it to the TLS channel where there is one, and
//! checks the signature and the number of each message that comes back.

use investigation::text::one_line;
use sspi::{
    AuthIdentity, AuthIdentityBuffers, BufferType, ClientRequestFlags, CredentialUse, DataRepresentation,
    EncryptionFlags, Ntlm as Context, SecurityBuffer, SecurityBufferRef, Sspi, SspiImpl, Username,
};

use super::password::Password;

/// Length of the signature of a sealed message.
pub(in crate::transport) const SIGNATURE: usize = 16;

/// Longest challenge. Windows' own have a few hundred bytes.
const CHALLENGE: usize = 4096;

/// Longest name in a challenge, in characters.
const NAME: usize = 255;

/// Why the exchange cannot go on: one line that holds no secret.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub(in crate::transport) struct NtlmError(String);

impl From<sspi::Error> for NtlmError {
    fn from(error: sspi::Error) -> Self {
        Self(one_line(&format!("{:?}: {}", error.error_type, error.description), 200))
    }
}

/// How the endpoint calls itself. It says so before anything is proven.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(in crate::transport) struct Names {
    /// Its name in DNS.
    pub(in crate::transport) dns: Option<String>,
    /// Its NetBIOS name.
    pub(in crate::transport) netbios: Option<String>,
}

impl Names {
    /// The more telling of the two.
    pub(in crate::transport) fn best(&self) -> Option<&str> {
        self.dns.as_deref().or(self.netbios.as_deref())
    }
}

/// One exchange, and the keys that come of it.
pub(in crate::transport) struct Ntlm {
    context: Context,
    credentials: Option<AuthIdentityBuffers>,
}

impl Ntlm {
    /// Begins an exchange: what is sent first, which says nothing of the account. `binding` ties the exchange to the
    /// certificate that the endpoint has shown.
    pub(in crate::transport) fn begin(
        user: &str,
        password: &Password,
        binding: Option<&[u8]>,
    ) -> Result<(Self, Vec<u8>), NtlmError> {
        let username =
            Username::parse(user).map_err(|_| NtlmError("the account's name has no known form".into()))?;
        let identity = AuthIdentity { username, password: password.expose().to_owned().into() };
        let mut context = Context::new();
        if let Some(binding) = binding {
            context.set_channel_bindings(binding);
        }
        let acquired = context
            .acquire_credentials_handle()
            .with_credential_use(CredentialUse::Outbound)
            .with_auth_data(&identity)
            .execute(&mut context)?;
        let mut ntlm = Self { context, credentials: acquired.credentials_handle };
        let first = ntlm.step(Vec::new())?;
        Ok((ntlm, first))
    }

    /// Answers the endpoint's challenge.
    pub(in crate::transport) fn answer(&mut self, challenge: &[u8]) -> Result<Vec<u8>, NtlmError> {
        self.step(challenge.to_vec())
    }

    fn step(&mut self, token: Vec<u8>) -> Result<Vec<u8>, NtlmError> {
        let mut input = [SecurityBuffer::new(token, BufferType::Token)];
        let mut output = [SecurityBuffer::new(Vec::new(), BufferType::Token)];
        let wanted = ClientRequestFlags::CONFIDENTIALITY
            | ClientRequestFlags::INTEGRITY
            | ClientRequestFlags::ALLOCATE_MEMORY;
        let mut builder = self
            .context
            .initialize_security_context()
            .with_credentials_handle(&mut self.credentials)
            .with_context_requirements(wanted)
            .with_target_data_representation(DataRepresentation::Native)
            .with_input(&mut input)
            .with_output(&mut output);
        self.context.initialize_security_context_impl(&mut builder)?.resolve_to_result()?;
        let [output] = output;
        Ok(output.buffer)
    }

    /// The key that the exchange came to, for a transport that signs and seals by itself. There is one once the
    /// challenge is answered.
    pub(in crate::transport) fn session_key(&self) -> Result<[u8; 16], NtlmError> {
        let keys = self.context.query_context_session_key()?;
        let key = keys.session_key.as_ref().as_slice();
        key.try_into().map_err(|_| NtlmError("the session has no key".into()))
    }

    /// Signs the list of mechanisms that was offered, as the first message after the exchange. Who wraps the exchange
    /// has to show that nobody on the way has shortened the list.
    pub(in crate::transport) fn sign_first(&mut self, message: &[u8]) -> Result<[u8; SIGNATURE], NtlmError> {
        let (mut signature, mut message) = ([0; SIGNATURE], message.to_vec());
        let mut buffers =
            [SecurityBufferRef::data_buf(&mut message), SecurityBufferRef::token_buf(&mut signature)];
        self.context.make_signature(0, &mut buffers, 0)?;
        Ok(signature)
    }

    /// Seals a message in its place.
    pub(in crate::transport) fn seal(&mut self, message: &mut [u8]) -> Result<[u8; SIGNATURE], NtlmError> {
        let mut signature = [0; SIGNATURE];
        let mut buffers =
            [SecurityBufferRef::token_buf(&mut signature), SecurityBufferRef::data_buf(message)];
        self.context.encrypt_message(EncryptionFlags::empty(), &mut buffers)?;
        Ok(signature)
    }

    /// Opens a message in its place, if it is the next one of who holds the key and nobody has changed it.
    pub(in crate::transport) fn open(
        &mut self,
        signature: &[u8; SIGNATURE],
        message: &mut [u8],
    ) -> Result<(), NtlmError> {
        let mut signature = *signature;
        let mut buffers =
            [SecurityBufferRef::token_buf(&mut signature), SecurityBufferRef::data_buf(message)];
        self.context.decrypt_message(&mut buffers)?;
        Ok(())
    }
}

/// Reads how the endpoint calls itself out of its challenge, and refuses what is no challenge.
pub(in crate::transport) fn names(challenge: &[u8]) -> Result<Names, NtlmError> {
    let wrong = |what: &str| NtlmError(format!("the challenge {what}"));
    if challenge.len() > CHALLENGE {
        return Err(wrong("is longer than any real one"));
    }
    if !challenge.starts_with(b"NTLMSSP\0\x02\0\0\0") {
        return Err(wrong("is not one of NTLM"));
    }
    let info = challenge.get(40..48).and_then(|fields| {
        let length = usize::from(u16::from_le_bytes([fields[0], fields[1]]));
        let offset = u32::from_le_bytes([fields[4], fields[5], fields[6], fields[7]]) as usize;
        challenge.get(offset..)?.get(..length)
    });
    let mut rest = info.ok_or_else(|| wrong("is cut off"))?;
    let mut names = Names::default();
    while let Some((head, after)) = rest.split_first_chunk::<4>() {
        let (kind, length) = (u16::from_le_bytes([head[0], head[1]]), u16::from_le_bytes([head[2], head[3]]));
        if kind == 0 {
            break;
        }
        let (value, after) =
            after.split_at_checked(usize::from(length)).ok_or_else(|| wrong("is cut off"))?;
        match kind {
            1 => names.netbios = name(value),
            3 => names.dns = name(value),
            _ => {}
        }
        rest = after;
    }
    Ok(names)
}

fn name(utf16: &[u8]) -> Option<String> {
    let units = utf16.chunks_exact(2).map(|pair| u16::from_le_bytes([pair[0], pair[1]]));
    let text: String = char::decode_utf16(units).map(|c| c.unwrap_or(char::REPLACEMENT_CHARACTER)).collect();
    (!text.is_empty()).then(|| one_line(&text, NAME))
}

#[cfg(test)]
mod tests;
