use investigation::policy::Memory;
use proptest::prelude::*;

use super::*;

const HASH: &str = "abababababababababababababababababababababababababababababababab";

fn tool() -> MemoryTool {
    let (path, sha256) = (Some("/opt/avml/avml".to_owned()), Some(HASH.to_owned()));
    Memory { enabled: true, tool: path, sha256, ..Memory::default() }.tool(8 << 30).unwrap().unwrap()
}

/// What a sound endpoint with 4 GiB says; each record can be replaced, and one without a value is left out.
fn answer(instead: &[(&str, &str)]) -> Vec<u8> {
    let iomem =
        "00001000-0009fbff : System RAM\n00100000-bffdffff : System RAM\n100000000-13fffffff : System RAM";
    let records = [
        ("uid", "0"),
        ("path", "/opt/avml/avml"),
        ("stat", "0 81ed"),
        ("path", "/opt/avml"),
        ("stat", "0 41ed"),
        ("path", "/opt"),
        ("stat", "0 41ed"),
        ("path", "/"),
        ("stat", "0 41ed"),
        ("sha256", HASH),
        ("version", "avml 0.21.0"),
        ("lockdown", "[none] integrity confidentiality"),
        ("memtotal", "4013312"),
        ("iomem", iomem),
        ("source", "/proc/kcore"),
    ];
    let mut out = b"\0PEERHOUND-1\0".to_vec();
    for (key, value) in records {
        let value = instead.iter().find(|(of, _)| *of == key).map_or(value, |(_, value)| value);
        if !value.is_empty() {
            out.extend(format!("{key}\0{value}\0").into_bytes());
        }
    }
    out.extend(b"end\0\0");
    out
}

fn judged(answer: &[u8]) -> Result<Plan, String> {
    Look::read(&mut &*answer).unwrap().judge(&tool())
}

#[test]
fn a_sound_endpoint_is_taken_by_what_it_says() {
    let plan = judged(&answer(&[])).unwrap();
    assert_eq!((plan.source, plan.version.as_str()), ("/proc/kcore", "avml 0.21.0"));
    assert_eq!(plan.ram_bytes, 0x9_ec00 + (0xbffe_0000 - 0x10_0000) + 0x4000_0000);
    assert!(plan.most_bytes > plan.ram_bytes && plan.most_bytes < plan.ram_bytes + plan.ram_bytes / 32);
    // Where the ranges are hidden, the total is taken with what the kernel may have kept for itself.
    let hidden = judged(&answer(&[("iomem", "00000000-00000000 : System RAM")])).unwrap();
    assert_eq!(hidden.ram_bytes, 4_013_312 * 1024 * 5 / 4);
}

#[test]
fn what_cannot_be_trusted_is_not_run() {
    let other = "cd".repeat(32);
    for (instead, why) in [
        (&[("uid", "1000")][..], "root only"),
        (&[("uid", "")], "root only"),
        (&[("stat", "1000 81ed")], "not root's"),
        // Writable by a group; a link; a folder.
        (&[("stat", "0 81fd")], "others than root"),
        (&[("stat", "0 a1ff")], "without links"),
        (&[("stat", "0 41ed")], "/opt/avml/avml is no file"),
        (&[("path", "/elsewhere")], "there is no /opt/avml/avml"),
        (&[("sha256", other.as_str())], "another file"),
        (&[("sha256", "")], "cannot be had"),
        (
            &[("source", ""), ("lockdown", "none integrity [confidentiality]")],
            "lockdown is `confidentiality`",
        ),
        (&[("source", "")], "none of /proc/kcore"),
        (&[("source", "/etc/shadow")], "none of /proc/kcore"),
        (&[("iomem", ""), ("memtotal", "")], "how much memory"),
        (&[("iomem", "0-ffffffffffffffff : System RAM"), ("memtotal", "")], "how much memory"),
        (&[("iomem", "0-fffffffffffffffe : System RAM")], "not begun"),
        (&[("iomem", ""), ("memtotal", "18446744073709551615")], "not begun"),
    ] {
        let refused = judged(&answer(instead)).unwrap_err();
        assert!(refused.contains(why), "{instead:?}: {refused}");
    }
    // A folder that everybody can write into, with the tool itself as it should be.
    let sticky =
        String::from_utf8(answer(&[])).unwrap().replacen("/opt\0stat\x000 41ed", "/opt\0stat\x000 43ff", 1);
    assert!(judged(sticky.as_bytes()).unwrap_err().contains("/opt cannot be trusted"));
    let cut = answer(&[]);
    assert!(judged(&cut[..cut.len() - 6]).unwrap_err().contains("did not say"));
    assert!(judged(b"motd").unwrap_err().contains("did not say"));
}

#[test]
fn scripts_fit_into_one_window_and_hold_nothing_but_constants() {
    let look = look_script(&tool());
    let image = image_script(&tool(), "/proc/kcore", "peerhound-00ff");
    for script in [&look, &image, &tidy_script("peerhound-00ff")] {
        assert!(script.starts_with("{\n") && script.ends_with("}\n") && script.is_ascii(), "{script}");
        assert!(script.len() < 16 << 10);
    }
    assert!(look.contains("tool='/opt/avml/avml'\n") && image.contains("folder='peerhound-00ff'\n"));
}

#[test]
fn this_machine_answers_the_look() {
    let output = super::super::testing::run(&look_script(&tool()));
    let look = Look::read(&mut &*output).unwrap();
    assert!(look.whole && look.uid.is_some() && look.memtotal_kib > 0, "{look:?}");
    let steps: Vec<&str> = look.steps.iter().map(|(step, _)| step.as_str()).collect();
    assert_eq!(steps, ["/opt/avml/avml", "/opt/avml", "/opt", "/"]);
    assert_eq!(look.steps[3].1.map(|(_, mode)| mode & KIND), Some(FOLDER));
}

proptest! {
    /// Whatever it says, nothing is run that is not the tool, and no image is without a bound.
    #[test]
    fn any_answer_is_judged(bytes: Vec<u8>, iomem: String, memtotal: u64) {
        let _ = judged(&bytes);
        let memtotal = memtotal.to_string();
        let iomem = iomem.replace('\0', " ");
        if let Ok(plan) = judged(&answer(&[("iomem", &iomem), ("memtotal", &memtotal)])) {
            prop_assert!(plan.ram_bytes > 0 && plan.most_bytes <= tool().max_bytes);
        }
    }
}
