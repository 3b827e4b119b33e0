//! A real swarm: a tracker, a client that has the whole payload, and a client on the endpoint that is downloading it.

use std::fs;
use std::io::{BufWriter, Write};
use std::net::Ipv4Addr;
use std::os::unix::fs::chown;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result};
use serde_json::json;

use crate::command::run;
use crate::endpoint::{Endpoint, answers};
use crate::host::{ALICE, ALICE_ID, Host};
use crate::network::Network;
use crate::wait::wait_until;

const PAYLOAD: &str = "holiday-film.mkv";
const PAYLOAD_BYTES: u64 = 48 << 20;
/// At this rate the payload lasts a quarter of an hour: longer than any test looks at the connection.
const RATE_KIB: u32 = 50;
const TRACKER_PORT: u16 = 6969;
const PEER_PORT: u16 = 51413;
const RPC: &str = "127.0.0.1:9091";

/// A download in progress; ends when this is dropped (the tracker and the peer) and the endpoint is (its client).
#[derive(Debug)]
pub struct Swarm {
    peer: Host,
    /// The .torrent file, outside of any host.
    pub torrent: PathBuf,
    /// Version 1 infohash in lower-case hexadecimal, as the torrent tool of this machine tells it.
    pub infohash: String,
    /// The name inside the .torrent.
    pub payload: &'static str,
    /// The other end of the connection.
    pub peer_address: Ipv4Addr,
    /// Its port.
    pub peer_port: u16,
    /// The endpoint's port of the connection.
    pub local_port: u16,
    /// The client's PID as the endpoint's own processes see it.
    pub client_pid: u32,
    /// The client's executable.
    pub client_image: String,
}

impl Swarm {
    /// The programs that must be there.
    #[must_use]
    pub fn tools(network: &Network) -> &'static [&'static str] {
        if network.isolated() {
            &[
                "opentracker",
                "transmission-create",
                "transmission-show",
                "transmission-daemon",
                "transmission-remote",
                "ss",
            ]
        } else {
            // Transmission refuses peers on loopback addresses, aria2 does not.
            &["opentracker", "transmission-create", "transmission-show", "aria2c", "ss"]
        }
    }

    /// Starts tracker and seeder on a new host at `number`, the download on the endpoint, and waits for bytes to come
    /// over an established TCP connection.
    ///
    /// # Errors
    /// When a program fails, or nothing is downloaded within a minute.
    pub fn start(network: &Network, endpoint: &mut Endpoint, number: u8) -> Result<Self> {
        let mut peer = Host::start(network, "peer", number)?;
        let torrent = network.workspace().folder().join("holiday-film.torrent");
        let seeds = peer.outside("/srv");
        write_payload(&seeds.join(PAYLOAD))?;
        let announce = format!("http://{}:{TRACKER_PORT}/announce", peer.address());
        let (torrent_path, payload) = (torrent.to_string_lossy(), seeds.join(PAYLOAD));
        run(&["transmission-create", "-o", &torrent_path, "-t", &announce, &payload.to_string_lossy()])?;
        let infohash = infohash(&torrent)?;
        start_tracker(&mut peer, &infohash)?;
        if network.isolated() {
            transmission(&mut peer, "/srv", None, None, &torrent)?;
            let home = endpoint.host().outside("/home/alice");
            let downloads = "/home/alice/Downloads";
            fs::copy(&torrent, home.join("Downloads/holiday-film.torrent"))?;
            transmission(endpoint.host_mut(), downloads, Some(ALICE), Some(RATE_KIB), &torrent)?;
        } else {
            aria2(&mut peer, "/srv", None, &torrent)?;
            aria2(endpoint.host_mut(), "/home/alice/Downloads", Some(RATE_KIB), &torrent)?;
        }
        let (local_port, client_pid) = connection(endpoint.host(), peer.address()).with_context(|| {
            format!("client: {}\npeer: {}", endpoint.host().log("client.log"), peer.log("client.log"))
        })?;
        let image = endpoint.host().run(&["readlink", &format!("/proc/{client_pid}/exe")])?.trim().to_owned();
        Ok(Self {
            peer_address: peer.address(),
            peer,
            torrent,
            infohash,
            payload: PAYLOAD,
            peer_port: PEER_PORT,
            local_port,
            client_pid,
            client_image: image,
        })
    }

    /// Whether the connection of the download still stands.
    ///
    /// # Errors
    /// When the endpoint cannot be asked.
    pub fn connected(&self, endpoint: &Endpoint) -> Result<bool> {
        Ok(established(endpoint.host(), self.peer_address)?.is_some_and(|(port, _)| port == self.local_port))
    }

    /// The host with the tracker and the seeding client.
    #[must_use]
    pub fn peer(&self) -> &Host {
        &self.peer
    }
}

/// Bytes that compress badly and are the same in every run (xorshift64*).
fn write_payload(path: &Path) -> Result<()> {
    let mut file = BufWriter::new(fs::File::create(path)?);
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    for _ in 0..PAYLOAD_BYTES / 8 {
        state ^= state >> 12;
        state ^= state << 25;
        state ^= state >> 27;
        file.write_all(&state.wrapping_mul(0x2545_f491_4f6c_dd1d).to_le_bytes())?;
    }
    Ok(file.flush()?)
}

fn infohash(torrent: &Path) -> Result<String> {
    let shown = run(&["transmission-show", &torrent.to_string_lossy()])?.stdout;
    let line =
        shown.lines().find_map(|line| line.trim().strip_prefix("Hash:")).context("no hash was shown")?;
    Ok(line.trim().to_lowercase())
}

/// Debian's opentracker serves only torrents on its list.
fn start_tracker(peer: &mut Host, infohash: &str) -> Result<()> {
    fs::write(peer.outside("/var/lib/whitelist"), format!("{infohash}\n"))?;
    let (address, port) = (peer.address().to_string(), TRACKER_PORT.to_string());
    let folder = peer.inside("/var/lib");
    let argv = ["opentracker", "-i", &address, "-p", &port, "-P", &port, "-d", &folder, "-w", "whitelist"];
    peer.service(&argv, None, "tracker.log")?;
    listening(peer, TRACKER_PORT).with_context(|| format!("the tracker said: {}", peer.log("tracker.log")))
}

fn listening(host: &Host, port: u16) -> Result<()> {
    wait_until(&format!("port {port} of {} is open", host.name()), Duration::from_secs(15), || {
        if !host.isolated() {
            return Ok(answers(host.address(), port).then_some(()));
        }
        let filter = format!("sport = :{port}");
        let open = host.run(&["ss", "--no-header", "--tcp", "--listening", "--numeric", &filter])?;
        Ok((!open.trim().is_empty()).then_some(()))
    })
}

/// Starts transmission-daemon with its folders below the user's home and gives it the torrent.
fn transmission(
    host: &mut Host,
    folder: &str,
    user: Option<&str>,
    rate_kib: Option<u32>,
    torrent: &Path,
) -> Result<()> {
    let home = if user.is_some() { "/home/alice" } else { "/root" };
    let config = format!("{home}/.config/transmission-daemon");
    let settings = json!({
        "bind-address-ipv4": host.address().to_string(),
        // Pieces are written as they come, rather than when four megabytes are there.
        "cache-size-mb": 0,
        "dht-enabled": false,
        "download-dir": folder,
        "incomplete-dir-enabled": false,
        "lpd-enabled": false,
        "peer-port": PEER_PORT,
        "pex-enabled": false,
        "port-forwarding-enabled": false,
        "rename-partial-files": true,
        "rpc-bind-address": "127.0.0.1",
        "rpc-whitelist-enabled": false,
        "speed-limit-down": rate_kib.unwrap_or(0),
        "speed-limit-down-enabled": rate_kib.is_some(),
        "utp-enabled": false,
    });
    let outside = host.outside(&config);
    fs::create_dir_all(&outside)?;
    fs::write(outside.join("settings.json"), settings.to_string())?;
    let given = host.outside("/var/tmp").join("given.torrent");
    fs::copy(torrent, &given)?;
    if user.is_some() {
        run(&["chown", "-R", &format!("{ALICE_ID}:{ALICE_ID}"), &host.outside(home).to_string_lossy()])?;
        chown(&given, Some(ALICE_ID), Some(ALICE_ID))?;
    }
    let daemon = crate::requirements::find_tool("transmission-daemon")
        .context("transmission-daemon is not installed")?;
    host.service(&[&daemon.to_string_lossy(), "--foreground", "--config-dir", &config], user, "client.log")?;
    listening(host, PEER_PORT)?;
    wait_until("Transmission takes the torrent", Duration::from_secs(15), || {
        let said = host.try_run(&[
            "transmission-remote",
            RPC,
            "--add",
            "/var/tmp/given.torrent",
            "--download-dir",
            folder,
        ])?;
        Ok((said.code == Some(0) && said.stdout.contains("success")).then_some(()))
    })?;
    Ok(fs::remove_file(given)?)
}

fn aria2(host: &mut Host, folder: &str, rate_kib: Option<u32>, torrent: &Path) -> Result<()> {
    let interface = format!("--interface={}", host.address());
    let port = format!("--listen-port={PEER_PORT}");
    let folder = format!("--dir={}", host.inside(folder));
    let rate = format!("--max-overall-download-limit={}K", rate_kib.unwrap_or(0));
    let torrent = torrent.to_string_lossy();
    let mut argv =
        vec!["aria2c", &interface, &port, &folder, &rate, "--seed-ratio=0.0", "--check-integrity=true"];
    argv.extend([
        "--enable-dht=false",
        "--enable-dht6=false",
        "--bt-enable-lpd=false",
        "--enable-peer-exchange=false",
    ]);
    argv.extend([
        "--no-conf=true",
        "--file-allocation=none",
        "--summary-interval=0",
        "--disable-ipv6=true",
        &torrent,
    ]);
    host.service(&argv, Some(ALICE), "client.log")?;
    listening(host, PEER_PORT)
}

/// Waits until a connection to the peer stands over which bytes of the payload came.
fn connection(host: &Host, peer: Ipv4Addr) -> Result<(u16, u32)> {
    wait_until("the download is in progress", Duration::from_mins(1), || {
        let Some(connection) = established(host, peer)? else { return Ok(None) };
        let downloads = host.outside("/home/alice/Downloads");
        let begun = fs::read_dir(downloads)?.flatten().any(|entry| {
            let of_payload = entry.file_name().to_string_lossy().starts_with(PAYLOAD);
            of_payload
                && entry.metadata().is_ok_and(|data| std::os::unix::fs::MetadataExt::blocks(&data) > 64)
        });
        Ok(begun.then_some(connection))
    })
}

/// The local port and the owner's PID of an established connection to the peer's port.
fn established(host: &Host, peer: Ipv4Addr) -> Result<Option<(u16, u32)>> {
    let mut argv = vec!["ss", "--no-header", "--tcp", "--numeric", "--processes", "state", "established"];
    let (from, to, port) =
        (format!("src {}", host.address()), format!("dst {peer}"), format!("dport = :{PEER_PORT}"));
    argv.extend([from.as_str(), "and", to.as_str(), "and", port.as_str()]);
    let shown = host.run(&argv)?;
    let Some(line) = shown.lines().next() else { return Ok(None) };
    let port = line.split_whitespace().nth(2).and_then(|local| local.rsplit(':').next()?.parse().ok());
    let pid = line.split("pid=").nth(1).and_then(|rest| rest.split(',').next()?.parse().ok());
    Ok(port.zip(pid))
}
