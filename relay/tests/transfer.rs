//! Fetching and uploading by the real program, against a store that misbehaves. The orders are for addresses that the
//! relay does not serve, so that nothing is contacted.
#![cfg(unix)]

mod support;

use std::time::{Duration, Instant};

use investigation::order::{MAX_BATCH_BYTES, RelayResult, Task};
use jiff::SignedDuration;
use sha2::Digest as _;
use support::store::Fault;
use support::{Ran, SECRET, Scene, batch, program, write_private};

const OUTSIDE: &str = "10.9.9.9";

fn scene(transfer: &str) -> Scene {
    Scene::set("'10.20.0.0/16'", transfer, "")
}

fn one(scene: &Scene) -> investigation::order::OrderBatch {
    batch(vec![scene.order("c", 1, OUTSIDE, Task::Identify)])
}

fn answer(status: &'static str, more: &str, body: &str) -> Fault {
    Fault::Answer(status, more.to_owned(), body.as_bytes().to_vec())
}

#[test]
fn a_target_that_the_relay_does_not_serve_is_refused_and_that_is_reported() {
    let scene = scene("");
    let orders = ["10.9.9.9", "8.8.8.8", "169.254.169.254", "127.0.0.1", "224.0.0.1"];
    let orders: Vec<_> =
        (1..).zip(orders).map(|(effect, target)| scene.order("c", effect, target, Task::Identify)).collect();
    let ran = scene.run_batch(&batch(orders.clone()));
    assert_eq!(ran.code, Some(0), "{ran:?}");
    assert_eq!(ran.stdout.lines().count(), orders.len());
    for order in &orders {
        let (report, entries) = scene.bundle("c", order.effect);
        assert!(entries.is_empty());
        assert_eq!((report.relay.as_str(), report.target), ("site-1", order.order.target));
        let RelayResult::Failed { code, reason, retryable } = report.result else { panic!("{report:?}") };
        assert_eq!((code.as_str(), retryable), ("out_of_scope", false));
        assert!(reason.contains("relay site-1, by its relay.toml"), "it says who refuses: {reason}");
        assert!(!ran.stdout.contains(&order.order.target.to_string()), "no address in {}", ran.stdout);
    }
    assert!(ran.stdout.lines().any(|line| line.starts_with("c 1-1 failed out_of_scope, ")), "{ran:?}");
    assert!(scene.left().is_empty());
}

#[test]
fn the_upload_has_exactly_the_signed_headers_and_a_length() {
    let scene = scene("");
    assert_eq!(scene.run_batch(&one(&scene)).code, Some(0));
    let puts = scene.store.seen("PUT");
    let [put] = &puts[..] else { panic!("{puts:?}") };
    let size = scene.store.get("/bundle/c/1-1").unwrap().len();
    assert_eq!(put.headers["content-length"], size.to_string());
    assert_eq!(put.headers["content-type"], "application/zip");
    assert_eq!(put.headers["if-none-match"], "*");
    let others: Vec<_> = put
        .headers
        .keys()
        .filter(|name| {
            !["content-length", "content-type", "if-none-match", "host", "accept"].contains(&name.as_str())
        })
        .collect();
    assert!(others.is_empty(), "{others:?}");
}

fn refused(scene: &Scene, ran: &Ran, what: &str) {
    assert_eq!(ran.code, Some(2), "{ran:?}");
    assert!(ran.stderr.contains(what), "{what}: {ran:?}");
    assert!(ran.stdout.is_empty() && scene.store.seen("PUT").is_empty(), "{ran:?}");
}

#[test]
fn a_file_with_another_hash_is_not_worked_on() {
    let scene = scene("");
    let link = scene.publish(&one(&scene));
    scene.store.put("/orders/1.json", &serde_json::to_vec_pretty(&one(&scene)).unwrap());
    refused(&scene, &scene.run(&link), "not the one that was sent");
}

#[test]
fn a_file_that_is_too_large_is_not_taken() {
    let large = vec![b' '; usize::try_from(MAX_BATCH_BYTES).unwrap() + 1];
    let scene = scene("");
    scene.store.put("/orders/1.json", &large);
    refused(&scene, &scene.run(&scene.link(&large)), "more than 4194304 bytes");
    scene.store.misbehave("/orders/1.json", &[Fault::Endless(large.clone())]);
    refused(&scene, &scene.run(&scene.link(&large)), "more than 4194304 bytes");
}

#[test]
fn a_redirect_is_not_followed() {
    let scene = scene("");
    let link = scene.publish(&one(&scene));
    scene.store.put("/elsewhere", &serde_json::to_vec(&one(&scene)).unwrap());
    let location = format!("location: {}/elsewhere\r\n", scene.store.url());
    scene.store.misbehave("/orders/1.json", &[answer("307 Temporary Redirect", &location, "")]);
    refused(&scene, &scene.run(&link), "redirects (HTTP 307)");
    assert_eq!(scene.store.seen("GET").len(), 1);

    scene.store.misbehave("/bundle/c/1-1", &[answer("307 Temporary Redirect", &location, "")]);
    let ran = scene.run(&link);
    assert_eq!(ran.code, Some(1), "{ran:?}");
    assert!(ran.stdout.contains("NOT UPLOADED: HTTP 307"), "{ran:?}");
    assert_eq!(scene.store.seen("PUT").len(), 1);
}

#[test]
fn the_orders_are_asked_for_again_when_the_store_has_a_moment() {
    let scene = scene("");
    let link = scene.publish(&one(&scene));
    let faults = [answer("503 Slow Down", "retry-after: 1\r\n", ""), Fault::Cut(0)];
    scene.store.misbehave("/orders/1.json", &faults);
    let begun = Instant::now();
    assert_eq!(scene.run(&link).code, Some(0));
    assert_eq!(scene.store.seen("GET").len(), 3);
    assert!(begun.elapsed() > Duration::from_secs(1), "it was asked to wait");
}

#[test]
fn an_order_file_that_is_gone_or_expired_is_said_to_be() {
    let scene = scene("");
    refused(&scene, &scene.run(&scene.link(b"x")), "HTTP 404 NoSuchKey; the file is gone");
    let body = format!("<Error><Code>AccessDenied</Code><X>{SECRET}</X></Error>");
    scene.store.misbehave("/orders/1.json", &[answer("403 Forbidden", "", &body)]);
    refused(&scene, &scene.run(&scene.link(b"x")), "HTTP 403 AccessDenied; the URL has expired");
}

#[test]
fn a_store_that_says_nothing_is_given_up() {
    let scene = scene("fetch_timeout = '1s'");
    let link = scene.publish(&one(&scene));
    scene.store.misbehave("/orders/1.json", &[Fault::Silence(Duration::from_secs(60))]);
    let begun = Instant::now();
    let ran = scene.run(&link);
    assert_eq!(ran.code, Some(5), "{ran:?}");
    assert!(ran.stderr.contains("no answer in time"), "{ran:?}");
    assert!(begun.elapsed() < Duration::from_secs(45));
}

#[test]
fn an_upload_is_tried_again_after_errors_that_pass() {
    let scene = scene("");
    let passing = [
        answer("500 Internal Server Error", "", "<Error><Code>InternalError</Code></Error>"),
        Fault::Cut(10),
        answer("429 Too Many Requests", "retry-after: 2\r\n", ""),
    ];
    scene.store.misbehave("/bundle/c/1-1", &passing);
    let ran = scene.run_batch(&one(&scene));
    assert_eq!(ran.code, Some(0), "{ran:?}");
    let puts = scene.store.seen("PUT");
    assert_eq!(puts.len(), 4);
    assert!(puts[3].at - puts[2].at >= Duration::from_secs(2), "it was asked to wait");
    scene.bundle("c", 1);
}

#[test]
fn an_upload_is_given_up_in_the_end() {
    let scene = scene("attempts = 3");
    let down = answer("503 Slow Down", "", "<Error><Code>SlowDown</Code></Error>");
    scene.store.misbehave("/bundle/c/1-1", &[down.clone(), down.clone(), down.clone(), down]);
    let orders =
        vec![scene.order("c", 1, OUTSIDE, Task::Identify), scene.order("d", 1, OUTSIDE, Task::Identify)];
    let ran = scene.run_batch(&batch(orders));
    assert_eq!(ran.code, Some(1), "{ran:?}");
    assert!(ran.stdout.contains("NOT UPLOADED: 3 tries: HTTP 503 SlowDown"), "{ran:?}");
    scene.bundle("d", 1);
}

#[test]
fn a_wait_that_is_longer_than_the_time_left_is_not_begun() {
    let scene = scene("upload_timeout = '5s'");
    let later = answer("503 Slow Down", "retry-after: 3600\r\n", "");
    scene.store.misbehave("/bundle/c/1-1", &[later]);
    let begun = Instant::now();
    assert_eq!(scene.run_batch(&one(&scene)).code, Some(1));
    assert!(begun.elapsed() < Duration::from_secs(30));
}

#[test]
fn a_bundle_that_is_there_already_is_left_and_counts() {
    let scene = scene("");
    scene.store.put("/bundle/c/1-1", b"earlier");
    let ran = scene.run_batch(&one(&scene));
    assert_eq!(ran.code, Some(0), "{ran:?}");
    assert!(ran.stdout.contains("was uploaded before"), "{ran:?}");
    assert_eq!(scene.store.get("/bundle/c/1-1").unwrap(), b"earlier");
}

#[test]
fn an_expired_upload_is_said_to_be_in_one_line_without_what_s3_quotes() {
    let scene = scene("");
    let body = format!(
        "<Error><Code>AccessDenied</Code><Message>Request has expired</Message><StringToSign>{SECRET}</StringToSign></Error>"
    );
    scene.store.misbehave("/bundle/c/1-1", &[answer("403 Forbidden", "", &body)]);
    let ran = scene.run_batch(&one(&scene));
    assert_eq!(ran.code, Some(1), "{ran:?}");
    let said = "NOT UPLOADED: HTTP 403 AccessDenied: the upload URL has expired or does not allow this";
    assert!(ran.stdout.contains(said), "{ran:?}");
    assert_eq!(scene.store.seen("PUT").len(), 1, "it is not tried again");
}

#[test]
fn a_store_that_is_not_there_is_said_without_its_url() {
    let scene = scene("attempts = 2");
    let mut orders = one(&scene);
    let nobody = support::sshd::free_port();
    orders.orders[0].upload.url = format!("http://127.0.0.1:{nobody}/b?X-Amz-Signature={SECRET}");
    let ran = scene.run_batch(&orders);
    assert_eq!(ran.code, Some(1), "{ran:?}");
    assert!(ran.stdout.contains("NOT UPLOADED: 2 tries: "), "{ran:?}");
}

#[test]
fn a_batch_that_is_not_for_now_or_not_for_this_relay_is_not_begun() {
    let scene = scene("");
    let mut expired = one(&scene);
    expired.issued_at -= SignedDuration::from_hours(2);
    expired.expires_at -= SignedDuration::from_hours(1);
    refused(&scene, &scene.run_batch(&expired), "expired at");

    let mut other = one(&scene);
    other.relay = "site-2".to_owned();
    refused(&scene, &scene.run_batch(&other), "the batch is for relay site-2, and this is site-1");

    let twice = batch(vec![
        scene.order("c", 1, OUTSIDE, Task::Identify),
        scene.order("c", 1, OUTSIDE, Task::Identify),
    ]);
    refused(&scene, &scene.run_batch(&twice), "order 1 is there twice");

    scene.store.put("/orders/1.json", b"{\"format\":\"peerhound-orders/9\"}");
    let link = scene.link(b"{\"format\":\"peerhound-orders/9\"}");
    refused(&scene, &scene.run(&link), "peerhound-orders/9");
}

#[test]
fn nothing_goes_to_a_host_that_is_not_listed() {
    let elsewhere = scene("hosts = ['s3.eu-central-1.amazonaws.com']");
    let link = elsewhere.publish(&one(&elsewhere));
    refused(&elsewhere, &elsewhere.run(&link), "hosts does not list it");
    assert!(elsewhere.store.seen("GET").is_empty());

    let here = scene("hosts = ['127.0.0.1']");
    let mut orders = one(&here);
    assert_eq!(here.run_batch(&orders).code, Some(0));
    orders.orders[0].upload.url = format!("https://evil.example/b?X-Amz-Signature={SECRET}");
    let ran = here.run_batch(&orders);
    assert_eq!(ran.code, Some(2), "{ran:?}");
    assert!(ran.stderr.contains("order 0 uploads to evil.example:443"), "{ran:?}");
}

#[test]
fn an_agent_that_does_not_know_the_parameter_ends_in_nothing() {
    let scene = scene("");
    let unset = scene.command("").env_remove("SSM_Order").output().unwrap();
    refused(&scene, &Ran::from(unset), "SSM_Order is not set");
    for literal in ["{{ Order }}", "{{Order}}", "$(touch /tmp/x)"] {
        refused(&scene, &scene.run(literal), "base64url");
    }
}

#[test]
fn a_batch_may_be_handed_over_on_the_relay_itself() {
    let scene = scene("");
    let file = scene.dir.path().join("orders.json");
    write_private(&file, &serde_json::to_string(&one(&scene)).unwrap());
    let ran =
        program().arg("-c").arg(scene.config()).args(["run", "--order-from"]).arg(&file).output().unwrap();
    let ran = Ran::from(ran);
    assert_eq!(ran.code, Some(0), "{ran:?}");
    scene.bundle("c", 1);
}

#[test]
fn a_disk_that_is_full_is_reported_and_the_endpoint_is_left_alone() {
    let scene = scene("");
    let text = std::fs::read_to_string(scene.config()).unwrap();
    write_private(
        &scene.config(),
        &text.replace("min_free_bytes = 1", "min_free_bytes = 9000000000000000000"),
    );
    assert_eq!(scene.run_batch(&one(&scene)).code, Some(0));
    let (report, _) = scene.bundle("c", 1);
    let RelayResult::Failed { code, retryable, .. } = report.result else { panic!("{report:?}") };
    assert_eq!((code.as_str(), retryable), ("staging", true));
}

#[test]
fn a_configuration_that_is_missing_or_wrong_has_its_exit_code() {
    let scene = scene("");
    let check = |arguments: &[&str]| {
        Ran::from(program().arg("-c").arg(scene.config()).args(arguments).output().unwrap())
    };
    let ran = check(&["config", "check"]);
    assert_eq!(ran.code, Some(0), "{ran:?}");
    assert!(ran.stdout.contains("relay site-1, 1 networks"), "{ran:?}");

    let ran = check(&["check"]);
    assert_eq!(ran.code, Some(3), "there is no key yet: {ran:?}");
    assert!(ran.stdout.contains("WRONG key") && ran.stdout.contains("ok    staging"), "{ran:?}");

    write_private(&scene.config(), "version = 1\nname = 'A b'\n[scope]\nnetworks = []\n");
    let ran = check(&["run"]);
    assert_eq!(ran.code, Some(3), "{ran:?}");
    assert_eq!(ran.stderr.lines().count(), 2, "a line for each: {ran:?}");
    std::fs::remove_file(scene.config()).unwrap();
    assert_eq!(check(&["run"]).code, Some(3));
    assert_eq!(Ran::from(program().arg("work").output().unwrap()).code, Some(2));
}

#[test]
fn only_a_proxy_that_is_configured_is_used() {
    let scene = scene("");
    let nobody = format!("http://127.0.0.1:{}", support::sshd::free_port());
    let mut command = scene.command(&scene.publish(&one(&scene)));
    for variable in ["http_proxy", "HTTP_PROXY", "https_proxy", "ALL_PROXY"] {
        command.env(variable, &nobody);
    }
    let ran = Ran::from(command.output().unwrap());
    assert_eq!(ran.code, Some(0), "{ran:?}");

    // What is asked for lies on a host that is not there; the proxy has it.
    scene.configure("'10.20.0.0/16'", &format!("proxy = '{}'", scene.store.url()), "");
    let mut orders = one(&scene);
    orders.orders[0].effect = 2;
    orders.orders[0].upload.url = format!("{nobody}/bundle/c/2-1?X-Amz-Signature={SECRET}");
    let ran = scene.run_batch(&orders);
    assert_eq!(ran.code, Some(0), "{ran:?}");
    scene.bundle("c", 2);
}

#[test]
fn https_is_believed_only_with_a_certificate_that_the_system_trusts() {
    let scene = scene("attempts = 1");
    let batch = serde_json::to_vec(&one(&scene)).unwrap();
    let Some(server) = support::tls::Server::start(&batch) else { return };
    let url = format!("https://localhost:{}/orders.json", server.port);
    let sha256 = data_encoding::HEXLOWER.encode(&sha2::Sha256::digest(&batch));
    let link = investigation::order::OrderLink { url, sha256 }.encode().unwrap();

    let trusted = scene.command(&link).env("SSL_CERT_FILE", server.certificate()).output().unwrap();
    let ran = Ran::from(trusted);
    assert_eq!(ran.code, Some(0), "{ran:?}");

    let ran = scene.run(&link);
    assert_eq!(ran.code, Some(5), "{ran:?}");
    assert!(ran.stderr.contains("certificate"), "{ran:?}");
}

#[test]
fn the_largest_batch_fits_into_what_systems_manager_keeps() {
    let scene = scene("");
    let case = |n| format!("ph-20260301-{n:08}");
    let orders = (0..200).map(|n| scene.order(&case(n), 1, OUTSIDE, Task::Identify)).collect();
    let ran = scene.run_batch(&batch(orders));
    assert_eq!(ran.code, Some(0), "{ran:?}");
    assert!(ran.stdout.len() < 24_000, "{}", ran.stdout.len());
    for n in 0..200 {
        scene.bundle(&case(n), 1);
    }
}
