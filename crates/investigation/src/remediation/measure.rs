//! What may be changed on an endpoint.

use std::net::IpAddr;

use ipnet::IpNet;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::policy::Span;
use crate::text::one_line;

/// Characters of one value in a line.
const SHOWN: usize = 200;

/// One change to an endpoint. All text in it comes from the endpoint itself, and goes back there as data.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "measure", rename_all = "snake_case", deny_unknown_fields)]
pub enum Measure {
    /// End a process, if it is still the one that was seen (ATT&CK mitigation M1038, D3FEND D3-PT).
    StopProcess {
        /// `process.pid`.
        pid: u32,
        /// `process.executable`: the full path of its image.
        image: String,
        /// `process.start`, where it was known: numbers of processes are used again.
        start_time: Option<Timestamp>,
    },
    /// Keep something from starting by itself: the entry as it was collected, see
    /// [`crate::evidence::AutostartEntry`].
    DisableAutostart {
        /// `systemd`, `cron`, `xdg`, `run_key`, …
        mechanism: String,
        /// File or key that holds the entry.
        location: String,
        /// Name of the unit, job or value.
        name: String,
        /// What it runs, as it was collected: another command is left alone.
        command: Option<String>,
    },
    /// Let the host's firewall drop what a client sends and receives.
    BlockTraffic {
        /// Image whose traffic is dropped, where the firewall goes by programs (Windows).
        image: Option<String>,
        /// Local ports, TCP and UDP, whose traffic is dropped.
        ports: Vec<u16>,
    },
    /// Move a `.torrent`, or a client's resume record, out of the way.
    QuarantineFile {
        /// Full path.
        path: String,
        /// The exact bytes of the path in hex, where it was not UTF-8.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        path_hex: Option<String>,
        /// Its size in bytes when it was seen: another file is left alone.
        size: u64,
    },
    /// Cut the host off the network but for some addresses, for a time. It ends by itself, on the endpoint, even if
    /// nobody reaches that any more.
    Isolate {
        /// Seconds after which the endpoint lifts it by itself.
        seconds: u64,
        /// Networks that stay reachable, in both directions. The address that the order comes from always does.
        keep: Vec<IpNet>,
        /// Addresses of name servers, proxies and the like that stay reachable.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        keep_hosts: Vec<IpAddr>,
    },
}

/// Which measure, without what it is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MeasureKind {
    /// [`Measure::DisableAutostart`].
    DisableAutostart,
    /// [`Measure::StopProcess`].
    StopProcess,
    /// [`Measure::BlockTraffic`].
    BlockTraffic,
    /// [`Measure::QuarantineFile`].
    QuarantineFile,
    /// [`Measure::Isolate`].
    Isolate,
}

impl MeasureKind {
    /// Every kind, in the order in which they are proposed.
    pub const ALL: [Self; 5] =
        [Self::DisableAutostart, Self::StopProcess, Self::BlockTraffic, Self::QuarantineFile, Self::Isolate];

    /// The word used in the policy, in output and on the case.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::StopProcess => "stop_process",
            Self::DisableAutostart => "disable_autostart",
            Self::BlockTraffic => "block_traffic",
            Self::QuarantineFile => "quarantine_file",
            Self::Isolate => "isolate",
        }
    }
}

impl Measure {
    /// Which it is.
    pub fn kind(&self) -> MeasureKind {
        match self {
            Self::StopProcess { .. } => MeasureKind::StopProcess,
            Self::DisableAutostart { .. } => MeasureKind::DisableAutostart,
            Self::BlockTraffic { .. } => MeasureKind::BlockTraffic,
            Self::QuarantineFile { .. } => MeasureKind::QuarantineFile,
            Self::Isolate { .. } => MeasureKind::Isolate,
        }
    }

    /// The word used in the policy, in output and on the case.
    pub fn as_str(&self) -> &'static str {
        self.kind().as_str()
    }

    /// What will be done, in one line that is safe to show. What the endpoint said of itself is escaped and cut.
    pub fn words(&self) -> String {
        let short = |text: &str| one_line(text, SHOWN);
        match self {
            Self::StopProcess { pid, image, start_time } => {
                let since = start_time.map(|at| format!(", started {at:.0}")).unwrap_or_default();
                format!("stop process {pid} ({}{since})", short(image))
            }
            Self::DisableAutostart { mechanism, location, name, .. } => {
                format!(
                    "keep {} from starting by itself ({} in {})",
                    short(name),
                    short(mechanism),
                    short(location)
                )
            }
            Self::BlockTraffic { image, ports } => {
                let ports: Vec<String> = ports.iter().map(ToString::to_string).collect();
                match (image, ports.is_empty()) {
                    (Some(image), true) => format!("block the traffic of {}", short(image)),
                    (Some(image), false) => {
                        format!("block the traffic of {}, and ports {}", short(image), ports.join(", "))
                    }
                    (None, _) => format!("block traffic on the ports {}", ports.join(", ")),
                }
            }
            Self::QuarantineFile { path, size, .. } => {
                format!("move {} out of the way ({size} bytes)", short(path))
            }
            Self::Isolate { seconds, .. } => {
                format!("cut the host off the network for {}", Span::seconds(*seconds))
            }
        }
    }
}

/// A measure with its number within the case: what is made on the endpoint is named after both, so that it is found again.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MeasureOrder {
    /// Number within the case.
    pub n: u32,
    /// What to do.
    pub measure: Measure,
}
