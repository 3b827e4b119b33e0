//! Which programs and ports peer-to-peer traffic comes from: a data file, and how a process is recognised by it.

mod client;
mod image;
mod ports;

use std::collections::{HashMap, HashSet};
use std::sync::OnceLock;

use serde::Deserialize;

pub use client::Client;
pub(super) use image::{base, clean, words};
pub use ports::PortRange;

use crate::evidence::{Process, Program, TransportProtocol};

/// The indicators that Peerhound ships with, as text.
pub const BUNDLED: &str = include_str!("../../../data/indicators.toml");

/// Linux keeps this many bytes of a process's own name; longer names are cut.
const COMM_LENGTH: usize = 15;

/// Why indicators cannot be used.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum IndicatorsError {
    /// Not TOML, an unknown key, or a value of the wrong kind.
    #[error("line {line}: {message}")]
    Syntax {
        /// Line of the text, from 1.
        line: usize,
        /// What is wrong with it.
        message: String,
    },
    /// `version` is empty.
    #[error("version is empty: every assessment quotes it")]
    NoVersion,
    /// Two clients with one id.
    #[error("client {0:?} is listed twice")]
    DuplicateClient(String),
    /// A client that nothing can be recognised by.
    #[error("client {0:?} has neither images nor scripts nor sha256")]
    Nameless(String),
    /// A hash that is none.
    #[error("client {0:?}: sha256 holds what is not 64 hexadecimal digits")]
    BadHash(String),
    /// One name that would mean two clients.
    #[error("{name:?} belongs to {first:?} and to {second:?}")]
    Ambiguous {
        /// The image or script.
        name: String,
        /// Id of the client that has it.
        first: String,
        /// Id of the client that claims it too.
        second: String,
    },
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    version: String,
    bittorrent: Bittorrent,
    #[serde(default)]
    webtorrent: Webtorrent,
    client: Vec<Client>,
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Webtorrent {
    trackers: Vec<String>,
    #[serde(rename = "source")]
    _source: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Bittorrent {
    ports: Vec<PortRange>,
    /// Host names that clients ask for.
    #[serde(default)]
    names: Vec<String>,
    /// Kept in the file for its reader.
    #[serde(rename = "source")]
    _source: String,
}

/// What a process was recognised by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mark {
    /// Its image's path, its script, or its name where there is no path.
    Name,
    /// The SHA-256 of its image, under another name.
    Hash,
    /// The certificate that signed its image, under another name.
    Signer,
}

/// The whole table, with its look-ups.
#[derive(Clone, Debug)]
pub struct Indicators {
    version: String,
    ports: Vec<PortRange>,
    /// Host names in lower case.
    names: HashSet<String>,
    trackers: Vec<String>,
    clients: Vec<Client>,
    /// Image name (lower case, as in the file) to client.
    images: HashMap<String, usize>,
    /// End of an image path (lower case, with `/`) to client.
    path_ends: Vec<(String, usize)>,
    /// Script or main class (lower case, without `.py`) to client.
    scripts: HashMap<String, usize>,
    /// Folder (lower case, with `/` around it) to client.
    folders: Vec<(String, usize)>,
    /// SHA-256 (lower-case hex) to client.
    hashes: HashMap<String, usize>,
}

impl Indicators {
    /// The indicators that are compiled in.
    pub fn bundled() -> &'static Self {
        static PARSED: OnceLock<Indicators> = OnceLock::new();
        PARSED.get_or_init(|| Self::parse(BUNDLED).expect("the compiled-in indicators are checked by a test"))
    }

    /// Reads indicators strictly: an unknown key or an ambiguous name is an error.
    pub fn parse(text: &str) -> Result<Self, IndicatorsError> {
        let file: File = toml::from_str(text).map_err(|error| IndicatorsError::Syntax {
            line: error.span().map_or(1, |span| 1 + text[..span.start.min(text.len())].matches('\n').count()),
            message: crate::text::one_line(error.message().trim(), 400),
        })?;
        if file.version.trim().is_empty() {
            return Err(IndicatorsError::NoVersion);
        }
        let mut table = Self {
            version: file.version,
            ports: file.bittorrent.ports,
            names: file.bittorrent.names.iter().map(|name| name.to_lowercase()).collect(),
            trackers: file.webtorrent.trackers.iter().map(|name| name.to_lowercase()).collect(),
            clients: Vec::with_capacity(file.client.len()),
            images: HashMap::new(),
            path_ends: Vec::new(),
            scripts: HashMap::new(),
            folders: Vec::new(),
            hashes: HashMap::new(),
        };
        for client in file.client {
            table.add(client)?;
        }
        Ok(table)
    }

    /// Adds a client, such as one of the site's own table.
    ///
    /// # Errors
    /// Where its id or one of its names is taken, or nothing could recognise it. The table is then of no use any more.
    pub(super) fn add(&mut self, client: Client) -> Result<(), IndicatorsError> {
        if self.clients.iter().any(|known| known.id == client.id) {
            return Err(IndicatorsError::DuplicateClient(client.id));
        }
        if client.images.is_empty() && client.scripts.is_empty() && client.sha256.is_empty() {
            return Err(IndicatorsError::Nameless(client.id));
        }
        let index = self.clients.len();
        for image in client.images.iter().map(|image| image.to_lowercase()) {
            if image.contains('/') {
                self.path_ends.push((format!("/{image}"), index));
            } else if let Some(first) = self.images.insert(image.clone(), index) {
                return Err(self.ambiguous(image, first, client.id));
            }
        }
        for script in client.scripts.iter().map(|script| script.to_lowercase()) {
            if let Some(first) = self.scripts.insert(script.clone(), index) {
                return Err(self.ambiguous(script, first, client.id));
            }
        }
        for hash in client.sha256.iter().map(|hash| hash.to_lowercase()) {
            if hash.len() != 64 || !hash.bytes().all(|b| b.is_ascii_hexdigit()) {
                return Err(IndicatorsError::BadHash(client.id));
            }
            if let Some(first) = self.hashes.insert(hash.clone(), index) {
                return Err(self.ambiguous(hash, first, client.id));
            }
        }
        self.folders.extend(client.folders.iter().map(|folder| (image::folder_tail(folder), index)));
        self.clients.push(client);
        Ok(())
    }

    fn ambiguous(&self, name: String, first: usize, second: String) -> IndicatorsError {
        let first = self.clients.get(first).map_or_else(|| second.clone(), |client| client.id.clone());
        IndicatorsError::Ambiguous { name, first, second }
    }

    /// What an assessment quotes.
    pub fn version(&self) -> &str {
        &self.version
    }

    /// Every client, in the order of the file.
    pub fn clients(&self) -> &[Client] {
        &self.clients
    }

    /// Host names of trackers that browsers can speak to, in lower case.
    pub fn webtorrent_trackers(&self) -> &[String] {
        &self.trackers
    }

    /// Whether the port is one that BitTorrent uses by default or by custom.
    pub fn is_bittorrent_port(&self, transport: TransportProtocol, port: u16) -> bool {
        self.ports.iter().any(|range| range.holds(transport, port))
    }

    /// Whether the host name is that of a tracker or a bootstrap node, or lies below one.
    pub fn is_bittorrent_name(&self, name: &str) -> bool {
        let name = name.trim_end_matches('.').to_lowercase();
        let above = std::iter::successors(Some(name.as_str()), |name| Some(name.split_once('.')?.1));
        // No host name has more parts than that.
        above.take(128).any(|name| self.names.contains(name))
    }

    /// The client whose program file has this name.
    pub fn client_of_image(&self, name: &str) -> Option<&Client> {
        self.by_name(name).and_then(|index| self.clients.get(index))
    }

    /// The client that an installed program is: by the program file that it names, else by its own name.
    pub fn client_of_program(&self, program: &Program) -> Option<&Client> {
        let image = program.image.as_deref().and_then(|image| self.by_path(&image::clean(image)));
        let index = image.or_else(|| {
            let name = image::program_name(&program.name);
            let named = |client: &Client| client.id == name || image::program_name(&client.name) == name;
            self.clients.iter().position(named).or_else(|| self.by_stem(&name))
        });
        index.and_then(|index| self.clients.get(index))
    }

    /// The client that a process is.
    ///
    /// The image's path decides where it is known: a process may call itself what it likes. Behind an interpreter
    /// the script decides, then the name. Without a path the name decides, also where Linux cut it to 15 bytes.
    pub fn client_of(&self, process: &Process) -> Option<&Client> {
        self.recognise(process).map(|(client, _)| client)
    }

    /// The same, and what it was recognised by. A name may be anybody's and a renamed image keeps its hash and its
    /// signature: where the name says nothing, these do.
    pub fn recognise(&self, process: &Process) -> Option<(&Client, Mark)> {
        if let Some(client) = self.by_reputed_name(process).filter(|client| client.fits(process)) {
            return Some((client, Mark::Name));
        }
        let hash = process.sha256.as_deref().and_then(|hash| self.hashes.get(&hash.to_ascii_lowercase()));
        if let Some(client) = hash.and_then(|index| self.clients.get(*index)) {
            return Some((client, Mark::Hash));
        }
        let signer = process.signer.as_deref()?;
        // Makers of honest software sign much that speaks to no peer.
        let client = self.clients.iter().find(|client| !client.dual_use && client.signed_by(signer))?;
        Some((client, Mark::Signer))
    }

    fn by_reputed_name(&self, process: &Process) -> Option<&Client> {
        let index = match process.path.as_deref().map(image::clean).filter(|path| !path.is_empty()) {
            Some(path) => self.by_path(&path).or_else(|| match image::host(image::base(&path)) {
                image::Host::Interpreter => self.by_script(process).or_else(|| self.by_name(&process.name)),
                image::Host::Loader => self.by_loaded(process).or_else(|| self.by_name(&process.name)),
                image::Host::None => None,
            }),
            None => self.by_unplaced(process),
        };
        index.and_then(|index| self.clients.get(index))
    }

    /// The client that keeps its data where the path is.
    pub fn client_of_file(&self, path: &str) -> Option<&Client> {
        let path = format!("{}/", image::clean(path));
        let (_, index) =
            self.folders.iter().filter(|(folder, _)| path.contains(folder)).max_by_key(|(f, _)| f.len())?;
        self.clients.get(*index)
    }

    /// The client of that id or name, as the inventory gives it.
    pub fn client_named(&self, name: &str) -> Option<&Client> {
        self.clients.iter().find(|client| {
            client.id.eq_ignore_ascii_case(name) || client.name.to_lowercase() == name.to_lowercase()
        })
    }

    fn by_path(&self, path: &str) -> Option<usize> {
        self.by_base(image::base(path)).or_else(|| {
            let rooted = format!("/{}", path.trim_start_matches('/'));
            self.path_ends.iter().find(|(end, _)| rooted.ends_with(end.as_str())).map(|(_, index)| *index)
        })
    }

    fn by_base(&self, base: &str) -> Option<usize> {
        let base = image::unwrapped(base);
        let plain = || base.strip_suffix(".exe").and_then(|stem| self.images.get(stem));
        self.images.get(base).or_else(plain).copied()
    }

    /// The name of a package or an installer is that of the program file without its `.exe`.
    fn by_stem(&self, name: &str) -> Option<usize> {
        self.images.get(name).or_else(|| self.images.get(&format!("{name}.exe"))).copied()
    }

    fn by_name(&self, name: &str) -> Option<usize> {
        self.by_base(image::base(&image::clean(name)))
    }

    fn by_script(&self, process: &Process) -> Option<usize> {
        let script = image::script(process.command_line.as_deref()?)?;
        self.scripts.get(&script).copied()
    }

    fn by_loaded(&self, process: &Process) -> Option<usize> {
        image::words(process.command_line.as_deref()?)
            .iter()
            .take(3)
            .find_map(|word| self.by_path(&image::clean(word)))
    }

    /// The path could not be read.
    fn by_unplaced(&self, process: &Process) -> Option<usize> {
        let first = process.command_line.as_deref().and_then(|line| image::words(line).into_iter().next());
        let first = first.map(|word| image::clean(&word)).unwrap_or_default();
        self.by_name(&process.name)
            .or_else(|| self.by_cut_name(&process.name))
            .or_else(|| self.by_path(&first))
            .or_else(|| match image::host(image::base(&first)) {
                image::Host::Interpreter => self.by_script(process),
                image::Host::Loader => self.by_loaded(process),
                image::Host::None => None,
            })
    }

    fn by_cut_name(&self, name: &str) -> Option<usize> {
        if name.len() != COMM_LENGTH {
            return None;
        }
        let name = name.to_lowercase();
        let mut found =
            self.images.iter().filter(|(image, _)| image.starts_with(&name)).map(|(_, index)| *index);
        let first = found.next()?;
        found.all(|index| index == first).then_some(first)
    }
}

#[cfg(test)]
mod tests;
