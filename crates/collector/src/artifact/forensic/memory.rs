//! `Linux.Memory.Image`: what the endpoint has in its memory, by AVML (<https://github.com/microsoft/avml>) that its owner put
//! there. First a look at the tool and at the memory, then the image: two scripts, whose only outside parts are a path, a
//! hash and a folder's name, none of which the endpoint says.

pub(crate) mod lime;

use std::io::{self, BufRead};

use investigation::policy::MemoryTool;
use investigation::text::one_line;

use super::super::record::{Records, text};

/// What the image is called in the container.
pub(crate) const IMAGE_ENTRY: &str = "artifacts/raw/memory.lime";
/// Tells the raw output of the look from the image.
pub(crate) const LOOK: &str = "look";
/// Longest value: a list of ranges.
const VALUE_CAP: usize = 64 << 10;
/// Most folders and files on the way to the tool.
const MAX_STEPS: usize = 130;
/// Most lines of memory that are read.
const MAX_RANGES: usize = 1000;
/// Kind and rights in a file's mode (inode(7)).
const KIND: u32 = 0o170_000;
const REGULAR: u32 = 0o100_000;
const FOLDER: u32 = 0o040_000;
const WRITABLE_BY_OTHERS: u32 = 0o022;

/// The script that looks.
pub(crate) fn look_script(tool: &MemoryTool) -> String {
    let parts = [
        include_str!("../sh/prologue.sh"),
        &constants(tool),
        include_str!("../sh/memory_look.sh"),
        include_str!("../sh/epilogue.sh"),
    ];
    parts.concat()
}

/// The script that takes the image. `folder` is a fresh name of ours, and `source` one of [`Look::source`]'s.
pub(crate) fn image_script(tool: &MemoryTool, source: &'static str, folder: &str) -> String {
    let (prologue, body) = (include_str!("../sh/prologue.sh"), include_str!("../sh/memory_image.sh"));
    format!("{prologue}{}source='{source}'\nfolder='{folder}'\n{body}", constants(tool))
}

/// The script that removes what the other one has not, where that was ended.
pub(crate) fn tidy_script(folder: &str) -> String {
    let (prologue, epilogue) = (include_str!("../sh/prologue.sh"), include_str!("../sh/epilogue.sh"));
    format!("{prologue}rm -rf '/run/{folder}' '/dev/shm/{folder}'\n{epilogue}")
}

fn constants(tool: &MemoryTool) -> String {
    format!("tool='{}'\nwant='{}'\n", tool.path(), tool.sha256())
}

/// What the endpoint says before an image is taken.
#[derive(Debug, Default)]
pub(crate) struct Look {
    uid: Option<u32>,
    /// The tool and each folder above it: owner and mode, where it is there.
    steps: Vec<(String, Option<(u32, u32)>)>,
    sha256: Option<String>,
    version: Option<String>,
    lockdown: String,
    memtotal_kib: u64,
    iomem_bytes: u64,
    source: Option<&'static str>,
    whole: bool,
}

/// What an image is taken by.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Plan {
    pub(crate) source: &'static str,
    pub(crate) version: String,
    /// Bytes of memory that the endpoint says it has.
    pub(crate) ram_bytes: u64,
    /// More than this no image of it can have.
    pub(crate) most_bytes: u64,
}

impl Look {
    /// Reads what the script printed.
    pub(crate) fn read(input: &mut dyn BufRead) -> io::Result<Self> {
        let mut look = Self::default();
        let Some(mut records) = Records::open(input, VALUE_CAP)? else { return Ok(look) };
        while let Some(record) = records.next()? {
            if record.cut {
                continue;
            }
            let value = text(record.value);
            match record.key {
                b"uid" => look.uid = value.trim().parse().ok(),
                b"path" if look.steps.len() < MAX_STEPS => look.steps.push((value, None)),
                b"stat" => {
                    if let Some((_, found)) = look.steps.last_mut() {
                        *found = stat(&value);
                    }
                }
                b"sha256" => look.sha256 = Some(value),
                b"version" => look.version = Some(one_line(value.trim(), 80)),
                b"lockdown" => look.lockdown = value,
                b"memtotal" => look.memtotal_kib = value.trim().parse().unwrap_or(0),
                b"iomem" => look.iomem_bytes = system_ram(&value),
                b"source" => {
                    look.source =
                        ["/proc/kcore", "/dev/crash", "/dev/mem"].into_iter().find(|known| *known == value);
                }
                _ => {}
            }
        }
        look.whole = records.is_whole();
        Ok(look)
    }

    /// Whether an image may be taken, and how. The error is one line, the outcome's reason.
    pub(crate) fn judge(&self, tool: &MemoryTool) -> Result<Plan, String> {
        if !self.whole {
            return Err("the endpoint did not say what has to be known before an image is taken".into());
        }
        if self.uid != Some(0) {
            return Err("memory is read by root only, and this account is not: set [ssh] sudo = true, with its rule there".into());
        }
        self.judge_tool(tool)?;
        let Some(source) = self.source else {
            return Err(match self.locked_down() {
                Some(mode) => format!("its kernel lets nobody read its memory: lockdown is `{mode}`"),
                None => "none of /proc/kcore, /dev/crash and /dev/mem can be read there".into(),
            });
        };
        // What AVML goes by comes first; the other leaves out what the kernel has reserved.
        let ram_bytes = match self.iomem_bytes {
            0 => self.memtotal_kib.saturating_mul(1024).saturating_mul(5) / 4,
            bytes => bytes,
        };
        if ram_bytes == 0 {
            return Err("the endpoint does not say how much memory it has".into());
        }
        let most_bytes = ram_bytes.saturating_add(ram_bytes / 64).saturating_add(16 << 20);
        if most_bytes > tool.max_bytes {
            return Err(format!(
                "an image of its {ram_bytes} bytes of memory could have {most_bytes}, and {} are the most: not begun",
                tool.max_bytes
            ));
        }
        let version = self.version.clone().unwrap_or_default();
        Ok(Plan { source, version, ram_bytes, most_bytes })
    }

    /// Nobody but root can have put the tool there, or any folder above it, and it is the one that is wanted.
    fn judge_tool(&self, tool: &MemoryTool) -> Result<(), String> {
        let path = tool.path();
        let mut step = path;
        loop {
            let found = self.steps.iter().find(|(name, _)| name == step).and_then(|(_, found)| *found);
            let Some((owner, mode)) = found else {
                return Err(format!("there is no {step} on the endpoint"));
            };
            let (kind, what) = if step == path { (REGULAR, "file") } else { (FOLDER, "folder") };
            if mode & KIND != kind {
                return Err(format!("{step} is no {what} there: name the tool by a path without links"));
            }
            if owner != 0 || mode & WRITABLE_BY_OTHERS != 0 {
                let who = if owner == 0 { "others than root can write it" } else { "it is not root's" };
                return Err(format!("{step} cannot be trusted there: {who}; the tool was not run"));
            }
            step = match step.rsplit_once('/') {
                _ if step == "/" => break,
                Some(("", _)) => "/",
                Some((above, _)) => above,
                None => break,
            };
        }
        match &self.sha256 {
            Some(found) if found == tool.sha256() => Ok(()),
            Some(found) => Err(format!(
                "{path} is another file there, its SHA-256 is {}: not run; find out who changed it, or name the new one",
                one_line(found, 70)
            )),
            None => Err(format!("the SHA-256 of {path} cannot be had there: not run")),
        }
    }

    /// The mode of lockdown, where there is one.
    fn locked_down(&self) -> Option<&str> {
        let mode = self.lockdown.split('[').nth(1)?.split(']').next()?;
        ["integrity", "confidentiality"].into_iter().find(|known| *known == mode)
    }
}

/// Owner and mode, as `stat -c '%u %f'` prints them.
fn stat(value: &str) -> Option<(u32, u32)> {
    let (owner, mode) = value.trim().split_once(' ')?;
    Some((owner.parse().ok()?, u32::from_str_radix(mode, 16).ok()?))
}

/// Bytes of the ranges that `/proc/iomem` calls memory. To others than root it shows zeros.
fn system_ram(lines: &str) -> u64 {
    let bytes = |line: &str| {
        let (first, last) = line.split(' ').next()?.split_once('-')?;
        let (first, last) = (u64::from_str_radix(first, 16).ok()?, u64::from_str_radix(last, 16).ok()?);
        last.checked_sub(first).filter(|length| *length > 0)?.checked_add(1)
    };
    lines.lines().take(MAX_RANGES).filter_map(bytes).fold(0, u64::saturating_add)
}

#[cfg(test)]
mod tests;
