use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use super::*;

/// Bytes that a connection carries towards us before the line breaks.
const SOME: u64 = 300 << 10;

/// A line to MiniStack whose next connections, as many as it says, break off in the middle of an answer.
struct BrokenLine {
    endpoint: String,
    breaks: Arc<AtomicUsize>,
}

impl BrokenLine {
    async fn lay() -> Self {
        let target = MINISTACK.endpoint().trim_start_matches("http://").to_owned();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let endpoint = format!("http://{}", listener.local_addr().unwrap());
        let breaks = Arc::new(AtomicUsize::new(0));
        let left = Arc::clone(&breaks);
        tokio::spawn(async move {
            while let Ok((near, _)) = listener.accept().await {
                let far = TcpStream::connect(&target).await.unwrap();
                tokio::spawn(carry(near, far, Arc::clone(&left)));
            }
        });
        Self { endpoint, breaks }
    }
}

async fn carry(near: TcpStream, far: TcpStream, breaks: Arc<AtomicUsize>) {
    let (mut near_in, mut near_out) = near.into_split();
    let (mut far_in, mut far_out) = far.into_split();
    let up = tokio::spawn(async move { tokio::io::copy(&mut near_in, &mut far_out).await });
    let mut carried = 0;
    let mut buffer = vec![0; 16 << 10];
    while let Ok(count @ 1..) = far_in.read(&mut buffer).await {
        if near_out.write_all(&buffer[..count]).await.is_err() {
            break;
        }
        carried += count as u64;
        let take = |left: usize| left.checked_sub(1);
        if carried > SOME && breaks.fetch_update(Ordering::SeqCst, Ordering::SeqCst, take).is_ok() {
            break;
        }
    }
    up.abort();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_line_that_breaks_is_tried_again_and_not_for_ever() {
    let Some(mut scene) = Scene::set("line").await else { return };
    scene.stage(bundle(20 << 20)).await;
    let line = BrokenLine::lay().await;
    scene.client = client(&line.endpoint, &scene.asked);

    line.breaks.store(100, Ordering::SeqCst);
    let error = scene.open(Proof::Whole).await.map(drop).unwrap_err();
    assert!(matches!(error, OpenError::Bundle(BundleError::Read(_))), "{error}");
    assert!(error.is_retryable(), "and never taken for damage of the bundle");
    // Three tries for the window that was given up, and those of the smaller ones before it that came through.
    let broken = 100 - line.breaks.load(Ordering::SeqCst);
    assert!((3..10).contains(&broken), "{broken}");

    line.breaks.store(2, Ordering::SeqCst);
    let opened = scene.open(Proof::Whole).await.unwrap();
    assert_eq!(line.breaks.load(Ordering::SeqCst), 0);
    line.breaks.store(1, Ordering::SeqCst);
    let sealed = scene.evidence.seal(&scene.client, sealing(ORIGIN.case_id, now()), opened).await.unwrap();
    assert_eq!((line.breaks.load(Ordering::SeqCst), sealed.already_sealed), (0, false));
    let report = scene.verify().await.unwrap();
    assert_eq!((report.problems, report.sha256), (vec![], sealed.sha256));
}
