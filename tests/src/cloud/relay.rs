//! The relay's machine: a node of Systems Manager in the network of the lab.

use std::fs;
use std::path::Path;

use anyhow::Result;
use emulator::ssm::{Node, SsmServer};

use super::RELAY;
use crate::lab::Lab;
use crate::workspace;

/// Registers the `soc` host as the relay. Its configuration lets it reach the company's network and no other.
pub(super) fn register(ssm: &SsmServer, lab: &Lab, folder: &Path) -> Result<String> {
    let loopback = if lab.network.isolated() { "" } else { "permit_loopback = true\n" };
    let endpoint = &lab.endpoint;
    let config = format!(
        "version = 1\nname = \"{RELAY}\"\nstaging_dir = \"{}\"\nmin_free_bytes = 1048576\n\
         [scope]\nnetworks = [\"{}\"]\n{loopback}\
         [ssh]\nuser = \"{}\"\nport = {}\nidentity_files = [\"{}\"]\nknown_hosts = \"{}\"\nconnect_timeout = \"5s\"\n",
        folder.join("relay-staging").display(),
        lab.network.company(),
        endpoint.user(),
        endpoint.port(),
        endpoint.identity().display(),
        endpoint.known_hosts().display(),
    );
    let config_file = folder.join("relay.toml");
    fs::write(&config_file, config)?;
    let enter = folder.join("enter-relay.sh");
    fs::write(&enter, include_str!("enter-relay.sh"))?;
    let program = workspace::profile()?.join("peerhound-relay");
    let mut prefix = lab.network.soc_prefix();
    let words = ["unshare", "--mount", "--", "sh"].map(str::to_owned);
    prefix.extend(words);
    prefix.extend([&enter, &program, &config_file].map(|path| path.to_string_lossy().into_owned()));
    let mut node = Node::new("relay-1", folder).tag("PeerhoundRelay", RELAY);
    node.prefix = prefix;
    Ok(ssm.register(node)?)
}
