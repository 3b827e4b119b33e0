//! `Windows.System.Defender`: what virus scanners there are, whether they are switched on, what they leave out, and what they
//! found lately (ATT&CK T1562.001, T1564.012).

use std::io::{self, BufRead};

use investigation::evidence::ProtectionFact;
use investigation::order::Limits;

use super::super::super::Parsed;
use super::super::super::facts::Facts;
use super::super::super::tally::Tally;
use super::super::answers::Answers;
use super::super::registry::{Value, read_values};
use super::super::rows::Row;
use super::super::{named, rows, some};
use super::events::Reading;
use super::{PATH_CAP, ROW_CAP, Rows, TEXT_CAP, cut, long, name, records};

/// Reads the script's output.
pub(crate) fn parse_rows(input: &mut dyn BufRead, _: &Facts, limits: &Limits) -> io::Result<(Parsed, Tally)> {
    let (list, tally) =
        rows::read(input, ROW_CAP, Rows::new(limits), |list, mut row, tally| match row.kind() {
            "product" | "state" | "setting" | "exclusion" | "detection" => {
                // Where an account may not see exclusions, their place says so in the language of the endpoint, and by this.
                if row.text("value").starts_with("N/A:") {
                    tally.partial("exclusions are closed to this account: it is no administrator");
                } else {
                    list.push(fact(&row), tally);
                }
            }
            "value" => {
                if let Some(fact) = of_value(&Value::from_row(&mut row)) {
                    list.push(fact, tally);
                }
            }
            _ => {}
        })?;
    Ok((Parsed::Antivirus(list.rows), tally))
}

fn fact(row: &Row) -> ProtectionFact {
    ProtectionFact {
        kind: row.kind().to_owned(),
        name: named(row.text("name").to_owned()),
        value: long(row, "value"),
        user: name(row, "user"),
        program: name(row, "program"),
        at: row.time("at"),
    }
}

/// Reads the outputs of the commands.
pub(crate) fn parse_answers(
    answers: &Answers,
    facts: &Facts,
    limits: &Limits,
) -> io::Result<(Parsed, Tally)> {
    let (list, mut tally) = answers.read(Rows::new(limits), |list, tally| {
        read_values(answers, &["settings", "policy"], facts.code_page, tally, |value, tally| {
            if let Some(fact) = of_value(&value) {
                list.push(fact, tally);
            }
        })?;
        records(answers, "products", facts.code_page, tally, |record, tally| {
            if let Some(product) = record.get("displayName") {
                let state = record.get("productState").map(|state| named(state.to_owned()));
                let name = named(product.to_owned());
                list.push(
                    ProtectionFact {
                        kind: "product".into(),
                        name,
                        value: state,
                        ..ProtectionFact::default()
                    },
                    tally,
                );
            }
        })?;
        let mut reading = Reading::default();
        answers.lines("detections", facts.code_page, tally, |line, tally| {
            for event in reading.line(line).into_iter().filter(|event| event.id == 1116) {
                let fact = ProtectionFact {
                    kind: "detection".into(),
                    name: named(event.text("Threat Name")),
                    value: event.value("Path").map(|path| cut(path, TEXT_CAP)),
                    user: event.value("Detection User").map(named),
                    program: event.value("Process Name").map(|path| cut(path, PATH_CAP)),
                    at: event.at,
                };
                list.push(fact, tally);
            }
        })?;
        answers.expect_done("detections", tally);
        Ok(())
    })?;
    if !tally.is_failed() {
        tally.partial("commands tell what is set, and not whether the scanner runs");
    }
    Ok((Parsed::Antivirus(list.rows), tally))
}

/// A value below the keys of Defender, of the machine or of group policy: an exclusion by the key that it is in, or a
/// switch that turns something off.
fn of_value(value: &Value) -> Option<ProtectionFact> {
    of_setting(&value.key, &value.name, &value.data)
}

/// As [`of_value`], of its parts.
pub(crate) fn of_setting(path: &str, name: &str, data: &str) -> Option<ProtectionFact> {
    let key = path.to_ascii_lowercase();
    if !key.contains(r"\windows defender") {
        return None;
    }
    let last = path.rsplit('\\').next().unwrap_or_default();
    let above = key.rsplit('\\').nth(1).unwrap_or_default();
    let kind = if above == "exclusions" && !name.is_empty() {
        "exclusion"
    } else if name.to_ascii_lowercase().starts_with("disable")
        || name.eq_ignore_ascii_case("TamperProtection")
    {
        "setting"
    } else {
        return None;
    };
    let (name, data) = match kind {
        "exclusion" => (last.to_owned(), name.to_owned()),
        _ => (name.to_owned(), data.to_owned()),
    };
    Some(ProtectionFact {
        kind: kind.to_owned(),
        name: named(name),
        value: some(&data).map(|data| cut(data, TEXT_CAP)),
        ..ProtectionFact::default()
    })
}
