//! From what the user names to alerts: files, standard input and addresses, read as a stream.

use std::fs::File;
use std::io::{self, BufReader};
use std::path::Path;

use casework::backend::Received;
use casework::records::{Reading, read_records};
use investigation::alert::SiteFormat;
use investigation::scope::parse_address;
use investigation::text::one_line;
use jiff::Timestamp;

/// What an input gives.
#[derive(Debug)]
pub(crate) enum Item {
    /// An alert, or a record that could not be read.
    Record(Box<Received>),
    /// The input itself could not be opened.
    Unopened {
        /// The input.
        origin: String,
        /// One line.
        reason: String,
    },
}

/// Reads everything that the user named, in order. `give` may block, and ends the reading by returning false.
pub(crate) fn read(
    inputs: &[String],
    formats: &[SiteFormat],
    now: Timestamp,
    mut give: impl FnMut(Item) -> bool,
) {
    for (number, input) in inputs.iter().enumerate() {
        // An address that is typed is meant to be looked at now: it is a new alert each time.
        let moment = format!("{now}#{number}");
        fn reading<'a>(origin: &'a str, moment: &'a str, formats: &'a [SiteFormat]) -> Reading<'a> {
            Reading { origin, moment, formats, passed_over: None, once: false }
        }
        let mut record = |received| give(Item::Record(Box::new(received)));
        let go_on = if input == "-" {
            read_records(reading("standard input", &moment, formats), io::stdin().lock(), &mut record)
        } else if parse_address(input).is_some() && !Path::new(input).exists() {
            read_records(reading("command line", &moment, formats), input.as_bytes(), &mut record)
        } else {
            match open(Path::new(input)) {
                Ok(file) => {
                    let origin = one_line(input, 200);
                    read_records(reading(&origin, &moment, formats), BufReader::new(file), &mut record)
                }
                Err(reason) => give(Item::Unopened { origin: one_line(input, 200), reason }),
            }
        };
        if !go_on {
            return;
        }
    }
}

/// Opens an alert file. Only regular files and pipes: a folder or a device is a mistake.
fn open(path: &Path) -> Result<File, String> {
    let metadata = std::fs::metadata(path).map_err(|error| match error.kind() {
        io::ErrorKind::NotFound => {
            "no such file, and no IP address: write an address like 10.0.0.5, without port, prefix or leading zeros"
                .to_owned()
        }
        _ => format!("cannot be opened: {error}"),
    })?;
    if metadata.is_dir() {
        return Err("is a folder: name a file, or use `peerhound watch` for a folder".to_owned());
    }
    File::open(path).map_err(|error| format!("cannot be opened: {error}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn items(inputs: &[&str]) -> Vec<Item> {
        let inputs: Vec<String> = inputs.iter().map(|&input| input.to_owned()).collect();
        let mut items = Vec::new();
        read(&inputs, &[], Timestamp::UNIX_EPOCH, |item| {
            items.push(item);
            true
        });
        items
    }

    fn ids(items: &[Item]) -> Vec<&str> {
        items
            .iter()
            .map(|item| match item {
                Item::Record(received) => received.id.as_str(),
                Item::Unopened { reason, .. } => panic!("{reason}"),
            })
            .collect()
    }

    #[test]
    fn an_address_is_a_new_alert_each_time_and_an_alert_is_not() {
        let twice = items(&["10.0.0.5", "10.0.0.5"]);
        assert_ne!(ids(&twice)[0], ids(&twice)[1]);

        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("a.json");
        std::fs::write(&file, r#"{"@timestamp":"2026-03-04T05:06:07Z","source":{"ip":"10.0.0.5"}}"#).unwrap();
        let name = file.to_str().unwrap();
        let twice = items(&[name, name]);
        assert_eq!(ids(&twice)[0], ids(&twice)[1]);
    }

    #[test]
    fn what_cannot_be_opened_says_so_and_the_rest_is_read() {
        let found = items(&["/nonexistent/alerts.json", "/", "010.0.0.1", "10.0.0.5"]);
        let reasons: Vec<&str> = found
            .iter()
            .map(|item| match item {
                Item::Unopened { reason, .. } => reason.as_str(),
                Item::Record(_) => "read",
            })
            .collect();
        assert!(reasons[0].contains("no such file") && reasons[1].contains("folder"), "{reasons:?}");
        assert!(reasons[2].contains("no IP address"), "{reasons:?}");
        assert_eq!(reasons[3], "read");
    }
}
