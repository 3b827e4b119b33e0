//! The case browser over a deployment.

use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::process::{Child, Stdio};

use casework::backend::Backend;
use casework::backend::aws::Aws;
use casework::container::{SealRequest, Sealed, seal, verify};
use investigation::case::{Intake, SealedEvidence, intake};
use investigation::claim::ClaimKey;
use investigation::evidence::Collection;
use investigation::evidence::manifest::Tool;
use investigation::policy::Policy;
use jiff::Timestamp;
use serde_json::Value;

use crate::{POLICY, Site, http};

impl Site {
    /// Seals something small and puts it where the functions would.
    fn sealed(&self, case_id: &str) -> Sealed {
        let staging = self.path("staging");
        std::fs::create_dir_all(staging.join("artifacts")).unwrap();
        std::fs::write(staging.join("artifacts/processes.json"), "[]").unwrap();
        let now = Timestamp::now();
        let collection: Collection = serde_json::from_value(serde_json::json!({
            "case_id": case_id, "target": "10.0.0.5", "transport": "ssh", "endpoint_key": null, "collector_host": "hq",
            "collector_version": "0.1.0", "clock_skew_ms": null, "started_at": now, "finished_at": now, "outcomes": [],
            "commands": [],
        }))
        .unwrap();
        let sealed = seal(&SealRequest {
            staging: &staging,
            extra: &[("report.md", b"# Report of a relay\n")],
            case_id,
            tool: &Tool { name: "peerhound".to_owned(), version: "0.1.0".to_owned() },
            sealed_at: now,
            supplement: None,
            collection: &collection,
            destination: &self.path("sealed.zip"),
        })
        .unwrap();
        let body = std::fs::read(self.path("sealed.zip")).unwrap();
        let put = self.clients.s3().put_object().bucket("evidence").key("a/sealed.zip").body(body.into());
        self.runtime.block_on(put.send()).unwrap();
        sealed
    }
}

/// The case browser over the deployment, which ends with the test.
struct Serving(Child, SocketAddr, String);

impl Serving {
    fn start(site: &Site) -> Self {
        let mut command = site.peerhound();
        let (file, token) = (site.path("serve.token"), "7c1d0d6b5a3e4f62981b0f6f2a4c8e91");
        std::fs::write(&file, token).unwrap();
        std::fs::set_permissions(&file, std::os::unix::fs::PermissionsExt::from_mode(0o600)).unwrap();
        command.args(["serve", "--listen", "127.0.0.1:0", "--as", "ann", "--token-file", "serve.token"]);
        let mut child = command.stdout(Stdio::piped()).spawn().unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let told: Value = serde_json::from_str(&line).unwrap();
        let address = told["url"].as_str().unwrap().strip_prefix("http://").unwrap().parse().unwrap();
        let line = format!("GET /login?token={token}");
        let answer = http::send(address, &line, &[("host", &format!("{address}"))], "");
        let cookie = answer.header("set-cookie").unwrap().split(';').next().unwrap().to_owned();
        Self(child, address, cookie)
    }

    fn ask(&self, line: &str, body: &str) -> http::Answer {
        let host = self.1.to_string();
        let origin = format!("http://{host}");
        let form = ("content-type", "application/x-www-form-urlencoded");
        http::send(self.1, line, &[("host", &host), ("cookie", &self.2), ("origin", &origin), form], body)
    }
}

impl Drop for Serving {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[test]
fn a_deployment_is_looked_at_in_a_browser() {
    let Some(site) = Site::start() else { return };
    let store = Aws::new(site.clients.dynamodb().clone(), "cases".to_owned(), "cooldowns".to_owned());
    let policy = Policy::parse(POLICY).unwrap();
    let now = Timestamp::now();
    let alert = serde_json::json!({ "id": "0123456789abcdef0123", "format": "test", "event.original": "{}", "source.ip": "10.0.0.5" });
    let Intake::Open(mut step) = intake(&serde_json::from_value(alert).unwrap(), &policy, now) else {
        panic!()
    };
    let id = step.case.id.clone();
    let sealed = site.sealed(&id);
    site.runtime.block_on(async {
        store.commit(&step, now).await.unwrap();
        step.case.version += 1;
        step.case.evidence = Some(SealedEvidence {
            location: "s3://evidence/a/sealed.zip".to_owned(),
            sha256: sealed.sha256.clone(),
            size: sealed.size,
            sealed_at: now,
        });
        (step.alert, step.alert_was) = (None, None);
        store.commit(&step, now).await.unwrap();
        let key = ClaimKey::ip(step.case.target);
        store.count_batch(&id, &key, &["fedcba98765432100000".to_owned()], now).await.unwrap();
    });
    let serving = Serving::start(&site);
    for path in ["/", "/?days=90", "/suppressed", "/cooldowns", &format!("/case/{id}")] {
        let answer = serving.ask(&format!("GET {path}"), "");
        assert_eq!(answer.status, 200, "{path}: {}", answer.text());
        assert!(answer.text().contains(&id), "{path}: {}", answer.text());
    }
    for path in ["/review", "/health"] {
        assert_eq!(serving.ask(&format!("GET {path}"), "").status, 200, "{path}");
    }
    // What is counted with a batch has no row of its own, and the page does not read the whole table for it.
    let counted = serving.ask("GET /alert?id=fedcba98765432100000", "");
    assert!(counted.status == 404 && counted.text().contains("peerhound explain"), "{}", counted.text());
    assert!(serving.ask("GET /suppressed", "").text().contains("fedcba98765432100000"));
    let report = serving.ask(&format!("GET /case/{id}/report"), "");
    assert_eq!((report.status, report.text().as_str()), (200, "# Report of a relay\n"));
    let zip = serving.ask(&format!("GET /case/{id}/evidence.zip"), "");
    std::fs::write(site.path("copy.zip"), &zip.body).unwrap();
    assert_eq!(verify(&site.path("copy.zip")).unwrap().sha256, sealed.sha256);

    let page = serving.ask("GET /cooldowns/release?key=ip%2310.0.0.5", "").text();
    let start = page.rfind("name=\"form\" value=\"").unwrap();
    let word = page[start..].split('"').nth(3).unwrap();
    let body = http::form(&[("form", word)]);
    assert_eq!(serving.ask("POST /cooldowns/release?key=ip%2310.0.0.5", &body).status, 303);
    assert!(site.json(&["cooldown", "list"], 0).is_empty());
    let case = site.json(&["case", "show", &id], 0);
    assert!(case[0]["history"].to_string().contains("released by ann"), "{case:#?}");
}
