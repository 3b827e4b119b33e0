//! `[[action]]`: what a site does itself after a verdict, by a request or by a program.

use serde::{Deserialize, Serialize};

use super::Policy;
use super::check::{Remark, error, warning};
use super::limits::HIGHEST_LIMIT;
use super::span::Span;
use super::ticket::fault_of_url;
use crate::act::{ActionKind, CustomName};
use crate::text::one_line;

/// One action. The lists of `[actions]` name it as `action:NAME`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CustomAction {
    /// Its name: 1 to 32 of `a-z`, `0-9`, `_` and `-`.
    pub name: String,
    /// A request or a program.
    pub kind: CustomKind,
    /// For `http`: where the case is sent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
    /// For `http`: how.
    #[serde(default)]
    pub method: Method,
    /// For `http`: file that holds a whole header, `Name: value`, such as a token; relative to the policy file.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub header_file: Option<String>,
    /// For `http` on AWS: ARN of the secret that holds that header.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub header_secret: Option<String>,
    /// For `program`: its absolute path.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub path: Option<String>,
    /// For `program`: its arguments, as they stand here.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub args: Vec<String>,
    /// Doing it twice is as good as doing it once, so that a try whose end is not known may be repeated. Without it,
    /// such a try is left to a person.
    #[serde(default)]
    pub idempotent: bool,
    /// Time for one try.
    #[serde(default = "timeout")]
    pub timeout: Span,
    /// Tries an hour, of all cases together.
    #[serde(default = "per_hour")]
    pub per_hour: u32,
}

/// What an action is done by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CustomKind {
    /// A request to a server.
    Http,
    /// A program on this machine.
    Program,
}

/// How a case is sent.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum Method {
    /// POST.
    #[default]
    Post,
    /// PUT.
    Put,
}

fn timeout() -> Span {
    Span::seconds(30)
}

fn per_hour() -> u32 {
    60
}

/// Most arguments of a program.
const MAX_ARGS: usize = 64;

impl Policy {
    /// The action of a name.
    pub fn action(&self, name: &CustomName) -> Option<&CustomAction> {
        self.action.iter().find(|action| action.name == name.name())
    }

    pub(super) fn check_custom_actions(&self, remarks: &mut Vec<Remark>) {
        for (index, action) in self.action.iter().enumerate() {
            remarks.extend(action.faults().into_iter().map(|why| error(action.about(&why))));
            if self.action[..index].iter().any(|other| other.name == action.name) {
                remarks.push(error(action.about("another one has this name")));
            }
            let named = CustomName::new(&action.name).map(ActionKind::Custom);
            if !self.actions.lists().any(|kind| Some(*kind) == named) {
                let unused = format!("no list of [actions] names it: add \"action:{}\"", action.name);
                remarks.push(warning(action.about(&unused)));
            }
        }
        let mut missing: Vec<&str> = Vec::new();
        for kind in self.actions.lists().chain(&self.actions.off) {
            if let ActionKind::Custom(name) = kind
                && self.action(name).is_none()
                && !missing.contains(&name.name())
            {
                missing.push(name.name());
            }
        }
        for name in missing {
            remarks.push(error(format!(
                "[actions] names action:{name}, and no [[action]] has name = \"{name}\""
            )));
        }
    }
}

impl CustomAction {
    fn about(&self, what: &str) -> String {
        format!("[[action]] {:?}: {what}", one_line(&self.name, 40))
    }

    /// Everything that is wrong with it by itself.
    fn faults(&self) -> Vec<String> {
        let mut faults = Vec::new();
        let mut fault = |is_wrong: bool, why: &str| {
            if is_wrong {
                faults.push(why.to_owned());
            }
        };
        fault(CustomName::new(&self.name).is_none(), "name: use 1 to 32 of a-z, 0-9, _ and -");
        fault(self.per_hour == 0, "per_hour = 0: it would never be done; use 1 or more");
        let many = format!("per_hour = {}: {HIGHEST_LIMIT} at most", self.per_hour);
        fault(self.per_hour > HIGHEST_LIMIT, &many);
        let (least, most) = (Span::seconds(1), Span::minutes(10));
        fault(self.timeout < least || self.timeout > most, "timeout: between 1s and 10m");
        match self.kind {
            CustomKind::Http => {
                fault(
                    self.path.is_some() || !self.args.is_empty(),
                    "path and args belong to kind = \"program\"",
                );
                let url = self.url.as_deref().unwrap_or_default();
                let wrong = fault_of_url(url).map(|why| format!("url: {why}"));
                fault(wrong.is_some(), wrong.as_deref().unwrap_or_default());
            }
            CustomKind::Program => {
                fault(
                    self.url.is_some() || self.header_file.is_some() || self.header_secret.is_some(),
                    "url and headers belong to kind = \"http\"",
                );
                let path = self.path.as_deref().unwrap_or_default();
                fault(!path.starts_with('/'), "path: name the program by its absolute path");
                let odd = |text: &String| text.contains('\0');
                fault(
                    path.contains('\0') || self.args.len() > MAX_ARGS || self.args.iter().any(odd),
                    "args: 64 at most, and no NUL in them",
                );
            }
        }
        faults
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn remarks(sections: &str) -> Vec<Remark> {
        let text = format!("version = 1\n[scope]\nnetworks = ['10.0.0.0/8']\n{sections}");
        toml::from_str::<Policy>(&text).unwrap().remarks()
    }

    #[test]
    fn an_action_is_named_described_and_used() {
        let http = "[actions]\ncompromised = ['action:soar']\n[[action]]\nname = 'soar'\nkind = 'http'\nurl = 'https://x/'\n";
        let about = |remarks: Vec<Remark>| -> Vec<Remark> {
            remarks.into_iter().filter(|remark| remark.text.contains("action")).collect()
        };
        assert!(about(remarks(http)).is_empty(), "{:?}", about(remarks(http)));
        let unused = "[[action]]\nname = 'soar'\nkind = 'program'\npath = '/bin/true'\n";
        let found = about(remarks(unused));
        assert!(found.len() == 1 && !found[0].is_error && found[0].text.contains("action:soar"), "{found:?}");
        // One that is misspelt where it is to be off would be done.
        for list in ["inconclusive", "off"] {
            let found = about(remarks(&format!("[actions]\n{list} = ['action:nobody']\n")));
            assert!(found.len() == 1 && found[0].is_error && found[0].text.contains("nobody"), "{found:?}");
        }
    }

    #[test]
    fn what_cannot_be_done_is_refused_with_one_line() {
        let refuses = |action: &str, what: &str| {
            let found = remarks(&format!("[[action]]\n{action}\n"));
            let fits = |remark: &Remark| remark.is_error && remark.text.contains(what);
            assert!(found.iter().any(fits), "{action}: {found:?}");
            assert!(found.iter().all(|remark| !remark.text.contains('\n')), "{found:?}");
        };
        refuses("name = 'A b'\nkind = 'http'\nurl = 'https://x'", "name:");
        refuses("name = 'a'\nkind = 'http'", "url:");
        refuses("name = 'a'\nkind = 'http'\nurl = 'ftp://x'", "url:");
        refuses("name = 'a'\nkind = 'http'\nurl = 'http://x'\nheader_file = 'h'", "use https");
        refuses("name = 'a'\nkind = 'http'\nurl = 'http://x'", "use https");
        refuses("name = 'a'\nkind = 'http'\nurl = 'http://localhost.example'", "use https");
        refuses("name = 'a'\nkind = 'http'\nurl = 'https://x'\npath = '/bin/true'", "belong to");
        refuses("name = 'a'\nkind = 'program'\npath = 'true'", "absolute");
        refuses("name = 'a'\nkind = 'program'\npath = '/bin/true'\nurl = 'https://x'", "belong to");
        refuses("name = 'a'\nkind = 'program'\npath = '/bin/true'\nper_hour = 0", "per_hour");
        refuses("name = 'a'\nkind = 'program'\npath = '/bin/true'\nper_hour = 201", "200 at most");
        refuses("name = 'a'\nkind = 'program'\npath = '/bin/true'\ntimeout = '1h'", "timeout");
        let twice = "name = 'a'\nkind = 'program'\npath = '/bin/true'";
        refuses(&format!("{twice}\n[[action]]\n{twice}"), "this name");
    }
}
