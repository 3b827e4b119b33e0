//! Every command line of the documents and of the help is one that this program takes.

use std::path::{Path, PathBuf};

use clap::error::ErrorKind;
use clap::{CommandFactory, Parser};

use super::Arguments;

/// Documents, and folders of them, from the root of the workspace.
const PLACES: &[&str] =
    &["README.md", "CONTRIBUTING.md", "docs", "infra/README.md", "relay/README.md", "events"];

/// A command line with where it stands.
struct Said {
    place: String,
    words: Vec<String>,
    /// Inside a sentence, where not all of it has to be said.
    inline: bool,
}

fn documents() -> Vec<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let mut left: Vec<PathBuf> = PLACES.iter().map(|place| root.join(place)).collect();
    let mut found = Vec::new();
    while let Some(path) = left.pop() {
        if path.is_dir() {
            left.extend(std::fs::read_dir(&path).unwrap().map(|entry| entry.unwrap().path()));
        } else if path.extension().is_some_and(|extension| extension == "md") {
            found.push(path);
        }
    }
    found.sort();
    found
}

/// The commands of a shell's line: words without their quotes, up to a pipe, a redirection or a comment.
fn commands(line: &str) -> Vec<Vec<String>> {
    let mut commands = vec![Vec::new()];
    let mut word: Option<String> = None;
    let mut quote = None;
    let mut characters = line.chars().peekable();
    while let Some(c) = characters.next() {
        match (c, quote) {
            (c, Some(open)) if c == open => quote = None,
            (c, Some(_)) => word.get_or_insert_default().push(c),
            ('\'' | '"', None) => {
                quote = Some(c);
                word.get_or_insert_default();
            }
            ('\\', None) => word.get_or_insert_default().extend(characters.next()),
            ('#', None) if word.is_none() => break,
            ('|' | ';' | '&' | '(' | ')' | '<' | '>', None) => {
                let words = commands.last_mut().unwrap();
                words.extend(word.take());
                // Where it is written to is no word of it.
                commands.push(if matches!(c, '<' | '>') { vec![c.to_string()] } else { Vec::new() });
            }
            (c, None) if c.is_whitespace() => {
                let words = commands.last_mut().unwrap();
                words.extend(word.take());
            }
            (c, None) => word.get_or_insert_default().push(c),
        }
    }
    commands.last_mut().unwrap().extend(word);
    commands
}

/// Whether a word sets a variable for the command behind it: `AWS_PROFILE=soc`.
fn sets_variable(word: &str) -> bool {
    let name = word.split_once('=').map_or("", |(name, _)| name);
    !name.is_empty() && name.bytes().all(|b| b.is_ascii_uppercase() || b.is_ascii_digit() || b == b'_')
}

/// The words from `peerhound` on, where a command runs it.
fn of_peerhound(words: &[String]) -> Option<Vec<String>> {
    let mut rest = words;
    loop {
        let first = rest.first()?.strip_prefix("ExecStart=").unwrap_or(&rest[0]);
        if first == "cargo" && rest.get(1).is_some_and(|word| word == "run") {
            // Without a package of its own it runs this program.
            let end = rest.iter().position(|word| word == "--")?;
            let own = !rest[..end].iter().any(|word| word == "-p");
            return own
                .then(|| std::iter::once("peerhound".to_owned()).chain(rest[end + 1..].to_vec()).collect());
        }
        if first == "peerhound" || first.ends_with("/bin/peerhound") {
            // A line of sudoers begins with the name of an account.
            let sudoers = rest.get(1).is_some_and(|word| word.starts_with("ALL="));
            // What may be left out stands in brackets.
            let plain = |word: &String| word.trim_start_matches('[').trim_end_matches(']').to_owned();
            return (!sudoers).then(|| {
                std::iter::once("peerhound".to_owned()).chain(rest[1..].iter().map(plain)).collect()
            });
        }
        let skipped = match first {
            "sudo" if rest.get(1).is_some_and(|word| word == "-u") => 3,
            "sudo" | "env" | "time" => 1,
            word if sets_variable(word) => 1,
            _ => return None,
        };
        rest = rest.get(skipped..)?;
    }
}

/// The command lines of a document: of its blocks of code, fenced or indented, and of code inside a sentence.
fn said(place: &str, text: &str) -> Vec<Said> {
    let mut found = Vec::new();
    let mut fenced = false;
    let mut lines = text.lines().zip(1..);
    while let Some((line, number)) = lines.next() {
        if line.trim_start().starts_with("```") {
            fenced = !fenced;
            continue;
        }
        let place = format!("{place}:{number}");
        if fenced || line.starts_with("    ") {
            let mut whole = line.to_owned();
            while whole.ends_with('\\')
                && let Some((next, _)) = lines.next()
            {
                whole.pop();
                whole.push_str(next);
            }
            let ours = commands(&whole).into_iter().filter_map(|words| of_peerhound(&words));
            found.extend(ours.map(|words| Said { place: place.clone(), words, inline: false }));
            continue;
        }
        for code in line.split('`').skip(1).step_by(2).filter(|code| code.starts_with("peerhound ")) {
            let ours = commands(code).into_iter().filter_map(|words| of_peerhound(&words));
            found.extend(ours.map(|words| Said { place: place.clone(), words, inline: true }));
        }
    }
    found
}

/// The examples of every command's help.
fn helped(command: &clap::Command, found: &mut Vec<Said>) {
    if let Some(help) = command.get_after_help() {
        let place = format!("the help of `{}`", command.get_name());
        // An example may be explained behind it, two spaces away.
        let examples = help.to_string();
        let examples = examples.lines().filter(|line| line.starts_with("  "));
        for line in examples.map(|line| line.trim().split("   ").next().unwrap_or_default()) {
            let ours = commands(line).into_iter().filter_map(|words| of_peerhound(&words));
            found.extend(ours.map(|words| Said { place: place.clone(), words, inline: false }));
        }
    }
    command.get_subcommands().for_each(|command| helped(command, found));
}

/// Why a command line is refused. One inside a sentence may leave out what it needs.
fn refused(said: &Said) -> Option<String> {
    let error = Arguments::try_parse_from(&said.words).err()?;
    let partial = matches!(
        error.kind(),
        ErrorKind::MissingRequiredArgument
            | ErrorKind::MissingSubcommand
            | ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand
    );
    let asked_for = matches!(error.kind(), ErrorKind::DisplayHelp | ErrorKind::DisplayVersion);
    let told = error.to_string();
    let sound = asked_for || (said.inline && partial);
    (!sound).then(|| {
        format!("{}: {:?}: {}", said.place, said.words.join(" "), told.lines().next().unwrap_or_default())
    })
}

#[test]
fn every_command_line_of_the_documents_is_one() {
    let mut found = Vec::new();
    for path in documents() {
        let text = std::fs::read_to_string(&path).unwrap();
        found.extend(said(&path.display().to_string(), &text));
    }
    let in_blocks = found.iter().filter(|said| !said.inline).count();
    assert!(in_blocks > 50 && found.len() > 90, "only {in_blocks} in blocks of {} were found", found.len());
    let wrong: Vec<String> = found.iter().filter_map(refused).collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn every_example_of_the_help_is_one() {
    let mut found = Vec::new();
    helped(&Arguments::command(), &mut found);
    assert!(found.len() > 40, "only {} examples were found", found.len());
    let wrong: Vec<String> = found.iter().filter_map(refused).collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn a_command_line_that_is_none_is_found_wherever_it_stands() {
    let text = "\
Run `peerhound case shw X`, or `peerhound case show`, or:

    tail -F x | sudo -u soc peerhound watch - --lissten 127.0.0.1:1   # a comment --more
    FOO=1 peerhound --policy p.toml \\
        case list --oppen > out; echo peerhound nothing

```console
cargo run -- demmo
peerhound case report X [--out FILE]
```
";
    let said = said("x.md", text);
    let wrong: Vec<String> = said.iter().filter_map(refused).collect();
    assert_eq!((said.len(), wrong.len()), (6, 4), "{wrong:#?}");
    for (wrong, place) in wrong.iter().zip(["x.md:1", "x.md:3", "x.md:4", "x.md:8"]) {
        assert!(wrong.starts_with(&format!("{place}: ")), "{wrong}");
    }
}
