//! Bounds of single values: those that the parsers of the scripts' outputs keep as well.

use investigation::evidence::{
    ArtifactStatus, AutostartEntry, FirewallRule, FirewallState, Process, RecentExecutable, Socket,
    TorrentFile,
};
use investigation::scope::fold;

use crate::artifact::open_files;
use crate::artifact::processes::{COMMAND_LINE_CAP, PATH_CAP};
use crate::artifact::record::cut_text;
use crate::artifact::tally::Tally;

/// Longest name of a process, an account, a client, in bytes.
const NAME_CAP: usize = 255;
/// Longest command of an autostart entry, text of a rule, note, tracker, in bytes.
const TEXT_CAP: usize = 4096;
/// Most trackers, notes, engines of one row.
const LIST_CAP: usize = 1000;
/// Most ports of a rule.
const PORT_CAP: usize = 64;

/// A row that is brought into bounds.
pub(super) trait Tidy {
    /// Cuts what is too long, and drops what cannot be.
    fn tidy(&mut self, tally: &mut Tally);
}

fn text(text: &mut String, cap: usize, tally: &mut Tally) {
    // What the program itself has cut is longer by the mark of it.
    if text.len() > cap + '…'.len_utf8() && cut_text(text, cap) {
        tally.count(ArtifactStatus::Truncated, "values were too long and were cut");
    }
}

fn some(value: &mut Option<String>, cap: usize, tally: &mut Tally) {
    if let Some(value) = value {
        text(value, cap, tally);
    }
}

fn list(values: &mut Vec<String>, tally: &mut Tally) {
    if values.len() > LIST_CAP {
        values.truncate(LIST_CAP);
        tally.count(ArtifactStatus::Truncated, "lists were too long and were cut");
    }
    values.iter_mut().for_each(|value| text(value, TEXT_CAP, tally));
}

/// Drops what is called a hash and is none.
fn hash(value: &mut Option<String>, digits: &[usize], tally: &mut Tally) {
    let is_hash = |text: &String| {
        digits.contains(&text.len()) && text.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'))
    };
    if value.as_ref().is_some_and(|text| !is_hash(text)) {
        *value = None;
        tally.count(ArtifactStatus::Partial, "values were called hashes and were none");
    }
}

impl Tidy for Process {
    fn tidy(&mut self, tally: &mut Tally) {
        text(&mut self.name, NAME_CAP, tally);
        some(&mut self.path, PATH_CAP, tally);
        some(&mut self.command_line, COMMAND_LINE_CAP, tally);
        some(&mut self.user, NAME_CAP, tally);
        some(&mut self.signer, NAME_CAP, tally);
        hash(&mut self.sha256, &[64], tally);
        self.open_files.retain(|path| open_files::matters(path));
        self.open_files.iter_mut().for_each(|path| text(path, PATH_CAP, tally));
        open_files::tidy(&mut self.open_files, tally);
    }
}

impl Tidy for Socket {
    fn tidy(&mut self, tally: &mut Tally) {
        self.local_ip = fold(self.local_ip);
        self.remote_ip = self.remote_ip.map(fold);
        // What names a process names the very one.
        if self.pid.is_none() {
            (self.process, self.path) = (None, None);
        }
        some(&mut self.process, NAME_CAP, tally);
        some(&mut self.path, PATH_CAP, tally);
        some(&mut self.user, NAME_CAP, tally);
    }
}

impl Tidy for TorrentFile {
    fn tidy(&mut self, tally: &mut Tally) {
        // What is not UTF-8 is three times as long as text.
        text(&mut self.path, 3 * PATH_CAP, tally);
        some(&mut self.path_hex, 2 * PATH_CAP, tally);
        for value in [&mut self.application, &mut self.owner] {
            some(value, NAME_CAP, tally);
        }
        for value in [&mut self.name, &mut self.created_by] {
            some(value, TEXT_CAP, tally);
        }
        hash(&mut self.infohash_v1, &[40], tally);
        hash(&mut self.infohash_v2, &[64], tally);
        list(&mut self.trackers, tally);
        list(&mut self.notes, tally);
    }
}

impl Tidy for AutostartEntry {
    fn tidy(&mut self, tally: &mut Tally) {
        text(&mut self.mechanism, NAME_CAP, tally);
        text(&mut self.location, PATH_CAP, tally);
        text(&mut self.name, TEXT_CAP, tally);
        some(&mut self.command, TEXT_CAP, tally);
        some(&mut self.user, NAME_CAP, tally);
    }
}

impl Tidy for RecentExecutable {
    fn tidy(&mut self, tally: &mut Tally) {
        text(&mut self.path, PATH_CAP, tally);
        text(&mut self.mode, NAME_CAP, tally);
        some(&mut self.owner, NAME_CAP, tally);
        hash(&mut self.sha256, &[64], tally);
    }
}

impl Tidy for FirewallRule {
    fn tidy(&mut self, tally: &mut Tally) {
        text(&mut self.engine, NAME_CAP, tally);
        some(&mut self.chain, NAME_CAP, tally);
        some(&mut self.action, NAME_CAP, tally);
        some(&mut self.program, PATH_CAP, tally);
        text(&mut self.text, TEXT_CAP, tally);
        if self.ports.len() > PORT_CAP {
            self.ports.truncate(PORT_CAP);
            tally.count(ArtifactStatus::Truncated, "lists were too long and were cut");
        }
    }
}

impl Tidy for FirewallState {
    /// Its rules come after it, one by one.
    fn tidy(&mut self, tally: &mut Tally) {
        self.rules.clear();
        list(&mut self.engines, tally);
    }
}
