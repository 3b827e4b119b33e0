//! The name of an endpoint, which a ticket is for. An alert has an address, and whoever can spoof an alert can choose it:
//! a name counts only if it is expected, and if it leads back to the address.

use std::net::IpAddr;
use std::time::Duration;

use investigation::scope::fold;
use investigation::text::one_line;
use tokio::time::timeout;

use super::hosts::Hosts;

/// Most addresses of a name that are looked at.
const ADDRESSES: usize = 64;

/// Why an address has no name that counts.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(in crate::transport) enum NoName {
    /// Nothing knows one.
    #[error("its address has no name in DNS ({0})")]
    Unknown(String),
    /// It has one that none should have.
    #[error("its address is called {0}, which is not among expected_hosts")]
    Unexpected(String),
    /// The name is another machine's, or of none.
    #[error("its address is called {0}, and that name does not lead back to it")]
    NotItsOwn(String),
    /// The resolver takes too long.
    #[error("the look-up of its name took longer than {0} s")]
    Late(u64),
}

/// Looks up the name of an address through the system's resolver. It is in lower case, and one of `expected`.
pub(in crate::transport) async fn verified(
    target: IpAddr,
    expected: &Hosts,
    patience: Duration,
) -> Result<String, NoName> {
    let late = |_| NoName::Late(patience.as_secs());
    let unknown = |why: String| NoName::Unknown(one_line(&why, 100));
    let reverse = tokio::task::spawn_blocking(move || dns_lookup::lookup_addr(&target));
    let name = timeout(patience, reverse).await.map_err(late)?;
    let name = name.map_err(|error| unknown(error.to_string()))?;
    let name = host(&name.map_err(|error| unknown(std::io::Error::from(error).to_string()))?);
    let name = name.map_err(NoName::Unexpected)?;
    if !expected.contains(&name) {
        return Err(NoName::Unexpected(name));
    }
    if leads_to(&name, target, patience).await.map_err(late)? {
        Ok(name)
    } else {
        Err(NoName::NotItsOwn(name))
    }
}

async fn leads_to(
    name: &str,
    target: IpAddr,
    patience: Duration,
) -> Result<bool, tokio::time::error::Elapsed> {
    let addresses = timeout(patience, tokio::net::lookup_host((name, 0))).await?;
    let is_it = |found: std::net::SocketAddr| fold(found.ip()) == fold(target);
    Ok(addresses.is_ok_and(|found| found.take(ADDRESSES).any(is_it)))
}

/// A name as a service's is written, or how to show what is none.
fn host(name: &str) -> Result<String, String> {
    let folded = name.trim_end_matches('.').to_ascii_lowercase();
    let fits = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    let is_host = !folded.is_empty() && folded.len() <= 253 && folded.chars().all(fits);
    if is_host { Ok(folded) } else { Err(one_line(name, 80)) }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PATIENCE: Duration = Duration::from_secs(10);

    #[tokio::test]
    async fn a_name_counts_if_it_is_expected_and_leads_back() {
        let here = IpAddr::from([127, 0, 0, 1]);
        let expected = |name: &str| Hosts::new(&[name.to_owned()]);
        assert_eq!(verified(here, &expected("LOCALHOST"), PATIENCE).await.as_deref(), Ok("localhost"));
        let other = verified(here, &expected("*.corp.example.com"), PATIENCE).await;
        assert_eq!(other, Err(NoName::Unexpected("localhost".into())));
        // No name is ever given to an address for documentation.
        let none = verified(IpAddr::from([192, 0, 2, 77]), &expected("*.example.com"), PATIENCE).await;
        assert!(matches!(none, Err(NoName::Unknown(_) | NoName::Late(_))), "{none:?}");
    }

    #[test]
    fn a_name_is_a_hosts_and_nothing_else() {
        assert_eq!(host("WS1.Corp.Example.com."), Ok("ws1.corp.example.com".into()));
        for name in ["", ".", "a/b", "a@B", "ws1 x", "ws1\n", "wsä", "*.corp", "a\u{1b}[2J"] {
            assert!(host(name).is_err_and(|shown| !shown.contains(char::is_control)), "{name:?}");
        }
    }
}
