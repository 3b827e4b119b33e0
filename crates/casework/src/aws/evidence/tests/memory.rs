use aws_sdk_s3::primitives::ByteStream;

use super::*;

/// Highest resident size that opening, sealing and verifying may reach, in KiB, whatever the size of the evidence. Some 41
/// MiB of it are the test program itself, without optimisation, and another part is how it happens to run.
const MOST_MEMORY: u64 = 120 << 10;

#[test]
fn memory_stays_flat_while_a_large_bundle_is_sealed() {
    if emulator::skipped() {
        return;
    }
    // In a process of its own: what the tests beside this one use would count otherwise.
    let name = format!("{}::alone_256_mib", module_path!().split_once("::").unwrap().1);
    let alone = std::process::Command::new(std::env::current_exe().unwrap())
        .args(["--ignored", "--exact", &name, "--nocapture"])
        .output()
        .unwrap();
    let output = String::from_utf8_lossy(&alone.stdout);
    assert!(alone.status.success() && output.contains("1 passed"), "{output}");
    println!("{output}");
}

#[tokio::test]
#[ignore = "run by the test above, in a process of its own"]
async fn alone_256_mib() {
    // Packing noise would take longer than everything else together.
    large_bundle_is_sealed(256 << 20, CompressionMethod::Stored).await;
}

#[tokio::test]
#[ignore = "takes long, and MiniStack holds all of it in memory"]
async fn alone_1_gib() {
    large_bundle_is_sealed(1 << 30, CompressionMethod::Deflated).await;
}

/// Opens, seals and verifies a bundle of `size` bytes and looks at the process's highest resident size.
async fn large_bundle_is_sealed(size: u64, method: CompressionMethod) {
    let Some(scene) = Scene::set("large").await else { return };
    let folder = tempfile::TempDir::new().unwrap();
    let path = folder.path().join("bundle.zip");
    large_bundle(&path, size, method);
    let body = ByteStream::from_path(&path).await.unwrap();
    let put = scene.client.put_object().bucket(&scene.staging).key(bundle_key(&ORIGIN));
    put.body(body).send().await.unwrap();
    let before = peak_kib();

    let begun = std::time::Instant::now();
    let opened = scene.open(Proof::Whole).await.unwrap();
    let open = begun.elapsed();
    let sealed = scene.evidence.seal(&scene.client, sealing(ORIGIN.case_id, now()), opened).await.unwrap();
    let seal = begun.elapsed() - open;
    assert!(sealed.size > size && !sealed.already_sealed);
    let report = scene.verify().await.unwrap();
    assert_eq!((report.problems, report.sha256), (vec![], sealed.sha256));
    let verified = begun.elapsed() - open - seal;
    match peak_kib() {
        Some(peak) => {
            let before = before.unwrap_or_default();
            println!(
                "{} MiB opened and proven in {open:?}, sealed in {seal:?}, verified in {verified:?}; \
                 peak {peak} KiB, {before} KiB of them before",
                size >> 20
            );
            assert!(peak < MOST_MEMORY, "{peak} KiB");
        }
        None => println!("this system does not tell a process's highest resident size: not checked"),
    }
}

/// The highest resident size of this process so far, in KiB, where the system tells.
fn peak_kib() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    line.trim().trim_end_matches(" kB").parse().ok()
}
