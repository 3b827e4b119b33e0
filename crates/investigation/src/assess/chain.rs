//! From the alert's flow to a person: alert → machine → socket → process → image → user, and where it breaks.

use super::Question;
use super::gaps::{staleness, words};
use super::rules::who;
use super::scene::{Scene, bare_user};
use super::verdict::Link;
use crate::text::one_line;

/// The chain of the socket that belongs to the alert most, up to the first link that does not hold.
pub(super) fn chain(question: &Question<'_>, scene: &Scene<'_>) -> Vec<Link> {
    let mut links = Vec::new();
    let mut link = |name: &str, said: Result<String, String>| {
        let holds = said.is_ok();
        let says = said.unwrap_or_else(|why| why);
        links.push(Link { link: name.to_owned(), holds, says: one_line(&says, 300) });
        holds
    };
    if link("flow", flow(question)) && link("machine", machine(question, scene)) {
        follow(question, scene, &mut link);
    }
    links
}

fn follow(
    question: &Question<'_>,
    scene: &Scene<'_>,
    link: &mut impl FnMut(&str, Result<String, String>) -> bool,
) {
    if !scene.saw_sockets {
        link("socket", Err("there is no socket list".to_owned()));
        return;
    }
    // With an owner before without one: the chain is to go as far as it can.
    let tied = scene.sockets.iter().filter(|held| held.tie.is_some());
    let Some(held) = tied.max_by_key(|held| (held.owner.is_some(), held.tie, std::cmp::Reverse(held.row)))
    else {
        link(
            "socket",
            Err("no socket of the endpoint is the alert's: it was closed, or was never there".to_owned()),
        );
        return;
    };
    let row = format!("row {} of the socket list", held.row);
    if let Some(delay) = staleness(question) {
        link("socket", Err(format!("{row} fits, but was seen {} after the alert", words(delay))));
        return;
    }
    link("socket", Ok(row));
    let Some(owner) = held.owner.and_then(|owner| scene.owners.get(owner)) else {
        link("process", Err("nobody is named as the socket's owner".to_owned()));
        return;
    };
    let process = match (owner.row, owner.doubts.is_empty()) {
        (Some(row), true) => Ok(format!("{}, row {row} of the process list", who(owner))),
        (Some(row), false) => {
            Ok(format!("{}, row {row} of the process list, but {}", who(owner), owner.doubts.join("; ")))
        }
        (None, _) => Err(format!("{}: {}", who(owner), owner.doubts.join("; "))),
    };
    if !link("process", process) {
        return;
    }
    let Some(path) = owner.process.path.clone() else {
        link("image", Err("the path of the process's image could not be read".to_owned()));
        return;
    };
    let signer =
        owner.process.signer.as_ref().map(|signer| format!(", signed by {signer}")).unwrap_or_default();
    let hash = owner.process.sha256.as_ref().map(|hash| format!(", SHA-256 {hash}")).unwrap_or_default();
    link("image", Ok(format!("{path}{hash}{signer}")));
    link("user", user(scene, owner.process.user.as_deref()));
}

fn flow(question: &Question<'_>) -> Result<String, String> {
    let port =
        |port: Option<u16>| port.map_or_else(|| "port unknown".to_owned(), |port| format!("port {port}"));
    let (target, peer) = (question.target.to_canonical(), question.peer_ip.map(|ip| ip.to_canonical()));
    match peer {
        Some(peer) => Ok(format!(
            "{target} ({}) with {peer} ({})",
            port(question.target_port),
            port(question.peer_port)
        )),
        None if question.target_port.is_some() => {
            Ok(format!("{target} ({}), the peer is not named", port(question.target_port)))
        }
        None => Err("the alert names neither a peer nor a port".to_owned()),
    }
}

fn machine(question: &Question<'_>, scene: &Scene<'_>) -> Result<String, String> {
    let target = question.target.to_canonical();
    let identity = scene.identity.ok_or("the endpoint did not say who it is")?;
    if let Some(why) = scene.other_machine() {
        return Err(why);
    }
    let held = identity.addresses.iter().any(|ip| ip.to_canonical() == target);
    if !identity.addresses.is_empty() && !held {
        return Err(format!("the endpoint does not hold {target}"));
    }
    let proven = if held { "holds the address" } else { "does not say which addresses it holds" };
    Ok(format!("{} {proven}", identity.host_name))
}

fn user(scene: &Scene<'_>, user: Option<&str>) -> Result<String, String> {
    let user = user.ok_or("the account that the process runs as is not known")?;
    let sessions = scene.identity.map(|identity| identity.users.as_slice()).unwrap_or_default();
    let logged_in = sessions.iter().any(|session| session.name.to_lowercase() == bare_user(user));
    Ok(if logged_in {
        format!("{user}, who is logged in")
    } else {
        format!("{user}, without a session of its own")
    })
}
