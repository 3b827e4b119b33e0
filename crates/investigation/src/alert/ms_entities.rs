//! Entities and evidences: the machines, addresses and users that Microsoft's products hang onto an alert, without
//! saying which end of what they are.

use std::borrow::Cow;

use super::lookup::Lookup;
use super::{AlertFields, Field, Reject};

/// What Microsoft calls an entity's kind, and where its values are, in one product's words.
#[derive(Clone, Copy, Debug)]
pub(super) struct Words {
    /// What all of them are called together.
    pub(super) group: &'static str,
    /// Where the kind is.
    pub(super) kind: &'static [&'static str],
    /// Where an address is.
    pub(super) address: &'static [&'static str],
    /// Where a machine's name is, and the domain that is to be put behind it.
    pub(super) host: &'static [&'static str],
    pub(super) host_domain: &'static [&'static str],
    /// Addresses of a machine itself.
    pub(super) own: &'static [&'static str],
    pub(super) user: &'static [&'static str],
    pub(super) user_domain: &'static [&'static str],
    pub(super) email: &'static [&'static str],
}

/// The entities of one alert, by kind.
#[derive(Debug, Default)]
pub(super) struct Entities<'a> {
    pub(super) addresses: Vec<Lookup<'a>>,
    pub(super) hosts: Vec<Lookup<'a>>,
    pub(super) users: Vec<Lookup<'a>>,
    pub(super) connections: Vec<Lookup<'a>>,
}

impl<'a> Entities<'a> {
    /// Sorts them by their kind: `ip`, `#microsoft.graph.security.ipEvidence`, `Machine`, `account`, …
    pub(super) fn sort(entities: Vec<Lookup<'a>>, words: Words) -> Self {
        let mut sorted = Self::default();
        for entity in entities {
            // Some lists are of machines only, and name no kind.
            let kind = first(entity, words.kind).map_or(Cow::Borrowed("host"), |(_, kind)| kind);
            let kind = kind.to_ascii_lowercase();
            match kind.rsplit('.').next().unwrap_or_default().trim_end_matches("evidence") {
                "ip" => sorted.addresses.push(entity),
                "host" | "machine" | "device" if first(entity, words.host).is_some() => {
                    sorted.hosts.push(entity)
                }
                "account" | "user" => sorted.users.push(entity),
                "networkconnection" | "network-connection" => sorted.connections.push(entity),
                _ => {}
            }
        }
        sorted
    }

    /// The alerts that they make of `base`: one machine is the source, and a single other address its peer. Without
    /// a machine the addresses are all there is.
    pub(super) fn alerts(&self, base: &AlertFields, words: Words) -> Result<Vec<AlertFields>, Reject> {
        let mut alerts = self.unnamed(base, words)?;
        for fields in &mut alerts {
            fields.within(words.group, &base.origins);
        }
        Ok(alerts)
    }

    fn unnamed(&self, base: &AlertFields, words: Words) -> Result<Vec<AlertFields>, Reject> {
        let (path, addresses) = self.addresses(words);
        let mut base = base.clone();
        if let [user] = self.users[..] {
            set_user(&mut base, user, words)?;
        }
        if self.hosts.len() > 1 || self.hosts.is_empty() {
            return self.without_a_host(base, path, addresses, words);
        }
        let host = self.hosts[0];
        set_host(&mut base, host, words)?;
        base.set_own_address(host, words.own)?;
        if base.user_name.is_none() {
            set_user(&mut base, host, words)?;
        }
        match base.source_ip.map(|ip| ip.to_string()) {
            None if base.source_address.is_none() => base.with_addresses(path, &addresses),
            own => {
                let others: Vec<&String> =
                    addresses.iter().filter(|value| Some(*value) != own.as_ref()).collect();
                if let [peer] = others[..] {
                    base.set(Field::DestinationIp, (path, peer))?;
                }
                Ok(vec![base])
            }
        }
    }

    /// Each machine is an alert of its own; the addresses belong to nobody then.
    fn without_a_host(
        &self,
        base: AlertFields,
        path: &str,
        addresses: Vec<String>,
        words: Words,
    ) -> Result<Vec<AlertFields>, Reject> {
        let mut alerts = Vec::new();
        for host in self.hosts.iter().take(64) {
            let mut fields = base.clone();
            fields.forget_whose();
            set_host(&mut fields, *host, words)?;
            fields.set_own_address(*host, words.own)?;
            if fields.has_end() {
                alerts.push(fields);
            }
        }
        if alerts.is_empty() {
            let mut base = base;
            if self.hosts.len() > 1 {
                base.note(
                    "several machines without an address: which of them is meant is not said".to_owned(),
                );
            }
            return base.with_addresses(path, &addresses);
        }
        Ok(alerts)
    }

    /// All addresses, each once, and where they are.
    fn addresses(&self, words: Words) -> (&'static str, Vec<String>) {
        let mut found: Vec<String> = Vec::new();
        let mut at = words.address[0];
        for entity in &self.addresses {
            if let Some((path, address)) = first(*entity, words.address)
                && !found.iter().any(|known| *known == address)
                && found.len() < 256
            {
                at = path;
                found.push(address.into_owned());
            }
        }
        (at, found)
    }
}

fn set_user(fields: &mut AlertFields, entity: Lookup<'_>, words: Words) -> Result<(), Reject> {
    fields.fill_one(entity, Field::UserName, words.user)?;
    fields.fill_one(entity, Field::UserDomain, words.user_domain)?;
    fields.fill_one(entity, Field::UserEmail, words.email)
}

/// `ws-0317` in `corp.example.com` is `ws-0317.corp.example.com`.
fn set_host(fields: &mut AlertFields, entity: Lookup<'_>, words: Words) -> Result<(), Reject> {
    let Some((path, name)) = first(entity, words.host) else { return Ok(()) };
    let whole = match first(entity, words.host_domain) {
        Some((_, domain)) if !name.contains('.') => format!("{name}.{domain}"),
        _ => name.into_owned(),
    };
    fields.set(Field::HostName, (path, &whole))?;
    Ok(())
}

fn first<'a>(entity: Lookup<'a>, paths: &[&'static str]) -> Option<(&'static str, Cow<'a, str>)> {
    paths.iter().find_map(|path| Some((*path, entity.get(path)?)))
}
