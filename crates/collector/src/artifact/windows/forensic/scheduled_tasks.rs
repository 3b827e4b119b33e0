//! `Windows.Persistence.ScheduledTasks`: what runs at its time or when something happens (ATT&CK T1053.005), with the whole
//! text of each task. A task that the registry still knows and the system does not list any more hides (T1564).

use std::collections::BTreeSet;
use std::io::{self, BufRead};

use investigation::evidence::{ArtifactStatus, ScheduledTask};
use investigation::order::Limits;

use super::super::super::facts::Facts;
use super::super::super::tally::Tally;
use super::super::super::{Parsed, forensic::cut};
use super::super::answers::Answers;
use super::super::registry::Listing;
use super::super::rows;
use super::events::{element, unescaped};
use super::{NAME_CAP, PATH_CAP, ROW_CAP, Rows, TEXT_CAP};

/// Longest text of one task that is kept, in bytes.
const TASK_CAP: usize = 64 << 10;
/// Bytes of all texts together that are kept.
const TEXTS: usize = 64 << 20;
/// Actions and triggers of one task that are listed.
const PARTS: usize = 64;
/// Where the registry keeps the names of tasks.
const TREE: &str =
    r"HKEY_LOCAL_MACHINE\SOFTWARE\Microsoft\Windows NT\CurrentVersion\Schedule\TaskCache\Tree\";

/// Reads the script's output.
pub(crate) fn parse_rows(input: &mut dyn BufRead, _: &Facts, limits: &Limits) -> io::Result<(Parsed, Tally)> {
    let reading = (List::new(limits), Xml::default());
    let ((list, _), mut tally) =
        rows::read(input, ROW_CAP, reading, |(list, xml), row, tally| match row.kind() {
            "schtasks" => {
                if let Some((path, text)) = xml.line(row.text("line")) {
                    list.task(&path, &text, tally);
                }
            }
            "task" => list.task(row.text("path"), row.text("xml"), tally),
            "tree" => list.known(row.text("path"), tally),
            "deep" => tally.truncated("folders of tasks are too many or too deep, and were not all read"),
            _ => {}
        })?;
    Ok((Parsed::ScheduledTasks(list.finish(&mut tally)), tally))
}

/// Reads the outputs of the commands.
pub(crate) fn parse_answers(
    answers: &Answers,
    facts: &Facts,
    limits: &Limits,
) -> io::Result<(Parsed, Tally)> {
    let (list, mut tally) = answers.read(List::new(limits), |list, tally| {
        let mut xml = Xml::default();
        let mut found = 0;
        answers.lines("tasks", facts.code_page, tally, |line, tally| {
            if let Some((path, text)) = xml.line(line) {
                found += 1;
                list.task(&path, &text, tally);
            }
        })?;
        answers.expect("tasks", found, tally);
        let mut listing = Listing::default();
        answers.lines("tree", facts.code_page, tally, |line, tally| {
            if let Some(value) = listing.line(line)
                && value.name.eq_ignore_ascii_case("Id")
                && let Some(name) = value.key.get(TREE.len()..)
            {
                list.known(&format!("\\{name}"), tally);
            }
        })?;
        Ok(())
    })?;
    Ok((Parsed::ScheduledTasks(list.finish(&mut tally)), tally))
}

/// What `schtasks /query /xml one` prints: one task after the other, before each a comment with its path.
#[derive(Default)]
struct Xml {
    path: String,
    text: String,
}

impl Xml {
    /// Takes a line in; gives the path and the text of the task that it ends. What is longer than is kept stays longer.
    fn line(&mut self, line: &str) -> Option<(String, String)> {
        let line = line.trim_end();
        let start = line.trim_start();
        if let Some(comment) = start.strip_prefix("<!--").and_then(|rest| rest.strip_suffix("-->")) {
            comment.trim().clone_into(&mut self.path);
        } else if start.starts_with("<Task ") {
            self.text.clear();
        }
        if self.text.len() <= TASK_CAP {
            self.text.push_str(line);
            self.text.push('\n');
        }
        if start != "</Task>" {
            return None;
        }
        let (path, text) = (std::mem::take(&mut self.path), std::mem::take(&mut self.text));
        let uri = element(&text, "URI").map(|uri| unescaped(uri.trim())).filter(|uri| uri.starts_with('\\'));
        Some((uri.unwrap_or(path), text))
    }
}

struct List<'a> {
    rows: Rows<'a, ScheduledTask>,
    limits: &'a Limits,
    /// Names in the registry.
    tree: BTreeSet<String>,
    /// Names that the system lists, in lower case.
    listed: BTreeSet<String>,
    kept: usize,
}

impl<'a> List<'a> {
    fn new(limits: &'a Limits) -> Self {
        Self { rows: Rows::new(limits), limits, tree: BTreeSet::new(), listed: BTreeSet::new(), kept: 0 }
    }

    fn task(&mut self, path: &str, xml: &str, tally: &mut Tally) {
        // Enough for what is read out of it: texts of tasks are a few KiB.
        let mut task = described(&xml[..xml.floor_char_boundary(TASK_CAP)]);
        task.path = cut(path.to_owned(), PATH_CAP);
        if (self.listed.len() as u64) < self.limits.rows {
            self.listed.insert(task.path.to_lowercase());
        }
        if xml.is_empty() {
            tally.count(ArtifactStatus::Partial, "tasks did not give their text");
        } else if self.kept + xml.len() > TEXTS {
            let what = "tasks have no text: all of them together are longer than 64 MiB";
            tally.count(ArtifactStatus::Truncated, what);
        } else {
            task.cut = xml.len() > TASK_CAP;
            let text = cut(xml.to_owned(), TASK_CAP);
            self.kept += text.len();
            task.content = Some(text);
            if task.cut {
                tally.count(ArtifactStatus::Truncated, "tasks are longer than 64 KiB and were cut");
            }
        }
        self.rows.push(task, tally);
    }

    fn known(&mut self, path: &str, tally: &mut Tally) {
        if (self.tree.len() as u64) < self.limits.rows {
            self.tree.insert(cut(path.to_owned(), PATH_CAP));
        } else {
            tally.count(
                ArtifactStatus::Truncated,
                "names in the registry beyond the cap on rows were left out",
            );
        }
    }

    /// Where nothing is listed at all, nothing is said to hide.
    fn finish(mut self, tally: &mut Tally) -> Vec<ScheduledTask> {
        let hidden = self.tree.iter().filter(|path| !self.listed.contains(&path.to_lowercase()));
        let hidden: Vec<String> = hidden.filter(|_| !self.listed.is_empty()).cloned().collect();
        for path in hidden {
            let row = ScheduledTask {
                mechanism: "windows_task".into(),
                path,
                only_in: Some("registry".into()),
                ..ScheduledTask::default()
            };
            self.rows.push(row, tally);
        }
        if self.tree.is_empty() && !tally.is_failed() {
            tally.partial("the registry's list of tasks was not to be had: a task that hides would not show");
        }
        self.rows.rows
    }
}

/// What is read out of a task's text.
fn described(xml: &str) -> ScheduledTask {
    let text = |name| element(xml, name).map(|text| unescaped(text.trim())).filter(|text| !text.is_empty());
    let principals = element(xml, "Principals").unwrap_or_default();
    let run_as = element(principals, "UserId").or_else(|| element(principals, "GroupId"));
    let settings = element(xml, "Settings").unwrap_or_default();
    let flag = |name| element(settings, name).map(|word| word.trim() == "true");
    ScheduledTask {
        mechanism: "windows_task".into(),
        author: text("Author").map(|author| cut(author, NAME_CAP)),
        run_as: run_as.map(|id| cut(unescaped(id.trim()), NAME_CAP)).filter(|id| !id.is_empty()),
        actions: actions(xml),
        triggers: triggers(element(xml, "Triggers").unwrap_or_default()),
        // What is not said is the default.
        enabled: (!xml.is_empty()).then(|| flag("Enabled").unwrap_or(true)),
        hidden: flag("Hidden").unwrap_or(false),
        ..ScheduledTask::default()
    }
}

fn actions(xml: &str) -> Vec<String> {
    let mut rest = element(xml, "Actions").unwrap_or_default();
    let mut actions = Vec::new();
    while actions.len() < PARTS {
        let Some(at) = ["<Exec", "<ComHandler"].iter().filter_map(|tag| rest.find(tag)).min() else { break };
        rest = &rest[at..];
        let name = if rest.starts_with("<Exec") { "Exec" } else { "ComHandler" };
        let Some(body) = element(rest, name) else { break };
        let part = |name| element(body, name).map(|text| unescaped(text.trim())).unwrap_or_default();
        let action = match name {
            "Exec" => format!("{} {}", part("Command"), part("Arguments")).trim().to_owned(),
            _ => format!("COM class {} {}", part("ClassId"), part("Data")).trim().to_owned(),
        };
        actions.push(cut(action, TEXT_CAP));
        rest = &rest[1..];
    }
    actions
}

/// The elements right below `Triggers`: each ends in `Trigger`.
fn triggers(xml: &str) -> Vec<String> {
    let names = xml.split('<').filter_map(|part| {
        let name = part.split(|c: char| !c.is_ascii_alphanumeric()).next()?;
        name.ends_with("Trigger").then(|| cut(name.to_owned(), NAME_CAP))
    });
    names.take(PARTS).collect()
}
