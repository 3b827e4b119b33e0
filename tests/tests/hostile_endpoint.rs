//! A machine whose owner knows that somebody will look: bombs, names that are commands, and files without end.

use std::fs;
use std::path::Path;

use acceptance::{Lab, Output, artifact};
use serde_json::Value;

const DOWNLOADS: &str = "/home/alice/Downloads";
/// Paints a terminal, rings its bell, ends a line, and is a formula, a tag and a way up.
const NAMES: &[&str] = &[
    "line\nbreak.torrent",
    "\u{1b}[31mred\u{7}.torrent",
    "=cmd|'calc'!A0.torrent",
    "<script>alert(1)<|script>.torrent",
    "..%2f..%2fetc%2fpasswd.torrent",
    "$(touch owned)`touch owned`.torrent",
    "\u{202e}txt.exe.torrent",
    "-rf.torrent",
];

fn plant(lab: &Lab) {
    let downloads = lab.endpoint.host().outside(DOWNLOADS);
    let put = |name: &str, content: &[u8]| fs::write(downloads.join(name), content).expect("a file");
    put("deep-list.torrent", &[b'l'; 4 << 20]);
    put("deep-dict.torrent", "d1:a".repeat(1 << 20).as_bytes());
    put("long-string.torrent", b"d4:info4294967296:x");
    put("longer-string.torrent", b"d4:info99999999999999999999999:x");
    put("negative.torrent", b"d4:info-1:xe");
    put("integer.torrent", format!("d6:lengthi{}ee", "9".repeat(1 << 20)).as_bytes());
    put("empty.torrent", b"");
    put("up.torrent", &metainfo("../../../../etc/cron.d/owned"));
    put(
        "painted.torrent",
        &metainfo("\u{1b}]0;owned\u{7}<img src=x onerror=alert(1)>\r\nBcc: all@corp.example"),
    );
    for name in NAMES {
        put(name, &metainfo("a film"));
    }
    let raw = std::os::unix::ffi::OsStrExt::as_bytes;
    let not_text = <std::ffi::OsStr as std::os::unix::ffi::OsStrExt>::from_bytes(b"\xff\xfe.torrent");
    assert!(std::str::from_utf8(raw(not_text)).is_err());
    fs::write(downloads.join(not_text), metainfo("a film")).expect("a file");
    sparse(&downloads.join("sparse.torrent"), 8 << 30);
    std::os::unix::fs::symlink("/etc/shadow", downloads.join("link.torrent")).expect("a link");
    std::os::unix::fs::symlink(".", downloads.join("loop")).expect("a link");
    acceptance::run(&["mkfifo", &downloads.join("pipe.torrent").to_string_lossy()]).expect("a pipe");
    let mut deep = downloads.join("deep");
    for _ in 0..120 {
        deep.push("d");
    }
    fs::create_dir_all(&deep).expect("folders");
    fs::write(deep.join("below.torrent"), metainfo("a film")).expect("a file");
}

fn metainfo(name: &str) -> Vec<u8> {
    let pieces = "x".repeat(20);
    format!("d4:infod6:lengthi1e4:name{}:{name}12:piece lengthi16384e6:pieces20:{pieces}ee", name.len())
        .into_bytes()
}

fn sparse(path: &Path, bytes: u64) {
    fs::File::create(path).and_then(|file| file.set_len(bytes)).expect("a sparse file");
}

fn is_plain(text: &str, what: &str) {
    let control = text.chars().find(|c| c.is_control() && !matches!(c, '\n' | '\r' | '\t'));
    assert_eq!(control, None, "{what}: {text}");
    assert!(!text.contains('\u{202e}'), "{what} turns its direction: {text}");
}

#[test]
fn hostile_files_are_listed_and_do_no_harm() {
    let Some(lab) = Lab::start_isolated().expect("a lab") else { return };
    plant(&lab);
    let all = "[\"mail_soc\", \"ticket\"]";
    let actions = format!("false_positive = {all}\ninconclusive = {all}");
    let peerhound =
        acceptance::Peerhound::new(&lab.network, &lab.policy().actions(&actions).text()).expect("peerhound");
    let (output, outcomes, peak_kib) =
        peerhound.json_with_peak(&["investigate", &lab.endpoint.address().to_string()]).expect("peerhound");
    let outcome = &outcomes[0];
    assert_eq!(outcome["outcome"], "investigated", "{}", output.told());
    // Half of it is the tests' own build of the program: files are planted of which any one would not fit.
    assert!(peak_kib < 96 << 10, "{peak_kib} KiB at the peak");
    assert_ne!(outcome["verdict"], "policy_violation", "files alone prove no use: {outcome:#}");

    let container = outcome["evidence"]["location"].as_str().expect("a container");
    let path = peerhound.path_of(container);
    let torrents = artifact(&path.to_string_lossy(), "torrents").expect("the inventory");
    let torrents = torrents.as_array().expect("rows");
    every_file_is_listed(torrents);
    nothing_was_done_by_a_name(&lab);

    let verified = peerhound.run(&["verify", container]).expect("peerhound");
    assert_eq!(verified.code, Some(0), "{}", verified.told());
    let case_id = outcome["case_id"].as_str().expect("a case");
    let shown = peerhound.run(&["case", "show", case_id]).expect("peerhound");
    for Output { stdout, stderr, .. } in [&output, &shown, &verified] {
        is_plain(stdout, "output");
        is_plain(stderr, "errors");
    }
    for mail in lab.mail.mails().expect("mails") {
        assert_eq!(mail.to, ["soc@corp.example"], "no name adds a recipient");
        is_plain(&mail.message, "mail");
        assert!(!mail.message.to_lowercase().contains("\nbcc:"), "{}", mail.message);
        assert!(!mail.message.contains("<script>") && !mail.message.contains("<img"), "{}", mail.message);
    }
    for ticket in lab.tickets.tickets().expect("tickets") {
        is_plain(&ticket.body, "ticket");
    }
    names_in_the_container_stay_inside(&path);
}

fn every_file_is_listed(torrents: &[Value]) {
    let row = |name: &str| {
        let path = format!("{DOWNLOADS}/{name}");
        torrents
            .iter()
            .find(|row| row["path"] == path.as_str())
            .unwrap_or_else(|| panic!("{name:?} is not listed: {torrents:#?}"))
    };
    for name in NAMES {
        assert!(row(name)["infohash_v1"].is_string(), "{name:?}: {:#}", row(name));
    }
    for broken in
        ["deep-list", "deep-dict", "long-string", "longer-string", "negative", "integer", "empty", "sparse"]
    {
        let row = row(&format!("{broken}.torrent"));
        assert_eq!(row.get("infohash_v1"), None, "{row:#}");
        assert!(row["notes"].as_array().is_some_and(|notes| !notes.is_empty()), "it says why: {row:#}");
    }
    assert!(row("up.torrent")["infohash_v1"].is_string());
    let by_bytes = torrents
        .iter()
        .find(|row| row["path_hex"].as_str().is_some_and(|hex| hex.ends_with("2ffffe2e746f7272656e74")));
    assert!(by_bytes.is_some(), "a name that is no text keeps its bytes: {torrents:#?}");
    let looped = torrents
        .iter()
        .filter(|row| row["path"].as_str().is_some_and(|path| path.contains("/loop/")))
        .count();
    assert_eq!(looped, 0, "links are not followed");
}

fn nothing_was_done_by_a_name(lab: &Lab) {
    // Programs are this machine's, read-only: nothing can be made there, and some packages have files of such names.
    let mut argv = vec!["find", "/", "-xdev", "-path", "/usr", "-prune", "-o"];
    argv.extend(["-name", "owned*", "-not", "-path", "/proc/*", "-print"]);
    let found = lab.endpoint.host().run(&argv).expect("find");
    assert_eq!(found, "", "a name was run as a command");
}

fn names_in_the_container_stay_inside(path: &Path) {
    let mut archive = zip::ZipArchive::new(fs::File::open(path).expect("the container")).expect("a zip");
    for index in 0..archive.len() {
        let entry = archive.by_index(index).expect("an entry");
        let name = entry.name().expect("a name").into_owned();
        assert!(entry.enclosed_name().is_some() && !name.contains(".."), "{name:?}");
        assert!(name.chars().all(|c| c.is_ascii_graphic()), "{name:?}");
    }
}
