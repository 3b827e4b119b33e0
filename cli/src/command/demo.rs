//! `peerhound demo`: the whole way on this very machine, twice, so that the second run shows the suppression.

use std::net::IpAddr;
use std::path::Path;
use std::sync::Arc;

use anyhow::{Context, Result};
use jiff::{SignedDuration, Timestamp};

use super::investigate::investigate;
use crate::exit::Exit;
use crate::setup::Setup;
use crate::show::printer::Printer;
use crate::show::progress::Progress;
use crate::show::{self, paint};

/// Runs the command.
pub(super) async fn run(setup: &Setup, dir: &Path) -> Result<Exit> {
    std::fs::create_dir_all(dir).with_context(|| format!("cannot make {}", dir.display()))?;
    let here = own_address().context("cannot list this machine's addresses")?;
    let policy_file = dir.join("peerhound.toml");
    std::fs::write(&policy_file, policy(here))
        .with_context(|| format!("cannot write {}", policy_file.display()))?;

    let say = |text: &str| {
        if !setup.json {
            show::lines(&[paint::bold(text)]);
        }
    };
    let setup = setup.with_policy(policy_file);
    let policy = setup.policy()?;
    let progress = Arc::new(Progress::new(setup.json));
    let worker = Arc::new(setup.worker(policy, progress.clone())?);
    let mut printer = Printer::new(setup.json, progress);

    say(&format!("1. A sensor says that this machine ({here}) talks BitTorrent. Peerhound looks:"));
    let first = dir.join("alert-1.json");
    let now = Timestamp::now();
    std::fs::write(&first, alert(here, now)).with_context(|| format!("cannot write {}", first.display()))?;
    investigate(&worker, vec![first.display().to_string()], 1, &mut printer).await?;

    say("\n2. A minute later the sensor says it again:");
    let second = dir.join("alert-2.json");
    let minute_later = now.checked_add(SignedDuration::from_mins(1))?;
    std::fs::write(&second, alert(here, minute_later))
        .with_context(|| format!("cannot write {}", second.display()))?;
    investigate(&worker, vec![second.display().to_string()], 1, &mut printer).await?;

    if !setup.json {
        let at = |name: &str| worker.performer.places.data.join(name).display().to_string();
        let policy = setup.policy_file.display();
        show::lines(&[
            paint::bold("\nWhere things lie:"),
            format!("  policy          {policy}"),
            format!("  evidence (zip)  {}", worker.performer.places.evidence.display()),
            "  report          report.html inside the zip, or `peerhound case report`".to_owned(),
            format!("  mail, ticket    {}", worker.performer.places.outbox.display()),
            format!("  database        {}", at("peerhound.db")),
            paint::bold("\nGo on with:"),
            format!("  peerhound --policy {policy} case list"),
            format!("  peerhound --policy {policy} cooldown list"),
            format!("  peerhound verify {}/*.zip", worker.performer.places.evidence.display()),
        ]);
    }
    Ok(printer.exit())
}

/// The address that this machine is reached by: private before public, IPv4 before IPv6, loopback if there is no
/// other.
fn own_address() -> std::io::Result<IpAddr> {
    let rank = |ip: &IpAddr| match ip {
        IpAddr::V4(ip) if ip.is_loopback() => 9,
        IpAddr::V4(ip) if ip.is_link_local() => 8,
        IpAddr::V4(ip) if ip.is_private() => 0,
        IpAddr::V4(_) => 1,
        IpAddr::V6(ip) if ip.is_loopback() => 10,
        IpAddr::V6(ip) if ip.is_unicast_link_local() => 8,
        IpAddr::V6(_) => 2,
    };
    let addresses = if_addrs::get_if_addrs()?.into_iter().map(|interface| interface.ip());
    let usable = addresses.filter(|ip| rank(ip) != 8).min_by_key(rank);
    Ok(usable.unwrap_or(IpAddr::from([127, 0, 0, 1])))
}

/// A policy for this machine alone. Its data folder lies beside it, and mail and ticket go to the outbox.
fn policy(here: IpAddr) -> String {
    let bits = if here.is_ipv4() { 32 } else { 128 };
    let loopback = if here.is_loopback() { "permit_loopback = true\n" } else { "" };
    format!(
        "# Written by `peerhound demo`: this machine and nothing else.
version = 1
[scope]
networks = [\"{here}/{bits}\"]
{loopback}[users]
mail = \"{{user}}@example.com\"
[mail]
soc = [\"soc@example.com\"]
[actions]
false_positive = [\"mail_soc\"]
[collection.limits]
artifact_seconds = 120
"
    )
}

/// An alert as Suricata writes it. The peer is an address kept for documentation: nothing is sent there.
fn alert(here: IpAddr, at: Timestamp) -> String {
    let peer = if here.is_ipv4() { "203.0.113.7" } else { "2001:db8::7" };
    let alert = serde_json::json!({
        "timestamp": at.to_string(),
        "event_type": "alert",
        "src_ip": here.to_string(),
        "src_port": 51413,
        "dest_ip": peer,
        "dest_port": 6881,
        "proto": "TCP",
        "alert": {
            "signature_id": 9_000_001,
            "signature": "DEMO P2P BitTorrent peer handshake",
            "category": "Potential Corporate Privacy Violation",
            "severity": 1
        }
    });
    format!("{alert}\n")
}
