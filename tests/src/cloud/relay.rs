//! The relay's machine: a node of Systems Manager in the network of the lab.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use anyhow::Result;
use emulator::ssm::{Behaviour, Node, Ping, SsmServer};

use super::{ODD, RELAY};
use crate::lab::Lab;
use crate::workspace;

/// Registers the `soc` host as the relay. Its configuration lets it reach the company's network and no other.
pub(super) fn register(ssm: &SsmServer, lab: &Lab, folder: &Path) -> Result<String> {
    let loopback = if lab.network.isolated() { "" } else { "permit_loopback = true\n" };
    let endpoint = &lab.endpoint;
    let config = format!(
        "version = 1\nname = \"{RELAY}\"\nstaging_dir = \"{}\"\nmin_free_bytes = 1048576\n\
         [remediation]\nallow = [\"stop_process\"]\n[scope]\nnetworks = [\"{}\"]\n{loopback}\
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
    fs::write(folder.join("enter-relay.sh"), include_str!("enter-relay.sh"))?;
    let mut node = Node::new("relay-1", folder).tag("PeerhoundRelay", RELAY);
    node.prefix = enter(lab, folder, &config_file)?;
    Ok(ssm.register(node)?)
}

/// Registers the relays that behave oddly.
pub(super) fn register_odd(
    ssm: &SsmServer,
    lab: &Lab,
    folder: &Path,
) -> Result<BTreeMap<&'static str, String>> {
    let mut nodes = BTreeMap::new();
    for (name, _) in ODD {
        let mut node = Node::new(name, folder).tag("PeerhoundRelay", name);
        match name {
            // Nobody registered them.
            "unknown" | "nobody" => continue,
            "hangs" | "corrupt" => node.behaviour = Behaviour::Hangs,
            // Says that it did what it did not.
            "silent" => node.prefix = vec!["true".to_owned()],
            // Works like the other, once it is there or its machines answer. For those it has more patience than
            // Systems Manager has for it.
            _ => {
                let config = fs::read_to_string(folder.join("relay.toml"))?;
                let own = folder.join(format!("relay-{name}.toml"));
                let config = config
                    .replace(&format!("name = \"{RELAY}\""), &format!("name = \"{name}\""))
                    .replace("relay-staging", &format!("relay-{name}-staging"))
                    .replace("connect_timeout = \"5s\"", "connect_timeout = \"10m\"");
                fs::write(&own, config)?;
                node.prefix = enter(lab, folder, &own)?;
            }
        }
        let id = ssm.register(node)?;
        if name == "offline" {
            ssm.set_ping(&id, Ping::ConnectionLost);
        }
        nodes.insert(name, id);
    }
    Ok(nodes)
}

/// What is put before a step, so that it finds the relay where the document says.
fn enter(lab: &Lab, folder: &Path, config: &Path) -> Result<Vec<String>> {
    let (enter, program) = (folder.join("enter-relay.sh"), workspace::profile()?.join("peerhound-relay"));
    let mut prefix = lab.network.soc_prefix();
    prefix.extend(["unshare", "--mount", "--", "sh"].map(str::to_owned));
    prefix.extend([&*enter, &*program, config].map(|path| path.to_string_lossy().into_owned()));
    Ok(prefix)
}
