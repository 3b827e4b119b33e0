//! What is wrong with a script.

use std::collections::BTreeSet;

use tree_sitter::Node;

use super::cmdlets::{Cmdlet, Parameter};
use super::dotnet::{METHODS, STATIC, TYPES};
use super::tree::{all, children, parse, text, variables};

/// Variables that hold names of our own, whatever the endpoint says: what is named by them is what we made.
const OURS: [&str; 9] =
    ["rule", "way", "what", "protocol", "store", "taskFolder", "PID", "namespace", "group"];
/// Parameters that choose by name, most of them with wildcards.
const NAMES: [&str; 11] = [
    "Name",
    "Group",
    "DisplayName",
    "DisplayGroup",
    "TaskName",
    "TaskPath",
    "ClassName",
    "Namespace",
    "MethodName",
    "PolicyStore",
    "Id",
];
/// Parameters of paths that take wildcards; `-LiteralPath` does not.
const WILD_PATHS: [&str; 4] = ["Path", "FilePath", "Include", "Exclude"];
/// Cmdlets whose first value may stand without its parameter.
const POSITIONAL: [&str; 5] = ["Where-Object", "ForEach-Object", "New-Object", "Get-Command", "Join-Path"];
/// Functions that print a row of an answer. Where their output is caught, nobody reads it.
const ANSWERING: [&str; 3] = ["Finish", "Tell", "Note"];

/// What a script is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// It reads.
    Artifact,
    /// It changes something, and ends in one answer.
    Measure,
}

/// What is no PowerShell 5.1 in a script, a line each.
pub(super) fn syntax(script: &str) -> Vec<String> {
    let tree = parse(script);
    let wrong = |node: &Node<'_>| {
        node.is_error()
            || node.is_missing()
            || ["pipeline_chain_tail", "background_operator"].contains(&node.kind())
    };
    let place = |node: Node<'_>| {
        let line = script.lines().nth(node.start_position().row).unwrap_or_default();
        format!("line {}: {} in: {line}", node.start_position().row + 1, node.kind())
    };
    all(tree.root_node()).into_iter().filter(wrong).map(place).collect()
}

/// Everything that is wrong with a script, a line each.
pub(super) fn faults(script: &str, kind: Kind) -> Vec<String> {
    let tree = parse(script);
    let nodes = all(tree.root_node());
    let name_of = |node: &Node<'_>| {
        children(*node)
            .into_iter()
            .find(|child| child.kind() == "function_name")
            .map(|name| text(name, script))
    };
    let functions =
        nodes.iter().filter(|node| node.kind() == "function_statement").filter_map(name_of).collect();
    let mut lint = Lint { script, functions, found: syntax(script) };
    for node in nodes {
        match node.kind() {
            "command" => lint.command(node),
            "type_literal" => lint.type_name(node),
            "member_access" | "invokation_expression" => lint.member(node),
            "function_statement"
                if kind == Kind::Measure && !name_of(&node).is_some_and(|name| ANSWERING.contains(&name)) =>
            {
                lint.answers(node, "inside a function");
            }
            "assignment_expression" if kind == Kind::Measure => {
                lint.answers(node, "where its output is caught")
            }
            _ => {}
        }
    }
    lint.found
}

struct Lint<'a> {
    script: &'a str,
    functions: BTreeSet<&'a str>,
    found: Vec<String>,
}

impl<'a> Lint<'a> {
    fn text(&self, node: Node<'_>) -> &'a str {
        text(node, self.script)
    }

    fn fault(&mut self, node: Node<'_>, what: impl std::fmt::Display) {
        let shown: String = self.text(node).chars().take(120).collect();
        self.found.push(format!("{what} in: {shown}"));
    }

    fn answers(&mut self, node: Node<'_>, place: &str) {
        let answering =
            |node: &Node<'_>| node.kind() == "command_name" && ANSWERING.contains(&text(*node, self.script));
        if all(node).iter().any(answering) {
            self.fault(node, format!("an answer {place} reaches nobody"));
        }
    }

    fn command(&mut self, node: Node<'a>) {
        let parts = children(node);
        if let Some(operator) = parts.iter().find(|part| part.kind() == "command_invokation_operator") {
            let program = parts
                .iter()
                .find(|part| part.kind() == "command_name_expr")
                .map_or("", |name| self.text(*name));
            self.program(node, self.text(*operator), program);
            return;
        }
        let Some(name) = parts.iter().find(|part| part.kind() == "command_name").map(|name| self.text(*name))
        else {
            self.fault(node, "a command without a name");
            return;
        };
        // A program of the system, told names of our own.
        if name == "icacls.exe" || self.functions.contains(name) {
            return;
        }
        let Some(cmdlet) = Cmdlet::find(name) else {
            self.fault(node, format!("{name} is not on the list of cmdlets"));
            return;
        };
        let elements =
            parts.iter().filter(|part| part.kind() == "command_elements").flat_map(|part| children(*part));
        self.elements(name, cmdlet, elements);
    }

    /// Only programs of the system are started, by their constant paths.
    fn program(&mut self, node: Node<'_>, operator: &str, program: &str) {
        let of_system = |path: &str| {
            path.starts_with(r#""$env:SystemRoot\System32\"#)
                && path.ends_with(".exe\"")
                && path.matches('$').count() == 1
        };
        let held = program.starts_with('$').then(|| {
            let start = format!("{program} = ");
            self.script.lines().find_map(|line| line.strip_prefix(&start)).unwrap_or_default()
        });
        if operator != "&" || !of_system(held.unwrap_or(program)) {
            self.fault(node, "something is started that is no program of the system by its path");
        }
    }

    fn elements(&mut self, name: &str, cmdlet: &Cmdlet, elements: impl Iterator<Item = Node<'a>>) {
        let (mut waiting, mut switch, mut positions) = (None, None, 0);
        for element in elements {
            match element.kind() {
                "command_argument_sep" => {
                    // A switch can be given a value behind a colon.
                    if self.text(element).contains(':') {
                        waiting = switch;
                    }
                }
                "command_parameter" => {
                    if let Some(parameter) = waiting {
                        self.fault(element, format!("{name} -{parameter} has no value"));
                    }
                    let parameter = self.text(element).trim_start_matches('-').trim_end_matches(':');
                    (waiting, switch) = match cmdlet.parameter(parameter) {
                        Some(Parameter::Value) => (Some(parameter), None),
                        Some(Parameter::Switch) => (None, Some(parameter)),
                        None => {
                            self.fault(element, format!("{name} has no such parameter"));
                            (None, None)
                        }
                    };
                }
                "redirection" => {}
                _ if self.text(element).starts_with("2>") => {}
                _ => match waiting.take() {
                    Some(parameter) => self.value(name, parameter, element),
                    None => {
                        positions += 1;
                        self.positional(name, positions, element);
                    }
                },
            }
        }
    }

    fn positional(&mut self, name: &str, position: usize, value: Node<'a>) {
        let shown = self.text(value);
        let sound = match name {
            "Where-Object" | "ForEach-Object" => shown.starts_with('{') && position == 1,
            "New-Object" => TYPES.contains(&shown) && position == 1,
            "Get-Command" => variables(value, self.script).is_empty() && position == 1,
            _ => POSITIONAL.contains(&name) && position <= 2,
        };
        if !sound {
            self.fault(
                value,
                format!("{name} has a value without its parameter, or none that may stand there"),
            );
        }
    }

    /// What a value may be made of.
    fn value(&mut self, name: &str, parameter: &str, value: Node<'a>) {
        let variables = variables(value, self.script);
        let only = |allowed: &[&str]| variables.iter().all(|name| allowed.contains(name));
        let sound = match (name, parameter) {
            ("New-Item", "Path") => only(&["d"]),
            ("Get-CimInstance", "Filter") => variables
                .iter()
                .all(|name| OURS.contains(name) || self.script.contains(&format!("([long]${name})"))),
            // It takes the names as they are: "Accept wildcard characters: False".
            ("Export-ScheduledTask", "TaskName" | "TaskPath") => only(&["task"]),
            (_, "Filter" | "Query") => only(&[]),
            (_, parameter) if WILD_PATHS.contains(&parameter) => only(&[]),
            (_, parameter) if NAMES.contains(&parameter) => only(&OURS),
            // The command line of a task: constants, with the name of our rules put in.
            ("New-ScheduledTaskAction", "Argument") => {
                self.text(value).starts_with("('") && only(&["rule", "ending"])
            }
            ("New-ScheduledTaskAction", "Execute") => {
                self.text(value).starts_with(r#""$windows\System32\"#) && only(&["windows"])
            }
            _ => true,
        };
        if !sound {
            self.fault(value, format!("{name} -{parameter} is made of what may hold wildcards or commands"));
        }
    }

    fn type_name(&mut self, node: Node<'_>) {
        let name = self.text(node);
        let name = name.strip_prefix('[').and_then(|name| name.strip_suffix(']')).unwrap_or(name);
        if !TYPES.contains(&name) {
            self.fault(node, "a type that is not on the list");
        }
    }

    fn member(&mut self, node: Node<'_>) {
        let parts = children(node);
        let Some(member) =
            parts.iter().find(|part| part.kind() == "member_name").map(|name| self.text(*name))
        else {
            self.fault(node, "a member that has no name");
            return;
        };
        let of_type = parts.iter().any(|part| self.text(*part) == "::");
        let sound = if of_type {
            let owner = self.text(parts[0]);
            let owner = owner.strip_prefix('[').and_then(|owner| owner.strip_suffix(']')).unwrap_or(owner);
            STATIC.contains(&format!("{owner}::{member}").as_str())
        } else if node.kind() == "invokation_expression" {
            METHODS.contains(&member)
        } else {
            // A property, by its plain name.
            !member.starts_with(['$', '(', '"', '\''])
        };
        if !sound {
            self.fault(node, "a member of .NET that is not on the list");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_powershell_of_windows_itself_is_found() {
        for script in [
            "if ($a) { 'x' ",
            "Get-Item -LiteralPath 'x",
            "$a = $b ?? 'x'",
            "$a = $b ? 1 : 2",
            "Get-Date && Get-Date",
            "$a?.Length",
            "Get-Date &",
            "foreach ($a in $b { }",
        ] {
            assert!(!syntax(script).is_empty(), "{script}");
        }
        for script in
            ["$a = @{ b = 1; c = 'd' }", "switch ($a) { 'b' { 1 } }", "foreach ($a in 'b', 'c') { $a }"]
        {
            assert_eq!(syntax(script), Vec::<String>::new(), "{script}");
        }
    }

    #[test]
    fn what_must_not_be_is_found() {
        for (script, says) in [
            ("Invoke-Expression $a", "not on the list of cmdlets"),
            ("iex $a", "not on the list of cmdlets"),
            ("gci -LiteralPath $a", "not on the list of cmdlets"),
            ("Get-Iten -LiteralPath $a", "not on the list of cmdlets"),
            ("Get-Item -LiteralPth $a", "no such parameter"),
            ("Get-Content -LiteralPath $a -AsByteStream", "no such parameter"),
            ("Get-Item $a", "without its parameter"),
            ("Get-Item -Path $a", "wildcards or commands"),
            ("Get-Item -LiteralPath -Force", "has no value"),
            ("Get-ScheduledTask -TaskName $name", "wildcards or commands"),
            ("Get-NetFirewallRule -Group \"x$(Get-Date)$name\"", "wildcards or commands"),
            ("Get-CimInstance -ClassName Win32_Service -Filter \"Name = '$name'\"", "wildcards or commands"),
            ("Get-CimInstance -Query $query", "wildcards or commands"),
            (
                "New-ScheduledTaskAction -Execute \"$windows\\System32\\x.exe\" -Argument $path",
                "wildcards or commands",
            ),
            ("New-ScheduledTaskAction -Execute $path", "wildcards or commands"),
            ("Where-Object $block", "none that may stand there"),
            ("New-Object Net.WebClient", "none that may stand there"),
            ("& $path", "no program of the system"),
            ("& \"$env:SystemRoot\\System32\\$name.exe\"", "no program of the system"),
            (". $path", "no program of the system"),
            ("[ScriptBlock]::Create($a)", "a type that is not on the list"),
            ("[Reflection.Assembly]::Load($a)", "a type that is not on the list"),
            ("[IO.File]::ReadAllText($a)", "not on the list"),
            ("[IO.File]::$method($a)", "not on the list"),
            ("$a.Invoke()", "not on the list"),
            ("$a.ToUnixTimeSeconds()", "not on the list"),
            ("function F { Finish 'done' 'x' }\nfunction Finish($a, $b) { $a }", "inside a function"),
            ("$a = if ($b) { Finish 'done' 'x' }\nfunction Finish($a, $b) { $a }", "output is caught"),
        ] {
            let found = faults(script, Kind::Measure);
            assert!(found.iter().any(|fault| fault.contains(says)), "{script}: {found:?}");
        }
    }

    #[test]
    fn what_may_be_is_not_found() {
        for script in [
            "Get-Item -LiteralPath $a -Stream * -Force -ErrorAction Stop | Where-Object { $_.Stream -ne ':$DATA' }",
            "Unregister-ScheduledTask -InputObject $task -Confirm:$false -ErrorAction Stop",
            "Get-NetFirewallRule -Group $rule -PolicyStore $store",
            "$lines = @(& \"$env:SystemRoot\\System32\\arp.exe\" -a 2>$null)",
            "function P([long]$id) { Get-CimInstance -ClassName Win32_Process -Filter \"ProcessId = $id\" }",
            "[IO.File]::Open($path, 'Open', 'Read', 'Read, Delete').Dispose()",
            "New-NetFirewallRule -Name \"$rule-$way\" -RemoteAddress @($a -split ' ') -Action Block",
        ] {
            assert_eq!(faults(script, Kind::Measure), Vec::<String>::new(), "{script}");
        }
    }
}
