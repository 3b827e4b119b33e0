//! The digest with the real program and a real mail server: what it says of a case that was worked, and that the mail of a
//! day arrives once.

use acceptance::{Lab, Peerhound};
use serde_json::Value;

#[test]
fn what_was_worked_is_in_the_digest_and_the_mail_of_the_day_arrives_once() {
    let Some(lab) = Lab::start().expect("a lab") else { return };
    let digest = "[digest]\nat = \"00:00\"\ncsv = true\n";
    let policy = format!("{}{digest}", lab.policy().text());
    let peerhound = Peerhound::new(&lab.network, &policy).expect("peerhound");
    let address = lab.endpoint.address().to_string();
    let (output, outcomes) = peerhound.json(&["investigate", &address]).expect("peerhound");
    assert_eq!(outcomes.len(), 1, "{}", output.told());

    let (output, read) = peerhound.json(&["report", "--since", "1h"]).expect("peerhound");
    assert_eq!(output.code, Some(0), "{}", output.told());
    assert_eq!(
        (&read[0]["cases"]["opened"], &read[0]["time_to_evidence"]["cases"]),
        (&1.into(), &1.into()),
        "{:#}",
        read[0]
    );
    assert_eq!(read[0]["alerts"]["by_outcome"]["opened"], Value::from(1), "{:#}", read[0]);
    assert_eq!(read[0]["last_sent"], Value::Null);
    for (format, begins) in
        [("text", "Peer-to-peer alerts"), ("html", "<!doctype html>"), ("csv", "\"section\"")]
    {
        let file = format!("digest.{format}");
        let arguments = ["report", "--since", "1h", "--format", format, "--out", &file];
        let written = peerhound.run(&arguments).expect("peerhound");
        assert_eq!(written.code, Some(0), "{}", written.told());
        let text = std::fs::read_to_string(peerhound.path_of(&file)).expect("the file");
        assert!(text.starts_with(begins), "{text}");
        let again = peerhound.run(&arguments).expect("peerhound");
        assert_eq!(again.code, Some(2), "a file is never written over: {}", again.told());
    }
    let wrong = peerhound.run(&["report", "--since", "last week"]).expect("peerhound");
    assert_eq!(wrong.code, Some(2), "{}", wrong.told());
    assert_eq!(wrong.stderr.trim().lines().count(), 1, "{}", wrong.told());

    let before = lab.mail.mails().expect("mails").len();
    let spool = lab.network.workspace().subfolder("spool").expect("a folder");
    for _ in 0..2 {
        let watched = peerhound.run(&["watch", "--once", &spool.to_string_lossy()]).expect("peerhound");
        assert_eq!(watched.code, Some(0), "{}", watched.told());
    }
    let mails = lab.mail.mails().expect("mails").split_off(before);
    assert_eq!(mails.len(), 1, "{mails:?}");
    for part in
        ["multipart/mixed", "multipart/alternative", "text/plain", "text/html", "text/csv", "digest of"]
    {
        assert!(mails[0].message.contains(part), "{part} in {}", mails[0].message);
    }
    let (_, read) = peerhound.json(&["report"]).expect("peerhound");
    assert_eq!(read[0]["last_sent"]["status"], "sent", "{:#}", read[0]);
}
