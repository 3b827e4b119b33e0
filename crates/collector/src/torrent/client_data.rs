//! Telling by its path what torrent-related file or folder something is.
//!
//! The knowledge is the table in [`table`]; this module matches paths against it. Matching ignores ASCII case, takes
//! `/` and `\` alike, never touches a disk, and costs a look at two bytes of the name for nearly every path.

mod table;

use std::path::Path;
use std::sync::LazyLock;

use investigation::evidence::TorrentKind;

/// One row of the table: a kind of file or folder that P2P clients keep.
#[derive(Debug)]
pub struct ClientArtifact {
    /// What the end of the path looks like: lower-case components joined by `/`. A component may hold one `*`
    /// (anything) or one `{infohash}` (40 or 64 hex digits); a `/` at the end stands for a folder.
    pub pattern: &'static str,
    /// What it is.
    pub kind: TorrentKind,
    /// The client that keeps it, where the path tells.
    pub application: Option<&'static str>,
    /// Why it proves little by itself: what else makes such a file. `None` where nothing else does.
    pub weak: Option<&'static str>,
    /// How its content is read.
    pub content: Content,
    /// Where this is known from.
    pub source: &'static str,
}

/// How the content of a file is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Content {
    /// Not at all: being there is what counts, or the format is not safe or worth to read.
    Unread,
    /// A `.torrent`, see [`super::metainfo`].
    Metainfo,
    /// One torrent's resume data of a libtorrent-based client.
    LibtorrentResume,
    /// Resume data of all torrents of Deluge, under their infohashes.
    DelugeResume,
    /// Resume data of all torrents of µTorrent or BitTorrent, under their torrent files' names.
    UtorrentResume,
    /// One torrent's resume data of Transmission.
    TransmissionResume,
    /// aria2's control file.
    Aria2Control,
}

impl ClientArtifact {
    /// Whether the row describes a folder.
    pub fn is_folder(&self) -> bool {
        self.pattern.ends_with('/')
    }
}

/// All rows.
pub fn artifacts() -> impl Iterator<Item = &'static ClientArtifact> {
    table::GROUPS.iter().copied().flatten()
}

/// What the file at `path` is, by its path alone; `None` for what is not torrent-related.
pub fn classify(path: &Path) -> Option<&'static ClientArtifact> {
    classify_bytes(path.as_os_str().as_encoded_bytes(), false)
}

/// As [`classify`], for a path as bytes, which is how a remote listing names it, and for folders as well as files.
pub fn classify_bytes(path: &[u8], folder: bool) -> Option<&'static ClientArtifact> {
    let name = path.rsplit(is_separator).next().unwrap_or_default();
    INDEX.find(&path[..path.len() - name.len()], name, folder)
}

fn is_separator(byte: &u8) -> bool {
    matches!(byte, b'/' | b'\\')
}

static INDEX: LazyLock<Index> = LazyLock::new(Index::build);

/// The rows by the last two bytes of their name, or by its first where it ends in a wildcard.
struct Index {
    by_end: Vec<Vec<Pattern>>,
    by_start: Vec<Vec<Pattern>>,
}

struct Pattern {
    row: &'static ClientArtifact,
    folder: bool,
    name: Component,
    /// The folders that must lie above, innermost first.
    parents: Vec<Component>,
}

#[derive(Clone, Copy)]
struct Component {
    before: &'static [u8],
    hole: Hole,
    after: &'static [u8],
}

#[derive(Clone, Copy, PartialEq)]
enum Hole {
    None,
    Anything,
    Infohash,
}

impl Index {
    fn build() -> Self {
        let mut index = Self { by_end: Vec::new(), by_start: Vec::new() };
        index.by_end.resize_with(256, Vec::new);
        index.by_start.resize_with(256, Vec::new);
        for row in artifacts() {
            let mut components = row.pattern.trim_end_matches('/').rsplit('/').map(Component::parse);
            let Some(name) = components.next() else { continue };
            let pattern = Pattern { row, folder: row.is_folder(), name, parents: components.collect() };
            let end = if name.hole == Hole::None { name.before } else { name.after };
            match end {
                [.., a, b] => index.by_end[bucket(*a, *b)].push(pattern),
                _ => index.by_start[usize::from(name.before.first().copied().unwrap_or_default())]
                    .push(pattern),
            }
        }
        for patterns in index.by_end.iter_mut().chain(&mut index.by_start) {
            patterns.sort_by_key(|p| std::cmp::Reverse(p.precision()));
        }
        index
    }

    fn find(&'static self, above: &[u8], name: &[u8], folder: bool) -> Option<&'static ClientArtifact> {
        let [first, ..] = name else { return None };
        let by_start = &self.by_start[usize::from(first.to_ascii_lowercase())];
        let by_end = match name {
            [.., a, b] => &self.by_end[bucket(a.to_ascii_lowercase(), b.to_ascii_lowercase())],
            _ => return None,
        };
        let best = |patterns: &'static [Pattern]| {
            patterns.iter().find(|p| p.folder == folder && p.matches(above, name))
        };
        best(by_end).into_iter().chain(best(by_start)).max_by_key(|p| p.precision()).map(|p| p.row)
    }
}

/// Two bytes folded to an index below 256.
fn bucket(a: u8, b: u8) -> usize {
    usize::from(a.rotate_left(3) ^ b)
}

impl Pattern {
    fn matches(&self, above: &[u8], name: &[u8]) -> bool {
        self.name.matches(name) && {
            let mut above = above.rsplit(is_separator).filter(|c| !c.is_empty());
            self.parents.iter().all(|parent| above.next().is_some_and(|c| parent.matches(c)))
        }
    }

    /// The more of the path a row fixes, the more it knows.
    fn precision(&self) -> (usize, bool, usize) {
        (self.parents.len(), self.name.hole != Hole::Anything, self.name.before.len() + self.name.after.len())
    }
}

impl Component {
    fn parse(text: &'static str) -> Self {
        for (mark, hole) in [("{infohash}", Hole::Infohash), ("*", Hole::Anything)] {
            if let Some((before, after)) = text.split_once(mark) {
                return Self { before: before.as_bytes(), hole, after: after.as_bytes() };
            }
        }
        Self { before: text.as_bytes(), hole: Hole::None, after: b"" }
    }

    fn matches(self, name: &[u8]) -> bool {
        let fixed = self.before.len() + self.after.len();
        if name.len() < fixed || (self.hole == Hole::None && name.len() != fixed) {
            return false;
        }
        let (before, rest) = name.split_at(self.before.len());
        let (hole, after) = rest.split_at(rest.len() - self.after.len());
        before.eq_ignore_ascii_case(self.before)
            && after.eq_ignore_ascii_case(self.after)
            && (self.hole != Hole::Infohash || is_infohash(hole))
    }
}

fn is_infohash(text: &[u8]) -> bool {
    matches!(text.len(), 40 | 64) && text.iter().all(u8::is_ascii_hexdigit)
}

/// The infohash in a file name such as `<infohash>.fastresume`: the only run of exactly 40 or 64 hex digits, lower-case.
pub fn infohash_in_name(name: &[u8]) -> Option<String> {
    let mut runs = name.split(|b| !b.is_ascii_hexdigit()).filter(|run| is_infohash(run));
    let found = runs.next()?;
    runs.next().is_none().then(|| String::from_utf8_lossy(found).to_ascii_lowercase())
}

#[cfg(test)]
mod tests;
