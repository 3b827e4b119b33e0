//! What was done, and what the deeper look found.

use super::sample::{at, done, full, packet_socket};
use super::*;
use crate::case::ForensicStatus;
use crate::evidence::{Collection, ForensicEvidence};
use crate::remediation::Stage;

/// The page of a case on which everything was done.
fn page_of(change: impl FnOnce(&mut sample::Sample, &mut ForensicEvidence, &mut Collection)) -> String {
    let (mut sample, mut evidence, mut collection) = done("/tmp/<b>x</b>");
    change(&mut sample, &mut evidence, &mut collection);
    let deeper = Deeper::Read { evidence: &evidence, collection: &collection };
    html(&Subject { deeper, written_at: at("09:30:00"), ..sample.subject() })
}

pub(super) fn part<'p>(page: &'p str, id: &str) -> &'p str {
    let rest = page.split(&format!("<section id=\"{id}\"")).nth(1).unwrap_or_else(|| panic!("no {id}"));
    rest.split("</section>").next().unwrap()
}

/// The cells of each row of the table with this caption, without markup.
pub(super) fn rows(part: &str, caption: &str) -> Vec<String> {
    let table = part.split(caption).nth(1).unwrap_or_else(|| panic!("no {caption}: {part}"));
    let body = table.split("</tbody>").next().unwrap().split("<tbody").nth(1).unwrap();
    let body = body.split_once('>').unwrap().1;
    body.split("</tr>").filter(|row| row.contains("<th")).map(text).collect()
}

pub(super) fn text(markup: &str) -> String {
    let mut out = String::new();
    let mut inside = false;
    for c in markup.chars() {
        match c {
            '<' => (inside, out) = (true, out + " "),
            '>' if inside => inside = false,
            c if !inside => out.push(c),
            _ => {}
        }
    }
    out.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[test]
fn each_measure_says_who_approved_it_how_it_went_and_how_it_ends() {
    let page = page_of(|_, _, _| {});
    let part = part(&page, "done");
    let said = text(part);
    assert!(
        said.contains(
            "1 measure waits for those whom the policy lets approve, until 2026-03-02 17:04:31 UTC"
        )
    );
    let rows = rows(part, "5 measures, in the order in which");
    assert!(
        rows[0].contains("stop process 4711") && rows[0].contains("✓ done 1 of 1: corp\\anna"),
        "{}",
        rows[0]
    );
    assert!(rows[0].contains("ended after SIGTERM 2026-03-02 09:11:02 cannot be taken back"), "{}", rows[0]);
    assert!(
        rows[1].contains("↶ taken back") && rows[1].contains("put back 2026-03-02 09:11:02"),
        "{}",
        rows[1]
    );
    assert!(rows[2].contains("2 of 2: corp\\anna , corp\\bert"), "{}", rows[2]);
    assert!(rows[2].ends_with("ends by itself at 2026-03-02 13:11:02 can be taken back"), "{}", rows[2]);
    assert!(rows[3].contains("… waits 1 of 2: corp\\anna waits for 1 more person"), "{}", rows[3]);
    assert!(
        rows[4].contains("✕ refused") && rows[4].contains("another size now: /tmp/&lt;b&gt;"),
        "{}",
        rows[4]
    );
    let words = self::rows(part, "Who said what");
    assert!(words[0].contains("corp\\anna at the command line approved 1, 2, 3, 4, 5"), "{}", words[0]);
    assert!(
        words[0].contains("2026-03-02 09:10:00 2026-03-02 17:10:00") && words[0].contains("c0ffee11"),
        "{}",
        words[0]
    );
    assert!(words[2].contains("take back 2"), "{}", words[2]);
    assert!(said.contains("Not proposed: port 22 of"), "{said}");
}

#[test]
fn what_is_over_says_so() {
    let (mut sample, ..) = done("x");
    let kept = sample.case.remediation.as_mut().unwrap();
    kept.approvals[1].evidence_sha256 = "0bad".repeat(16);
    let later = Subject { written_at: at("19:00:00"), ..sample.subject() };
    let said = text(part(&html(&later), "done"));
    assert!(said.contains("Nothing waits for an approval"), "{said}");
    assert!(said.contains("ended by itself at 2026-03-02 13:11:02") && said.contains("– expired"), "{said}");
    assert!(
        said.contains("not this case's evidence") || said.contains("not this case&#39;s evidence"),
        "{said}"
    );

    let kept = sample.case.remediation.as_mut().unwrap();
    kept.evidence_sha256.clear();
    let sealing = text(part(&html(&sample.subject()), "done"));
    assert!(sealing.contains("put before those who may approve once that is sealed"), "{sealing}");
    let kept = sample.case.remediation.as_mut().unwrap();
    kept.dry_run = true;
    kept.measures.iter_mut().for_each(|measure| measure.stage = Stage::Proposed);
    let preview = text(part(&html(&sample.subject()), "done"));
    assert!(preview.contains("A preview") && preview.contains("– preview"), "{preview}");
}

#[test]
fn the_hold_the_deeper_look_and_the_sites_own_actions_are_there() {
    let said = text(part(&page_of(|_, _, _| {}), "done"));
    for there in [
        "Legal hold Status ✓ in force By the policy Since 2026-03-02 09:04:31 Why the machine is compromised",
        "2 containers are read-only",
        "ph-20260302-kq3v7a2m-forensics.zip",
        &"5eed".repeat(16),
        "action:soar ? uncertain – no answer",
        "ticket comment ✓ done – accepted by tickets.example.com:443; INC-4711",
    ] {
        assert!(said.contains(there), "{there}: {said}");
    }
}

#[test]
fn what_says_most_is_on_top_of_each_list_of_the_deeper_look() {
    let page = page_of(|_, evidence, collection| {
        evidence.packet_sockets = Some(vec![packet_socket(Some("/usr/sbin/dhclient")), packet_socket(None)]);
        collection.outcomes.retain(|outcome| outcome.kind != ArtifactKind::PacketSockets);
    });
    let part = part(&page, "deeper");
    for (caption, first) in [
        ("2 rows, the latest first", "/var/tmp/.x/kworker"),
        ("2 rows, the latest files first", "root ssh-ed25519 SHA256:new"),
        ("1 row, what hides first, then the latest", "/etc/cron.d/x"),
        ("4 rows, logins from elsewhere first", "login 2026-03-02 08:10:00 alice 198.51.100.7"),
        ("3 rows, those that hide first", "/tmp/&lt;b&gt;x&lt;/b&gt; in one list only /sys/module"),
        ("2 rows, those that nobody is seen to hold first", "? not known packet 3 all 0"),
        ("2 rows, addresses of names first", "host 198.51.100.7"),
        ("1 row, those that keep nothing first", "/root/.bash_history root 0"),
    ] {
        let rows = rows(part, caption);
        assert!(rows[0].starts_with(first), "{caption}: {}", rows[0]);
    }
    let said = text(part);
    assert!(said.contains("✂ truncated") && said.contains("stopped after 2 MiB"), "{said}");
    assert!(said.contains("✂ cut"), "a text that was cut: {said}");
    assert!(said.contains("Linux.System.Processes : 184 rows in artifacts/processes.json"), "{said}");
}

#[test]
fn what_could_not_be_had_or_read_is_said() {
    let page = page_of(|_, evidence, _| evidence.authorized_keys = Some(Vec::new()));
    let said = text(part(&page, "deeper"));
    assert!(
        said.contains("Sockets that see packets as they are It could not be had: see the outcome"),
        "{said}"
    );
    assert!(said.contains("Keys that let somebody in None was found."), "{said}");

    let (mut sample, ..) = done("x");
    let unread = Subject { deeper: Deeper::Unread("no such file"), ..sample.subject() };
    let said = text(part(&html(&unread), "deeper"));
    assert!(said.contains("✕ not read") && said.contains("no such file"), "{said}");
    assert!(said.contains("Linux.System.Logins"), "the case knows how it went: {said}");
    let without = text(part(&html(&sample.subject()), "deeper"));
    assert!(without.contains("lies in the second container"), "{without}");
    let look = sample.case.forensics.as_mut().unwrap();
    (look.status, look.detail) = (ForensicStatus::GivenUp, "does not answer".to_owned());
    (look.evidence, look.artifacts) = (None, Vec::new());
    let page = html(&sample.subject());
    assert!(!page.contains("<section id=\"deeper\""));
    assert!(text(part(&page, "done")).contains("✕ given up"), "{page}");
    assert!(!full().html().contains("id=\"deeper\""));
}
