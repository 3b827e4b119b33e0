//! A bundle: what a relay uploads for one order. A zip with `report.json` first, which lists every other entry with its
//! size and hash, and then what the collector staged.
//!
//! Everything in it is hostile until its hash is proven, and the report itself to the end: it comes from a machine that
//! handles what endpoints sent. Nothing is unpacked beyond the size that the report claims for it, and what it may
//! claim is capped. Memory grows with the number of entries and with the parsed artifacts, not with the raw outputs.

mod directory;
mod error;
#[cfg(test)]
mod tests;

use std::fs::File;
use std::io::{self, BufRead, BufReader, Read, Seek, Write};
use std::path::Path;

use data_encoding::HEXLOWER;
use investigation::evidence::manifest::{Entry, media_type};
use investigation::evidence::{ArtifactKind, ArtifactOutcome, Collection, Evidence, Identity};
use investigation::order::{MAX_REPORT_BYTES, REPORT_PATH, RelayReport};
use investigation::remediation::{MEASURES_PATH, MeasureOutcome};
use serde::de::DeserializeOwned;
use sha2::{Digest, Sha256};

use self::directory::Place;
pub use self::error::BundleError;
use super::CHUNK;
use super::stream::Packed;
use super::unpack::{Content, DEFLATE_RATIO, unpack};

/// The record of the collection.
const COLLECTION_PATH: &str = "collection.json";
/// Largest list of outcomes: twenty measures, each with what it is taken back with.
const MEASURES_BYTES: u64 = 4 << 20;
/// The folder that everything else lies in.
const ARTIFACTS: &str = "artifacts/";

/// The order that a bundle must answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Origin<'o> {
    /// Case.
    pub case_id: &'o str,
    /// Number of the case's effect.
    pub effect: u32,
    /// Which try of it.
    pub attempt: u32,
}

/// How much of a bundle is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Caps {
    /// Bytes of the bundle. A presigned PUT takes 5 GiB at most.
    pub bundle_bytes: u64,
    /// Entries beside the report.
    pub entries: usize,
    /// Bytes of one entry's content.
    pub entry_bytes: u64,
    /// Bytes of content together.
    pub total_bytes: u64,
    /// Bytes of one parsed artifact, or of the record of the collection, each of which is held in memory.
    pub parsed_bytes: u64,
    /// Bytes of all parsed artifacts together.
    pub parsed_total_bytes: u64,
    /// Rows and values of all parsed artifacts together: a few bytes of text become a hundred in memory.
    pub parsed_values: u64,
}

/// Those of a function with 256 MB.
impl Default for Caps {
    fn default() -> Self {
        Self {
            bundle_bytes: 5 << 30,
            entries: 2_000,
            // Less than a container may hold: a function has minutes, and all of it is unpacked there. An image of memory that
            // fits into a bundle is not much larger than that.
            entry_bytes: 16 << 30,
            total_bytes: 32 << 30,
            parsed_bytes: 32 << 20,
            parsed_total_bytes: 64 << 20,
            parsed_values: 2_000_000,
        }
    }
}

/// A bundle whose report was read and holds against the directory.
#[derive(Debug)]
pub struct Bundle<R> {
    source: R,
    caps: Caps,
    report: RelayReport,
    collection: Option<Collection>,
    /// The report's own entry first, then those that it lists, in its order.
    members: Vec<Member>,
}

/// What is held in memory so far.
#[derive(Default)]
struct Held {
    bytes: u64,
    values: u64,
}

/// A row weighs as much as this many values.
const ROW: u64 = 10;

/// About how many values a JSON text holds, and never fewer: what is inside its strings is counted too.
fn values(json: &[u8]) -> u64 {
    json.iter().fold(0, |sum, byte| match byte {
        b'{' => sum + ROW,
        b',' | b'[' => sum + 1,
        _ => sum,
    })
}

/// One entry: what it must be, and where it lies.
#[derive(Clone, Debug)]
struct Member {
    entry: Entry,
    place: Place,
}

impl Bundle<File> {
    /// [`Bundle::open`] for a file on disk.
    ///
    /// # Errors
    /// See [`BundleError`].
    pub fn open_file(path: &Path, origin: &Origin<'_>, caps: Caps) -> Result<Self, BundleError> {
        let file = File::open(path)?;
        let length = file.metadata()?.len();
        Self::open(file, length, origin, caps)
    }
}

impl<R: Read + Seek> Bundle<R> {
    /// Opens a bundle of `length` bytes and proves every byte of it: what is returned is what the relay packed for this
    /// order. Blocking.
    ///
    /// # Errors
    /// See [`BundleError`].
    pub fn open(source: R, length: u64, origin: &Origin<'_>, caps: Caps) -> Result<Self, BundleError> {
        let mut bundle = Self::peek(source, length, origin, caps)?;
        bundle.prove()?;
        Ok(bundle)
    }

    /// As [`Bundle::open`], but only the report and the record of the collection are proven now, and everything else
    /// when it is read. For a bundle that was proven before: sealing proves all of it again.
    ///
    /// # Errors
    /// See [`BundleError`].
    pub fn peek(mut source: R, length: u64, origin: &Origin<'_>, caps: Caps) -> Result<Self, BundleError> {
        if length > caps.bundle_bytes {
            return Err(BundleError::TooLarge { what: "the bundle".to_owned(), limit: caps.bundle_bytes });
        }
        let mut places = directory::read(&mut source, length, &caps)?.into_iter();
        let first = places.next().filter(|place| place.name == REPORT_PATH);
        let first = first.ok_or(BundleError::NotABundle("report.json is not its first entry"))?;
        let (bytes, first) = read_report(&mut source, first)?;
        let report = RelayReport::parse(&bytes)?;
        drop(bytes);
        let members = std::iter::once(Ok(first)).chain(members(&report, origin, &caps, places)?);
        let members = members.collect::<Result<Vec<_>, _>>()?;
        let mut bundle = Self { source, caps, report, collection: None, members };
        bundle.collection = bundle.parse(COLLECTION_PATH, &mut Held::default())?;
        if let Some(collection) = &bundle.collection
            && (collection.case_id != origin.case_id || collection.target != bundle.report.target)
        {
            return Err(BundleError::OtherCollection);
        }
        Ok(bundle)
    }

    /// Unpacks and hashes every entry. Returns the bytes of content.
    ///
    /// # Errors
    /// The first entry that is not what the report says.
    pub fn prove(&mut self) -> Result<u64, BundleError> {
        let mut bytes = 0;
        for index in 0..self.members.len() {
            self.unpack(index, &mut io::sink(), &mut io::sink())?;
            bytes += self.members[index].entry.size;
        }
        Ok(bytes)
    }

    /// What the relay says of the order. Its texts come from the other side.
    pub fn report(&self) -> &RelayReport {
        &self.report
    }

    /// The record of the collection; `None` where the contact failed.
    pub fn collection(&self) -> Option<&Collection> {
        self.collection.as_ref()
    }

    /// Who the endpoint says it is.
    ///
    /// # Errors
    /// Where it is not what the report says, or does not parse.
    pub fn identity(&mut self) -> Result<Option<Identity>, BundleError> {
        self.parse(&ArtifactKind::Identity.parsed_entry(), &mut Held::default())
    }

    /// Whether it says what became of measures.
    pub fn has_measures(&self) -> bool {
        self.members.iter().any(|member| member.entry.path == MEASURES_PATH)
    }

    /// What became of the measures of an order; `None` where the relay said nothing of them.
    ///
    /// # Errors
    /// Where it is not what the report says, does not parse, or is larger than any order's can be.
    pub fn measures(&mut self) -> Result<Option<Vec<MeasureOutcome>>, BundleError> {
        let mut members = self.members.iter().map(|member| &member.entry);
        if members.any(|entry| entry.path == MEASURES_PATH && entry.size > MEASURES_BYTES) {
            return Err(BundleError::TooLarge { what: MEASURES_PATH.to_owned(), limit: MEASURES_BYTES });
        }
        self.parse(MEASURES_PATH, &mut Held::default())
    }

    /// Everything that the rules read.
    ///
    /// # Errors
    /// Where an artifact is not what the report says, does not parse, or is larger than the caps allow.
    pub fn evidence(&mut self, outcomes: &[ArtifactOutcome]) -> Result<Evidence, BundleError> {
        let held = &mut Held::default();
        Ok(Evidence {
            identity: self.parse(&ArtifactKind::Identity.parsed_entry(), held)?,
            processes: self.parse(&ArtifactKind::Processes.parsed_entry(), held)?,
            sockets: self.parse(&ArtifactKind::Connections.parsed_entry(), held)?,
            torrents: self.parse(&ArtifactKind::Torrents.parsed_entry(), held)?,
            autostart: self.parse(&ArtifactKind::Autostart.parsed_entry(), held)?,
            firewall: self.parse(&ArtifactKind::Firewall.parsed_entry(), held)?,
            neighbors: self.parse(&ArtifactKind::Neighbors.parsed_entry(), held)?,
            dns_cache: self.parse(&ArtifactKind::DnsCache.parsed_entry(), held)?,
            prefetch: self.parse(&ArtifactKind::Prefetch.parsed_entry(), held)?,
            programs: self.parse(&ArtifactKind::Programs.parsed_entry(), held)?,
            outcomes: outcomes.to_vec(),
        })
    }

    /// One entry in parsed form; `None` where the report does not list it. `held` counts the bytes of all of them.
    fn parse<T: DeserializeOwned>(&mut self, path: &str, held: &mut Held) -> Result<Option<T>, BundleError> {
        let Some(index) = self.members.iter().position(|member| member.entry.path == path) else {
            return Ok(None);
        };
        let size = self.members[index].entry.size;
        held.bytes += size;
        if size > self.caps.parsed_bytes {
            return Err(BundleError::TooLarge { what: path.to_owned(), limit: self.caps.parsed_bytes });
        }
        if held.bytes > self.caps.parsed_total_bytes {
            let what = "the parsed artifacts together".to_owned();
            return Err(BundleError::TooLarge { what, limit: self.caps.parsed_total_bytes });
        }
        let mut bytes = Vec::with_capacity(usize::try_from(size).unwrap_or(0));
        self.unpack(index, &mut io::sink(), &mut bytes)?;
        held.values += values(&bytes);
        if held.values > self.caps.parsed_values {
            return Err(BundleError::TooManyValues(self.caps.parsed_values));
        }
        let parsed = serde_json::from_slice(&bytes);
        parsed.map(Some).map_err(|source| BundleError::Unreadable { path: path.to_owned(), source })
    }

    /// The listed entries and the report, with what a container's headers say of them.
    pub(super) fn entries(&self) -> impl Iterator<Item = (usize, &Entry)> {
        self.members.iter().map(|member| &member.entry).enumerate()
    }

    /// What a container's headers say of an entry.
    pub(super) fn packed(&self, index: usize) -> Packed {
        let Place { method, crc32, packed, size, .. } = self.members[index].place;
        Packed { method, crc32, packed, size }
    }

    /// Copies an entry's packed form without a look at it.
    pub(super) fn copy_packed(&mut self, index: usize, out: &mut impl Write) -> Result<(), Copying> {
        let place = &self.members[index].place;
        place.seek(&mut self.source)?;
        let mut packed = BufReader::with_capacity(CHUNK, self.source.by_ref().take(place.packed));
        loop {
            let bytes = match packed.fill_buf() {
                Ok([]) => break,
                Ok(bytes) => bytes,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => return Err(BundleError::Read(error).into()),
            };
            out.write_all(bytes).map_err(Copying::Output)?;
            let count = bytes.len();
            packed.consume(count);
        }
        Ok(())
    }

    /// Unpacks an entry into `out` and its packed form, as it is, into `packed_out`, and proves it: size, hash, CRC, and
    /// that the packed form holds nothing more.
    pub(super) fn unpack(
        &mut self,
        index: usize,
        packed_out: &mut impl Write,
        out: &mut impl Write,
    ) -> Result<(), BundleError> {
        let Member { entry, place } = &self.members[index];
        place.seek(&mut self.source)?;
        let packed = Tee { from: self.source.by_ref().take(place.packed), to: packed_out };
        let packed = BufReader::with_capacity(CHUNK, packed);
        let fault = |what| Err(BundleError::Entry { path: entry.path.clone(), what });
        match unpack(packed, place.packed, place.method, entry.size, out)? {
            Content::Undecodable => fault("cannot be unpacked"),
            Content::Read { size, .. } if size > entry.size => fault("is longer than the report says"),
            Content::Read { size, .. } if size < entry.size => fault("is shorter than the report says"),
            Content::Read { sha256, .. } if sha256 != entry.sha256 => {
                fault("has other bytes than the report says")
            }
            Content::Read { crc32, whole, .. } if crc32 != place.crc32 || !whole => {
                fault("its headers do not fit its content")
            }
            Content::Read { .. } => Ok(()),
        }
    }
}

/// What keeps an entry from being copied.
pub(super) enum Copying {
    Bundle(BundleError),
    Output(io::Error),
}

impl From<BundleError> for Copying {
    fn from(error: BundleError) -> Self {
        Self::Bundle(error)
    }
}

/// The report's bytes, and its own entry: nobody else says what it must be, so it is what it was read as.
fn read_report<R: Read + Seek>(source: &mut R, place: Place) -> Result<(Vec<u8>, Member), BundleError> {
    let too_large = || BundleError::TooLarge { what: REPORT_PATH.to_owned(), limit: MAX_REPORT_BYTES };
    if place.size > MAX_REPORT_BYTES {
        return Err(too_large());
    }
    let fault = |what| BundleError::Entry { path: REPORT_PATH.to_owned(), what };
    place.seek(source)?;
    let packed = BufReader::with_capacity(CHUNK, source.by_ref().take(place.packed));
    let mut bytes = Vec::new();
    match unpack(packed, place.packed, place.method, place.size, &mut bytes)? {
        Content::Read { size, crc32, whole: true, .. } if (size, crc32) == (place.size, place.crc32) => {}
        Content::Read { .. } => return Err(fault("its headers do not fit its content")),
        Content::Undecodable => return Err(fault("cannot be unpacked")),
    }
    let entry = Entry {
        path: REPORT_PATH.to_owned(),
        size: place.size,
        sha256: HEXLOWER.encode(&Sha256::digest(&bytes)),
        media_type: media_type(REPORT_PATH).to_owned(),
    };
    Ok((bytes, Member { entry, place }))
}

/// Holds the report against the order, the caps and the directory.
fn members<'m>(
    report: &'m RelayReport,
    origin: &Origin<'_>,
    caps: &'m Caps,
    places: impl ExactSizeIterator<Item = Place> + 'm,
) -> Result<impl Iterator<Item = Result<Member, BundleError>> + 'm, BundleError> {
    if report.entries.len() > caps.entries {
        return Err(BundleError::TooMany(caps.entries));
    }
    if let Some(fault) = report.faults(origin.case_id, origin.effect, origin.attempt).into_iter().next() {
        return Err(BundleError::Fault(fault));
    }
    let total = report.entries.iter().fold(0_u64, |total, entry| total.saturating_add(entry.size));
    if total > caps.total_bytes {
        return Err(BundleError::TooLarge { what: "the content".to_owned(), limit: caps.total_bytes });
    }
    if report.entries.len() != places.len() {
        return Err(BundleError::OtherEntries);
    }
    Ok(report.entries.iter().zip(places).map(|(entry, place)| {
        let fault = |what| Err(BundleError::Entry { path: entry.path.clone(), what });
        if entry.path != place.name {
            return Err(BundleError::OtherEntries);
        }
        let is_record = [COLLECTION_PATH, MEASURES_PATH].contains(&entry.path.as_str());
        if !is_record && !entry.path.starts_with(ARTIFACTS) {
            return fault("is nothing that a collector stages");
        }
        if entry.size > caps.entry_bytes {
            return Err(BundleError::TooLarge { what: entry.path.clone(), limit: caps.entry_bytes });
        }
        if entry.size != place.size {
            return fault("has another size in the directory");
        }
        if place.size / DEFLATE_RATIO > place.packed {
            return fault("claims more than its packed form can hold");
        }
        Ok(Member { entry: entry.clone(), place })
    }))
}

/// Passes on what is read.
struct Tee<F, T> {
    from: F,
    to: T,
}

impl<F: Read, T: Write> Read for Tee<F, T> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.from.read(buffer)?;
        self.to.write_all(&buffer[..count])?;
        Ok(count)
    }
}
