//! The targets: one for each kind of outside data.
//!
//! A target takes bytes, gives them to the parser, and asserts what the parser promises. It returns a number for the
//! way that the parser took, which tells the runner what is worth going on from.

mod alert;
mod bencode;
mod bundle;
mod container;
mod kerberos;
mod known_hosts;
mod manifest;
mod memory_image;
mod order;
mod policy;
mod program_answer;
mod reference;
mod relay_orders;
mod relay_report;
mod script_output;
mod seeds;
mod smb_reply;
mod ticket_answer;
mod windows_output;

use std::hash::{DefaultHasher, Hash as _, Hasher as _};

pub use alert::alert;
pub use bencode::bencode;
pub use bundle::bundle;
pub use container::container;
pub use kerberos::kerberos;
pub use known_hosts::known_hosts;
pub use manifest::manifest;
pub use memory_image::memory_image;
pub use order::order;
pub use policy::policy;
pub use program_answer::program_answer;
pub use relay_orders::{order_batch, order_link};
pub use relay_report::relay_report;
pub use script_output::{records, sockets};
pub use smb_reply::smb_reply;
pub use ticket_answer::ticket_answer;
pub use windows_output::windows_output;

/// One target.
#[derive(Debug)]
pub struct Target {
    /// Its name on the command line.
    pub name: &'static str,
    /// What it reads.
    pub reads: &'static str,
    /// The parser and its properties. Panics where one does not hold.
    pub run: fn(&[u8]) -> u64,
    /// What inputs are made of. The first ones are whole and sound, some of the others hostile by design.
    pub seeds: fn() -> Vec<Vec<u8>>,
    /// Words of the format.
    pub tokens: &'static [&'static [u8]],
    /// What it may take of memory.
    pub memory: Memory,
}

/// A cap on memory that follows from the length of the input. It covers what the target itself holds, too.
#[derive(Clone, Copy, Debug)]
pub struct Memory {
    /// Bytes for the empty input.
    pub base: usize,
    /// Bytes for each byte of input.
    pub per_byte: usize,
}

impl Memory {
    /// The cap for an input of `length` bytes.
    pub fn allows(self, length: usize) -> usize {
        self.base + self.per_byte * length
    }
}

const MIB: usize = 1 << 20;

/// Every target, in the order of the command line's `all`.
pub static TARGETS: &[Target] = &[
    Target {
        name: "alert",
        reads: "alerts in every format, framed out of one input",
        run: alert::alert,
        seeds: alert::seeds,
        tokens: alert::TOKENS,
        // A value takes some forty times the bytes of its shortest spelling, in three readings and as JSON again.
        memory: Memory { base: 8 * MIB, per_byte: 600 },
    },
    Target {
        name: "bencode",
        reads: "torrents and the resume files of clients",
        run: bencode::bencode,
        seeds: bencode::seeds,
        tokens: bencode::TOKENS,
        memory: Memory { base: 4 * MIB, per_byte: 200 },
    },
    Target {
        name: "container",
        reads: "evidence containers that are to be verified",
        run: container::container,
        seeds: container::seeds,
        tokens: container::TOKENS,
        // A directory is read whole, and its size is a number in the file.
        memory: Memory { base: 12 * MIB, per_byte: 100 },
    },
    Target {
        name: "records",
        reads: "what the scripts of identity, processes, autostart, firewall, neighbours, programs and torrents print",
        run: script_output::records,
        seeds: script_output::record_seeds,
        tokens: script_output::TOKENS,
        memory: Memory { base: 8 * MIB, per_byte: 100 },
    },
    Target {
        name: "sockets",
        reads: "what the script of connections prints, /proc/net in it",
        run: script_output::sockets,
        seeds: script_output::socket_seeds,
        tokens: script_output::TOKENS,
        memory: Memory { base: 8 * MIB, per_byte: 40 },
    },
    Target {
        name: "windows_output",
        reads: "what PowerShell and the commands of a Windows endpoint print",
        run: windows_output::windows_output,
        seeds: windows_output::seeds,
        tokens: windows_output::TOKENS,
        // A number and a word of `tasklist` become a process, and a line of `reg query` an entry with its key.
        memory: Memory { base: 8 * MIB, per_byte: 200 },
    },
    Target {
        name: "smb_reply",
        reads: "what a Windows endpoint answers over SMB, and its services through their pipes",
        run: smb_reply::smb_reply,
        seeds: smb_reply::seeds,
        tokens: smb_reply::TOKENS,
        // A name of one character becomes an entry, and its debug form is held beside it.
        memory: Memory { base: 4 * MIB, per_byte: 400 },
    },
    Target {
        name: "program_answer",
        reads: "what the program says that was sent to an endpoint",
        run: program_answer::program_answer,
        seeds: program_answer::seeds,
        tokens: program_answer::TOKENS,
        memory: Memory { base: 16 * MIB, per_byte: 100 },
    },
    Target {
        name: "memory_image",
        reads: "an image of an endpoint's memory, and what the endpoint says before it",
        run: memory_image::memory_image,
        seeds: memory_image::seeds,
        tokens: memory_image::TOKENS,
        memory: Memory { base: 16 * MIB, per_byte: 100 },
    },
    Target {
        name: "ticket_answer",
        reads: "what ticket systems answer to look-ups and requests",
        run: ticket_answer::ticket_answer,
        seeds: ticket_answer::seeds,
        tokens: ticket_answer::TOKENS,
        // A value takes some forty times the bytes of its shortest spelling, and twelve presets look at it.
        memory: Memory { base: 8 * MIB, per_byte: 600 },
    },
    Target {
        name: "policy",
        reads: "the policy file",
        run: policy::policy,
        seeds: policy::seeds,
        tokens: policy::TOKENS,
        memory: Memory { base: 4 * MIB, per_byte: 2000 },
    },
    Target {
        name: "manifest",
        reads: "the manifest of a container, and paths in it",
        run: manifest::manifest,
        seeds: manifest::seeds,
        tokens: manifest::TOKENS,
        memory: Memory { base: 4 * MIB, per_byte: 200 },
    },
    Target {
        name: "order",
        reads: "orders for a collector",
        run: order::order,
        seeds: order::seeds,
        tokens: order::TOKENS,
        memory: Memory { base: MIB, per_byte: 200 },
    },
    Target {
        name: "kerberos",
        reads: "replies of a KDC, an endpoint's proof and its sealed messages",
        run: kerberos::kerberos,
        seeds: kerberos::seeds,
        tokens: kerberos::TOKENS,
        memory: Memory { base: 2 * MIB, per_byte: 400 },
    },
    Target {
        name: "known_hosts",
        reads: "pinned host keys",
        run: known_hosts::known_hosts,
        seeds: known_hosts::seeds,
        tokens: known_hosts::TOKENS,
        memory: Memory { base: MIB, per_byte: 200 },
    },
    Target {
        name: "order_batch",
        reads: "order files, as a relay fetches them",
        run: relay_orders::order_batch,
        seeds: relay_orders::batch_seeds,
        tokens: relay_orders::BATCH_TOKENS,
        memory: Memory { base: MIB, per_byte: 200 },
    },
    Target {
        name: "order_link",
        reads: "links to order files, as a relay is given them",
        run: relay_orders::order_link,
        seeds: relay_orders::link_seeds,
        tokens: relay_orders::LINK_TOKENS,
        memory: Memory { base: MIB, per_byte: 40 },
    },
    Target {
        name: "relay_report",
        reads: "what a relay reports of an order",
        run: relay_report::relay_report,
        seeds: relay_report::seeds,
        tokens: relay_report::TOKENS,
        memory: Memory { base: MIB, per_byte: 200 },
    },
    Target {
        name: "bundle",
        reads: "bundles, as a relay uploads them",
        run: bundle::bundle,
        seeds: bundle::seeds,
        tokens: bundle::TOKENS,
        // What is packed may be a thousand times as much: the report, the parsed artifacts, and all content together
        // have caps of their own. The report's is the largest.
        memory: Memory { base: 48 * MIB, per_byte: 100 },
    },
];

/// The target of a name.
pub fn find(name: &str) -> Option<&'static Target> {
    TARGETS.iter().find(|target| target.name == name)
}

/// The number of a way: digits do not count, or every offset would be a way of its own.
fn way(said: &str) -> u64 {
    let mut hash = DefaultHasher::new();
    said.chars().filter(|c| !c.is_ascii_digit()).take(400).for_each(|c| c.hash(&mut hash));
    hash.finish()
}

/// What was said without what it quotes: names out of the input would make every input a way of its own.
fn unquoted(said: &str) -> String {
    let (mut out, mut quote, mut is_escaped) = (String::new(), None, false);
    for c in said.chars() {
        match quote {
            Some(_) if is_escaped => is_escaped = false,
            Some('"') if c == '\\' => is_escaped = true,
            Some(mark) if c == mark => quote = None,
            Some(_) => {}
            None if matches!(c, '"' | '`') => quote = Some(c),
            None => out.push(c),
        }
    }
    out
}

/// Asserts that a text is one line that moves no cursor.
#[track_caller]
fn assert_one_line(text: &str) {
    assert!(!text.chars().any(char::is_control), "a control character in {text:?}");
}
