use std::fs;
use std::path::Path;

use tempfile::TempDir;

use super::servers::{Fault, Got, closed_port, smtp};
use super::*;

fn server(port: u16) -> Smtp {
    Smtp {
        host: "127.0.0.1".to_owned(),
        port,
        tls: Tls::None,
        username: None,
        password_file: None,
        timeout: Duration::from_millis(700),
    }
}

fn config(smtp: Option<Smtp>) -> MailConfig {
    MailConfig { smtp, from: "Peerhound <peerhound@soc.example>".to_owned() }
}

/// One delivery to `to` at a server with this fault.
async fn deliver_to(fault: Fault, to: &[&str]) -> (Result<Receipt, DeliveryError>, Got) {
    let (port, running) = smtp(fault).await;
    let to: Vec<String> = to.iter().map(|address| (*address).to_owned()).collect();
    let result =
        send_mail(&config(Some(server(port))), &to, &message(), "case-7.1", Path::new("/nowhere")).await;
    if matches!(fault, Fault::Silent | Fault::SilentAfterMessage) {
        running.abort();
        return (result, Got::default());
    }
    (result, running.await.unwrap())
}

async fn deliver(fault: Fault) -> Result<Receipt, DeliveryError> {
    deliver_to(fault, &["alice@corp.example"]).await.0
}

#[tokio::test]
async fn a_mail_arrives_as_it_was_written() {
    let (receipt, got) = deliver_to(Fault::Nothing, &["alice@corp.example", "bob@corp.example"]).await;
    let receipt = receipt.unwrap();
    assert_eq!((receipt.channel, &receipt.refused), (Channel::Smtp, &Vec::new()));
    assert_eq!(receipt.reference.as_deref(), Some("250 2.0.0 queued as 4711"));
    assert!(got.commands.contains(&"MAIL FROM:<peerhound@soc.example>".to_owned()), "{:?}", got.commands);
    assert!(got.commands.contains(&"RCPT TO:<bob@corp.example>".to_owned()), "{:?}", got.commands);
    for header in [
        "From: Peerhound <peerhound@soc.example>\r\n",
        "To: alice@corp.example, bob@corp.example\r\n",
        "Subject: Peer-to-peer software on ws-0042\r\n",
        "Message-ID: <case-7.1@soc.example>\r\n",
        "Auto-Submitted: auto-generated\r\n",
        "Date: ",
    ] {
        assert!(got.message.contains(header), "{header:?} in {}", got.message);
    }
    let body = got.message.split_once("\r\n\r\n").unwrap().1;
    assert!(body.contains(".a line that begins with a dot"), "{body}");
}

#[tokio::test]
async fn what_fails_before_the_message_was_surely_not_delivered() {
    for fault in [
        Fault::Greeting("421 too busy"),
        Fault::Silent,
        Fault::Sender("451 later"),
        Fault::Recipient("450 greylisted"),
        Fault::Data("451 later"),
    ] {
        let error = deliver_to(fault, &["bad@corp.example"]).await.0.unwrap_err();
        not_accepted(&error);
    }
    let config = config(Some(server(closed_port().await)));
    let to = ["a@b.example".to_owned()];
    let error = send_mail(&config, &to, &message(), "m", Path::new("/x")).await.unwrap_err();
    assert!(not_accepted(&error).contains("refused"), "{error}");
}

#[tokio::test]
async fn a_permanent_answer_is_a_rejection_wherever_it_comes() {
    for fault in [
        Fault::Greeting("554 no service"),
        Fault::Sender("550 who are you"),
        Fault::Recipient("550 no such user"),
        Fault::Data("554 no valid recipients"),
        Fault::Message("550 spam"),
    ] {
        let error = deliver_to(fault, &["bad@corp.example"]).await.0.unwrap_err();
        rejected(&error);
    }
}

#[tokio::test]
async fn an_answer_to_the_message_settles_it_and_silence_does_not() {
    let later = deliver(Fault::Message("452 out of space")).await.unwrap_err();
    assert!(not_accepted(&later).contains("out of space"), "{later}");
    uncertain(&deliver(Fault::CloseAfterMessage).await.unwrap_err());
    uncertain(&deliver(Fault::CloseBeforeMessage).await.unwrap_err());
    assert_eq!(
        uncertain(&deliver(Fault::SilentAfterMessage).await.unwrap_err()),
        "no answer in time after the end of the message"
    );
    uncertain(&deliver(Fault::Message("nonsense")).await.unwrap_err());
}

#[tokio::test]
async fn a_message_that_could_not_be_sent_whole_was_not_delivered() {
    // More than the buffers on the way hold, to a server that reads none of it.
    let (port, running) = smtp(Fault::NotReading).await;
    let (from, to) = ("a@b.example".parse().unwrap(), ["c@d.example".parse().unwrap()]);
    let long = b"x\r\n".repeat(8 << 20);
    let error = super::super::smtp::send(&server(port), &from, &to, &long).await.map(|_| ()).unwrap_err();
    assert_eq!(not_accepted(&error), "the message could not be sent in time");
    running.abort();
}

#[tokio::test]
async fn one_dead_recipient_does_not_keep_the_mail_from_the_others() {
    let to = ["alice@corp.example", "bad@corp.example", "not an address"];
    let (receipt, got) = deliver_to(Fault::Recipient("550 no such user"), &to).await;
    let refused = receipt.unwrap().refused;
    assert_eq!(refused.len(), 2, "{refused:?}");
    assert!(refused[0].contains("not an address") && refused[1].contains("no such user"), "{refused:?}");
    assert!(got.message.contains("Hello"));

    let (result, got) = deliver_to(Fault::Recipient("450 later"), &to).await;
    not_accepted(&result.unwrap_err());
    assert_eq!(got.message, "", "the next try is for all, so nobody may have it yet");
}

#[tokio::test]
async fn nobody_to_send_to_is_said() {
    for (to, why) in [(vec![], "no recipient"), (vec!["x\r\nRCPT TO:<y@z>".to_owned()], "not an address")] {
        let error = send_mail(&config(None), &to, &message(), "m", Path::new("/x")).await.unwrap_err();
        assert!(rejected(&error).contains(why), "{error}");
        assert!(!error.to_string().contains('\n'));
    }
    let from = MailConfig { smtp: None, from: "nobody".to_owned() };
    let error =
        send_mail(&from, &["a@b.example".to_owned()], &message(), "m", Path::new("/x")).await.unwrap_err();
    rejected(&error);
}

#[tokio::test]
async fn a_password_goes_to_this_machine_or_over_tls_only() {
    let folder = TempDir::new().unwrap();
    let file = folder.path().join("password");
    fs::write(&file, "s3cret\n").unwrap();
    let with_login = |host: &str, port, tls| {
        let (username, password_file) = (Some("peerhound".to_owned()), Some(file.clone()));
        config(Some(Smtp { host: host.to_owned(), tls, username, password_file, ..server(port) }))
    };
    let to = ["a@b.example".to_owned()];
    let out = folder.path();
    let error =
        send_mail(&with_login("192.0.2.1", 25, Tls::None), &to, &message(), "m", out).await.unwrap_err();
    assert!(rejected(&error).contains("unprotected"), "{error}");

    let (port, running) = smtp(Fault::Nothing).await;
    send_mail(&with_login("127.0.0.1", port, Tls::None), &to, &message(), "m", out).await.unwrap();
    let got = running.await.unwrap();
    assert!(got.commands.iter().any(|command| command.starts_with("AUTH PLAIN ")), "{:?}", got.commands);

    // A server that quotes what it was sent.
    let (port, running) = smtp(Fault::Auth("535 AHBlZXJob3VuZABzM2NyZXQ= s3cret is wrong")).await;
    let error =
        send_mail(&with_login("127.0.0.1", port, Tls::None), &to, &message(), "m", out).await.unwrap_err();
    assert_eq!(rejected(&error), "login refused (535)");
    running.await.unwrap();

    fs::write(&file, "").unwrap();
    let error =
        send_mail(&with_login("127.0.0.1", 1, Tls::None), &to, &message(), "m", out).await.unwrap_err();
    assert!(not_accepted(&error).contains("empty"), "{error}");
    fs::remove_file(&file).unwrap();
    let error =
        send_mail(&with_login("127.0.0.1", 1, Tls::None), &to, &message(), "m", out).await.unwrap_err();
    assert!(not_accepted(&error).contains("password file"), "{error}");
}

#[tokio::test]
async fn without_the_protection_that_was_asked_for_nothing_is_sent() {
    for (tls, why) in [(Tls::StartTls, "does not offer STARTTLS"), (Tls::Required, "connection")] {
        let (port, running) = smtp(Fault::Nothing).await;
        let config = config(Some(Smtp { tls, ..server(port) }));
        let error = send_mail(&config, &["a@b.example".to_owned()], &message(), "m", Path::new("/x"))
            .await
            .unwrap_err();
        assert!(not_accepted(&error).contains(why), "{error}");
        let got = running.await.unwrap();
        assert!(!got.commands.iter().any(|command| command.starts_with("MAIL")), "{:?}", got.commands);
    }
}

#[tokio::test]
async fn without_a_server_a_mail_is_a_file_and_is_written_once() {
    let folder = TempDir::new().unwrap();
    let outbox = folder.path().join("outbox");
    let to = ["alice@corp.example".to_owned()];
    let receipt = send_mail(&config(None), &to, &message(), "case-7.1", &outbox).await.unwrap();
    let path = outbox.join("case-7.1.eml");
    assert_eq!((receipt.channel, receipt.location.as_str()), (Channel::Outbox, path.to_str().unwrap()));
    assert_eq!(receipt.to_string(), format!("written to {}", path.display()));
    let first = fs::read_to_string(&path).unwrap();
    assert!(first.contains("Message-ID: <case-7.1@soc.example>"), "{first}");

    let other = Message { subject: "another".to_owned(), ..message() };
    send_mail(&config(None), &to, &other, "case-7.1", &outbox).await.unwrap();
    assert_eq!(fs::read_to_string(&path).unwrap(), first);
    send_mail(&config(None), &to, &other, "../../case-7.1", &outbox).await.unwrap();
    assert_eq!(fs::read_dir(&outbox).unwrap().count(), 2);
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);

    fs::write(folder.path().join("file"), "").unwrap();
    let error =
        send_mail(&config(None), &to, &message(), "m", &folder.path().join("file")).await.unwrap_err();
    assert!(not_accepted(&error).contains("outbox"), "{error}");
}

#[tokio::test]
async fn a_text_without_end_is_cut() {
    let folder = TempDir::new().unwrap();
    let long = Message { text: "\u{fc}\n".repeat(1 << 20), ..message() };
    let to = ["a@b.example".to_owned()];
    let receipt = send_mail(&config(None), &to, &long, "m", folder.path()).await.unwrap();
    assert!(fs::metadata(receipt.location).unwrap().len() < 2 << 20);
}

#[tokio::test]
async fn a_subject_cannot_add_a_header() {
    let (port, running) = smtp(Fault::Nothing).await;
    let hostile = Message { subject: "a\r\nBcc: everyone@corp.example\r\n\r\nbody".to_owned(), ..message() };
    let to = ["a@b.example".to_owned()];
    send_mail(&config(Some(server(port))), &to, &hostile, "x\r\nBcc: y@z", Path::new("/x")).await.unwrap();
    let got = running.await.unwrap();
    let head = got.message.split_once("\r\n\r\n").unwrap().0;
    assert!(!head.lines().any(|line| line.to_lowercase().starts_with("bcc:")), "{head}");
    assert!(head.contains("\r\nDate: ") && head.contains("\r\nMessage-ID: <x__Bcc__y_z-"), "{head}");
}
