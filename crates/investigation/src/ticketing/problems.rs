//! What is wrong with a preset whose every key reads.

use serde_json::Value;

use super::desk::{OF_COMMENTS, OF_TICKETS};
use super::preset::{Auth, Preset, Search, Step};
use super::template::{Piece, pieces, texts};
use crate::policy::is_json;

/// Most requests of one delivery.
const MAX_STEPS: usize = 8;

impl Preset {
    /// Everything that is wrong with it, a line each.
    pub fn problems(&self) -> Vec<String> {
        let mut problems = Vec::new();
        if self.name.is_empty() || !self.name.chars().all(|c| c.is_ascii_alphanumeric() || "-_".contains(c)) {
            problems.push(format!("name = {:?}: letters, digits, - and _", self.name));
        }
        if self.title_chars < 60 || self.body_bytes < 500 {
            problems.push("title_chars, body_bytes: at least 60 and 500".to_owned());
        }
        let given: Vec<&str> = self.parameters.keys().chain(self.map.keys()).map(String::as_str).collect();
        for name in given.iter().filter(|name| OF_TICKETS.contains(name) || OF_COMMENTS.contains(name)) {
            problems
                .push(format!("{name}: a parameter or mapping of this name would hide a value of tickets"));
        }
        let of_tickets: Vec<&str> = given.iter().copied().chain(OF_TICKETS).collect();
        let of_comments: Vec<&str> = given.iter().copied().chain(OF_COMMENTS).collect();
        let parameters: Vec<&str> = self.parameters.keys().map(String::as_str).collect();
        for (name, mapping) in &self.map {
            let mut mapped = Vec::new();
            mapping.values.values().chain([&mapping.otherwise]).for_each(|value| texts(value, &mut mapped));
            for piece in mapped.into_iter().flat_map(|text| pieces(text).unwrap_or_default()) {
                if let Piece::Name(named) = piece
                    && !parameters.contains(&named)
                {
                    problems.push(format!(
                        "map.{name}: `${{{named}}}` is no parameter; there are {}",
                        parameters.join(", ")
                    ));
                }
            }
        }
        self.check_search("find", self.find.as_ref(), &of_tickets, &mut problems);
        self.check_steps("create", &self.create.steps, &of_tickets, &mut problems);
        if let Some(comment) = &self.comment {
            self.check_search("comment.find", comment.find.as_ref(), &of_comments, &mut problems);
            self.check_steps("comment", &comment.steps, &of_comments, &mut problems);
            if self.captures_no_id() {
                problems.push(
                    "comment: create captures no `id`, so that nothing could be commented on".to_owned(),
                );
            }
        }
        if self.values().any(|value| !is_json(value)) {
            problems.push("dates, nan and inf are no values of JSON; write a text".to_owned());
        }
        if let Some(at) = &self.create.fields_at {
            let json = self.create.steps.last().and_then(|step| step.json.as_ref());
            if !json.and_then(|json| json.pointer(at)).is_some_and(Value::is_object) {
                problems.push(format!("create.fields_at = {at:?}: no object of the last step's json"));
            }
        }
        problems
    }

    /// Every value of JSON in it.
    fn values(&self) -> impl Iterator<Item = &Value> {
        let comment = self.comment.iter();
        let steps = self.create.steps.iter().chain(comment.clone().flat_map(|comment| &comment.steps));
        let searches = self.find.iter().chain(comment.filter_map(|comment| comment.find.as_ref()));
        let searches = searches.chain(steps.clone().filter_map(|step| step.unless.as_deref()));
        let bodies =
            steps.chain(searches.map(|search| &search.request)).filter_map(|step| step.json.as_ref());
        let mapped =
            self.map.values().flat_map(|mapping| mapping.values.values().chain([&mapping.otherwise]));
        bodies
            .chain(mapped)
            .chain(self.parameters.values().filter_map(|parameter| parameter.default.as_ref()))
    }

    fn captures_no_id(&self) -> bool {
        !self.create.guess_answer && !self.create.steps.iter().any(|step| step.capture.contains_key("id"))
    }

    fn check_search(&self, place: &str, search: Option<&Search>, known: &[&str], problems: &mut Vec<String>) {
        let Some(search) = search else { return };
        self.check_step(place, &search.request, known, problems);
        if search.request.unless.is_some() {
            problems.push(format!("{place}: a look-up has no unless"));
        }
        for name in pieces(search.word.as_deref().unwrap_or_default()).unwrap_or_default() {
            if let Piece::Name(name) = name {
                problems.extend(self.check_name(name, false, known).map(|why| format!("{place}: {why}")));
            }
        }
        for pointer in [&search.items, &search.matches] {
            check_pointer(place, pointer, problems);
        }
        if place == "find" && !search.request.capture.contains_key("id") {
            problems.push("find: captures no `id`".to_owned());
        }
    }

    fn check_steps(&self, place: &str, steps: &[Step], known: &[&str], problems: &mut Vec<String>) {
        if !(1..=MAX_STEPS).contains(&steps.len()) {
            problems.push(format!("{place}.steps: 1 to {MAX_STEPS}"));
        }
        let mut known = known.to_vec();
        for step in steps {
            self.check_step(place, step, &known, problems);
            self.check_search(&format!("{place}.unless"), step.unless.as_deref(), &known, problems);
            known.extend(step.capture.keys().map(String::as_str));
        }
    }

    fn check_step(&self, place: &str, step: &Step, known: &[&str], problems: &mut Vec<String>) {
        let mut bodies: Vec<&str> =
            step.form.iter().flat_map(|form| form.values()).map(String::as_str).collect();
        if let Some(json) = &step.json {
            texts(json, &mut bodies);
        }
        let around = self.headers.values().chain(step.headers.values()).chain(step.query.values());
        let around = around.chain([&step.path]).map(String::as_str);
        for (text, is_body) in
            bodies.into_iter().map(|text| (text, true)).chain(around.map(|text| (text, false)))
        {
            match pieces(text) {
                Err(problem) => problems.push(format!("{place}: {problem}")),
                Ok(pieces) => {
                    for piece in pieces {
                        if let Piece::Name(name) = piece {
                            problems.extend(
                                self.check_name(name, is_body, known).map(|why| format!("{place}: {why}")),
                            );
                        }
                    }
                }
            }
        }
        for pointer in step.capture.values() {
            check_pointer(place, pointer, problems);
        }
        if !(step.path.is_empty() || step.path.starts_with('/')) {
            problems.push(format!("{place}: path = {:?} must begin with /", step.path));
        }
        if step.json.is_some() && step.form.is_some() {
            problems.push(format!("{place}: a request has json or form, not both"));
        }
    }

    fn check_name(&self, name: &str, is_body: bool, known: &[&str]) -> Option<String> {
        if name == "secret" && !(is_body && self.auth == Auth::Body) {
            return Some("`${secret}` may only stand in a body, with auth = \"body\"".to_owned());
        }
        let is_known =
            known.contains(&name) || name.strip_prefix("field:").is_some_and(|field| !field.is_empty());
        (!is_known).then(|| format!("`${{{name}}}` is no value; there are {}", known.join(", ")))
    }
}

fn check_pointer(place: &str, pointer: &str, problems: &mut Vec<String>) {
    if !(pointer.is_empty() || pointer.starts_with('/')) {
        problems.push(format!("{place}: {pointer:?} is no JSON pointer: it begins with /"));
    }
}
