//! What is left of a local collection that nobody waits for any more. By itself, since it stops every shell below this
//! process.

mod support;

use collector::Collector;
use investigation::evidence::ArtifactKind;
use support::{collect, config, no_ssh};

#[tokio::test(flavor = "multi_thread")]
async fn a_dropped_collection_leaves_nothing_running_here() {
    let folder = tempfile::tempdir().unwrap();
    let collector = Collector::new(config(&["127.0.0.0/8"], no_ssh())).unwrap().with_loopback_as_local();
    let into = folder.path().to_owned();
    let running = tokio::spawn(async move {
        let order = collect("127.0.0.1", &[ArtifactKind::Autostart]);
        collector.execute(&order, &into, &|_| {}).await.map(drop)
    });
    let shell = support::sshd::Shell::stop_below(std::process::id()).await;
    running.abort();
    shell.assert_gone().await;
    assert!(!folder.path().join("collection.json").exists());
}
