//! Lists of addresses that are fetched again and again: what a SIEM gives as an active list, a lookup table or a query
//! table.
//!
//! Each address on a list is one alert a day. One that has gone from the list before its turn came is left alone: the
//! list says who is suspected now. A fetch that failed, or of which something could not be read, withdraws nobody.

use std::collections::BTreeSet;
use std::path::Path;

use investigation::alert::SiteFormat;
use investigation::alert::framing::Unreadable;
use investigation::case::Disposition;
use investigation::policy::List;
use jiff::Timestamp;
use reqwest::header::USER_AGENT;
use reqwest::redirect::Policy;
use reqwest::{Client, Url};

use crate::backend::{Backend, Received, StoreError};
use crate::deliver::{install_crypto, is_loopback, secret, with_causes};
use crate::records::{Reading, read_records};

/// Longest list, in bytes.
const MAX_LIST: usize = 16 << 20;
/// Most alerts that wait and are looked through for those of a list.
const MAX_WAITING: usize = 1_000_000;

/// What one look at a list came to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Looked {
    /// Addresses on it.
    pub listed: usize,
    /// Records of it that could not be read.
    pub unreadable: usize,
    /// Alerts that waited, whose address has gone from the list.
    pub withdrawn: usize,
}

/// Fetches a list. `folder` is where relative paths start.
///
/// # Errors
/// One line.
pub async fn fetch(list: &List, folder: &Path) -> Result<Vec<u8>, String> {
    if !list.is_remote() {
        let path = folder.join(&list.url);
        let failed = |error: std::io::Error| format!("{}: {error}", path.display());
        let size = tokio::fs::metadata(&path).await.map_err(failed)?.len();
        if size > MAX_LIST as u64 {
            return Err(too_long());
        }
        return tokio::fs::read(&path).await.map_err(failed);
    }
    // The URL may hold a secret, so only its host is ever shown.
    let url = Url::parse(&list.url).map_err(|_| "its url is not a URL".to_owned())?;
    let host = url.host_str().unwrap_or_default().to_owned();
    let header = match &list.header_file {
        Some(_) if url.scheme() == "http" && !is_loopback(&host) => {
            return Err("a secret header is not sent over an unprotected connection: use https".to_owned());
        }
        Some(file) => {
            let line = secret::read(&folder.join(file), "header file").map_err(|error| error.to_string())?;
            let (name, value) =
                line.split_once(':').ok_or("header_file holds no header: write `Name: value`")?;
            Some((name.trim().to_owned(), value.trim().to_owned()))
        }
        None => None,
    };
    let token = match &list.token_file {
        Some(_) if url.scheme() == "http" && !is_loopback(&host) => {
            return Err("a token is not sent over an unprotected connection: use https".to_owned());
        }
        Some(file) => {
            let token = secret::read(&folder.join(file), "token file").map_err(|error| error.to_string())?;
            Some(token)
        }
        None => None,
    };
    let failed = |error: reqwest::Error| format!("{host}: {}", with_causes(&error.without_url()));
    install_crypto();
    let client = Client::builder().redirect(Policy::none()).timeout(list.timeout.duration()).no_proxy();
    let mut request = client.build().map_err(failed)?.get(url);
    request = request.header(USER_AGENT, concat!("peerhound/", env!("CARGO_PKG_VERSION")));
    if let Some(token) = &token {
        request = request.bearer_auth(token);
    }
    if let Some((name, value)) = header {
        request = request.header(name, value);
    }
    let mut response = request.send().await.map_err(failed)?;
    if !response.status().is_success() {
        return Err(format!("{host} answered {}", response.status()));
    }
    let mut body = Vec::new();
    while let Some(piece) = response.chunk().await.map_err(failed)? {
        body.extend_from_slice(&piece);
        if body.len() > MAX_LIST {
            return Err(too_long());
        }
    }
    Ok(body)
}

fn too_long() -> String {
    format!("longer than {} MiB: no list of suspects is that long", MAX_LIST >> 20)
}

/// Takes in what a list says now: new addresses wait as alerts, and alerts that wait and are on it no more are
/// withdrawn.
///
/// # Errors
/// When the store fails; the next look does it again.
pub async fn apply(
    list: &List,
    body: &[u8],
    formats: &[SiteFormat],
    store: &impl Backend,
    now: Timestamp,
) -> Result<Looked, StoreError> {
    let origin = origin(list);
    let moment = format!("{}@{}", list.name, now.strftime("%Y-%m-%d"));
    let reading = Reading { origin: &origin, moment: &moment, formats, passed_over: None, once: true };
    let mut records: Vec<Received> = Vec::new();
    read_records(reading, body, &mut |record| {
        records.push(record);
        true
    });
    // A list with nobody on it is a list.
    let is_empty = |record: &Received| {
        record.content.as_ref().is_err_and(|unread| unread.reason == Unreadable::Empty.to_string())
    };
    records.retain(|record| !is_empty(record));
    let unreadable = records.iter().filter(|record| record.content.is_err()).count();
    let listed: BTreeSet<_> = records
        .iter()
        .filter_map(|record| record.content.as_ref().ok())
        .filter_map(|alert| alert.source_ip.or(alert.destination_ip))
        .collect();
    let mut looked = Looked { listed: listed.len(), unreadable, withdrawn: 0 };
    if !records.is_empty() {
        store.take_in(records, now).await?;
    }
    if unreadable > 0 {
        return Ok(looked);
    }
    let of_line = format!("{origin}, line ");
    for row in store.waiting(MAX_WAITING).await? {
        let from_list = row.origin == origin || row.origin.starts_with(&of_line);
        let address = row.alert.as_ref().and_then(|alert| alert.source_ip.or(alert.destination_ip));
        if from_list && address.is_none_or(|ip| !listed.contains(&ip)) {
            let reason = format!("{origin} does not name it any more");
            store.settle(&row.id, &Disposition::Withdrawn { reason }, now).await?;
            looked.withdrawn += 1;
        }
    }
    Ok(looked)
}

/// What the list is called as an origin of alerts.
fn origin(list: &List) -> String {
    format!("list {}", list.name)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::backend::local::Local;

    fn list(url: &str) -> List {
        toml_list(&format!("name = 'p2p'\nurl = '{url}'"))
    }

    fn toml_list(text: &str) -> List {
        let text = format!("version = 1\n[scope]\nnetworks = ['10.0.0.0/8']\n[[list]]\n{text}");
        investigation::policy::Policy::parse(&text).unwrap().list.remove(0)
    }

    async fn waiting(store: &Local) -> Vec<String> {
        let rows = store.waiting(100).await.unwrap();
        rows.iter().map(|row| row.alert.as_ref().unwrap().source_ip.unwrap().to_string()).collect()
    }

    #[tokio::test]
    async fn a_list_that_shrinks_is_honoured_and_one_that_breaks_is_not() {
        let folder = tempfile::tempdir().unwrap();
        let (store, list) = (Local::open(folder.path()).unwrap(), list("p2p.txt"));
        let now: Timestamp = "2026-03-02T09:00:00Z".parse().unwrap();
        let look = async |body: &str| apply(&list, body.as_bytes(), &[], &store, now).await.unwrap();
        look("10.0.0.5\n10.0.0.6\n10.0.0.7\n").await;
        assert_eq!(waiting(&store).await, ["10.0.0.5", "10.0.0.6", "10.0.0.7"]);
        // The same again is nothing new, in whatever order.
        look("10.0.0.7\n10.0.0.5\n10.0.0.6\n").await;
        assert_eq!(waiting(&store).await.len(), 3);
        // An error page is no list.
        let looked = look("<html>Please log in</html>\n").await;
        assert_eq!((looked.withdrawn, looked.unreadable), (0, 1));
        let looked = look("10.0.0.6\n").await;
        assert_eq!((looked.withdrawn, waiting(&store).await), (2, vec!["10.0.0.6".to_owned()]));
        let looked = look("# nobody\n").await;
        assert_eq!((looked.withdrawn, waiting(&store).await.len()), (1, 0));
    }

    #[tokio::test]
    async fn whoever_stays_on_a_list_is_an_alert_again_the_next_day() {
        let folder = tempfile::tempdir().unwrap();
        let (store, list) = (Local::open(folder.path()).unwrap(), list("p2p.txt"));
        for (at, wait) in
            [("2026-03-02T09:00:00Z", 1), ("2026-03-02T23:59:59Z", 1), ("2026-03-03T00:00:00Z", 2)]
        {
            apply(&list, b"10.0.0.5", &[], &store, at.parse().unwrap()).await.unwrap();
            assert_eq!(waiting(&store).await.len(), wait, "{at}");
        }
    }

    #[tokio::test]
    async fn what_cannot_be_fetched_says_why_and_shows_no_secret() {
        let folder = tempfile::tempdir().unwrap();
        let missing = fetch(&list("missing.txt"), folder.path()).await.unwrap_err();
        assert!(missing.contains("missing.txt"), "{missing}");
        let refused = fetch(&list("http://127.0.0.1:1/list?key=hunter2"), folder.path()).await.unwrap_err();
        assert!(refused.contains("127.0.0.1") && !refused.contains("hunter2"), "{refused}");
        let plain = toml_list("name = 'p2p'\nurl = 'http://siem.example.com/'\ntoken_file = 'token'");
        assert!(fetch(&plain, folder.path()).await.unwrap_err().contains("https"));
    }
}
