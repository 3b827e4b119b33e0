//! What is collected from Windows, by PowerShell or by commands.
//!
//! Both ways end in the same rows. What PowerShell prints is JSON, a row a line ([`rows`]). What commands print is text
//! for people, in the language and the code page of the endpoint: [`lines`] decodes it, and everything else reads its
//! shape (positions, numbers, names that are part of the system) and no word of it.

pub(crate) mod answers;
pub(crate) mod autostart;
pub(crate) mod connections;
mod csv;
mod displaydns;
pub(crate) mod dns_cache;
pub(crate) mod firewall;
pub(crate) mod forensic;
pub(crate) mod identity;
mod ipconfig;
mod lines;
pub(crate) mod neighbors;
mod netstat;
pub(crate) mod prefetch;
pub(crate) mod processes;
pub(crate) mod programs;
mod quser;
mod registry;
mod rows;
pub(crate) mod script;
mod systeminfo;
mod tasklist;
pub(crate) mod torrents;
mod wmic;

use super::record::cut_text;

/// Longest name of an account, a process, a value or a service that is kept, in bytes.
const NAME_CAP: usize = 255;
/// Longest path that is kept, in bytes: Windows has none above 32,767 characters, and honest ones are short.
const PATH_CAP: usize = 4096;

/// Cuts a name, which may be repeated in many rows.
fn named(mut name: String) -> String {
    cut_text(&mut name, NAME_CAP);
    name
}

/// Text that says something.
fn some(text: &str) -> Option<String> {
    let text = text.trim();
    (!text.is_empty()).then(|| text.to_owned())
}

/// The path of an image without the prefixes that the kernel and long paths have, and cut.
fn image_path(path: &str) -> Option<String> {
    let path = path.trim().trim_matches('"');
    let path = path.strip_prefix(r"\??\").or_else(|| path.strip_prefix(r"\\?\")).unwrap_or(path);
    let mut path = match path.get(..12) {
        Some(root) if root.eq_ignore_ascii_case(r"\SystemRoot\") => format!(r"C:\Windows\{}", &path[12..]),
        _ => path.to_owned(),
    };
    cut_text(&mut path, PATH_CAP);
    (!path.is_empty()).then_some(path)
}

/// Last component of a path.
fn base_name(path: &str) -> &str {
    path.rsplit(['\\', '/']).next().unwrap_or(path)
}

/// Reads what a script of a measure says into `take`: its status and its detail, each note, and each value by its name.
/// Gives whether it ran to its end. No value is called like one of the others.
pub(crate) fn told(
    input: &mut dyn std::io::BufRead,
    take: &mut dyn FnMut(&str, &str),
) -> std::io::Result<bool> {
    let ((), tally) = rows::read(input, 64 << 10, (), |(), row, _| match row.kind() {
        "answer" => {
            take("status", row.text("status"));
            take("detail", row.text("detail"));
        }
        "note" => take("note", row.text("text")),
        "told" => match row.text("name") {
            "status" | "detail" | "note" => {}
            name => take(name, row.text("value")),
        },
        _ => {}
    })?;
    let (status, _) = tally.settle();
    Ok(status == investigation::evidence::ArtifactStatus::Ok)
}

#[cfg(test)]
mod testing;
#[cfg(test)]
mod tests;
