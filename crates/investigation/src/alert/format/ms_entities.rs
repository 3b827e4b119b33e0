//! Entities and evidences: the machines, addresses and users that Microsoft's products hang onto an alert, without
//! saying which end of what they are.

use std::borrow::Cow;

use super::lookup::Lookup;
use super::{AlertFields, Field, Reject};

/// What Microsoft calls an entity's kind, and where its values are, in one product's words.
#[derive(Clone, Copy, Debug)]
pub(super) struct Words {
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

/// An entity, and what the list is called that it is in.
pub(super) type Listed<'a> = (&'static str, Lookup<'a>);

/// Every entity in the lists at `paths`.
pub(super) fn listed<'a>(within: Lookup<'a>, paths: &[&'static str]) -> Vec<Listed<'a>> {
    paths
        .iter()
        .flat_map(|path| within.objects(path).into_iter().map(move |entity| (*path, entity)))
        .collect()
}

/// The entities of one alert, by kind.
#[derive(Debug, Default)]
pub(super) struct Entities<'a> {
    addresses: Vec<Listed<'a>>,
    hosts: Vec<Listed<'a>>,
    users: Vec<Listed<'a>>,
    /// Connections, which name both ends.
    pub(super) connections: Vec<Listed<'a>>,
}

impl<'a> Entities<'a> {
    /// Sorts them by their kind: `ip`, `#microsoft.graph.security.ipEvidence`, `Machine`, `account`, … The same one
    /// twice is one.
    pub(super) fn sort(entities: Vec<Listed<'a>>, words: Words) -> Self {
        let mut sorted = Self::default();
        for listed in entities {
            let (_, entity) = listed;
            // Some lists are of machines only, and name no kind.
            let kind = first(entity, words.kind).map_or(Cow::Borrowed("host"), |(_, kind)| kind);
            let kind = kind.to_ascii_lowercase();
            let (list, names) = match kind.rsplit('.').next().unwrap_or_default().trim_end_matches("evidence")
            {
                "ip" => (&mut sorted.addresses, words.address),
                "host" | "machine" | "device" => (&mut sorted.hosts, words.host),
                "account" | "user" => (&mut sorted.users, words.user),
                "networkconnection" | "network-connection" => {
                    sorted.connections.push(listed);
                    continue;
                }
                _ => continue,
            };
            let name = |(_, entity): &Listed<'a>| first(*entity, names).map(|(_, name)| name.to_lowercase());
            let is_new =
                name(&listed).is_some_and(|new| list.iter().all(|known| name(known).as_ref() != Some(&new)));
            if is_new && list.len() < 256 {
                list.push(listed);
            }
        }
        sorted
    }

    /// The alerts that they make of `base`: one machine is the source, and a single other address its peer. Without
    /// a machine the addresses are all there is, and of several each is an alert of its own.
    pub(super) fn alerts(&self, base: &AlertFields, words: Words) -> Result<Vec<AlertFields>, Reject> {
        let (path, addresses) = self.addresses(words);
        let mut fields = base.clone();
        if let [user] = self.users[..] {
            set_user(&mut fields, user, words)?;
        }
        let [host] = self.hosts[..] else {
            return self.several(fields, &path, &addresses, words);
        };
        set_machine(&mut fields, host, words)?;
        if fields.user_name.is_none() {
            set_user(&mut fields, host, words)?;
        }
        if !fields.has_end() {
            return fields.with_addresses(&path, &addresses);
        }
        let own = fields.source_ip.map(|ip| ip.to_string());
        let others: Vec<&String> = addresses.iter().filter(|value| Some(*value) != own.as_ref()).collect();
        if let [peer] = others[..] {
            fields.set(Field::DestinationIp, (&path, peer))?;
        }
        Ok(vec![fields])
    }

    /// Of several machines nobody says whose the user and the addresses are.
    fn several(
        &self,
        mut fields: AlertFields,
        path: &str,
        addresses: &[String],
        words: Words,
    ) -> Result<Vec<AlertFields>, Reject> {
        if self.hosts.is_empty() {
            return fields.with_addresses(path, addresses);
        }
        let mut alerts = Vec::new();
        for host in self.hosts.iter().take(64) {
            let mut fields = fields.clone();
            fields.forget_whose();
            set_machine(&mut fields, *host, words)?;
            alerts.push(fields);
        }
        if alerts.iter().any(AlertFields::has_end) || addresses.is_empty() {
            return Ok(alerts);
        }
        fields.note("several machines without an address: which of them is meant is not said".to_owned());
        fields.with_addresses(path, addresses)
    }

    /// All addresses, and where they are.
    fn addresses(&self, words: Words) -> (String, Vec<String>) {
        let mut at = String::new();
        let mut found = Vec::new();
        for (group, entity) in &self.addresses {
            if let Some((path, address)) = first(*entity, words.address) {
                at = format!("{group}.{path}");
                found.push(address.into_owned());
            }
        }
        (at, found)
    }
}

fn set_user(fields: &mut AlertFields, (group, entity): Listed<'_>, words: Words) -> Result<(), Reject> {
    let before = fields.origins.clone();
    fields.fill_one(entity, Field::UserName, words.user)?;
    fields.fill_one(entity, Field::UserDomain, words.user_domain)?;
    fields.fill_one(entity, Field::UserEmail, words.email)?;
    fields.within(group, &before);
    Ok(())
}

/// The machine's name and address. `ws-0317` in `corp.example.com` is `ws-0317.corp.example.com`.
fn set_machine(fields: &mut AlertFields, (group, entity): Listed<'_>, words: Words) -> Result<(), Reject> {
    let before = fields.origins.clone();
    if let Some((path, name)) = first(entity, words.host) {
        let whole = match first(entity, words.host_domain) {
            Some((_, domain)) if !name.contains('.') => format!("{name}.{domain}"),
            _ => name.into_owned(),
        };
        fields.set(Field::HostName, (path, &whole))?;
    }
    fields.set_own_address(entity, words.own)?;
    fields.within(group, &before);
    Ok(())
}

fn first<'a>(entity: Lookup<'a>, paths: &[&'static str]) -> Option<(&'static str, Cow<'a, str>)> {
    paths.iter().find_map(|path| Some((*path, entity.get(path)?)))
}
