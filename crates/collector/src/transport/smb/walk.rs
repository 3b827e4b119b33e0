//! `Windows.Files.Torrents` over SMB: a walk through the shares that administrators have of every drive, and a look into
//! the small files among what P2P clients leave behind.

mod look;

use std::collections::VecDeque;

use investigation::evidence::{ArtifactStatus, TorrentFile};
use investigation::order::Limits;
use investigation::text::one_line;

use super::failure::Failure;
use super::header::Status;
use super::listing::{self, Entry};
use super::logon::time;
use super::message::{FileId, Opening};
use super::registry::Stop;
use super::services;
use super::share::Shares;
use super::trail::{Question, Trail, content_line};
use crate::artifact::tally::{Tally, counted};
use crate::artifact::windows::torrents::{Files, note};
use crate::contact_error::ContactError;
use crate::torrent::client_data::{Content, classify_bytes};
use crate::transport::local::windows::accounts::Accounts;
use look::Seen;

const DIRECTORY: u32 = 0x10;
const REPARSE_POINT: u32 = 0x400;
/// Kept elsewhere: offline, recalled when it is opened or read.
const ELSEWHERE: u32 = 0x0044_1000;
/// Most bytes of one file that are read.
const CONTENT: u64 = 16 << 20;
/// Folders that are known and not yet entered.
const PENDING: usize = 500_000;
/// Entries between two reports of progress.
const CHUNK: u64 = 1024;
/// Folders that could not be listed and are named in the raw output.
const NAMED: u64 = 1000;

/// What the walk works by, and what it has come to.
pub(super) struct Walk<'a> {
    shares: &'a mut Shares,
    trail: &'a mut Trail,
    stop: &'a Stop,
    limits: &'a Limits,
    accounts: &'a Accounts,
    tell: &'a dyn Fn(u64),
    /// Where Windows itself lies, which is not walked.
    pub(super) system_root: &'a str,
    files: Files<'a>,
    tally: Tally,
    seen: u64,
    unlisted: u64,
}

/// A folder that waits: its path below the share, and how many folders lie above it.
struct Folder {
    path: String,
    depth: u32,
}

/// Whether to go on.
type Going = Result<bool, ContactError>;

impl<'a> Walk<'a> {
    pub(super) fn new(
        shares: &'a mut Shares,
        trail: &'a mut Trail,
        stop: &'a Stop,
        limits: &'a Limits,
        accounts: &'a Accounts,
        tell: &'a dyn Fn(u64),
    ) -> Self {
        let (files, tally) = (Files::new(limits), Tally::default());
        let system_root = super::SYSTEM_ROOT;
        Self { shares, trail, stop, limits, accounts, tell, system_root, files, tally, seen: 0, unlisted: 0 }
    }

    /// What was found, and what is missing.
    pub(super) fn finish(self) -> (Vec<TorrentFile>, Tally) {
        (self.files.finish(), self.tally)
    }

    /// Walks every drive. Breadth-first: what users keep lies near the root, and time may run out.
    pub(super) async fn run(&mut self) -> Result<(), ContactError> {
        let drives = self.drives().await?;
        let mut walked = 0;
        for drive in drives {
            let share = format!("{drive}$");
            let question = Question::begin();
            let asked = format!(r"smb: list the folders of \\{}\{share}", self.shares.target());
            let tree = match self.shares.tree(&share).await {
                Ok(tree) => tree,
                Err(Failure::Broken(error)) => return Err(*error),
                Err(failure) => {
                    let why = match &failure {
                        failure if failure.is_denied() => format!(
                            "{share} is closed to this account: it has to be an administrator there, for a local \
                             account with LocalAccountTokenFilterPolicy"
                        ),
                        failure => format!("{share}: {failure}"),
                    };
                    self.trail.note(&asked, &question, &[], Some(&why));
                    self.tally.partial(why);
                    continue;
                }
            };
            walked += 1;
            let before = self.seen;
            let going = self.drive(drive, tree).await?;
            self.trail.note(&asked, &question, &[format!("{} files and folders", self.seen - before)], None);
            if !going {
                break;
            }
        }
        if walked == 0 {
            // Nothing walked is not the same as nothing found.
            self.tally.failed("no drive could be walked");
        }
        if self.unlisted > 0 {
            let count = self.unlisted;
            self.tally.partial(counted(
                count,
                "folders are closed to this account, or went while they were listed",
            ));
        }
        (self.tell)(self.seen);
        Ok(())
    }

    /// Letters of the drives that are shared with administrators.
    async fn drives(&mut self) -> Result<Vec<char>, ContactError> {
        let question = Question::begin();
        let listed = services::disks(self.shares).await;
        let asked = "srvsvc: NetrShareEnum";
        match listed {
            Ok(listed) => {
                let lines: Vec<String> = listed.rows.iter().map(|share| one_line(&share.name, 200)).collect();
                self.trail.note(asked, &question, &lines, None);
                if listed.cut {
                    self.tally.truncated("there are more shares than are listed");
                }
                let disks = listed.rows.iter().filter(|share| share.is_disk);
                let mut letters: Vec<char> = disks.filter_map(|share| letter(&share.name)).collect();
                letters.sort_unstable();
                letters.dedup();
                if letters.is_empty() {
                    self.tally.partial(
                        "none of its shares is that of a drive (C$, D$, …): they are switched off there",
                    );
                }
                Ok(letters)
            }
            Err(Failure::Broken(error)) => Err(*error),
            Err(failure) => {
                self.trail.note(asked, &question, &[], Some(&failure.to_string()));
                self.tally.partial(format!(
                    "the list of shares is closed ({failure}): every drive letter was tried"
                ));
                let mut letters = Vec::new();
                for letter in 'A'..='Z' {
                    match self.shares.tree(&format!("{letter}$")).await {
                        Err(Failure::Broken(error)) => return Err(*error),
                        Err(Failure::Refused(Status::BAD_NETWORK_NAME)) => {}
                        // One that is closed is there, and is named by the walk.
                        Ok(_) | Err(_) => letters.push(letter),
                    }
                }
                Ok(letters)
            }
        }
    }

    async fn drive(&mut self, drive: char, tree: u32) -> Going {
        let mut pending = VecDeque::from([Folder { path: String::new(), depth: 0 }]);
        while let Some(folder) = pending.pop_front() {
            match self.folder(drive, tree, &folder, &mut pending).await {
                Ok(true) => {}
                Ok(false) => return Ok(false),
                Err(Failure::Broken(error)) => return Err(*error),
                Err(failure) => {
                    self.unlisted += 1;
                    if self.unlisted <= NAMED {
                        let asked = format!(r"smb: list {drive}:\{}", folder.path);
                        self.trail.note(&asked, &Question::begin(), &[], Some(&failure.to_string()));
                    }
                }
            }
        }
        Ok(true)
    }

    /// Lists one folder. False once it is enough.
    async fn folder(
        &mut self,
        drive: char,
        tree: u32,
        folder: &Folder,
        pending: &mut VecDeque<Folder>,
    ) -> Result<bool, Failure> {
        let opened = self.shares.open(tree, &folder.path, Opening::Folder).await?;
        let mut going = Ok(true);
        // What was a folder when it was listed may be a link by now.
        if opened.attributes & REPARSE_POINT == 0 || folder.depth == 0 {
            going = self.list(drive, tree, folder, &opened.id, pending).await;
        }
        if !matches!(going, Err(Failure::Broken(_))) {
            self.shares.close(tree, &opened.id).await?;
        }
        going
    }

    async fn list(
        &mut self,
        drive: char,
        tree: u32,
        folder: &Folder,
        id: &FileId,
        pending: &mut VecDeque<Folder>,
    ) -> Result<bool, Failure> {
        loop {
            if self.stop.is_due() {
                self.tally.truncated(format!("the walk was stopped in {drive}: its time was up"));
                return Ok(false);
            }
            let Some(part) = self.shares.list(tree, id).await? else { return Ok(true) };
            for entry in listing::entries(&part)? {
                if matches!(entry.name.as_str(), "." | "..") {
                    continue;
                }
                self.seen += 1;
                if self.seen.is_multiple_of(CHUNK) {
                    (self.tell)(self.seen);
                }
                if self.seen > self.limits.files {
                    let most = self.limits.files;
                    self.tally.truncated(format!("more than {most} files: the walk stopped"));
                    return Ok(false);
                }
                if !is_name(&entry.name) {
                    self.tally
                        .count(ArtifactStatus::Partial, "names are none that Windows has, and were left out");
                    continue;
                }
                let path = match folder.path.as_str() {
                    "" => entry.name.clone(),
                    above => format!(r"{above}\{}", entry.name),
                };
                self.entry(drive, tree, &path, &entry).await?;
                self.enter(drive, path, folder.depth, &entry, pending);
            }
        }
    }

    /// Puts a folder on the list of those to be walked, unless it is left out.
    fn enter(
        &mut self,
        drive: char,
        path: String,
        depth: u32,
        entry: &Entry,
        pending: &mut VecDeque<Folder>,
    ) {
        if entry.attributes & DIRECTORY == 0 || entry.attributes & (REPARSE_POINT | ELSEWHERE) != 0 {
            return;
        }
        let is_windows = format!(r"{drive}:\{path}").eq_ignore_ascii_case(self.system_root);
        if is_windows || entry.name.eq_ignore_ascii_case("System Volume Information") {
            return;
        }
        if depth + 1 >= self.limits.depth {
            self.tally.count(
                ArtifactStatus::Truncated,
                "folders lie deeper than the cap on depth and were not entered",
            );
        } else if pending.len() >= PENDING {
            self.tally.count(ArtifactStatus::Truncated, "folders were not entered: too many waited for it");
        } else {
            pending.push_back(Folder { path, depth: depth + 1 });
        }
    }

    /// Keeps what P2P clients leave behind.
    async fn entry(&mut self, drive: char, tree: u32, path: &str, entry: &Entry) -> Result<(), Failure> {
        let full = format!(r"{drive}:\{path}");
        let is_folder = entry.attributes & DIRECTORY != 0;
        let Some(row) = classify_bytes(full.as_bytes(), is_folder) else { return Ok(()) };
        if self.files.is_full() {
            self.files.push(&full, is_folder, None, &mut self.tally, |_| {});
            return Ok(());
        }
        let mut seen = Seen::default();
        if entry.attributes & ELSEWHERE == 0 {
            let most = self.limits.torrent_bytes.min(CONTENT);
            let worth = !is_folder && row.content != Content::Unread && entry.attributes & REPARSE_POINT == 0;
            let worth = worth && entry.size <= most;
            let question = Question::begin();
            let looked = self.look(tree, path, worth.then_some(most), &mut seen).await;
            let why = match looked {
                Err(Failure::Broken(_)) => return looked,
                Err(failure) => Some(failure.to_string()),
                Ok(()) => None,
            };
            let lines: Vec<String> = seen.content.iter().map(|content| content_line(content)).collect();
            self.trail.note(&format!("smb: look at {full}"), &question, &lines, why.as_deref());
            seen.why = why;
        }
        let owner = seen.owner.as_ref().map(|sid| self.accounts.name(sid));
        let most = self.limits.torrent_bytes.min(CONTENT);
        let remark = note(&full, is_folder, entry.attributes, entry.size, most, seen.content.is_some());
        let content = seen.content.as_deref();
        self.files.push(&full, is_folder, content, &mut self.tally, |file| {
            file.size = entry.size;
            file.created = time(entry.created);
            file.accessed = time(entry.accessed);
            file.modified = time(entry.modified);
            file.owner.clone_from(&owner);
            file.notes.extend(remark.map(str::to_owned));
            file.notes.extend(seen.why.as_ref().map(|why| format!("closed: {why}")));
        });
        Ok(())
    }
}

/// `C` of `C$`.
fn letter(share: &str) -> Option<char> {
    match share.as_bytes() {
        [letter, b'$'] if letter.is_ascii_alphabetic() => Some(letter.to_ascii_uppercase().into()),
        _ => None,
    }
}

/// Whether Windows could have such a name: what is none could pose as another path.
fn is_name(name: &str) -> bool {
    !name.is_empty() && !name.contains(['\\', '/', '\0']) && !matches!(name, "." | "..")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn drives_are_shares_of_one_letter() {
        let found: Vec<_> = ["C$", "d$", "ADMIN$", "IPC$", "$", "C", "1$", "Ä$"].map(letter).into();
        assert_eq!(found, [Some('C'), Some('D'), None, None, None, None, None, None]);
    }

    #[test]
    fn what_could_pose_as_another_path_is_no_name() {
        for name in ["", ".", "..", r"a\b", "a/b", "a\0b", r"..\..\x"] {
            assert!(!is_name(name), "{name:?}");
        }
        assert!(is_name("a.torrent") && is_name("..a") && is_name("\u{202e}x"));
    }
}
