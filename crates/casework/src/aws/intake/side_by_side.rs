//! Work that is done side by side, so much of it at a time.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Instant;

use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tracing::Instrument;

/// Machines that are worked, and calls that are made, at the same time.
const AT_ONCE: usize = 16;

/// Does each piece of work, which says what of its messages has to come again. Each is given with all its messages, which
/// have to come again where it panics or is not done by `until`; nothing is begun after that.
pub(super) async fn side_by_side<T, F>(
    work: Vec<(Vec<usize>, T)>,
    until: Option<Instant>,
    perform: impl Fn(T) -> F,
) -> Vec<usize>
where
    F: Future<Output = Vec<usize>> + Send + 'static,
{
    let room = Arc::new(Semaphore::new(AT_ONCE));
    let (mut tasks, mut messages_of) = (JoinSet::new(), HashMap::new());
    for (messages, piece) in work {
        let (room, working) = (Arc::clone(&room), perform(piece));
        let task = async move {
            let in_time = async {
                let _place = room.acquire_owned().await;
                match until {
                    Some(until) if Instant::now() >= until => None,
                    _ => Some(working.await),
                }
            };
            match until {
                None => in_time.await,
                Some(until) => tokio::time::timeout_at(until.into(), in_time).await.ok().flatten(),
            }
        };
        // What it logs is about this invocation.
        messages_of.insert(tasks.spawn(task.in_current_span()).id(), messages);
    }
    let mut again = Vec::new();
    while let Some(ended) = tasks.join_next_with_id().await {
        let id = ended.as_ref().map_or_else(tokio::task::JoinError::id, |(id, _)| *id);
        let messages = messages_of.remove(&id).unwrap_or_default();
        match ended {
            Ok((_, Some(not_done))) => again.extend(not_done),
            Ok((_, None)) => again.extend(messages),
            Err(panicked) => {
                tracing::error!(%panicked, "a part of a batch could not be worked; it stays on the queue");
                again.extend(messages);
            }
        }
    }
    again
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::time::Duration;

    use super::*;

    #[tokio::test]
    async fn only_what_panics_or_is_late_comes_again() {
        let work = vec![(vec![0], "done"), (vec![1, 2], "panics"), (vec![3], "in part"), (vec![4], "hangs")];
        let until = Some(Instant::now() + Duration::from_millis(50));
        let mut again = side_by_side(work, until, |piece| async move {
            match piece {
                "panics" => panic!("as asked for"),
                "in part" => vec![3],
                "hangs" => std::future::pending().await,
                _ => Vec::new(),
            }
        })
        .await;
        again.sort_unstable();
        assert_eq!(again, [1, 2, 3, 4]);
    }

    #[tokio::test]
    async fn nothing_is_begun_after_its_time() {
        let begun = Arc::new(AtomicUsize::new(0));
        let work = (0..100).map(|number| (vec![number], ())).collect();
        let again = side_by_side(work, Some(Instant::now()), |()| {
            let begun = Arc::clone(&begun);
            async move {
                begun.fetch_add(1, Ordering::Relaxed);
                Vec::new()
            }
        });
        assert_eq!(again.await.len(), 100);
        assert_eq!(begun.load(Ordering::Relaxed), 0);
    }
}
