//! `peerhound serve`: what is on record, in a browser.
//!
//! ```text
//! request ─► limits (listen) ─► guard: host, session, origin ─► a page ─► headers that allow no script at all
//! ```
//!
//! The pages are plain HTML: links, forms and one stylesheet. They only look, but for releasing a cooldown, which is
//! what `cooldown release` does, and for approving by a signed link, which is what `approve` does.

mod about;
mod access;
mod approving;
mod chosen;
mod evidence;
mod failure;
mod guard;
mod listen;
mod pages;
mod routes;
mod site;
mod token;

use std::sync::Arc;

use anyhow::{Context, Result, anyhow};
use hyper::Uri;
use investigation::text::one_line;
use jiff::Timestamp;

use self::about::About;
use self::access::Access;
use self::approving::Approving;
use self::evidence::Evidence;
use self::guard::Names;
use self::listen::Listening;
use self::site::Site;
use crate::args::Serve;
use crate::exit::{Exit, WithExit};
use crate::records::Records;
use crate::setup::Setup;
use crate::show;

/// Runs the command.
pub(super) async fn run(setup: &Setup, args: &Serve) -> Result<Exit> {
    match &setup.deployment_file {
        None => {
            let policy = setup.policy()?;
            let store = setup.store(&policy)?;
            let approving = setup.link_key(&policy)?.map(|key| Approving { policy, key });
            serve(setup, args, store, Evidence::Folder, approving).await
        }
        #[cfg(feature = "aws")]
        Some(_) => {
            let deployed = setup.deployed().await?;
            let evidence = Evidence::Buckets(deployed.clients.s3().clone());
            // Links are made on one machine; see docs/approvals.md.
            serve(setup, args, deployed.store, evidence, None).await
        }
        #[cfg(not(feature = "aws"))]
        Some(_) => Err(super::without_aws()),
    }
}

async fn serve<S: Records>(
    setup: &Setup,
    args: &Serve,
    store: S,
    evidence: Evidence,
    approving: Option<Approving>,
) -> Result<Exit> {
    let proxy = args.behind_proxy.as_deref().map(public_name).transpose()?;
    if proxy.is_none() && !args.listen.ip().is_loopback() {
        let text = format!(
            "--listen {}: evidence and token would cross the network unprotected: listen on 127.0.0.1 or [::1], or put a \
             proxy with TLS in front and name what people type, such as --behind-proxy https://cases.corp.example",
            args.listen
        );
        return Err(bad_input(text));
    }
    let operator = operator(setup, args)?;
    let token = token::of(args.token_file.as_deref())?;
    let listening = Listening::open(args.listen).await?;
    let address = listening.address()?;
    let names = Names::new(address, proxy.as_deref());
    let url = names.url();
    let site = Arc::new(Site::new(
        store,
        evidence,
        approving,
        Access::new(&token.text, address.port(), names.is_secure()),
        names,
        |place| About { place, operator, started_at: Timestamp::now() },
    ));
    announce(setup.json, &url, &token);
    drop(token);
    listening.serve(routes::router(Arc::clone(&site)), super::watch::stopped()).await;
    site.store.flush().await;
    Ok(Exit::Done)
}

/// Says where the browser has to go. A token that was made here is shown this one time.
fn announce(json: bool, url: &str, token: &token::Token) {
    let login = format!("{url}/login?token={}", token.text);
    match (&token.file, json) {
        (None, true) => show::json(&serde_json::json!({ "url": login })),
        (Some(_), true) => show::json(&serde_json::json!({ "url": url })),
        (None, false) => show::lines(&[
            format!("Open {login}"),
            "Whoever has this address may see everything and release cooldowns. Ctrl-C ends it.".to_owned(),
        ]),
        (Some(file), false) => {
            show::lines(&[format!("Open {url}/ and log in with the token in {}", file.display())]);
        }
    }
}

/// Who releases cooldowns here.
fn operator(setup: &Setup, args: &Serve) -> Result<String> {
    let named = args.operator.as_deref().or(setup.operator()).map(str::trim).filter(|name| !name.is_empty());
    let named = named.ok_or_else(|| {
        bad_input("nobody knows who you are: say it with --as NAME, for the history of cases".to_owned())
    })?;
    Ok(one_line(named, 80))
}

/// `host[:port]` of the address that people type, lower case.
fn public_name(url: &str) -> Result<String> {
    let wrong = || {
        let text =
            "--behind-proxy: write what people type, https and a name, such as https://cases.corp.example";
        bad_input(text.to_owned())
    };
    let uri: Uri = url.parse().map_err(|_| wrong())?;
    let plain = matches!(uri.path(), "" | "/") && uri.query().is_none();
    let authority = uri.authority().filter(|_| plain && uri.scheme_str() == Some("https"));
    let authority = authority.filter(|authority| !authority.as_str().contains('@')).ok_or_else(wrong)?;
    let name = authority.as_str().to_ascii_lowercase();
    Ok(name.strip_suffix(":443").map(str::to_owned).unwrap_or(name))
}

fn bad_input(text: String) -> anyhow::Error {
    anyhow!(text).context(WithExit(Exit::BadInput))
}

/// Random bytes that cannot be guessed, in hexadecimal.
fn secret() -> Result<String> {
    let mut bytes = [0; 32];
    getrandom::fill(&mut bytes).map_err(|error| anyhow!("{error}")).context("no random numbers to be had")?;
    Ok(data_encoding::HEXLOWER.encode(&bytes))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_people_type_is_https_and_a_name_and_nothing_else() {
        let name = |url| public_name(url).ok();
        assert_eq!(name("https://Cases.corp.example").as_deref(), Some("cases.corp.example"));
        assert_eq!(name("https://cases.corp.example:443/").as_deref(), Some("cases.corp.example"));
        assert_eq!(name("https://cases.corp.example:8443").as_deref(), Some("cases.corp.example:8443"));
        for wrong in ["http://a.example", "a.example", "https://a.example/cases", "https://u@a.example", ""] {
            assert_eq!(name(wrong), None, "{wrong}");
        }
    }
}
