//! The memory of a real kernel: taken by the real AVML over SSH, past its disk, into the second container, and proved; and
//! refused where that kernel lets nobody read it.

use std::fs::{self, File};
use std::io::Read;
use std::path::Path;

use acceptance::{Guest, Network, Peerhound, PolicyText};
use serde_json::Value;

/// The last number of the guest's address.
const GUEST: u8 = 21;
const IMAGE: &str = "artifacts/raw/memory.lime";

fn policy(network: &Network, guest: &Guest, data: &str) -> String {
    let hash = guest.avml_sha256().expect("a hash");
    let memory = format!(
        "[forensics.memory]\nenabled = true\ntool = \"{}\"\nsha256 = \"{hash}\"\ntimeout = \"8m\"",
        acceptance::AVML
    );
    // The machine is emulated, and slow.
    let times = "[collection]\nidentify_timeout = \"5m\"\ncollect_timeout = \"10m\"\nartifacts = [\"identity\"]\n\
                 [forensics]\nartifacts = [\"kernel_modules\"]";
    let text = PolicyText::new(network).section(&guest.ssh_section()).section(times).section(&memory).text();
    text.replace("data_dir = \"data\"", &format!("data_dir = \"{data}\""))
}

/// Investigates the guest and has it looked into deeper. The case as it is then.
fn look_deeper(peerhound: &Peerhound<'_>, guest: &Guest) -> Value {
    let checked = peerhound.run(&["policy", "check"]).expect("peerhound");
    assert_eq!(checked.code, Some(0), "{}", checked.told());
    let (output, outcomes) =
        peerhound.json(&["investigate", &guest.address().to_string()]).expect("peerhound");
    let case_id = outcomes[0]["case_id"].as_str().unwrap_or_else(|| panic!("{}", output.told())).to_owned();
    let ordered = peerhound.run(&["case", "forensics", &case_id]).expect("peerhound");
    assert_eq!(ordered.code, Some(0), "{}\n{}", ordered.told(), guest.log());
    let (output, mut shown) = peerhound.json(&["case", "show", &case_id]).expect("peerhound");
    shown.pop().unwrap_or_else(|| panic!("{}", output.told()))
}

fn memory_of(case: &Value) -> &Value {
    let artifacts = case["forensics"]["artifacts"].as_array().unwrap_or_else(|| panic!("{case:#}"));
    let kinds: Vec<&Value> = artifacts.iter().map(|artifact| &artifact["kind"]).collect();
    assert_eq!(kinds, ["identity", "memory", "kernel_modules"], "memory is what changes fastest");
    &artifacts[1]
}

/// Reads the image as anybody would, and looks for a text in it. Bytes, whether it is there, and the first range's header.
fn search(container: &Path, wanted: &[u8]) -> (u64, bool, [u8; 32]) {
    let mut archive = zip::ZipArchive::new(File::open(container).expect("the container")).expect("a zip");
    let mut image = archive.by_name(IMAGE).expect("the image");
    let (mut size, mut found) = (0, false);
    let mut header = [0; 32];
    image.read_exact(&mut header).expect("a header");
    size += 32;
    let mut window = Vec::new();
    let mut piece = vec![0; 1 << 20];
    loop {
        let count = image.read(&mut piece).expect("the image");
        if count == 0 {
            return (size, found, header);
        }
        size += count as u64;
        window.extend_from_slice(&piece[..count]);
        found |= window.windows(wanted.len()).any(|at| at == wanted);
        window.drain(..window.len().saturating_sub(wanted.len()));
    }
}

#[test]
fn the_memory_of_a_real_kernel_is_taken_and_proved() {
    let network = Network::new().expect("a network");
    // Nothing but the guest puts the two together.
    let halves = (format!("left{}", std::process::id()), "right-of-the-marker");
    let Some(guest) = Guest::start(&network, GUEST, (&halves.0, halves.1)).expect("a guest") else { return };
    let peerhound = Peerhound::new(&network, &policy(&network, &guest, "data")).expect("peerhound");
    let case = look_deeper(&peerhound, &guest);
    let memory = memory_of(&case);
    assert_eq!(memory["status"], "ok", "{memory:#}\n{}", guest.log());
    assert_eq!(memory["artifact"], "Linux.Memory.Image");

    let container = case["forensics"]["evidence"]["location"].as_str().expect("a container");
    let container = peerhound.path_of(container);
    let verified = peerhound.run(&["verify", &container.to_string_lossy()]).expect("peerhound");
    assert_eq!(verified.code, Some(0), "{}", verified.told());
    let record = acceptance::artifact(&container.to_string_lossy(), "memory").expect("the record");
    let number = |key: &str| record[key].as_u64().unwrap_or_else(|| panic!("{key}: {record:#}"));
    assert_eq!((&record["whole"], &record["source"]), (&true.into(), &"/proc/kcore".into()), "{record:#}");
    assert!(record["tool_version"].as_str().is_some_and(|said| said.starts_with("avml 0.")), "{record:#}");

    let marker = format!("MARKER={}-{}", halves.0, halves.1);
    let (size, found, header) = search(&container, marker.as_bytes());
    assert_eq!(&header[..8], b"EMiL\x01\0\0\0", "LiME, version 1");
    assert!(found, "{marker} is in no part of the image");
    assert_eq!(size, number("size"));
    // About what it was given: the first MiB has holes, and pieces that hold nothing but zeros are left out.
    let given = guest.memory();
    assert!(number("ram_bytes") <= given && number("ram_bytes") > given / 10 * 9, "{record:#}");
    assert!(size < given && size > given / 2, "{size} of {given}");

    // The manifest's hash, taken when it was sealed, is the one that was taken while it came.
    let mut archive = zip::ZipArchive::new(File::open(&container).expect("it")).expect("a zip");
    let manifest: Value =
        serde_json::from_reader(archive.by_name("manifest.json").expect("a manifest")).expect("JSON");
    let entry = manifest["entries"].as_array().and_then(|all| all.iter().find(|one| one["path"] == IMAGE));
    assert_eq!(entry.expect("its entry")["sha256"], record["sha256"]);
    println!(
        "an image of {size} bytes of {given}, in a container of {}",
        fs::metadata(&container).expect("it").len()
    );

    // Nothing is left there, in memory or on disk.
    let left = guest
        .run(&network, "ls -d /run/peerhound-* /dev/shm/peerhound-* /tmp/* 2>/dev/null; true")
        .expect("a list");
    assert_eq!(left.stdout, "", "left on the guest");

    // The same kernel, told to let nobody read its memory: a plain outcome, and the rest is had.
    guest.run(&network, "echo confidentiality >/sys/kernel/security/lockdown").expect("lockdown");
    let peerhound = Peerhound::new(&network, &policy(&network, &guest, "locked")).expect("peerhound");
    let case = look_deeper(&peerhound, &guest);
    let memory = memory_of(&case);
    assert_eq!(memory["status"], "failed", "{memory:#}");
    assert!(
        memory["reasons"][0].as_str().is_some_and(|why| why.contains("lockdown is `confidentiality`")),
        "{memory:#}"
    );
    assert_eq!(case["forensics"]["status"], "sealed");
}
