use jiff::Timestamp;
use proptest::prelude::*;

use super::*;

/// Captured from a real machine.
const STAT: &str = "4242 (transmission-da) S 1 4242 4242 0 -1 4194560 1033 0 0 0 2 1 0 0 20 0 3 0 160790 89862144 2611 18446744073709551615 1 1 0 0 0 0 0 4096 0 0 0 0 17 1 0 0 0 0 0 0 0 0 0 0 0 0 0\n";
const SHA: &str = "4add4bb89d8ca0e3b1bd861130ddd7ae0fd9617a8055de0a38c8d2ca1ac95723";

fn facts() -> Facts {
    Facts {
        accounts: [(0, "root".to_owned()), (103, "debian-transmission".to_owned())].into(),
        uid: Some(1000),
        boot: Timestamp::from_second(1_795_517_046).ok(),
        ticks: 100,
        ..Facts::default()
    }
}

fn process(pid: &str, stat: &str, uid: &str, exe: &str, image: &str, cmdline: &str) -> String {
    format!("pid\0{pid}\0stat\0{stat}\0uid\0{uid}\0exe\0{exe}\0image\0{image}\0cmdline\0{cmdline}\0")
}

fn read(records: &str, limits: &Limits) -> (Vec<Process>, ArtifactStatus, Vec<String>) {
    let output = format!("\0PEERHOUND-1\0{records}end\0\0");
    let (Parsed::Processes(rows), tally) = parse(&mut output.as_bytes(), &facts(), limits).unwrap() else {
        panic!("another kind")
    };
    let (status, reasons) = tally.settle();
    (rows, status, reasons)
}

#[test]
fn a_client_with_everything() {
    let record = process(
        "4242",
        STAT,
        "103",
        "/usr/bin/transmission-daemon\n",
        "65024:247774:43888\n",
        "/usr/bin/transmission-daemon\u{1f}-f\u{1f}",
    );
    let records = format!("{record}sha256\x0065024:247774:43888 {SHA}  -\n\0");
    let (rows, status, reasons) = read(&records, &Limits::default());
    assert_eq!((status, reasons), (ArtifactStatus::Ok, vec![]));
    assert_eq!(
        rows,
        [Process {
            pid: 4242,
            parent_pid: Some(1),
            name: "transmission-daemon".into(),
            path: Some("/usr/bin/transmission-daemon".into()),
            command_line: Some("/usr/bin/transmission-daemon -f".into()),
            user: Some("debian-transmission".into()),
            start_time: "2026-11-24T11:10:53.900Z".parse().ok(),
            sha256: Some(SHA.into()),
            signer: None,
            image_deleted: false,
            open_files: Vec::new(),
        }]
    );
}

#[test]
fn a_deleted_image_is_told_from_its_path() {
    let record = process("7", STAT, "0", "/tmp/.x (deleted)\n", "1:2:3", "x");
    let (rows, ..) = read(&record, &Limits::default());
    assert_eq!(rows[0].path.as_deref(), Some("/tmp/.x"));
    assert!(rows[0].image_deleted);
}

#[test]
fn open_data_files_go_to_their_process() {
    let process = |pid| process(pid, STAT, "0", "/usr/bin/x", "", "x");
    let open = |pid: &str, path: &str| format!("open\0/proc/{pid}/fd {path}\0");
    let files = [
        open("7", "/home/alice/film 1.mkv"),
        open("8", "/srv/b"),
        open("7", "/home/alice/film.mkv.!qB"),
        open("7", "/usr/share/x"),
        open("9", "/home/of/nobody"),
        "open\0nonsense\0open\0/proc/x/fd /home/a\0".to_owned(),
    ];
    let (rows, status, reasons) =
        read(&format!("{}{}{}", process("7"), process("8"), files.concat()), &Limits::default());
    assert_eq!((status, reasons), (ArtifactStatus::Ok, vec![]));
    assert_eq!(rows[0].open_files, ["/home/alice/film.mkv.!qB", "/home/alice/film 1.mkv"]);
    assert_eq!(rows[1].open_files, ["/srv/b"]);
}

#[test]
fn a_process_name_with_newlines_and_parentheses_forges_nothing() {
    let stat = STAT.replace("transmission-da", "a) S 9\n1 (b\npid");
    let (rows, ..) = read(&process("4242", &stat, "103", "", "", "x\npid\n1"), &Limits::default());
    assert_eq!(rows.len(), 1);
    assert_eq!(rows[0].name, "a) S 9\n1 (b\npid");
    assert_eq!((rows[0].pid, rows[0].parent_pid), (4242, Some(1)));
}

#[test]
fn what_this_account_may_not_see_is_counted() {
    let records = process("4242", STAT, "0", "", "", "/usr/sbin/sshd") + &process("2", STAT, "0", "", "", "");
    let (rows, status, reasons) = read(&records, &Limits::default());
    assert_eq!((rows.len(), status), (2, ArtifactStatus::Partial));
    assert_eq!(reasons, ["1 process does not let this account see its image"]);
}

#[test]
fn a_process_that_ended_meanwhile_is_no_row() {
    let (rows, status, _) = read(&process("4242", "", "", "", "", ""), &Limits::default());
    assert_eq!((rows.len(), status), (0, ArtifactStatus::Ok));
}

#[test]
fn a_megabyte_of_command_line_is_cut_and_said() {
    let (rows, status, _) =
        read(&process("4242", STAT, "0", "/bin/x", "", &"é".repeat(500_000)), &Limits::default());
    assert_eq!(status, ArtifactStatus::Truncated);
    assert!(rows[0].command_line.as_ref().unwrap().len() <= COMMAND_LINE_CAP + '…'.len_utf8());
}

#[test]
fn the_cap_on_rows_is_said() {
    let records = process("1", STAT, "0", "/bin/x", "", "x").repeat(5);
    let (rows, status, reasons) = read(&records, &Limits { rows: 3, ..Limits::default() });
    assert_eq!((rows.len(), status), (3, ArtifactStatus::Truncated));
    assert_eq!(reasons, ["2 processes beyond the cap on rows were left out"]);
}

#[test]
fn hidepid_is_said() {
    let mounts = "mounts\x0024 30 0:22 / /proc rw,nosuid shared:12 - proc proc rw,hidepid=invisible\n\0";
    let (_, status, reasons) = read(mounts, &Limits::default());
    assert_eq!(status, ArtifactStatus::Partial);
    assert!(reasons[0].contains("hidepid"));
}

#[test]
fn an_answer_that_stops_is_truncated() {
    let output = format!("\0PEERHOUND-1\0{}pid\x005\0st", process("4242", STAT, "0", "/bin/x", "", "x"));
    let (parsed, tally) = parse(&mut output.as_bytes(), &facts(), &Limits::default()).unwrap();
    assert_eq!((parsed.items(), tally.settle().0), (1, ArtifactStatus::Truncated));
}

proptest! {
    #[test]
    fn any_answer_is_read(values: Vec<(usize, Vec<u8>)>) {
        const KEYS: [&str; 8] = ["pid", "stat", "uid", "exe", "image", "cmdline", "sha256", "open"];
        let mut output = b"\0PEERHOUND-1\0".to_vec();
        for (key, value) in values {
            output.extend(KEYS[key % KEYS.len()].as_bytes());
            output.push(0);
            output.extend(value);
            output.push(0);
        }
        parse(&mut output.as_slice(), &facts(), &Limits::default()).unwrap();
    }

    #[test]
    fn any_stat_is_read(stat: String) {
        Stat::parse(&stat);
        Stat::parse(&format!("1 ({stat}) S 1 {stat}"));
    }
}
