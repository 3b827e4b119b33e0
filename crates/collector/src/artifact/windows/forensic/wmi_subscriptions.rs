//! `Windows.Persistence.WmiSubscriptions`: what WMI does by itself when something happens (ATT&CK T1546.003): filters, consumers
//! and what binds them.

use std::io::{self, BufRead};

use investigation::evidence::WmiSubscription;
use investigation::order::Limits;

use super::super::super::Parsed;
use super::super::super::facts::Facts;
use super::super::super::tally::Tally;
use super::super::answers::Answers;
use super::super::rows::Row;
use super::super::wmic::Record;
use super::super::{named, rows, some};
use super::{ROW_CAP, Rows, TEXT_CAP, cut, long, name, records, sid_of_numbers};

/// Commands for the namespace `root\subscription`, with the class that each asks for.
const COMMANDS: [(&str, &str); 5] = [
    ("filters", "__EventFilter"),
    ("command_lines", "CommandLineEventConsumer"),
    ("scripts", "ActiveScriptEventConsumer"),
    ("logs", "LogFileEventConsumer"),
    ("bindings", "__FilterToConsumerBinding"),
];

/// Reads the script's output.
pub(crate) fn parse_rows(input: &mut dyn BufRead, _: &Facts, limits: &Limits) -> io::Result<(Parsed, Tally)> {
    let (list, tally) = rows::read(input, ROW_CAP, Rows::new(limits), |list, row, tally| {
        if matches!(row.kind(), "filter" | "consumer" | "binding") {
            list.push(subscription(&row), tally);
        }
    })?;
    Ok((Parsed::WmiSubscriptions(list.rows), tally))
}

fn subscription(row: &Row) -> WmiSubscription {
    // A consumer has one of them, or a program beside its command line.
    let parts = ["query", "program", "line", "script", "file", "consumer"];
    let parts: Vec<&str> =
        parts.iter().map(|field| row.text(field).trim()).filter(|text| !text.is_empty()).collect();
    WmiSubscription {
        kind: row.kind().to_owned(),
        namespace: named(row.text("namespace").to_owned()),
        class: name(row, "class"),
        name: named(row.text("name").to_owned()),
        text: some(&parts.join(" ")).map(|text| cut(text, TEXT_CAP)),
        creator: sid_of_numbers(row.text("creator")).or_else(|| long(row, "creator")),
    }
}

/// Reads the outputs of the commands.
pub(crate) fn parse_answers(
    answers: &Answers,
    facts: &Facts,
    limits: &Limits,
) -> io::Result<(Parsed, Tally)> {
    let (list, mut tally) = answers.read(Rows::new(limits), |list, tally| {
        for (name, class) in COMMANDS {
            records(answers, name, facts.code_page, tally, |record, tally| {
                if let Some(row) = of_record(record, class) {
                    list.push(row, tally);
                }
            })?;
        }
        Ok(())
    })?;
    if !tally.is_failed() {
        tally.partial("consumers of other classes, and other namespaces, are not listed by commands");
    }
    Ok((Parsed::WmiSubscriptions(list.rows), tally))
}

fn of_record(record: &Record, class: &str) -> Option<WmiSubscription> {
    let is = |word: &str| class.contains(word);
    let (kind, name, text) = if is("Binding") {
        // `__EventFilter.Name="x"`: the class and the name.
        let bare = |key| {
            record.get(key).and_then(|path| path.split_once('"')).map(|(_, name)| name.trim_end_matches('"'))
        };
        ("binding", bare("Filter")?, record.get("Consumer").map(str::to_owned))
    } else {
        let keys = [
            "Query",
            "ExecutablePath",
            "CommandLineTemplate",
            "ScriptFileName",
            "ScriptText",
            "Filename",
            "Text",
        ];
        let parts: Vec<&str> = keys.iter().filter_map(|key| record.get(key)).collect();
        (if is("Filter") { "filter" } else { "consumer" }, record.get("Name")?, some(&parts.join(" ")))
    };
    Some(WmiSubscription {
        kind: kind.to_owned(),
        namespace: r"root\subscription".into(),
        class: (kind == "consumer").then(|| class.to_owned()),
        name: named(name.to_owned()),
        text: text.map(|text| cut(text, TEXT_CAP)),
        creator: record.get("CreatorSID").and_then(sid_of_numbers),
    })
}
