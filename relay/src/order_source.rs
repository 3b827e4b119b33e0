//! Where a run gets its orders from.

use std::fs::File;
use std::io::{self, Read};
use std::path::PathBuf;
use std::str::FromStr;

use investigation::order::{BatchError, LinkError, MAX_BATCH_BYTES, OrderBatch, OrderLink};

/// The environment variable that Systems Manager sets from the document's parameter `Order`, which has
/// `interpolationType: ENV_VAR`. An agent that is too old for that leaves it unset.
pub const SSM_VARIABLE: &str = "SSM_Order";

/// Where the orders are named: `env:NAME`, a file, or `-` for standard input.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum OrderSource {
    /// An environment variable with an encoded link.
    Environment(String),
    /// A file with an encoded link, or with the batch itself.
    File(PathBuf),
    /// The same from standard input.
    Stdin,
}

/// What a source holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Orders {
    /// Where to fetch the batch.
    Link(OrderLink),
    /// The batch. Only somebody on the relay itself can hand one over like this.
    Batch(OrderBatch),
}

/// Why there are no orders.
#[derive(Debug, thiserror::Error)]
pub enum OrderSourceError {
    /// The variable is unset or empty. Nothing is done.
    #[error(
        "{0} is not set; Systems Manager's agent sets it from version 3.3.2746.0 on: update the agent, or name another \
         source with --order-from"
    )]
    Unset(String),
    /// The file or standard input cannot be read.
    #[error("cannot read the orders from {from}")]
    Unreadable {
        /// The file, or `standard input`.
        from: String,
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// It names no order file.
    #[error(transparent)]
    Link(#[from] LinkError),
    /// It looks like a batch and is none.
    #[error(transparent)]
    Batch(#[from] BatchError),
}

impl FromStr for OrderSource {
    type Err = std::convert::Infallible;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Ok(match text.strip_prefix("env:") {
            Some(name) => Self::Environment(name.to_owned()),
            None if text == "-" => Self::Stdin,
            None => Self::File(text.into()),
        })
    }
}

impl OrderSource {
    /// Reads the source. `variable` looks up one environment variable.
    ///
    /// # Errors
    /// When it cannot be read, or holds no orders.
    pub fn read(&self, variable: impl Fn(&str) -> Option<String>) -> Result<Orders, OrderSourceError> {
        let unreadable = |from: String, source| OrderSourceError::Unreadable { from, source };
        match self {
            Self::Environment(name) => {
                let text = variable(name).filter(|text| !text.is_empty());
                let text = text.ok_or_else(|| OrderSourceError::Unset(name.clone()))?;
                Ok(Orders::Link(OrderLink::decode(&text)?))
            }
            Self::File(path) => {
                let from = || path.display().to_string();
                let file = File::open(path).map_err(|source| unreadable(from(), source))?;
                parse(&capped(file).map_err(|source| unreadable(from(), source))?)
            }
            Self::Stdin => {
                let text =
                    capped(io::stdin()).map_err(|source| unreadable("standard input".to_owned(), source))?;
                parse(&text)
            }
        }
    }
}

fn parse(bytes: &[u8]) -> Result<Orders, OrderSourceError> {
    let bytes = bytes.trim_ascii();
    if bytes.first() == Some(&b'{') || bytes.len() as u64 > MAX_BATCH_BYTES {
        return Ok(Orders::Batch(OrderBatch::parse(bytes)?));
    }
    let text = std::str::from_utf8(bytes).map_err(|_| LinkError::NotBase64)?;
    Ok(Orders::Link(OrderLink::decode(text)?))
}

/// As much as is looked at; what is longer is seen to be too long.
fn capped(from: impl Read) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    from.take(MAX_BATCH_BYTES + 1).read_to_end(&mut bytes)?;
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn link() -> OrderLink {
        OrderLink { url: "https://b.example/o?X-Amz-Signature=5ec3e7".to_owned(), sha256: "0a".repeat(32) }
    }

    #[test]
    fn a_source_is_spelled_in_three_ways() {
        assert_eq!("env:SSM_Order".parse(), Ok(OrderSource::Environment("SSM_Order".to_owned())));
        assert_eq!("-".parse(), Ok(OrderSource::Stdin));
        assert_eq!("orders/1.json".parse(), Ok(OrderSource::File("orders/1.json".into())));
    }

    #[test]
    fn an_unset_variable_ends_the_run() {
        let source = OrderSource::Environment(SSM_VARIABLE.to_owned());
        for value in [None, Some(String::new())] {
            let error = source.read(|_| value.clone()).unwrap_err();
            assert!(matches!(&error, OrderSourceError::Unset(name) if name == "SSM_Order"), "{error}");
        }
        // What an agent does that knows no such parameters, and what a wrong document would do.
        for value in ["{{ Order }}", "{\"format\":\"peerhound-orders/1\"}", "$(id)"] {
            let error = source.read(|_| Some(value.to_owned())).unwrap_err();
            assert!(matches!(error, OrderSourceError::Link(_)), "{error}");
        }
        let text = link().encode().unwrap();
        assert_eq!(source.read(|_| Some(text.clone())).unwrap(), Orders::Link(link()));
    }

    #[test]
    fn a_file_may_hold_either() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("order");
        let source = OrderSource::File(path.clone());
        assert!(matches!(source.read(|_| None), Err(OrderSourceError::Unreadable { .. })));
        std::fs::write(&path, format!("{}\n", link().encode().unwrap())).unwrap();
        assert_eq!(source.read(|_| None).unwrap(), Orders::Link(link()));
        std::fs::write(&path, "{\"format\":\"x\"}").unwrap();
        assert!(matches!(source.read(|_| None), Err(OrderSourceError::Batch(BatchError::Format(_)))));
        std::fs::write(&path, vec![b'a'; MAX_BATCH_BYTES as usize + 9]).unwrap();
        assert!(matches!(source.read(|_| None), Err(OrderSourceError::Batch(BatchError::TooLarge))));
    }
}
