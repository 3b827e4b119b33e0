//! The hosts' own network: a bridge in a namespace, and one namespace for each host.

use std::net::{Ipv4Addr, Ipv6Addr};
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result};

use crate::command::{Output, command, run, run_with};
use crate::leftovers::{RunId, remove_namespace, sweep_once};
use crate::requirements::find_tool;
use crate::settings;
use crate::workspace::Workspace;

/// The network of all hosts. It exists only inside the namespaces, so that every run may use the same.
const PRIVATE: [u8; 3] = [10, 213, 7];

const SOC: &str = "soc";
const SWITCH: &str = "switch";
const SOC_NUMBER: u8 = 10;

/// One test's network with the `soc` host in it, on which Peerhound runs; removed on drop.
#[derive(Debug)]
pub struct Network {
    run: RunId,
    isolated: bool,
    workspace: Workspace,
}

impl Network {
    /// Makes the network, or says in one line that hosts are loopback addresses.
    ///
    /// # Errors
    /// When namespaces are permitted and still cannot be made, or leftovers cannot be removed.
    pub fn new() -> Result<Self> {
        let refused = refusal();
        if refused.is_none() {
            sweep_once()?;
        }
        let run = RunId::next()?;
        let workspace = Workspace::new(&run)?;
        let network = Self { run, isolated: refused.is_none(), workspace };
        if let Some(reason) = refused {
            println!(
                "no network namespaces ({reason}): hosts are addresses of {} on this machine",
                network.company()
            );
            return Ok(network);
        }
        let switch = network.namespace(SWITCH);
        ip(&["netns", "add", &switch])?;
        ip(&["-n", &switch, "link", "add", "bridge", "type", "bridge"])?;
        ip(&["-n", &switch, "link", "set", "bridge", "up"])?;
        network.connect(SOC, SOC_NUMBER)?;
        Ok(network)
    }

    /// Whether hosts are machines of their own; otherwise they are loopback addresses.
    #[must_use]
    pub fn isolated(&self) -> bool {
        self.isolated
    }

    /// The name under which this run's namespaces and processes are found.
    #[must_use]
    pub fn run_id(&self) -> &RunId {
        &self.run
    }

    /// The folder of this run.
    #[must_use]
    pub fn workspace(&self) -> &Workspace {
        &self.workspace
    }

    /// The address with this last number, whether a host has it or not.
    #[must_use]
    pub fn address(&self, number: u8) -> Ipv4Addr {
        let [a, b, c] = self.prefix();
        Ipv4Addr::new(a, b, c, number)
    }

    /// The address of IPv6 with this last number, which a host has once it is given.
    #[must_use]
    pub fn address6(&self, number: u8) -> Ipv6Addr {
        let [a, b, c] = self.prefix();
        Ipv6Addr::new(0xfd00, a.into(), b.into(), c.into(), 0, 0, 0, number.into())
    }

    /// The company's part of the network of IPv6, in CIDR notation.
    #[must_use]
    pub fn company6(&self) -> String {
        format!("{}/121", self.address6(0))
    }

    /// Gives the `soc` host its address of IPv6.
    ///
    /// # Errors
    /// When it cannot be added.
    pub fn give_soc_ipv6(&self) -> Result<()> {
        let (soc, address) = (self.namespace(SOC), format!("{}/64", self.address6(SOC_NUMBER)));
        ip(&["-n", &soc, "address", "add", &address, "dev", "eth0", "nodad"])
    }

    /// Lets the bridge do as many switches do: multicast goes only to hosts that say that they want it, and those that
    /// were silent for three seconds are forgotten.
    ///
    /// # Errors
    /// When the bridge cannot do that.
    pub fn listen_to_multicast(&self) -> Result<()> {
        let switch = self.namespace(SWITCH);
        let mut argv = vec!["-n", &switch, "link", "set", "bridge", "type", "bridge", "mcast_snooping", "1"];
        // Hundredths of a second.
        argv.extend([
            "mcast_querier",
            "1",
            "mcast_query_interval",
            "100",
            "mcast_startup_query_interval",
            "25",
        ]);
        argv.extend(["mcast_query_response_interval", "50", "mcast_membership_interval", "300"]);
        ip(&argv)
    }

    /// The company's part of the network, in CIDR notation: numbers up to 127. The rest is the world outside.
    #[must_use]
    pub fn company(&self) -> String {
        let [a, b, c] = self.prefix();
        format!("{a}.{b}.{c}.0/25")
    }

    fn prefix(&self) -> [u8; 3] {
        if self.isolated { PRIVATE } else { self.run.loopback() }
    }

    /// The address that Peerhound itself works from.
    #[must_use]
    pub fn soc(&self) -> Ipv4Addr {
        self.address(SOC_NUMBER)
    }

    /// A program as it is started on the `soc` host: on this machine's files, in the network of the test. It becomes
    /// the child itself, so that killing the child kills it.
    #[must_use]
    pub fn soc_command(&self, argv: &[&str]) -> Command {
        if !self.isolated {
            return command(argv);
        }
        let namespace = self.namespace(SOC);
        let mut inside = vec!["ip", "netns", "exec", namespace.as_str()];
        inside.extend_from_slice(argv);
        command(&inside)
    }

    /// What is put before a command so that it runs in the network of the `soc` host.
    pub(crate) fn soc_prefix(&self) -> Vec<String> {
        if !self.isolated {
            return Vec::new();
        }
        ["ip", "netns", "exec"].map(str::to_owned).into_iter().chain([self.namespace(SOC)]).collect()
    }

    /// Runs a program on the `soc` host to its end, whatever its exit code.
    ///
    /// # Errors
    /// When it cannot be started or takes over a minute.
    pub fn on_soc(&self, argv: &[&str]) -> Result<Output> {
        run_with(&mut self.soc_command(argv), "", Duration::from_mins(1))
    }

    /// Makes the namespace of a host and plugs it into the bridge; returns its name.
    pub(crate) fn connect(&self, name: &str, number: u8) -> Result<String> {
        let (host, switch) = (self.namespace(name), self.namespace(SWITCH));
        let port = format!("port{number}");
        let address = format!("{}/24", self.address(number));
        ip(&["netns", "add", &host])?;
        ip(&["-n", &switch, "link", "add", &port, "type", "veth", "peer", "name", "eth0", "netns", &host])?;
        ip(&["-n", &switch, "link", "set", &port, "master", "bridge", "up"])?;
        ip(&["-n", &host, "address", "add", &address, "dev", "eth0"])?;
        ip(&["-n", &host, "link", "set", "eth0", "up"])?;
        ip(&["-n", &host, "link", "set", "lo", "up"])?;
        Ok(host)
    }

    fn namespace(&self, name: &str) -> String {
        format!("{}-{name}", self.run)
    }
}

impl Drop for Network {
    fn drop(&mut self) {
        if !self.isolated {
            return;
        }
        for name in crate::namespaces_of(&self.run).unwrap_or_default() {
            if let Err(error) = remove_namespace(&name) {
                println!("left behind: {error:#}");
            }
        }
    }
}

/// Why namespaces cannot be used, or `None`. Tries what the rig does: a network namespace, and a machine's own
/// mount, PID and host name namespaces.
fn refusal() -> Option<String> {
    if settings::loopback_forced() {
        return Some("PEERHOUND_TEST_LOOPBACK=1".to_owned());
    }
    if let Some(tool) =
        ["ip", "unshare", "nsenter", "pivot_root"].into_iter().find(|tool| find_tool(tool).is_none())
    {
        return Some(format!("{tool} is not installed"));
    }
    let probe = RunId::next().ok()?.to_string();
    let tried = run(&["ip", "netns", "add", &probe])
        .and_then(|_| run(&["ip", "-n", &probe, "link", "add", "bridge", "type", "bridge"]))
        .and_then(|_| {
            run(&[
                "unshare", "--net", "--mount", "--pid", "--fork", "--uts", "--ipc", "mount", "-t", "tmpfs",
                "tmpfs", "/mnt",
            ])
        });
    let _ = run(&["ip", "netns", "delete", &probe]);
    tried.err().map(|error| error.to_string().lines().last().unwrap_or("refused").trim().to_owned())
}

fn ip(arguments: &[&str]) -> Result<()> {
    let argv: Vec<&str> = std::iter::once("ip").chain(arguments.iter().copied()).collect();
    run(&argv).context("cannot build the test's network")?;
    Ok(())
}
