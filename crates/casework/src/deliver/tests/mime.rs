//! What a mail is for whoever reads it: taken apart by Python's own parser.

use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};

use investigation::act::Texts;
use investigation::act::mail::sample;
use investigation::assess::Verdict;
use investigation::policy::Policy;
use serde_json::Value;

use super::servers::{Fault, smtp};
use super::*;

const PARSER: &str = r#"
import email, email.policy, json, sys
mail = email.message_from_bytes(sys.stdin.buffer.read(), policy=email.policy.default)
parts = [{"type": part.get_content_type(), "charset": part.get_content_charset(), "text": part.get_content(),
          "defects": [str(defect) for defect in part.defects]}
         for part in mail.walk() if not part.is_multipart()]
print(json.dumps({"headers": [[name, str(value)] for name, value in mail.items()], "type": mail.get_content_type(),
                  "defects": [str(defect) for defect in mail.defects], "parts": parts}))
"#;

/// `None` where Python is not there.
fn parsed(mail: &str) -> Option<Value> {
    let started =
        Command::new("python3").args(["-c", PARSER]).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn();
    let Ok(mut python) = started else {
        #[expect(clippy::disallowed_methods, reason = "on CI a skip proves nothing")]
        let on_ci = std::env::var_os("CI").is_some();
        assert!(!on_ci, "cannot be skipped here: python3 is not installed");
        println!("skipped: python3 not installed (scripts/test-requirements installs it)");
        return None;
    };
    python.stdin.take().unwrap().write_all(mail.as_bytes()).unwrap();
    let output = python.wait_with_output().unwrap();
    assert!(output.status.success());
    Some(serde_json::from_slice(&output.stdout).unwrap())
}

/// One mail through a mail server.
async fn sent(message: &Message) -> String {
    let (port, running) = smtp(Fault::Nothing).await;
    let server = Smtp {
        host: "127.0.0.1".to_owned(),
        port,
        tls: Tls::None,
        username: None,
        password_file: None,
        timeout: Duration::from_secs(10),
    };
    let config = MailConfig { smtp: Some(server), from: "Peerhound <peerhound@soc.example>".to_owned() };
    let to = ["alice@corp.example".to_owned()];
    send_mail(&config, &to, message, "case-7.effect-6", Path::new("/nowhere")).await.unwrap();
    running.await.unwrap().message
}

fn policy() -> Policy {
    let text = "version = 1\n[scope]\nnetworks = []\n[organisation]\nname = 'Société Müller'\n";
    Policy::parse(text).unwrap()
}

#[tokio::test]
async fn both_parts_of_a_mail_arrive_as_they_were_written_in_every_language() {
    for language in ["en", "de", "fr"] {
        let brief = sample::brief(Verdict::PolicyViolation, &policy());
        for written in
            [Texts::shipped().mail_user(&brief, language), Texts::shipped().mail_soc(&brief, language)]
        {
            let message = written.message;
            let mail = sent(&message).await;
            assert!(mail.is_ascii() && mail.lines().all(|line| line.len() <= 998), "not for every server");
            let Some(read) = parsed(&mail) else { return };
            assert_eq!(
                (&read["type"], &read["defects"]),
                (&"multipart/alternative".into(), &serde_json::json!([]))
            );
            let parts = read["parts"].as_array().unwrap();
            let types: Vec<&str> = parts.iter().map(|part| part["type"].as_str().unwrap()).collect();
            assert_eq!(types, ["text/plain", "text/html"], "the richer one comes last");
            for (part, of) in parts.iter().zip([&message.text, message.html.as_ref().unwrap()]) {
                // Over the wire a line ends with both.
                assert_eq!(part["text"].as_str().unwrap().replace("\r\n", "\n").trim_end(), of.trim_end());
                assert_eq!((&part["charset"], &part["defects"]), (&"utf-8".into(), &serde_json::json!([])));
            }
            let headers = read["headers"].as_array().unwrap();
            let subject = headers.iter().find(|header| header[0] == "Subject").unwrap();
            assert_eq!(subject[1].as_str().unwrap(), message.subject);
        }
    }
}

#[tokio::test]
async fn no_name_adds_a_header_or_a_part() {
    let named = |read: &Value| -> Vec<String> {
        let headers = read["headers"].as_array().unwrap();
        headers.iter().map(|header| header[0].as_str().unwrap().to_owned()).collect()
    };
    let mut plain = None;
    for name in [
        "ws-0042",
        "x\r\nBcc: everyone@corp.example",
        "x\n\n<script>alert(1)</script>",
        "--=_peerhound_\r\n--=_peerhound_--",
        "=?utf-8?q?=0d=0aBcc:_x=40y?=",
        "\u{2028}Bcc: x",
    ] {
        let mut brief = sample::brief(Verdict::PolicyViolation, &policy());
        name.clone_into(&mut brief.identity.as_mut().unwrap().host_name);
        let Some(read) = parsed(&sent(&Texts::shipped().mail_user(&brief, "en").message).await) else {
            return;
        };
        assert_eq!(read["parts"].as_array().unwrap().len(), 2, "{name:?}");
        let headers = named(&read);
        assert_eq!(*plain.get_or_insert_with(|| headers.clone()), headers, "{name:?}");
    }
}
