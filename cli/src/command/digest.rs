//! `peerhound report`: what came in over a time, what became of it, and what is left to people.

use std::io::Write;
use std::path::Path;

use anyhow::{Context, Result, anyhow};
use casework::digest::{gather, kept_since};
use investigation::digest::{self, Digest, Window, WindowError, daily, moment};
use jiff::{SignedDuration, Timestamp};

use super::report::write;
use crate::args::{Format, Report};
use crate::exit::{Exit, WithExit};
use crate::records::Records;
use crate::setup::Setup;
use crate::show::{self, paint, safe, table};

/// For how long before the time a case is looked for that is repeated in it, where no policy says for how long it can be.
const LOOKBACK: SignedDuration = SignedDuration::from_hours(24 * 14);

/// Runs the command.
pub(super) async fn run(store: &impl Records, setup: &Setup, args: &Report) -> Result<Exit> {
    let now = Timestamp::now();
    let policy = setup.policy_if_any()?;
    let lookback = policy.as_ref().map_or(LOOKBACK, daily::lookback);
    let window =
        window(args, lookback, now).map_err(|error| anyhow!(error).context(WithExit(Exit::BadInput)))?;
    let kept = policy.as_ref().and_then(|policy| kept_since(policy, now));
    let digest = gather(store, window, kept, now).await?;
    let last_sent = digest.last_sent.clone();
    let organisation = policy.as_ref().and_then(|policy| policy.organisation.name.as_deref());
    let digest = digest.with(organisation, last_sent);

    let format = args.format.unwrap_or(if setup.json { Format::Json } else { Format::Text });
    match args.out.as_deref().filter(|out| *out != Path::new("-")) {
        Some(out) => {
            write(out, &written(&digest, format)?).context(WithExit(Exit::BadInput))?;
            show::note(&format!(
                "{}: what came in from {}",
                safe(&out.display().to_string()),
                digest.period()
            ));
        }
        None if format == Format::Text && args.out.is_none() => print(&digest),
        None => {
            let text = written(&digest, format)?;
            // A reader that went away (`| head`) is no reason to fail.
            let mut out = std::io::stdout().lock();
            let _ = out.write_all(text.as_bytes()).and_then(|()| out.flush());
        }
    }
    Ok(Exit::Done)
}

fn window(args: &Report, lookback: SignedDuration, now: Timestamp) -> Result<Window, WindowError> {
    let from = moment("--since", &args.since, now)?;
    let to = args.until.as_deref().map_or(Ok(now), |until| moment("--until", until, now))?;
    Window::new(from, to, lookback, now)
}

fn written(digest: &Digest, format: Format) -> Result<String> {
    Ok(match format {
        Format::Text => digest::text(digest),
        Format::Html => digest::page(digest, env!("CARGO_PKG_VERSION")),
        Format::Csv => digest::csv(digest),
        Format::Json => serde_json::to_string(digest).context("the digest as JSON")? + "\n",
    })
}

/// On a terminal, with its headings set apart, and without what has nothing to say.
fn print(digest: &Digest) {
    show::lines(&[paint::bold("Peer-to-peer alerts"), digest.period()]);
    for section in digest.sections() {
        let words = |row: &Vec<digest::Cell>| row.iter().map(|cell| safe(&cell.words())).collect();
        let rows: Vec<Vec<String>> = section.telling().map(words).collect();
        if rows.is_empty() {
            continue;
        }
        show::lines(&[String::new(), paint::bold(section.heading)]);
        let header: Vec<String> = section.columns.iter().map(|name| name.to_uppercase()).collect();
        let header: Vec<&str> = header.iter().map(String::as_str).collect();
        table::print(&header, &rows);
        if let Some(rest) = &section.rest {
            show::lines(&[paint::dim(&format!("… {rest}"))]);
        }
    }
    if !digest.notes.is_empty() {
        show::lines(&[String::new(), paint::yellow("What is missing")]);
        show::lines(&digest.notes.iter().map(|note| safe(note)).collect::<Vec<_>>());
    }
    show::lines(&[String::new(), paint::dim(&safe(&digest.last_sent_words()))]);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn args(since: &str, until: Option<&str>) -> Report {
        Report { since: since.to_owned(), until: until.map(str::to_owned), format: None, out: None }
    }

    #[test]
    fn a_time_that_is_none_is_said_on_one_line() {
        let now = "2026-11-30T12:00:00Z".parse().unwrap();
        for (since, until, says) in [
            ("last week", None, "--since \"last week\" is no time"),
            ("7d", Some("whenever"), "--until \"whenever\" is no time"),
            ("1d", Some("2d"), "is not before --until"),
            ("2030-01-01", None, "is still to come"),
        ] {
            let error = window(&args(since, until), LOOKBACK, now).unwrap_err().to_string();
            assert!(error.contains(says) && !error.contains('\n'), "{error}");
        }
        assert_eq!(window(&args("7d", None), LOOKBACK, now).unwrap().to, now);
    }
}
