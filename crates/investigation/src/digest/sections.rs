//! The digest as tables: what the text, the values for a spreadsheet, the page and the mail are all written from.

use std::collections::BTreeMap;

use jiff::Timestamp;

use super::figures::{Digest, LastSent};
use crate::assess::Verdict;

/// A cell.
#[derive(Clone, Debug, PartialEq)]
pub enum Cell {
    /// Text, perhaps from outside: in one line, capped, and not escaped for any syntax.
    Text(String),
    /// A number.
    Number(u64),
    /// A length of time in seconds.
    Seconds(u64),
    /// A moment.
    Time(Timestamp),
    /// A share from 0 to 1.
    Share(f64),
    /// Not known, or there is none.
    None,
}

impl Cell {
    /// As people read it.
    pub fn words(&self) -> String {
        match self {
            Self::Text(text) => text.clone(),
            Self::Number(number) => number.to_string(),
            Self::Seconds(seconds) => span(*seconds),
            Self::Time(at) => minute(*at),
            Self::Share(share) => format!("{:.1} %", share * 100.0),
            Self::None => "–".to_owned(),
        }
    }

    /// Whether it stands to the right.
    pub fn is_number(&self) -> bool {
        !matches!(self, Self::Text(_) | Self::Time(_))
    }
}

/// One table.
#[derive(Clone, Debug, PartialEq)]
pub struct Section {
    /// Stable name.
    pub id: &'static str,
    /// What stands above it.
    pub heading: &'static str,
    /// Names of the columns. The first names the row.
    pub columns: &'static [&'static str],
    /// Rows, each with as many cells as there are columns.
    pub rows: Vec<Vec<Cell>>,
    /// What is said where there are no rows.
    pub empty: &'static str,
    /// What is left out, if anything is.
    pub rest: Option<String>,
}

impl Section {
    /// The rows that say something: steps of time in which nothing came are left out where people read.
    pub fn telling(&self) -> impl Iterator<Item = &Vec<Cell>> {
        let counts = |cell: &Cell| matches!(cell, Cell::Number(number) if *number > 0);
        self.rows.iter().filter(move |row| self.id != "over_time" || row.iter().any(counts))
    }
}

impl Digest {
    /// Every table, in the order in which they are shown.
    pub fn sections(&self) -> Vec<Section> {
        vec![
            self.summary(),
            self.outcomes(),
            self.reasons(),
            self.over_time(),
            self.verdicts(),
            self.times(),
            offenders("users", "Users seen more than once", &self.users),
            offenders("hosts", "Machines seen more than once", &self.hosts),
            self.not_reached(),
            self.done(),
            self.not_done(),
            self.changes(),
            self.open_cases(),
            self.deciding_rules(),
        ]
    }

    fn summary(&self) -> Section {
        let number = |name: &str| Cell::Number(self.alerts.by_outcome.get(name).copied().unwrap_or(0));
        let seconds = |seconds: Option<u64>| seconds.map_or(Cell::None, Cell::Seconds);
        let repeats =
            ["suppressed", "folded"].iter().filter_map(|name| self.alerts.by_outcome.get(*name)).sum();
        let row = |name: &str, value: Cell| vec![Cell::Text(name.to_owned()), value];
        Section {
            id: "summary",
            heading: "In short",
            columns: &["figure", "value"],
            rows: vec![
                row("alerts received", Cell::Number(self.alerts.received)),
                row("alerts suppressed as repeats", Cell::Number(repeats)),
                row("alerts that could not be read", number("unreadable")),
                row("cases opened", Cell::Number(self.cases.opened)),
                row(
                    "alerts that needed no person",
                    self.people.share_without.map_or(Cell::None, Cell::Share),
                ),
                row("alerts for a person", Cell::Number(self.people.alerts_with)),
                row("alerts not decided yet", Cell::Number(self.people.undecided)),
                row("median time to evidence", seconds(self.time_to_evidence.median_seconds)),
                row("90 % within", seconds(self.time_to_evidence.p90_seconds)),
                row("actions failed or uncertain", Cell::Number(self.failed_actions())),
                row("cases open now", Cell::Number(self.open.cases)),
            ],
            empty: "",
            rest: None,
        }
    }

    /// How many actions failed, or may or may not have arrived.
    pub fn failed_actions(&self) -> u64 {
        self.actions.not_done.len() as u64 + self.actions.not_listed
    }

    fn outcomes(&self) -> Section {
        let words = [
            ("opened", "a case was opened"),
            ("suppressed", "the machine or its user is being, or was, looked at"),
            ("folded", "a case waits for the machine"),
            ("exempt", "the policy leaves it alone"),
            ("withdrawn", "gone from the list that named it"),
            ("refused", "may not be contacted; see `peerhound review`"),
            ("review", "unclear which machine is meant; see `peerhound review`"),
            ("unreadable", "could not be read; see `peerhound review`"),
            ("waiting", "not decided yet"),
        ];
        let row = |(name, means): (&str, &str)| {
            let alerts = *self.alerts.by_outcome.get(name)?;
            Some(vec![Cell::Text(name.to_owned()), Cell::Text(means.to_owned()), Cell::Number(alerts)])
        };
        Section {
            id: "alerts",
            heading: "What became of the alerts",
            columns: &["outcome", "meaning", "alerts"],
            rows: words.into_iter().filter_map(row).collect(),
            empty: "No alerts were received.",
            rest: None,
        }
    }

    fn reasons(&self) -> Section {
        const SHOWN: usize = 15;
        let row = |why: &super::figures::Why| {
            vec![Cell::Text(why.reason.clone()), Cell::Text(why.outcome.clone()), Cell::Number(why.alerts)]
        };
        let left_out = self.alerts.why.len().saturating_sub(SHOWN);
        Section {
            id: "left_alone",
            heading: "Why alerts were left alone",
            columns: &["reason", "outcome", "alerts"],
            rows: self.alerts.why.iter().take(SHOWN).map(row).collect(),
            empty: "No alerts were left alone.",
            rest: (left_out > 0).then(|| format!("and {left_out} more reasons: see --format json")),
        }
    }

    fn over_time(&self) -> Section {
        let rows = self.alerts.over_time.iter().map(|slot| {
            let counts = [slot.opened, slot.repeats, slot.left_alone, slot.for_a_person, slot.waiting];
            std::iter::once(Cell::Time(slot.at)).chain(counts.map(Cell::Number)).collect()
        });
        Section {
            id: "over_time",
            heading: "Alerts over time",
            columns: &["from", "opened a case", "repeats", "left alone", "for a person", "waiting"],
            rows: rows.collect(),
            empty: "No alerts were received.",
            rest: None,
        }
    }

    fn verdicts(&self) -> Section {
        let count = |map: &std::collections::BTreeMap<String, u64>, name: &str| map.get(name).copied();
        let verdicts =
            [Verdict::Compromised, Verdict::PolicyViolation, Verdict::Inconclusive, Verdict::FalsePositive]
                .into_iter()
                .filter_map(|verdict| {
                    Some((verdict.words().to_owned(), count(&self.cases.by_verdict, verdict.as_str())?))
                });
        let of_verdict: u64 = self.cases.by_verdict.values().sum();
        let rest = self.cases.opened.saturating_sub(of_verdict);
        let without = (rest > 0).then(|| ("none (yet)".to_owned(), rest));
        Section {
            id: "verdicts",
            heading: "Cases by verdict",
            columns: &["verdict", "cases"],
            rows: verdicts
                .chain(without)
                .map(|(name, cases)| vec![Cell::Text(name), Cell::Number(cases)])
                .collect(),
            empty: "No cases were opened.",
            rest: None,
        }
    }

    fn times(&self) -> Section {
        let mut from = 0;
        let rows = self.time_to_evidence.histogram.iter().map(|(below, cases)| {
            let class = match below {
                Some(below) => {
                    let class = if from == 0 {
                        format!("below {}", span(*below))
                    } else {
                        format!("{} to {}", span(from), span(*below))
                    };
                    from = *below;
                    class
                }
                None => format!("{} and more", span(from)),
            };
            vec![Cell::Text(class), Cell::Number(*cases)]
        });
        Section {
            id: "time_to_evidence",
            heading: "Time to evidence",
            columns: &["from the alert's arrival to the seal", "cases"],
            rows: if self.time_to_evidence.cases == 0 { Vec::new() } else { rows.collect() },
            empty: "No evidence was sealed.",
            rest: None,
        }
    }

    fn not_reached(&self) -> Section {
        let row = |entry: &super::figures::Unreached| {
            let more = entry.cases.saturating_sub(entry.hosts.len() as u64);
            let mut hosts = entry.hosts.join(", ");
            if more > 0 {
                hosts.push_str(&format!(" (and {more} more cases)"));
            }
            vec![Cell::Text(entry.code.replace('_', " ")), Cell::Number(entry.cases), Cell::Text(hosts)]
        };
        Section {
            id: "unreached",
            heading: "Machines that were not reached or read",
            columns: &["why", "cases", "machines"],
            rows: self.unreached.iter().map(row).collect(),
            empty: "Every machine was reached.",
            rest: None,
        }
    }

    fn done(&self) -> Section {
        let rows = self.actions.by_kind.iter().flat_map(|(kind, by_status)| {
            by_status.iter().map(|(status, count)| {
                vec![
                    Cell::Text(kind.replace('_', " ")),
                    Cell::Text(status.replace('_', " ")),
                    Cell::Number(*count),
                ]
            })
        });
        Section {
            id: "actions",
            heading: "Actions",
            columns: &["action", "status", "cases"],
            rows: rows.collect(),
            empty: "Nothing was to be done.",
            rest: None,
        }
    }

    fn not_done(&self) -> Section {
        let row = |action: &super::figures::NotDone| {
            vec![
                Cell::Text(action.case_id.clone()),
                Cell::Text(action.action.replace('_', " ")),
                Cell::Text(action.status.clone()),
                Cell::Text(action.detail.clone()),
            ]
        };
        let left_out = self.actions.not_listed;
        Section {
            id: "not_done",
            heading: "Actions that failed or are uncertain",
            columns: &["case", "action", "status", "what is known"],
            rows: self.actions.not_done.iter().map(row).collect(),
            empty: "None.",
            rest: (left_out > 0).then(|| format!("and {left_out} more: see `peerhound case list`")),
        }
    }

    /// Changes to machines, deeper looks and holds: what there was none of is left out.
    fn changes(&self) -> Section {
        let of = |map: &BTreeMap<String, u64>, name: &str| map.get(name).copied().unwrap_or(0);
        let stage = |name| of(&self.measures.by_stage, name);
        let looks_open = of(&self.forensics, "ordered") + of(&self.forensics, "collected");
        let holds_open = of(&self.holds, "setting") + of(&self.holds, "releasing");
        let rows = [
            ("measures proposed", self.measures.proposed),
            ("… waiting for an approval", stage("proposed")),
            ("… approved", self.measures.approved),
            ("… ordered, or being taken back", stage("ordered") + stage("undoing")),
            ("… done", stage("done")),
            ("… with nothing left to do", stage("gone")),
            ("… refused by the machine, or failed", stage("refused") + stage("failed")),
            ("… taken back", stage("undone")),
            ("… expired", stage("expired")),
            ("… rejected by a person", stage("rejected")),
            ("deeper looks sealed", of(&self.forensics, "sealed")),
            ("deeper looks under way", looks_open),
            ("deeper looks given up", of(&self.forensics, "given_up")),
            ("legal holds in force", of(&self.holds, "held")),
            ("legal holds being set or lifted", holds_open),
            ("legal holds lifted", of(&self.holds, "released")),
            ("legal holds that could not be set or lifted", of(&self.holds, "failed")),
        ];
        let telling = rows.into_iter().filter(|(_, count)| *count > 0);
        Section {
            id: "changes",
            heading: "Changes to machines, deeper looks and holds",
            columns: &["what", "number"],
            rows: telling.map(|(name, n)| vec![Cell::Text(name.to_owned()), Cell::Number(n)]).collect(),
            empty: "None.",
            rest: None,
        }
    }

    fn open_cases(&self) -> Section {
        let row = |case: &super::figures::OldCase| {
            let state = match &case.code {
                Some(code) => format!("{}: {}", case.state, code.replace('_', " ")),
                None => case.state.replace('_', " "),
            };
            vec![
                Cell::Text(case.case_id.clone()),
                Cell::Text(case.host_name.clone().unwrap_or_else(|| case.target.to_string())),
                Cell::Text(state),
                Cell::Seconds(case.age_seconds.unsigned_abs()),
            ]
        };
        let left_out = self.open.cases.saturating_sub(self.open.oldest.len() as u64);
        Section {
            id: "open",
            heading: "Oldest open cases",
            columns: &["case", "machine", "state", "age"],
            rows: self.open.oldest.iter().map(row).collect(),
            empty: "No case is open.",
            rest: (left_out > 0).then(|| format!("and {left_out} more: see `peerhound case list --open`")),
        }
    }

    fn deciding_rules(&self) -> Section {
        let row = |rule: &super::figures::Rule| {
            vec![Cell::Text(rule.id.clone()), Cell::Text(rule.title.clone()), Cell::Number(rule.cases)]
        };
        Section {
            id: "rules",
            heading: "Rules that decided",
            columns: &["rule", "what it says", "cases"],
            rows: self.rules.iter().map(row).collect(),
            empty: "No rule decided a case.",
            rest: None,
        }
    }

    /// When the last digest was mailed, in a sentence.
    pub fn last_sent_words(&self) -> String {
        match &self.last_sent {
            None => "No digest was ever mailed.".to_owned(),
            Some(LastSent { day, status, detail, at }) if detail.is_empty() => {
                format!("The digest of {day}: {status} at {}.", minute(*at))
            }
            Some(LastSent { day, status, detail, at }) => {
                format!("The digest of {day}: {status} at {} ({detail}).", minute(*at))
            }
        }
    }

    /// What time it is about, in words.
    pub fn period(&self) -> String {
        format!("{} to {}", minute(self.from), minute(self.to))
    }
}

fn offenders(id: &'static str, heading: &'static str, offenders: &[super::figures::Offender]) -> Section {
    let row = |offender: &super::figures::Offender| {
        vec![Cell::Text(offender.name.clone()), Cell::Number(offender.cases), Cell::Number(offender.repeats)]
    };
    Section {
        id,
        heading,
        columns: &["name", "cases", "repeats"],
        rows: offenders.iter().map(row).collect(),
        empty: "Nobody.",
        rest: None,
    }
}

/// A length of time as people say it: two units at most.
pub fn span(seconds: u64) -> String {
    let units = [(86_400, "d"), (3_600, "h"), (60, "min"), (1, "s")];
    let Some(first) = units.iter().position(|(size, _)| seconds >= *size) else { return "0 s".to_owned() };
    let (size, unit) = units[first];
    let (whole, rest) = (seconds / size, seconds % size);
    match units.get(first + 1).map(|(size, unit)| (rest / size, unit)) {
        Some((second, second_unit)) if second > 0 => format!("{whole} {unit} {second} {second_unit}"),
        _ => format!("{whole} {unit}"),
    }
}

/// A moment in UTC, to the minute.
pub(super) fn minute(at: Timestamp) -> String {
    format!("{} UTC", at.strftime("%Y-%m-%d %H:%M"))
}
