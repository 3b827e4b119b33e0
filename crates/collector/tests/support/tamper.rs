//! Somebody on the way: passes frames of SMB between a client and a server, and changes what the test wants changed.

use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;

/// Which way a frame goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Way {
    ToServer,
    ToClient,
}

/// Changes a frame: which way it goes, its number on that way from 0, and its bytes without the length before them.
pub(crate) type Change = dyn Fn(Way, usize, &mut Vec<u8>) + Send + Sync;

/// Listens on a port of its own, which it returns, and passes on to `port`. Its threads end with their connections.
pub(crate) fn tamper(port: u16, change: impl Fn(Way, usize, &mut Vec<u8>) + Send + Sync + 'static) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let own = listener.local_addr().unwrap().port();
    let change: Arc<Change> = Arc::new(change);
    std::thread::spawn(move || {
        for client in listener.incoming().flatten() {
            let Ok(server) = TcpStream::connect(("127.0.0.1", port)) else { return };
            let there = (client.try_clone().unwrap(), server.try_clone().unwrap(), Way::ToServer);
            for (from, to, way) in [there, (server, client, Way::ToClient)] {
                let change = Arc::clone(&change);
                std::thread::spawn(move || pass(from, to, way, &*change));
            }
        }
    });
    own
}

fn pass(mut from: TcpStream, mut to: TcpStream, way: Way, change: &Change) {
    for number in 0.. {
        let mut head = [0; 4];
        if from.read_exact(&mut head).is_err() {
            break;
        }
        let mut frame = vec![0; u32::from_be_bytes(head) as usize];
        if from.read_exact(&mut frame).is_err() {
            break;
        }
        change(way, number, &mut frame);
        let head = u32::try_from(frame.len()).unwrap().to_be_bytes();
        if to.write_all(&head).and_then(|()| to.write_all(&frame)).is_err() {
            break;
        }
    }
    let _ = from.shutdown(std::net::Shutdown::Both);
    let _ = to.shutdown(std::net::Shutdown::Both);
}
