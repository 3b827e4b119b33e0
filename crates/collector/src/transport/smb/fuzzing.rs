//! The readers of what an endpoint sends, for the fuzz harness: bytes in, what was made of them out.

use super::failure::Failure;
use super::header::Header;
use super::rpc::Assembly;
use super::{listing, message, negotiation, services, spnego, winreg};

/// Readers, by the number that picks one.
const READERS: u8 = 15;

/// What a reader made of an answer, or why it is none. One line, in the words of this program and of its debug form.
pub(crate) fn read(reader: u8, bytes: &[u8]) -> Result<String, String> {
    fn told<T: std::fmt::Debug, E: std::fmt::Display>(read: Result<T, E>) -> Result<String, String> {
        read.map(|read| format!("{read:?}")).map_err(|error| error.to_string())
    }
    match reader % READERS {
        0 => told(Header::read(bytes)),
        1 => told(negotiation::negotiated(bytes)),
        2 => told(message::set_up(bytes)),
        3 => told(message::created(bytes)),
        4 => told(message::data(bytes).map(<[u8]>::len)),
        5 => told(message::queried(bytes).and_then(listing::entries)),
        6 => told(message::controlled(bytes).map(<[u8]>::len)),
        7 => told(listing::owner(bytes)),
        8 => told(spnego::token(bytes).map(<[u8]>::len)),
        9 => told(assembled(bytes)),
        10 => told(winreg::key_name(bytes)),
        11 => told(winreg::value(bytes)),
        12 => told(services::read_workstation(bytes)),
        13 => told(services::read_logons(bytes)),
        _ => told(services::read_shares(bytes).and_then(|_| services::read_visitors(bytes))),
    }
}

/// Fragments one after the other; with the bytes of the call and whether it is whole.
fn assembled(mut bytes: &[u8]) -> Result<(usize, bool), Failure> {
    let mut whole = Assembly::of_call(1);
    while let Some(used) = whole.fragment(bytes)? {
        bytes = bytes.get(used..).unwrap_or_default();
        if whole.is_done {
            break;
        }
    }
    Ok((whole.stub.len(), whole.is_done))
}
