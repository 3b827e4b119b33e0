//! What is run on a Linux endpoint for each measure: constant scripts with values in front of them.

use data_encoding::{HEXLOWER, HEXLOWER_PERMISSIVE};
use investigation::remediation::Measure;
use sha2::{Digest as _, Sha256};

use super::entry::{Kind, Plan, mark};
use super::script::{Script, Step};
use super::{OwnConnection, Task, rules};

/// Asks where the connection comes from that this command came over; `sudo` would not pass it on.
pub(crate) const WHO_ASKS: &str = "echo \"$SSH_CONNECTION\"";

macro_rules! scripts {
    ($($file:literal),+) => { &[include_str!("sh/common.sh"), $(include_str!($file)),+] };
}

const STOP: Script = Script {
    name: "stop_process.sh",
    parts: scripts!("sh/systemd.sh", "sh/stop_process.sh"),
    takes: &["pid", "image", "since"],
};
const LOOK: Script =
    Script { name: "look_at_entry.sh", parts: scripts!("sh/look_at_entry.sh"), takes: &["path"] };
const MOVE: Script = Script {
    name: "move_away.sh",
    parts: scripts!("sh/systemd.sh", "sh/settle.sh", "sh/move_away.sh"),
    takes: &["path", "size", "was", "expected", "sha256", "links", "unit", "stop"],
};
const PUT_BACK: Script = Script {
    name: "put_back.sh",
    parts: scripts!("sh/systemd.sh", "sh/settle.sh", "sh/put_back.sh"),
    takes: &["path", "sha256", "unit", "stop"],
};
const COMMENT_OUT: Script = Script {
    name: "comment_out.sh",
    parts: scripts!("sh/comment_out.sh"),
    takes: &["path", "lines", "mark", "sha256", "after"],
};
const COMMENT_IN: Script =
    Script { name: "comment_in.sh", parts: scripts!("sh/comment_in.sh"), takes: &["path", "mark"] };
const BLOCK: Script = Script {
    name: "block_traffic.sh",
    parts: scripts!("sh/block_traffic.sh"),
    takes: &["table", "rules", "drops", "ports", "chain_in", "chain_out"],
};
const UNBLOCK: Script = Script {
    name: "unblock_traffic.sh",
    parts: scripts!("sh/unblock_traffic.sh"),
    takes: &["table", "chain_in", "chain_out"],
};
const ISOLATE: Script = Script {
    name: "isolate.sh",
    parts: scripts!("sh/guard.sh", "sh/isolate.sh"),
    takes: &["table", "rules", "seconds"],
};
const END_ISOLATION: Script = Script {
    name: "end_isolation.sh",
    parts: scripts!("sh/guard.sh", "sh/end_isolation.sh"),
    takes: &["table"],
};

/// A path as its bytes.
pub(crate) fn path_bytes(path: &str, hex: Option<&str>) -> Vec<u8> {
    hex.and_then(|hex| HEXLOWER_PERMISSIVE.decode(hex.as_bytes()).ok())
        .unwrap_or_else(|| path.as_bytes().to_vec())
}

/// Ends a process.
pub(crate) fn stop(task: &Task, pid: u32, image: &str, start_time: Option<jiff::Timestamp>) -> Step {
    let pid = pid.to_string();
    let since = start_time.map(|time| time.as_second().to_string()).unwrap_or_default();
    STOP.with(task, &[("pid", pid.as_bytes()), ("image", image.as_bytes()), ("since", since.as_bytes())])
}

/// Looks at what starts something.
pub(crate) fn look(task: &Task, location: &str) -> Step {
    LOOK.with(task, &[("path", location.as_bytes())])
}

/// Does what was planned about an entry; nothing where that is nothing.
pub(crate) fn disable(task: &Task, kind: Kind, location: &str, name: &str, plan: &Plan) -> Option<Step> {
    let path = ("path", location.as_bytes());
    let unit = ("unit", kind.unit(name).as_bytes());
    Some(match plan {
        Plan::Nothing(_) => return None,
        Plan::Finish => MOVE.with(task, &[path, unit, ("stop", b"1"), ("links", b"1")]),
        Plan::Move { inode, sha256, link } => {
            // What a link leads to is not moved.
            let sha256 = if *link { "" } else { sha256 };
            let given = [
                path,
                unit,
                ("stop", &b"1"[..]),
                ("expected", inode.as_bytes()),
                ("sha256", sha256.as_bytes()),
                ("links", if *link { b"1" } else { b"" }),
            ];
            MOVE.with(task, &given)
        }
        Plan::Comment { lines, sha256, after } => {
            let lines: Vec<String> = lines.iter().map(usize::to_string).collect();
            let (lines, mark) = (lines.join(" "), mark(task));
            let given = [
                path,
                ("lines", lines.as_bytes()),
                ("mark", mark.as_bytes()),
                ("sha256", sha256.as_bytes()),
                ("after", after.as_bytes()),
            ];
            COMMENT_OUT.with(task, &given)
        }
    })
}

/// Puts an entry back.
pub(crate) fn restore_entry(task: &Task, kind: Kind, location: &str, name: &str) -> Step {
    let path = ("path", location.as_bytes());
    match kind {
        Kind::File(_) => PUT_BACK.with(task, &[path, ("unit", kind.unit(name).as_bytes())]),
        Kind::Line(_) => COMMENT_IN.with(task, &[path, ("mark", mark(task).as_bytes())]),
    }
}

/// Moves a file away. Where its content `changes` by itself, one of another size is the same file.
pub(crate) fn quarantine(task: &Task, path: &[u8], size: u64, changes: bool) -> Step {
    let size = size.to_string();
    MOVE.with(task, &[("path", path), (if changes { "was" } else { "size" }, size.as_bytes())])
}

/// Puts a file back.
pub(crate) fn restore_file(task: &Task, path: &[u8], sha256: &str) -> Step {
    PUT_BACK.with(task, &[("path", path), ("sha256", sha256.as_bytes())])
}

/// Drops the traffic of ports.
pub(crate) fn block(task: &Task, ports: &[u16]) -> Step {
    let table = rules::table(&task.case_id, task.n);
    let [chain_in, chain_out] = chains(task);
    let text = rules::block(&table, ports);
    let ports = ports.iter().map(u16::to_string).collect::<Vec<_>>().join(" ");
    let given = [
        ("table", table.as_bytes()),
        ("rules", text.as_bytes()),
        ("drops", &b"4"[..]),
        ("ports", ports.as_bytes()),
        ("chain_in", chain_in.as_bytes()),
        ("chain_out", chain_out.as_bytes()),
    ];
    BLOCK.with(task, &given)
}

/// Takes the rules away again.
pub(crate) fn unblock(task: &Task) -> Step {
    let table = rules::table(&task.case_id, task.n);
    let [chain_in, chain_out] = chains(task);
    let given =
        [("table", table.as_bytes()), ("chain_in", chain_in.as_bytes()), ("chain_out", chain_out.as_bytes())];
    UNBLOCK.with(task, &given)
}

/// Cuts the host off.
pub(crate) fn isolate(task: &Task, measure: &Measure, own: &OwnConnection) -> Option<Step> {
    let Measure::Isolate { seconds, keep, keep_hosts } = measure else { return None };
    let table = rules::table(&task.case_id, task.n);
    let (text, seconds) = (rules::isolate(&table, own.peer, keep, keep_hosts), seconds.to_string());
    let given = [("table", table.as_bytes()), ("rules", text.as_bytes()), ("seconds", seconds.as_bytes())];
    Some(ISOLATE.with(task, &given))
}

/// Lets it back.
pub(crate) fn end_isolation(task: &Task) -> Step {
    END_ISOLATION.with(task, &[("table", rules::table(&task.case_id, task.n).as_bytes())])
}

/// The two chains where there is no nftables. iptables takes 28 characters.
fn chains(task: &Task) -> [String; 2] {
    let case = HEXLOWER.encode(&Sha256::digest(task.case_id.as_bytes()));
    ["I", "O"].map(|way| format!("PH-{}-{}-{way}", &case[..10], task.n))
}

/// Reads what [`WHO_ASKS`] says: address and port of the client, address and port of the server.
pub(crate) fn own_connection(said: &str) -> OwnConnection {
    let words: Vec<&str> = said.split_ascii_whitespace().collect();
    let mut own = OwnConnection { remote: true, ..OwnConnection::default() };
    if let [client, _, _, port] = words[..] {
        // A link-local address names its interface.
        let client = client.split('%').next().unwrap_or_default();
        own.peer = client.parse().ok().map(investigation::scope::fold);
        own.ports.extend(port.parse::<u16>());
    }
    own
}

#[cfg(test)]
mod tests {
    use super::super::Work;
    use super::*;
    use investigation::remediation::Undo;

    fn task(n: u32) -> Task {
        Task { case_id: "c".repeat(64), n, work: Work::Undo(Undo::UnblockTraffic) }
    }

    #[test]
    fn every_script_sets_all_of_its_values_and_reads_no_others() {
        let set_by_themselves = |text: &str, name: &str| {
            ["=", " in"].iter().any(|sign| text.contains(&format!("{name}{sign}")))
                || ["read -r", "read -r key"].iter().any(|read| text.contains(&format!("{read} {name}")))
        };
        for script in
            [STOP, LOOK, MOVE, PUT_BACK, COMMENT_OUT, COMMENT_IN, BLOCK, UNBLOCK, ISOLATE, END_ISOLATION]
        {
            let text: String = script.parts.concat();
            let step = script.with(&task(1), &[]);
            for name in script.takes {
                assert!(step.text.contains(&format!("\n{name}=$(printf")), "{}: {name}", script.name);
                assert!(
                    text.contains(&format!("${name}")) || text.contains(&format!("${{{name}")),
                    "{name} is used"
                );
            }
            // What a script reads is set by it, or given.
            let used = text.split('$').skip(1).map(|rest| {
                let rest = rest.trim_start_matches('{');
                let end = rest.find(|c: char| !c.is_ascii_alphanumeric() && c != '_').unwrap_or(rest.len());
                &rest[..end]
            });
            for name in used.filter(|name| name.starts_with(|c: char| c.is_ascii_lowercase())) {
                let given = ["case", "n", "measure", "watch"].contains(&name) || script.takes.contains(&name);
                assert!(given || set_by_themselves(&text, name), "{} reads {name}", script.name);
            }
        }
    }

    #[test]
    fn names_fit_where_they_are_used() {
        let [chain, other] = chains(&task(u32::MAX));
        assert!(chain.len() <= 28 && chain != other, "{chain}");
        assert_ne!(chains(&task(1)), chains(&Task { case_id: "d".into(), ..task(1) }));
    }

    #[test]
    fn where_an_order_comes_from_is_read_strictly() {
        let own = own_connection("fe80::1%eth0 50022 fe80::2%eth0 2222\n");
        assert_eq!((own.peer, own.ports), ("fe80::1".parse().ok(), vec![2222]));
        let own = own_connection("::ffff:10.0.0.1 50022 10.0.0.2 22");
        assert_eq!((own.peer, own.ports), ("10.0.0.1".parse().ok(), vec![22]));
        for said in ["", "10.0.0.1", "x 1 y z", "$(id) 1 2 99999"] {
            let own = own_connection(said);
            assert!(own.peer.is_none() && own.ports.is_empty() && own.remote, "{said}");
        }
    }
}
