//! A real swarm: a tracker, a client that has the whole payload, and a client on the endpoint that is downloading it.

use std::fs;
use std::io::{BufWriter, Write};
use std::net::Ipv4Addr;
use std::os::unix::fs::MetadataExt;
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
const DOWNLOADS: &str = "/home/alice/Downloads";

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
    pub const TOOLS: &[&str] = &[
        "opentracker",
        "transmission-create",
        "transmission-show",
        "transmission-daemon",
        "transmission-remote",
        "aria2c",
        "ss",
    ];

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
        let mine = endpoint.host().outside(DOWNLOADS).join("holiday-film.torrent");
        fs::copy(&torrent, mine)?;
        aria2(&mut peer, "/srv", &torrent)?;
        transmission(endpoint.host_mut(), &torrent)?;
        let flow = connection(endpoint.host(), peer.address()).with_context(|| {
            format!("client: {}\npeer: {}", endpoint.host().log("client.log"), peer.log("client.log"))
        })?;
        let image = endpoint.host().run(&["readlink", &format!("/proc/{}/exe", flow.pid)])?.trim().to_owned();
        Ok(Self {
            peer_address: peer.address(),
            peer,
            torrent,
            infohash,
            payload: PAYLOAD,
            peer_port: flow.peer_port,
            local_port: flow.local_port,
            client_pid: flow.pid,
            client_image: image,
        })
    }

    /// Whether the connection of the download still stands.
    ///
    /// # Errors
    /// When the endpoint cannot be asked.
    pub fn connected(&self, endpoint: &Endpoint) -> Result<bool> {
        let flows = established(endpoint.host(), self.peer_address)?;
        Ok(flows.iter().any(|flow| (flow.local_port, flow.peer_port) == (self.local_port, self.peer_port)))
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

/// Starts Transmission on the endpoint as alice, slowly downloading.
fn transmission(host: &mut Host, torrent: &Path) -> Result<()> {
    let config = "/home/alice/.config/transmission-daemon";
    let address = host.address().to_string();
    let downloads = host.inside(DOWNLOADS);
    let settings = json!({
        "bind-address-ipv4": address,
        // Pieces are written as they come, rather than when four megabytes are there.
        "cache-size-mb": 0,
        "dht-enabled": false,
        "download-dir": downloads,
        "incomplete-dir-enabled": false,
        "lpd-enabled": false,
        "peer-port": PEER_PORT,
        "pex-enabled": false,
        "port-forwarding-enabled": false,
        "rename-partial-files": true,
        "rpc-bind-address": address,
        "rpc-whitelist-enabled": false,
        "speed-limit-down": RATE_KIB,
        "speed-limit-down-enabled": true,
        "utp-enabled": false,
    });
    let outside = host.outside(config);
    fs::create_dir_all(&outside)?;
    fs::write(outside.join("settings.json"), settings.to_string())?;
    let given = "/var/tmp/given.torrent";
    fs::copy(torrent, host.outside(given))?;
    if host.isolated() {
        let owner = format!("{ALICE_ID}:{ALICE_ID}");
        run(&["chown", "-R", &owner, &host.outside("/home/alice").to_string_lossy()])?;
    }
    let daemon = crate::requirements::find_tool("transmission-daemon")
        .context("transmission-daemon is not installed")?;
    let (config, given) = (host.inside(config), host.inside(given));
    host.service(
        &[&daemon.to_string_lossy(), "--foreground", "--config-dir", &config],
        Some(ALICE),
        "client.log",
    )?;
    listening(host, PEER_PORT)?;
    let remote = format!("{address}:9091");
    wait_until("Transmission takes the torrent", Duration::from_secs(15), || {
        let said =
            host.try_run(&["transmission-remote", &remote, "--add", &given, "--download-dir", &downloads])?;
        Ok((said.code == Some(0) && said.stdout.contains("success")).then_some(()))
    })?;
    Ok(fs::remove_file(host.outside("/var/tmp/given.torrent"))?)
}

/// Starts aria2 with the whole payload. It asks the tracker often and calls whoever is there: on loopback addresses
/// Transmission takes calls and makes none.
fn aria2(host: &mut Host, folder: &str, torrent: &Path) -> Result<()> {
    let given = host.outside("/var/tmp/given.torrent");
    fs::copy(torrent, given)?;
    let interface = format!("--interface={}", host.address());
    let port = format!("--listen-port={PEER_PORT}");
    let (folder, torrent) = (format!("--dir={}", host.inside(folder)), host.inside("/var/tmp/given.torrent"));
    let mut argv = vec!["aria2c", &interface, &port, &folder, "--seed-ratio=0.0", "--check-integrity=true"];
    argv.extend([
        "--bt-tracker-interval=2",
        "--enable-dht=false",
        "--enable-dht6=false",
        "--bt-enable-lpd=false",
    ]);
    argv.extend([
        "--enable-peer-exchange=false",
        "--no-conf=true",
        "--file-allocation=none",
        "--summary-interval=0",
    ]);
    argv.extend(["--disable-ipv6=true", &torrent]);
    host.service(&argv, None, "client.log")?;
    listening(host, PEER_PORT)
}

/// A connection of the client's.
struct Flow {
    local_port: u16,
    peer_port: u16,
    pid: u32,
}

/// Waits until a connection to the peer stands over which bytes of the payload came.
fn connection(host: &Host, peer: Ipv4Addr) -> Result<Flow> {
    wait_until("the download is in progress", Duration::from_mins(1), || {
        let flows = established(host, peer)?;
        if flows.is_empty() {
            return Ok(None);
        }
        let begun = fs::read_dir(host.outside(DOWNLOADS))?.flatten().any(|entry| {
            let of_payload = entry.file_name().to_string_lossy().starts_with(PAYLOAD);
            of_payload && entry.metadata().is_ok_and(|data| data.blocks() > 64)
        });
        if !begun {
            return Ok(None);
        }
        // Where both called, one of the two connections is given up a moment later: the one that stays is meant.
        std::thread::sleep(Duration::from_secs(1));
        let stays = |now: &Flow| flows.iter().any(|flow| flow.local_port == now.local_port);
        Ok(established(host, peer)?.into_iter().find(stays))
    })
}

/// The established connections between the endpoint's client and the peer's, whoever called.
fn established(host: &Host, peer: Ipv4Addr) -> Result<Vec<Flow>> {
    let mut argv = vec!["ss", "--no-header", "--tcp", "--numeric", "--processes", "state", "established"];
    let (from, to) = (format!("src {}", host.address()), format!("dst {peer}"));
    argv.extend([from.as_str(), "and", to.as_str()]);
    let shown = host.run(&argv)?;
    let flows = shown.lines().filter(|line| line.contains("transmission")).filter_map(|line| {
        let port = |column| line.split_whitespace().nth(column)?.rsplit(':').next()?.parse().ok();
        let (local_port, peer_port) = (port(2)?, port(3)?);
        let pid = line.split("pid=").nth(1)?.split(',').next()?.parse().ok()?;
        (peer_port != TRACKER_PORT).then_some(Flow { local_port, peer_port, pid })
    });
    Ok(flows.collect())
}
