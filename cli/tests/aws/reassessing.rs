//! Verdicts by other rules, of cases whose evidence lies in S3.

use casework::backend::Backend;
use casework::backend::aws::Aws;
use investigation::case::{Intake, SealedEvidence, intake};
use investigation::policy::Policy;
use jiff::Timestamp;
use serde_json::{Value, json};

use crate::Site;
use crate::sealing::{CASE, case, seal_case};

const KEY: &str = "evidence/2026/03/ph-20260302-aaaaaaaa.zip";
const RULES: &str = "version = '9'\n[[client]]\nid = 'seeder'\nname = 'Seeder'\nimages = ['seeder']\nsource = 'in-house tool'\n";

impl Site {
    fn put_evidence(&self, bytes: Vec<u8>) {
        let put = self.clients.s3().put_object().bucket("evidence").key(KEY).body(bytes.into());
        self.runtime.block_on(put.send()).unwrap();
    }

    /// A case with sealed evidence in S3, and one without.
    fn cases(&self) -> (Vec<u8>, String) {
        let before = json!({ "verdict": "false_positive", "confidence": "high", "summary": "s", "findings": [],
            "missing": [], "indicators_version": "2026.11.1" });
        let before = serde_json::from_value(before).unwrap();
        let sealed = seal_case(&self.path("sealing"), "/opt/seeder/seeder", Some(before));
        let bytes = std::fs::read(self.path("sealing/case.zip")).unwrap();
        self.put_evidence(bytes.clone());
        let store = Aws::new(self.clients.dynamodb().clone(), "cases".to_owned(), "cooldowns".to_owned());
        let policy = Policy::parse("version = 1\n[scope]\nnetworks = ['10.20.0.0/16']\n").unwrap();
        let now = Timestamp::now();
        let open = |alert: Value| {
            let Intake::Open(step) = intake(&serde_json::from_value(alert).unwrap(), &policy, now) else {
                panic!()
            };
            step
        };
        let mut first = open(serde_json::to_value(case().alert).unwrap());
        first.case.id = CASE.to_owned();
        first.case.evidence = Some(SealedEvidence {
            location: format!("s3://evidence/{KEY}"),
            sha256: sealed.sha256,
            size: bytes.len() as u64,
            sealed_at: now,
        });
        first.alert = None;
        for claim in &mut first.case.claims {
            claim.case_id = CASE.to_owned();
        }
        first.claims = Vec::new();
        let other = open(json!({ "id": "0123456789abcdef0123", "format": "test", "event.original": "{}",
            "source.ip": "10.20.0.6" }));
        self.runtime.block_on(async {
            store.commit(&first, now).await.unwrap();
            store.commit(&other, now).await.unwrap();
        });
        (bytes, other.case.id)
    }
}

#[test]
fn verdicts_by_other_rules_are_shown_of_evidence_in_s3() {
    let Some(site) = Site::start() else { return };
    let (bytes, bare) = site.cases();
    std::fs::create_dir(site.path("rules")).unwrap();
    std::fs::write(site.path("rules/site.toml"), RULES).unwrap();
    let object = format!("s3://evidence/{KEY}");
    for named in [&["--all"][..], &[CASE], &[&object]] {
        let told = site.json(&[&["reassess", "--rules", "rules"], named].concat(), 0);
        assert_eq!(told.len(), 1, "{named:?}: {told:#?}");
        let verdicts = (&told[0]["before"]["verdict"], &told[0]["after"]["verdict"]);
        assert_eq!(verdicts, (&json!("false_positive"), &json!("policy_violation")), "{named:?}: {told:#?}");
        assert_eq!((&told[0]["case_id"], &told[0]["changed"]), (&json!(CASE), &json!(true)));
        assert_eq!(told[0]["rules"][0]["rule"], "p2p.client_running");
    }
    assert!(std::fs::read_dir(site.folder.path()).unwrap().count() <= 4, "something was written");

    let error = |named: &str, code| {
        site.json(&["reassess", "--rules", "rules", named], code).remove(0)["error"].to_string()
    };
    assert!(error(&bare, 2).contains("no sealed evidence"));
    assert!(error("ph-20260302-bbbbbbbb", 2).contains("neither a file nor a case"));
    assert!(error("s3://evidence/nothing.zip", 2).contains("does not exist"));
    assert!(error("s3://evidence", 2).contains("s3://BUCKET/KEY"));

    // Another container that is whole, then one that is not.
    seal_case(&site.path("other"), "/usr/bin/other", None);
    site.put_evidence(std::fs::read(site.path("other/case.zip")).unwrap());
    let why = error(CASE, 1);
    assert!(why.contains("not the container that was sealed"), "{why}");
    let mut broken = bytes;
    let middle = broken.len() / 3;
    broken[middle] ^= 1;
    site.put_evidence(broken);
    for named in [CASE, &object] {
        let why = error(named, 1);
        assert!(why.contains("not intact"), "{why}");
    }
}
