//! A strict stand-in for the Security Token Service, which knows principals by their keys and serves `GetCallerIdentity`.
//!
//! MiniStack's own takes any signature. This one checks what the real service checks: the signature over the request as it
//! came, which headers are signed, the scope, the age, the session's token; and it says no with the same codes.

mod signature;
mod wire;

#[cfg(test)]
mod tests;

use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;

use tokio::sync::oneshot;

/// Somebody with a key.
#[derive(Clone)]
struct Principal {
    access_key_id: String,
    secret: String,
    session_token: Option<String>,
    arn: String,
}

#[derive(Default)]
struct State {
    principals: Vec<Principal>,
    busy: u64,
    calls: u64,
    /// The headers of every request, lower-case names.
    seen: Vec<Vec<(String, String)>>,
}

type Shared = Arc<Mutex<State>>;

fn locked(state: &Shared) -> MutexGuard<'_, State> {
    state.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The running server, in a thread of its own; ends on drop. Its region is `us-east-1`.
pub struct StsServer {
    state: Shared,
    endpoint: String,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl StsServer {
    /// Starts it on a free port of this machine. It knows nobody yet.
    ///
    /// # Errors
    /// When there is no port or no thread.
    pub fn start() -> io::Result<Self> {
        let listener = std::net::TcpListener::bind(("127.0.0.1", 0))?;
        listener.set_nonblocking(true)?;
        let endpoint = format!("http://{}", listener.local_addr()?);
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let (stop, stopped) = oneshot::channel();
        let state = Shared::default();
        let served = Arc::clone(&state);
        let thread = std::thread::Builder::new().name("sts-server".to_owned()).spawn(move || {
            runtime.block_on(async {
                match tokio::net::TcpListener::from_std(listener) {
                    Ok(listener) => tokio::select! {
                        () = wire::serve(listener, served) => {}
                        _ = stopped => {}
                    },
                    Err(error) => eprintln!("sts server: {error}"),
                }
            });
        })?;
        Ok(Self { state, endpoint, stop: Some(stop), thread: Some(thread) })
    }

    /// Where it listens: `http://127.0.0.1:PORT`.
    #[must_use]
    pub fn endpoint(&self) -> &str {
        &self.endpoint
    }

    /// Makes a principal known, by a key and, where it has a session, by its token.
    pub fn knows(&self, access_key_id: &str, secret: &str, session_token: Option<&str>, arn: &str) {
        locked(&self.state).principals.push(Principal {
            access_key_id: access_key_id.to_owned(),
            secret: secret.to_owned(),
            session_token: session_token.map(str::to_owned),
            arn: arn.to_owned(),
        });
    }

    /// So many of the next requests find it too busy.
    pub fn busy_for(&self, requests: u64) {
        locked(&self.state).busy = requests;
    }

    /// How many requests came.
    #[must_use]
    pub fn calls(&self) -> u64 {
        locked(&self.state).calls
    }

    /// The headers of every request, oldest first, with lower-case names.
    #[must_use]
    pub fn seen(&self) -> Vec<Vec<(String, String)>> {
        locked(&self.state).seen.clone()
    }
}

impl Drop for StsServer {
    fn drop(&mut self) {
        if let Some(stop) = self.stop.take() {
            let _ = stop.send(());
        }
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}
