//! `peerhound cooldown`: which machines and users are left alone, until when and because of which case.

use std::collections::BTreeMap;

use anyhow::{Result, anyhow};
use casework::release::{Released, release};
use investigation::claim::{ClaimKey, ClaimKind};
use jiff::Timestamp;

use crate::args::CooldownCommand;
use crate::exit::{Exit, WithExit};
use crate::records::Records;
use crate::setup::Setup;
use crate::show::{self, minute, safe, table};

/// Runs the command.
pub(super) async fn run(store: &impl Records, setup: &Setup, command: &CooldownCommand) -> Result<Exit> {
    let now = Timestamp::now();
    match command {
        CooldownCommand::List => {
            let claims = store.claims(now).await?;
            if setup.json {
                claims.iter().for_each(show::json);
            } else if claims.is_empty() {
                show::lines(&["no claims in force".to_owned()]);
            } else {
                let rows: Vec<Vec<String>> = claims
                    .iter()
                    .map(|claim| {
                        let kind = match claim.kind {
                            ClaimKind::Lease => "lease",
                            ClaimKind::Cooldown => "cooldown",
                        };
                        let until = minute(claim.expires_at);
                        vec![safe(claim.key.as_str()), kind.to_owned(), until, claim.case_id.clone()]
                    })
                    .collect();
                table::print(&["KEY", "KIND", "UNTIL", "CASE"], &rows);
            }
        }
        CooldownCommand::Release { key } => {
            let parsed = ClaimKey::parse(key, &domains(setup, key)?).ok_or_else(|| {
                let text =
                    format!("{}: neither an address nor a user: write 10.20.3.7 or CORP\\alice", safe(key));
                anyhow!(text).context(WithExit(Exit::BadInput))
            })?;
            let released = release(store, &parsed, &setup.caller().await?, now).await;
            store.flush().await;
            match released? {
                Some(Released { claim, .. }) if setup.json => show::json(&claim),
                Some(Released { claim, unnoted }) => {
                    show::lines(&[format!(
                        "released {}: it belonged to case {} until {}; the next alert is investigated",
                        safe(claim.key.as_str()),
                        claim.case_id,
                        minute(claim.expires_at)
                    )]);
                    if let Some(why) = unnoted {
                        show::note(&format!("peerhound: the case's history does not say so: {why}"));
                    }
                }
                None => {
                    let text = format!(
                        "no claim on {} is in force: see `peerhound cooldown list`",
                        safe(parsed.as_str())
                    );
                    return Err(anyhow!(text).context(WithExit(Exit::BadInput)));
                }
            }
        }
    }
    Ok(Exit::Done)
}

/// The names of domains by which the policy's users are known: two spellings of a user are one key. An address needs
/// none, and so no policy.
fn domains(setup: &Setup, key: &str) -> Result<BTreeMap<String, String>> {
    match ClaimKey::parse(key, &BTreeMap::new()) {
        Some(parsed) if !parsed.is_user() => Ok(BTreeMap::new()),
        _ => Ok(setup.policy()?.users.domains),
    }
}
