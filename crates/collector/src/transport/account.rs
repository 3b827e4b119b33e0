//! The account that Windows endpoints are asked with: its password, proving it without sending it, sealing what follows,
//! and care that it is not locked out by us. WinRM and SMB share all of this.

pub(crate) mod accounts;
pub(super) mod der;
pub(super) mod host_name;
pub(super) mod hosts;
pub(crate) mod kerberos;
pub(super) mod ntlm;
pub(super) mod password;
pub(super) mod sealing;
