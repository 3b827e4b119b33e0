//! Desks for tests: presets as they are shipped, at a server on loopback.

use investigation::act::ActionKind;
use investigation::policy::Policy;

use super::*;

/// The configuration of a `[ticket]` section, with this secret.
pub(super) fn desk(section: &str, secret: Option<&str>) -> TicketConfig {
    let text = format!("version = 1\n[scope]\nnetworks = ['10.0.0.0/8']\n[ticket]\n{section}\n");
    let policy = Policy::parse(&text).unwrap_or_else(|error| panic!("{error}\n{text}"));
    TicketConfig {
        desk: policy.desk(ActionKind::Ticket),
        token: secret.map(|secret| Token::Value(secret.to_owned())),
        ca: None,
    }
}

/// A receiver of JSON.
pub(super) fn webhook(url: &str, folds: bool, token: Option<Token>) -> TicketConfig {
    // What the policy refuses is tried too, so it is set behind its back.
    let fine =
        format!("webhook = {{ url = 'https://t', honours_idempotency_key = {folds}, timeout = '1s' }}");
    let mut config = desk(&fine, None);
    let desk = config.desk.as_mut().unwrap();
    desk.url = Some(url.to_owned());
    TicketConfig { token, ..config }
}
