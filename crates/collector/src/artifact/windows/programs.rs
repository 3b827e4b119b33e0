//! `Windows.System.Programs`: what is installed, by what the registry keeps for uninstalling it, of the machine in both
//! views and of every loaded hive.

use std::io::{self, BufRead};

use investigation::evidence::Program;
use investigation::order::Limits;
use jiff::civil::Date;

use super::super::Parsed;
use super::super::facts::Facts;
use super::super::programs::List;
use super::super::tally::Tally;
use super::answers::Answers;
use super::registry::{Value, read_values};
use super::{image_path, rows, some};

/// Longest row.
const ROW_CAP: usize = 256 << 10;

/// Reads the script's output.
pub(crate) fn parse_rows(input: &mut dyn BufRead, _: &Facts, limits: &Limits) -> io::Result<(Parsed, Tally)> {
    let reading = Reading::new(limits);
    let (reading, mut tally) = rows::read(input, ROW_CAP, reading, |reading, mut row, tally| {
        if row.kind() == "value" {
            reading.value(Value::from_row(&mut row), tally);
        }
    })?;
    Ok((Parsed::Programs(reading.finish(&mut tally)), tally))
}

/// Reads the outputs of the commands.
pub(crate) fn parse_answers(
    answers: &Answers,
    facts: &Facts,
    limits: &Limits,
) -> io::Result<(Parsed, Tally)> {
    let (reading, mut tally) = answers.read(Reading::new(limits), |reading, tally| {
        read_values(answers, &["machine", "machine32", "users"], facts.code_page, tally, |value, tally| {
            reading.value(value, tally);
        })?;
        Ok(())
    })?;
    Ok((Parsed::Programs(reading.finish(&mut tally)), tally))
}

/// Gathers the values of one key to a program. Keys come one after the other.
struct Reading<'a> {
    list: List<'a>,
    key: String,
    entry: Entry,
}

impl<'a> Reading<'a> {
    fn new(limits: &'a Limits) -> Self {
        Self { list: List::new(limits), key: String::new(), entry: Entry::default() }
    }

    fn value(&mut self, value: Value, tally: &mut Tally) {
        if !value.key.eq_ignore_ascii_case(&self.key) {
            self.close(tally);
            self.key = value.key;
        }
        self.entry.set(&value.name, value.data);
    }

    fn close(&mut self, tally: &mut Tally) {
        let key = std::mem::take(&mut self.key);
        let user = key.get(..11).filter(|root| root.eq_ignore_ascii_case(r"HKEY_USERS\"));
        let user = user.and_then(|_| key[11..].split('\\').next()).map(str::to_owned);
        if let Some(program) = std::mem::take(&mut self.entry).program(key, user) {
            self.list.push(program, tally);
        }
    }

    fn finish(mut self, tally: &mut Tally) -> Vec<Program> {
        self.close(tally);
        self.list.finish()
    }
}

/// The values of one key below `Uninstall`, by the names that installers write them under.
#[derive(Debug, Default)]
pub(crate) struct Entry {
    name: Option<String>,
    version: Option<String>,
    publisher: Option<String>,
    folder: Option<String>,
    icon: Option<String>,
    day: Option<String>,
}

impl Entry {
    /// Takes in a value; others than these are passed over.
    pub(crate) fn set(&mut self, name: &str, data: String) {
        let place = match name.to_ascii_lowercase().as_str() {
            "displayname" => &mut self.name,
            "displayversion" => &mut self.version,
            "publisher" => &mut self.publisher,
            "installlocation" => &mut self.folder,
            "displayicon" => &mut self.icon,
            "installdate" => &mut self.day,
            _ => return,
        };
        *place = some(&data);
    }

    /// The program; nothing where the key names none: Windows lists those neither.
    pub(crate) fn program(self, key: String, user: Option<String>) -> Option<Program> {
        Some(Program {
            name: self.name?,
            source: "uninstall_key".into(),
            version: self.version,
            publisher: self.publisher,
            key: Some(key),
            image: self.icon.as_deref().and_then(icon_image),
            folder: self.folder.as_deref().and_then(image_path),
            installed: self.day.as_deref().and_then(day),
            user,
        })
    }
}

/// `"C:\…\a.exe",0`: the program file that the icon is taken from, where it is one.
fn icon_image(icon: &str) -> Option<String> {
    let file = match icon.rsplit_once(',') {
        Some((file, index)) if index.trim().trim_start_matches('-').bytes().all(|b| b.is_ascii_digit()) => {
            file
        }
        _ => icon,
    };
    image_path(file).filter(|file| file.to_ascii_lowercase().ends_with(".exe"))
}

/// `20260211`. What is spelled otherwise has an order that nothing tells.
fn day(text: &str) -> Option<Date> {
    let digits = text.len() == 8 && text.bytes().all(|b| b.is_ascii_digit());
    let part = |from, to| digits.then(|| text[from..to].parse::<i16>().ok()).flatten();
    let narrow = |from, to| part(from, to).and_then(|n| i8::try_from(n).ok());
    Date::new(part(0, 4)?, narrow(4, 6)?, narrow(6, 8)?).ok()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn icons_and_days() {
        let image = |icon| icon_image(icon);
        assert_eq!(image(r#""C:\q b\qb.exe",0"#).as_deref(), Some(r"C:\q b\qb.exe"));
        assert_eq!(image(r"C:\a,b\qb.EXE,-101").as_deref(), Some(r"C:\a,b\qb.EXE"));
        assert_eq!(image(r"C:\qb.exe").as_deref(), Some(r"C:\qb.exe"));
        assert_eq!((image(r"C:\qb.ico"), image("")), (None, None));
        assert_eq!(day("20260211").unwrap().to_string(), "2026-02-11");
        for odd in ["2/11/2026", "20261311", "2026021", "", "２０２６０２１１"] {
            assert_eq!(day(odd), None, "{odd}");
        }
    }

    #[test]
    fn a_key_without_a_name_is_no_program() {
        let mut entry = Entry::default();
        entry.set("DisplayVersion", "1".into());
        assert_eq!(entry.program("k".into(), None), None);
    }

    proptest! {
        #[test]
        fn any_text_is_read(text: String) {
            icon_image(&text);
            day(&text);
        }
    }
}
