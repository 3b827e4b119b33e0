//! What a SYSTEM log says in its description only: who logged in, from where, on which server.
//!
//! Source: Palo Alto Networks, "PAN-OS System Log Messages Reference".

use crate::alert::fields::Named;
use crate::alert::format::wording;
use crate::alert::{AlertFields, Field, Reject};

const SOURCE: [&str; 5] = ["From: ", "from ", "initiated by: ", "initiated by ", ", ip "];
const DESTINATION: [&str; 5] =
    ["server address ", "Server Address ", "connected to server ", "connect to address: ", " IP: "];

/// Sets what nothing else has set.
pub(super) fn read(fields: &mut AlertFields, (key, text): Named<'_>) -> Result<(), Reject> {
    if let (None, Some(address)) = (fields.source_ip, wording::address_after(text, &SOURCE)) {
        fields.set(Field::SourceIp, (key, address))?;
    }
    if let (None, Some(address)) = (fields.destination_ip, wording::address_after(text, &DESTINATION)) {
        fields.set(Field::DestinationIp, (key, address))?;
    }
    if let (None, Some(name)) = (&fields.user_name, user(text)) {
        fields.set(Field::UserName, (key, name))?;
    }
    if let (None, Some(name)) = (&fields.host_name, wording::word_after(text, &["server monitor "])) {
        fields.set(Field::HostName, (key, name.split('(').next().unwrap_or(name)))?;
    }
    if let Some((_, reason)) = text.split_once("Reason: ") {
        let end = [" auth profile", " From: "].iter().filter_map(|behind| reason.find(behind)).min();
        fields.set(Field::RuleName, (key, &reason[..end.unwrap_or(reason.len())]))?;
    }
    Ok(())
}

fn user(text: &str) -> Option<&str> {
    // The device itself.
    if text.contains("Auto update agent") {
        return None;
    }
    let last = || text.rsplit_once(" by ").map(|(_, name)| name).filter(|name| !name.contains(' '));
    wording::word_after(text, &["for user ", "authenticating user ", "User "]).or_else(last)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_login_says_who_from_where_and_why_not() {
        let mut fields = AlertFields::default();
        let text = "failed authentication for user 'CORP\\alice'. Reason: Invalid username/password. auth profile \
                    'AD', vsys 'shared', server profile 'x', server address '10.20.0.5', From: 10.20.1.17.";
        read(&mut fields, ("d", text)).expect("read");
        assert_eq!(
            (fields.user_name.as_deref(), fields.user_domain.as_deref()),
            (Some("alice"), Some("CORP"))
        );
        assert_eq!(fields.source_ip, "10.20.1.17".parse().ok());
        assert_eq!(fields.destination_ip, "10.20.0.5".parse().ok());
        assert_eq!(fields.rule_name.as_deref(), Some("Invalid username/password."));
    }

    #[test]
    fn a_device_s_own_work_is_nobody_s() {
        for (text, name) in [
            ("package upgraded from version 1 to 2 by Auto update agent", None),
            ("package upgraded from version 1 to 2 by admin", Some("admin")),
            ("Port ethernet1/2: Up", None),
        ] {
            assert_eq!(user(text), name, "{text}");
        }
    }
}
