//! An endpoint: a machine with a real OpenSSH server, a pinned host key and a person logged in.

use std::fs;
use std::io::Write;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, TcpStream};
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result};

use crate::command::run;
use crate::host::{ALICE, ALICE_ID, Host};
use crate::keys;
use crate::network::Network;
use crate::wait::wait_until;

/// The account that the collector's key opens on an endpoint of its own machine.
pub const SSH_USER: &str = "root";

/// sshd's port on a loopback address; one for all, since a policy has one port.
const UNPRIVILEGED_PORT: u16 = 22022;
const HOST_KEY: &str = "/etc/ssh/ssh_host_ed25519_key";
const SERVER_CONFIG: &str = "/etc/ssh/sshd_config";
const SERVER_PID: &str = "/var/lib/sshd.pid";
/// Of a second server, for IPv6.
const OTHER_CONFIG: &str = "/etc/ssh/sshd_config6";
const OTHER_PID: &str = "/var/lib/sshd6.pid";
const AUTHORIZED_KEYS: &str = "/root/.ssh/authorized_keys";

/// A machine that can be investigated over SSH.
#[derive(Debug)]
pub struct Endpoint {
    host: Host,
    port: u16,
    user: String,
    identity: PathBuf,
    known_hosts: PathBuf,
}

impl Endpoint {
    /// Starts a machine with sshd at the network's address `number`. Its host key is added to the run's `known_hosts`,
    /// and the run's one key may log in. On a machine of its own, alice is logged in.
    ///
    /// # Errors
    /// When anything of that cannot be made, or sshd does not answer.
    pub fn start(network: &Network, name: &str, number: u8) -> Result<Self> {
        Self::on(Host::start(network, name, number)?, network)
    }

    /// As [`Endpoint::start`], on a machine whose first process is systemd ([`Host::start_with_systemd`]).
    ///
    /// # Errors
    /// As [`Endpoint::start`].
    pub fn start_with_systemd(network: &Network, name: &str, number: u8) -> Result<Self> {
        Self::on(Host::start_with_systemd(network, name, number)?, network)
    }

    fn on(host: Host, network: &Network) -> Result<Self> {
        let folder = network.workspace().folder();
        let identity = folder.join("identity");
        if !identity.exists() {
            keys::generate(&identity)?;
        }
        let (port, user) =
            if host.isolated() { (22, SSH_USER.to_owned()) } else { (UNPRIVILEGED_PORT, own_name()?) };
        let known_hosts = folder.join("known_hosts");
        let mut endpoint = Self { host, port, user, identity, known_hosts };
        let public = fs::read(endpoint.identity.with_extension("pub"))?;
        fs::write(endpoint.host.outside(AUTHORIZED_KEYS), public)?;
        fs::write(endpoint.host.outside(SERVER_CONFIG), endpoint.server_config())?;
        let key = keys::generate(&endpoint.host.outside(HOST_KEY))?;
        endpoint.pin(endpoint.address().into(), &key)?;
        endpoint.start_server()?;
        if endpoint.host.isolated() {
            endpoint.log_alice_in(network.soc())?;
        }
        Ok(endpoint)
    }

    /// The machine itself.
    #[must_use]
    pub fn host(&self) -> &Host {
        &self.host
    }

    /// The machine itself, to start services on it.
    pub fn host_mut(&mut self) -> &mut Host {
        &mut self.host
    }

    /// Its address in the test's network.
    #[must_use]
    pub fn address(&self) -> Ipv4Addr {
        self.host.address()
    }

    /// sshd's port: 22 on a machine of its own.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.port
    }

    /// The account that the key opens.
    #[must_use]
    pub fn user(&self) -> &str {
        &self.user
    }

    /// The private key that may log in.
    #[must_use]
    pub fn identity(&self) -> &Path {
        &self.identity
    }

    /// The file that pins the host keys of the run's endpoints.
    #[must_use]
    pub fn known_hosts(&self) -> &Path {
        &self.known_hosts
    }

    /// Gives the machine another host key, as a reinstalled or an impersonated one has; the pinned key stays the old.
    ///
    /// # Errors
    /// When sshd does not come back.
    pub fn rotate_host_key(&mut self) -> Result<()> {
        let pid = fs::read_to_string(self.host.outside(SERVER_PID)).context("sshd wrote no PID file")?;
        let process = Path::new("/proc").join(pid.trim());
        self.host.run(&["kill", pid.trim()])?;
        wait_until("sshd ends", Duration::from_secs(30), || {
            let there = if self.host.isolated() {
                self.host.try_run(&["test", "-e", &process.to_string_lossy()])?.code == Some(0)
            } else {
                process.exists()
            };
            Ok((!there).then_some(()))
        })?;
        keys::generate(&self.host.outside(HOST_KEY))?;
        self.start_server()
    }

    /// Gives a machine of its own a further address, as one that moved within the company has, with the same host key
    /// pinned for it.
    ///
    /// # Errors
    /// When the address cannot be added.
    pub fn also_at(&self, address: Ipv4Addr) -> Result<()> {
        self.host.run(&["ip", "address", "add", &format!("{address}/24"), "dev", "eth0"])?;
        self.pin_same(address.into())
    }

    /// As [`Endpoint::also_at`], over IPv6: with a second sshd, which waits on the same port.
    ///
    /// # Errors
    /// As [`Endpoint::also_at`], and when that sshd does not answer.
    pub fn also_over_ipv6(&mut self, address: Ipv6Addr) -> Result<()> {
        self.host.run(&["ip", "address", "add", &format!("{address}/64"), "dev", "eth0", "nodad"])?;
        let config = fs::read_to_string(self.host.outside(SERVER_CONFIG))?;
        let config =
            config.replace("ListenAddress 0.0.0.0", "ListenAddress ::").replace(SERVER_PID, OTHER_PID);
        fs::write(self.host.outside(OTHER_CONFIG), config)?;
        self.start_server_with(OTHER_CONFIG)?;
        self.pin_same(address.into())
    }

    fn pin_same(&self, address: IpAddr) -> Result<()> {
        let public = fs::read_to_string(self.host.outside(HOST_KEY).with_extension("pub"))?;
        let public = public.split_whitespace().take(2).collect::<Vec<_>>().join(" ");
        self.pin(address, &public)
    }

    /// Runs a command over OpenSSH's own client from the `soc` host, with the pinned host key required.
    ///
    /// # Errors
    /// When the client cannot be started or takes over 30 seconds.
    pub fn ssh(&self, network: &Network, remote: &str) -> Result<crate::Output> {
        let target = format!("{}@{}", self.user, self.address());
        let known = format!("UserKnownHostsFile={}", self.known_hosts.display());
        let (port, identity) = (self.port.to_string(), self.identity.to_string_lossy());
        let mut argv = vec!["ssh", "-F", "none", "-i", &identity, "-p", &port, "-o", &known];
        for option in [
            "StrictHostKeyChecking=yes",
            "GlobalKnownHostsFile=/dev/null",
            "BatchMode=yes",
            "IdentitiesOnly=yes",
        ] {
            argv.extend(["-o", option]);
        }
        argv.extend([target.as_str(), remote]);
        crate::command::run_with(&mut network.soc_command(&argv), "", Duration::from_secs(30))
    }

    /// How many log-ins sshd accepted so far.
    #[must_use]
    pub fn logins(&self) -> usize {
        self.host.log("sshd.log").matches("Accepted publickey").count()
    }

    /// How many connections sshd got so far, whether they logged in or not.
    #[must_use]
    pub fn connections(&self) -> usize {
        self.host.log("sshd.log").matches("Connection from").count()
    }

    fn pin(&self, address: IpAddr, public_key: &str) -> Result<()> {
        let name = if self.port == 22 { address.to_string() } else { format!("[{address}]:{}", self.port) };
        // One write at the end: other endpoints start meanwhile, and collectors read the file.
        let mut pinned = fs::OpenOptions::new().create(true).append(true).open(&self.known_hosts)?;
        Ok(pinned.write_all(format!("{name} {public_key}\n").as_bytes())?)
    }

    fn server_config(&self) -> String {
        let inside = |path| self.host.inside(path);
        let every = Ipv4Addr::UNSPECIFIED;
        let listen = if self.host.isolated() { every } else { self.address() };
        format!(
            "Port {}\nListenAddress {}\nHostKey {}\nPidFile {}\nAuthorizedKeysFile {}\n\
             PermitRootLogin prohibit-password\nPasswordAuthentication no\nKbdInteractiveAuthentication no\n\
             PubkeyAuthentication yes\nUsePAM no\nStrictModes no\nUseDNS no\nPrintMotd no\nLogLevel VERBOSE\n\
             Subsystem sftp internal-sftp\n",
            self.port,
            listen,
            inside(HOST_KEY),
            inside(SERVER_PID),
            inside(AUTHORIZED_KEYS),
        )
    }

    fn start_server(&mut self) -> Result<()> {
        self.start_server_with(SERVER_CONFIG)
    }

    fn start_server_with(&mut self, config: &str) -> Result<()> {
        let config = self.host.inside(config);
        // sshd starts itself again for each connection and therefore wants its own absolute path.
        let sshd = crate::requirements::find_tool("sshd").context("sshd is not installed")?;
        if !self.host.isolated() {
            // As root, sshd insists on the folder that its package's service makes at start. Others do without.
            let _ = fs::create_dir_all("/run/sshd");
        }
        let before = self.host.log("sshd.log").matches("Server listening").count();
        self.host.service(&[&sshd.to_string_lossy(), "-D", "-e", "-f", &config], None, "sshd.log")?;
        wait_until("sshd listens", Duration::from_secs(10), || {
            Ok((self.host.log("sshd.log").matches("Server listening").count() > before).then_some(()))
        })
        .with_context(|| format!("sshd said: {}", self.host.log("sshd.log")))
    }

    /// A session as login(1) leaves it: a shell of alice's and a record of it in utmp(5).
    fn log_alice_in(&mut self, from: Ipv4Addr) -> Result<()> {
        self.host.service(&["sleep", "infinity"], Some(ALICE), "session.log")?;
        let id = ALICE_ID.to_string();
        let pid = wait_until("alice's session starts", Duration::from_secs(30), || {
            let found = self.host.try_run(&["pgrep", "--uid", &id, "--exact", "sleep"])?;
            Ok(found.stdout.split_whitespace().next().map(str::to_owned))
        })?;
        let now = jiff::Timestamp::now().strftime("%Y-%m-%dT%H:%M:%S,000000+00:00").to_string();
        let record = format!(
            "[7] [{pid:0>5}] [ts/0] [{ALICE:<8}] [{:<12}] [{:<20}] [{:<15}] [{now}]",
            "pts/0",
            from.to_string(),
            from.to_string(),
        );
        let script = format!("printf '%s\\n' {} | utmpdump -r > /run/utmp", crate::host::quoted(&record));
        self.host.run(&["sh", "-c", &script])?;
        Ok(())
    }
}

fn own_name() -> Result<String> {
    Ok(run(&["id", "--user", "--name"])?.stdout.trim().to_owned())
}

/// Whether something accepts connections there; only for addresses of this machine.
pub(crate) fn answers(address: Ipv4Addr, port: u16) -> bool {
    TcpStream::connect_timeout(&(address, port).into(), Duration::from_millis(500)).is_ok()
}
