//! A format as a table: which of the sender's fields give which field of an alert.

use super::lookup::Lookup;
use super::{AlertFields, Field, Reject};

/// For each field the sender's own, the most telling first. See [`Lookup`] for how a path reads.
pub(super) type Mapping = &'static [(Field, &'static [&'static str])];

/// Most alerts that one record becomes: what names more machines than that is no alert about machines.
const MAX_ALERTS: usize = 64;

impl AlertFields {
    /// Sets every field of `mapping` that the record has, from the first of its names that gives a value.
    ///
    /// # Errors
    /// Where an end's address looks like one and is none, and where one end has addresses that differ.
    pub(super) fn fill(&mut self, lookup: Lookup<'_>, mapping: Mapping) -> Result<(), Reject> {
        mapping.iter().try_for_each(|&(field, paths)| self.fill_one(lookup, field, paths))
    }

    /// The same for one field.
    pub(super) fn fill_one<P: AsRef<str>>(
        &mut self,
        lookup: Lookup<'_>,
        field: Field,
        paths: &[P],
    ) -> Result<(), Reject> {
        for path in paths.iter().map(AsRef::as_ref) {
            let values = lookup.all(path);
            if let (Field::SourceIp | Field::DestinationIp, [first, second, ..]) = (field, &values[..]) {
                return Err(Reject::ambiguous(path, first, second));
            }
            for value in values {
                if self.set(field, (path, &value))? {
                    return Ok(());
                }
            }
        }
        Ok(())
    }
}

/// Reads a record by `mapping`, one alert for each pair of a source and a destination where it names several.
///
/// # Errors
/// Like [`AlertFields::fill`], and where there are too many pairs.
pub(super) fn read<M, P>(lookup: Lookup<'_>, mapping: &[(Field, M)]) -> Result<Vec<AlertFields>, Reject>
where
    M: AsRef<[P]>,
    P: AsRef<str>,
{
    let mut rest = AlertFields::default();
    let (mut sources, mut destinations) = (Vec::new(), Vec::new());
    for (field, paths) in mapping {
        let paths = paths.as_ref();
        match field {
            Field::SourceIp => sources = ends(lookup, paths),
            Field::DestinationIp => destinations = ends(lookup, paths),
            _ => rest.fill_one(lookup, *field, paths)?,
        }
    }
    let named = |ends: &[(String, String)]| -> Vec<Option<(String, String)>> {
        if ends.is_empty() { vec![None] } else { ends.iter().cloned().map(Some).collect() }
    };
    let (sources, mut destinations) = (named(&sources), named(&destinations));
    // A machine with a hundred peers is still one machine.
    if matches!(&sources[..], [Some(_)]) && destinations.len() > MAX_ALERTS {
        rest.note(format!("more than {MAX_ALERTS} destinations: left out"));
        destinations = vec![None];
    }
    if sources.len().saturating_mul(destinations.len()) > MAX_ALERTS {
        return Err(Reject::TooMany { what: "pairs of a source and a destination", most: MAX_ALERTS });
    }
    let mut alerts = Vec::new();
    for source in &sources {
        for destination in &destinations {
            let mut fields = rest.clone();
            for (field, end) in [(Field::SourceIp, source), (Field::DestinationIp, destination)] {
                if let Some((path, value)) = end {
                    fields.set(field, (path.as_str(), value.as_str()))?;
                }
            }
            if sources.len() > 1 {
                fields.forget_whose();
            }
            alerts.push(fields);
        }
    }
    Ok(alerts)
}

/// Every value under the first of `paths` that has one.
fn ends<P: AsRef<str>>(lookup: Lookup<'_>, paths: &[P]) -> Vec<(String, String)> {
    let values = |path: &P| -> Vec<(String, String)> {
        let path = path.as_ref();
        lookup.all(path).into_iter().map(|value| (path.to_owned(), value.into_owned())).collect()
    };
    paths.iter().map(values).find(|values| !values.is_empty()).unwrap_or_default()
}

impl AlertFields {
    /// Where there are several sources, a user and a host belong to one of them, and it is not said to which.
    pub(super) fn forget_whose(&mut self) {
        let whose =
            [Field::UserName, Field::UserDomain, Field::UserEmail, Field::HostName, Field::SourcePort];
        // Every one of them, not only the first that is there.
        let known = whose.iter().filter(|field| self.origins.remove(field).is_some()).count() > 0;
        (self.user_name, self.user_domain, self.user_email, self.host_name) = (None, None, None, None);
        self.source_port = None;
        if known {
            self.note(
                "several sources: whose the user, the host and the port are is not said, and left out"
                    .to_owned(),
            );
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    const MAPPING: Mapping = &[
        (Field::SourceIp, &["src.ip", "src"]),
        (Field::DestinationIp, &["dst"]),
        (Field::DestinationPort, &["dport"]),
        (Field::UserName, &["user"]),
        (Field::UserDomain, &["domain"]),
        (Field::Timestamp, &["when", "seen"]),
    ];

    fn alerts(value: &Value) -> Result<Vec<AlertFields>, Reject> {
        read(Lookup::Json(value), MAPPING)
    }

    #[test]
    fn each_field_says_where_it_came_from_and_the_first_that_reads_is_taken() {
        let value = json!({ "src": "10.0.0.1", "dport": "x", "when": "yesterday", "seen": 1772600767 });
        let alert = alerts(&value).expect("alerts").remove(0);
        assert_eq!(alert.origins[&Field::SourceIp], "src");
        assert_eq!(alert.origins[&Field::Timestamp], "seen");
        assert_eq!(alert.destination_port, None);
        assert_eq!(alert.notes.len(), 2, "{:?}", alert.notes);
    }

    #[test]
    fn an_alert_about_several_hosts_becomes_several() {
        let value =
            json!({ "src": ["10.0.0.1", "10.0.0.2"], "dst": "192.0.2.1", "user": "alice", "domain": "CORP" });
        let alerts = alerts(&value).expect("alerts");
        let sources: Vec<_> =
            alerts.iter().filter_map(|alert| alert.source_ip).map(|ip| ip.to_string()).collect();
        assert_eq!(sources, ["10.0.0.1", "10.0.0.2"]);
        assert!(alerts.iter().all(|alert| alert.user_name.is_none() && alert.destination_ip.is_some()));
        assert!(alerts.iter().all(|alert| !alert.origins.contains_key(&Field::UserDomain)));
    }

    #[test]
    fn too_many_hosts_are_for_a_person() {
        let many: Vec<String> = (0..100).map(|n| format!("10.0.0.{n}")).collect();
        assert_eq!(alerts(&json!({ "src": many })).expect_err("a rejection").code(), "too_many");
        let peers = alerts(&json!({ "src": "10.0.0.1", "dst": many })).expect("alerts");
        assert_eq!((peers.len(), peers[0].destination_ip), (1, None));
        assert_eq!(alerts(&json!({ "dst": many })).expect_err("a rejection").code(), "too_many");
    }

    #[test]
    fn what_is_no_address_is_kept_as_what_the_sender_wrote() {
        let alert = alerts(&json!({ "src": "ws-0317", "dst": "192.0.2.1" })).expect("alerts").remove(0);
        assert_eq!((alert.source_ip, alert.source_address.as_deref()), (None, Some("ws-0317")));
        let alert = alerts(&json!({ "src": "10.0.0.999", "dst": "10.0.0.1" })).expect("alerts").remove(0);
        assert_eq!((alert.source_ip, alert.source_address.as_deref()), (None, Some("10.0.0.999")));
        assert_eq!(alert.notes.len(), 1, "{:?}", alert.notes);
    }
}
