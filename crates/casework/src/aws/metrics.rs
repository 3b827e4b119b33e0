//! Metrics: one line of JSON on standard output for each invocation, in CloudWatch's embedded metric format. Costs no
//! call and no right.

use std::collections::BTreeMap;
use std::io::Write;
use std::sync::{Mutex, PoisonError};

use jiff::Timestamp;
use serde_json::{Map, Value, json};

/// What is counted. The names are those of the dashboard and the alarms.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Metric {
    /// Alerts read.
    AlertsIn,
    /// Alerts counted on a case that looks, or has looked.
    AlertsSuppressed,
    /// Records set aside, with their reason.
    AlertsSetAside,
    /// Cases opened.
    CasesOpened,
    /// Containers sealed.
    EvidenceSealed,
    /// From the alert to its sealed evidence.
    SecondsToEvidence,
    /// Deliveries made.
    ActionsDelivered,
    /// Approvals on record that nobody gave here: see [`super::seals`].
    ApprovalsUnsealed,
    /// People's words that were not taken.
    WordsRefused,
    /// Relays of the policy that do not answer.
    RelaysOffline,
    /// Looks at what is open.
    SweepRuns,
    /// Cases that are open.
    CasesOpen,
}

impl Metric {
    fn name(self) -> &'static str {
        match self {
            Self::AlertsIn => "AlertsIn",
            Self::AlertsSuppressed => "AlertsSuppressed",
            Self::AlertsSetAside => "AlertsSetAside",
            Self::CasesOpened => "CasesOpened",
            Self::EvidenceSealed => "EvidenceSealed",
            Self::SecondsToEvidence => "SecondsToEvidence",
            Self::ActionsDelivered => "ActionsDelivered",
            Self::ApprovalsUnsealed => "ApprovalsUnsealed",
            Self::WordsRefused => "WordsRefused",
            Self::RelaysOffline => "RelaysOffline",
            Self::SweepRuns => "SweepRuns",
            Self::CasesOpen => "CasesOpen",
        }
    }

    fn unit(self) -> &'static str {
        match self {
            Self::SecondsToEvidence => "Seconds",
            _ => "Count",
        }
    }

    /// A time is told for each time it was taken, everything else is added up.
    fn is_listed(self) -> bool {
        self == Self::SecondsToEvidence
    }
}

/// What one invocation counted.
#[derive(Debug, Default)]
pub struct Metrics {
    counted: Mutex<Counted>,
}

#[derive(Debug, Default)]
struct Counted {
    values: BTreeMap<Metric, Vec<f64>>,
    verdicts: BTreeMap<&'static str, f64>,
}

/// Values of one metric in one line, by the format's rules.
const MOST_VALUES: usize = 100;

impl Metrics {
    /// Counts.
    #[expect(clippy::cast_precision_loss, reason = "counts of one invocation are small")]
    pub fn add(&self, metric: Metric, count: usize) {
        self.put(metric, count as f64);
    }

    /// Takes a time.
    pub fn put(&self, metric: Metric, value: f64) {
        let mut counted = self.counted.lock().unwrap_or_else(PoisonError::into_inner);
        let values = counted.values.entry(metric).or_default();
        let full = values.len() >= MOST_VALUES;
        match values.first_mut() {
            Some(sum) if !metric.is_listed() => *sum += value,
            _ if full => {}
            _ => values.push(value),
        }
    }

    /// Counts a verdict.
    pub fn verdict(&self, verdict: &'static str) {
        let mut counted = self.counted.lock().unwrap_or_else(PoisonError::into_inner);
        *counted.verdicts.entry(verdict).or_default() += 1.0;
    }

    /// Writes what was counted since the last time, and forgets it.
    pub fn flush(&self, namespace: &str, function: &str, now: Timestamp) {
        let counted = std::mem::take(&mut *self.counted.lock().unwrap_or_else(PoisonError::into_inner));
        let mut out = std::io::stdout().lock();
        for line in lines(&counted, namespace, function, now) {
            // Metrics are no reason to fail.
            let _ = writeln!(out, "{line}");
        }
    }
}

fn lines(counted: &Counted, namespace: &str, function: &str, now: Timestamp) -> Vec<Value> {
    let mut lines = Vec::new();
    if !counted.values.is_empty() {
        let metrics: Vec<Value> = counted
            .values
            .keys()
            .map(|metric| json!({ "Name": metric.name(), "Unit": metric.unit() }))
            .collect();
        let mut line = head(namespace, &["Function"], &metrics, now);
        line.insert("Function".to_owned(), json!(function));
        for (metric, values) in &counted.values {
            let value = if values.len() == 1 { json!(values[0]) } else { json!(values) };
            line.insert(metric.name().to_owned(), value);
        }
        lines.push(Value::Object(line));
    }
    for (verdict, count) in &counted.verdicts {
        let metrics = [json!({ "Name": "Verdicts", "Unit": "Count" })];
        let mut line = head(namespace, &["Verdict"], &metrics, now);
        line.insert("Verdict".to_owned(), json!(verdict));
        line.insert("Verdicts".to_owned(), json!(count));
        lines.push(Value::Object(line));
    }
    lines
}

fn head(namespace: &str, dimensions: &[&str], metrics: &[Value], now: Timestamp) -> Map<String, Value> {
    let about = json!({
        "Timestamp": now.as_millisecond(),
        "CloudWatchMetrics": [{ "Namespace": namespace, "Dimensions": [dimensions], "Metrics": metrics }],
    });
    Map::from_iter([("_aws".to_owned(), about)])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_says_what_cloudwatch_needs() {
        let metrics = Metrics::default();
        metrics.add(Metric::AlertsIn, 7);
        metrics.add(Metric::AlertsIn, 3);
        metrics.put(Metric::SecondsToEvidence, 12.5);
        metrics.put(Metric::SecondsToEvidence, 40.0);
        metrics.verdict("policy_violation");
        let counted = metrics.counted.lock().unwrap();
        let lines = lines(&counted, "Peerhound", "progress", Timestamp::from_second(1_772_442_000).unwrap());
        assert_eq!(lines.len(), 2);
        assert_eq!(
            lines[0],
            json!({
                "_aws": {
                    "Timestamp": 1_772_442_000_000_i64,
                    "CloudWatchMetrics": [{
                        "Namespace": "Peerhound",
                        "Dimensions": [["Function"]],
                        "Metrics": [
                            { "Name": "AlertsIn", "Unit": "Count" },
                            { "Name": "SecondsToEvidence", "Unit": "Seconds" },
                        ],
                    }],
                },
                "Function": "progress",
                "AlertsIn": 10.0,
                "SecondsToEvidence": [12.5, 40.0],
            })
        );
        assert_eq!(lines[1]["Verdict"], "policy_violation");
    }
}
