use std::io::{Seek, SeekFrom};

use aws_sdk_s3::types::{ObjectLockMode, ServerSideEncryption};

use super::*;
use crate::container::{RELAY_REPORT_PATH, verify};

#[tokio::test(flavor = "multi_thread")]
async fn what_a_relay_staged_is_sealed_once() {
    let Some(scene) = Scene::set("once").await else { return };
    scene.stage(bundle(100_000)).await;
    let sealed = scene.seal().await.unwrap();
    assert_eq!(sealed.location, format!("s3://{}/{KEY}", scene.evidence.bucket));
    assert!(!sealed.already_sealed);

    let bytes = scene.sealed().await.unwrap();
    assert_eq!(HEXLOWER.encode(&Sha256::digest(&bytes)), sealed.sha256);
    let disk = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(disk.path(), &bytes).unwrap();
    let report = verify(disk.path()).unwrap();
    assert_eq!(report.problems, []);
    assert_eq!(report.sha256, sealed.sha256);
    let manifest = report.manifest.unwrap();
    let names: Vec<&str> = manifest.entries.iter().map(|entry| entry.path.as_str()).collect();
    let expected = [
        "alert.json",
        "artifacts/processes.json",
        "artifacts/raw/processes.stdout",
        "collection.json",
        RELAY_REPORT_PATH,
        "report.md",
    ];
    assert_eq!(names, expected);

    let head = scene.client.head_object().bucket(&scene.evidence.bucket).key(KEY).send().await.unwrap();
    assert_eq!(head.content_type(), Some("application/zip"));
    assert_eq!(head.metadata().and_then(|all| all.get("sha256")), Some(&sealed.sha256));

    // After an interruption, a day later.
    let again = scene.seal_at("2026-03-03T09:15:42Z".parse().unwrap()).await.unwrap();
    assert_eq!(again, SealedObject { already_sealed: true, ..sealed.clone() });
    // And even when the bundle has expired by then.
    scene.client.delete_object().bucket(&scene.staging).key(bundle_key(&ORIGIN)).send().await.unwrap();
    let existing = scene.evidence.existing(&scene.client, KEY, ORIGIN.case_id, None).await.unwrap();
    assert_eq!(existing, Some(SealedObject { already_sealed: true, ..sealed }));
    assert_eq!(scene.sealed().await.unwrap(), bytes);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_large_one_goes_in_parts() {
    let Some(scene) = Scene::set("parts").await else { return };
    scene.stage(bundle(20 << 20)).await;
    let sealed = scene.seal().await.unwrap();
    assert!(sealed.size > 20 << 20 && !sealed.already_sealed);
    let bytes = scene.sealed().await.unwrap();
    assert_eq!(HEXLOWER.encode(&Sha256::digest(&bytes)), sealed.sha256);
    let report = scene.verify().await.unwrap();
    assert_eq!((report.problems, report.sha256, report.size), (vec![], sealed.sha256.clone(), sealed.size));
    let head = scene.client.head_object().bucket(&scene.evidence.bucket).key(KEY).send().await.unwrap();
    assert!(head.e_tag().unwrap().trim_matches('"').ends_with("-3"), "{head:?}");
    assert_eq!(head.metadata().and_then(|all| all.get("sha256")), Some(&sealed.sha256));
    assert_eq!(scene.unfinished().await, [""; 0]);
    assert_eq!(scene.seal().await.unwrap(), SealedObject { already_sealed: true, ..sealed });
}

#[tokio::test(flavor = "multi_thread")]
async fn of_two_who_seal_at_once_one_wins_and_both_have_the_same() {
    for (test, size) in [("race-small", 1000), ("race-large", 20 << 20)] {
        let Some(scene) = Scene::set(test).await else { return };
        scene.stage(bundle(size)).await;
        let other = "2026-03-02T10:00:00Z".parse().unwrap();
        let (one, two) = tokio::join!(scene.seal(), scene.seal_at(other));
        let (one, two) = (one.unwrap(), two.unwrap());
        assert_eq!((&one.sha256, one.sealed_at), (&two.sha256, two.sealed_at));
        assert!(one.already_sealed != two.already_sealed, "{one:?} {two:?}");
        assert_eq!(scene.unfinished().await, [""; 0]);
        let versions =
            scene.client.list_object_versions().bucket(&scene.evidence.bucket).send().await.unwrap();
        assert_eq!(versions.versions().len(), 1);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn whatever_else_lies_there_is_never_overwritten() {
    let Some(scene) = Scene::set("taken").await else { return };
    scene.stage(bundle(1000)).await;
    scene.put(&scene.evidence.bucket, KEY, b"precious".to_vec()).await;
    let error = scene.seal().await.unwrap_err();
    assert!(matches!(&error, SealObjectError::Taken { why, .. } if why == "not a zip file"), "{error}");
    assert!(!error.is_retryable());
    assert_eq!(scene.sealed().await.unwrap(), b"precious");
    assert!(matches!(scene.verify().await, Err(ContainerError::Content(VerifyError::NotAZip))));

    let Some(scene) = Scene::set("others").await else { return };
    scene.stage(bundle(1000)).await;
    let ours = scene.seal().await.unwrap();
    let existing = scene.evidence.existing(&scene.client, KEY, "20260302-2", None).await;
    let why = "evidence of another case";
    assert!(matches!(existing, Err(SealObjectError::Taken { why: found, .. }) if found == why));
    assert_eq!(HEXLOWER.encode(&Sha256::digest(scene.sealed().await.unwrap())), ours.sha256);

    let mut damaged = scene.sealed().await.unwrap();
    let at = damaged.len() / 2;
    damaged[at] ^= 1;
    scene.put(&scene.evidence.bucket, KEY, damaged).await;
    assert!(matches!(scene.seal().await, Err(SealObjectError::Taken { .. })));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lock_and_a_key_are_asked_for_where_they_are_given() {
    for (test, size) in [("lock-small", 1000), ("lock-large", 20 << 20)] {
        let Some(mut scene) = Scene::set(test).await else { return };
        let retain_until: Timestamp = "2099-01-01T00:00:00Z".parse().unwrap();
        let key = "arn:aws:kms:us-east-1:000000000000:key/11111111-2222-3333-4444-555555555555";
        scene.evidence.lock = Some(Lock { mode: LockMode::Governance, retain_until });
        scene.evidence.kms_key = Some(key.to_owned());
        scene.stage(bundle(size)).await;
        scene.seal().await.unwrap();
        let asked = scene.asked.0.lock().unwrap().pop().unwrap();
        let header = |name: &str| asked.get(name).map(String::as_str);
        assert_eq!(header("x-amz-object-lock-mode"), Some("GOVERNANCE"), "{test}");
        assert_eq!(header("x-amz-object-lock-retain-until-date"), Some("2099-01-01T00:00:00Z"));

        let head = scene.client.head_object().bucket(&scene.evidence.bucket).key(KEY).send().await.unwrap();
        assert_eq!(head.server_side_encryption(), Some(&ServerSideEncryption::AwsKms));
        assert_eq!(head.ssekms_key_id(), Some(key));
        // MiniStack forgets what an upload in parts asked for in the way of locks.
        if test == "lock-small" {
            assert_eq!(head.object_lock_mode(), Some(&ObjectLockMode::Governance));
            let deleted = scene.client.delete_object().bucket(&scene.evidence.bucket).key(KEY);
            assert!(deleted.version_id(head.version_id().unwrap()).send().await.is_err(), "it is locked");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn who_ends_in_mid_upload_leaves_nothing_to_be_seen() {
    let Some(scene) = Scene::set("ended").await else { return };
    scene.stage(bundle(64 << 20)).await;
    let (client, bucket) = (scene.client.clone(), scene.evidence.bucket.clone());
    let part_sent = async {
        loop {
            if let Some(upload) = scene.unfinished().await.first() {
                let parts = client.list_parts().bucket(&bucket).key(KEY).upload_id(upload);
                if !parts.send().await.unwrap().parts().is_empty() {
                    return;
                }
            }
            tokio::time::sleep(std::time::Duration::from_millis(2)).await;
        }
    };
    tokio::select! {
        sealed = scene.seal() => panic!("it was too fast to be interrupted: {sealed:?}"),
        () = part_sent => {}
    }
    assert_eq!(scene.unfinished().await.len(), 1, "what lifecycle is for");
    assert_eq!(scene.sealed().await, None);
    let sealed = scene.seal().await.unwrap();
    assert!(!sealed.already_sealed);
    assert!(scene.sealed().await.is_some());
}

#[tokio::test(flavor = "multi_thread")]
async fn an_object_is_read_like_a_file() {
    let Some(scene) = Scene::set("object").await else { return };
    let mut bytes = vec![0; (3 << 20) + 17];
    Noise::default().read_exact(&mut bytes).unwrap();
    scene.put(&scene.staging, "x", bytes.clone()).await;
    let mut object = S3Object::open(&scene.client, &scene.staging, "x").await.unwrap();
    assert_eq!(object.length(), bytes.len() as u64);
    let read = tokio::task::spawn_blocking(move || {
        let mut all = Vec::new();
        object.read_to_end(&mut all).unwrap();
        let mut places = Vec::new();
        for place in [0, 1, 65_535, 65_536, 65_537, 1 << 20, (3 << 20) + 10, 100] {
            object.seek(SeekFrom::Start(place)).unwrap();
            let mut some = vec![0; 7];
            object.read_exact(&mut some).unwrap();
            places.push((place, some));
        }
        assert_eq!(object.seek(SeekFrom::End(-2)).unwrap(), (3 << 20) + 15);
        let mut end = Vec::new();
        object.read_to_end(&mut end).unwrap();
        object.seek(SeekFrom::End(5)).unwrap();
        assert_eq!(object.read(&mut [0; 9]).unwrap(), 0);
        assert!(object.seek(SeekFrom::Current(-(4 << 20))).is_err());
        (all, places, end)
    });
    let (all, places, end) = read.await.unwrap();
    assert!(all == bytes);
    for (place, some) in places {
        let place = usize::try_from(place).unwrap();
        assert_eq!(some, bytes[place..place + 7], "at {place}");
    }
    assert_eq!(end, bytes[bytes.len() - 2..]);
}

/// While a hold is on, nobody deletes the very version that was sealed, whatever its retention; the emulator says so as S3
/// does.
#[tokio::test(flavor = "multi_thread")]
async fn a_legal_hold_keeps_what_is_sealed_until_it_is_lifted() {
    let Some(scene) = Scene::set("hold").await else { return };
    scene.stage(bundle(100)).await;
    scene.seal().await.unwrap();
    let (client, bucket) = (&scene.client, &scene.evidence.bucket);
    let status = || async {
        let held = client.get_object_legal_hold().bucket(bucket).key(KEY).send().await;
        held.ok().and_then(|held| held.legal_hold?.status).map(|status| status.as_str().to_owned())
    };
    for on in [true, true, false, false, true] {
        scene.evidence.hold(client, KEY, on).await.unwrap();
        assert_eq!(status().await.as_deref(), Some(if on { "ON" } else { "OFF" }));
    }
    let version = client.head_object().bucket(bucket).key(KEY).send().await.unwrap().version_id.unwrap();
    let delete = || client.delete_object().bucket(bucket).key(KEY).version_id(&version).send();
    assert!(delete().await.is_err(), "deleted while it was held");
    scene.evidence.hold(client, KEY, false).await.unwrap();
    delete().await.unwrap();
    let missing = scene.evidence.hold(client, "evidence/none.zip", true).await.unwrap_err();
    assert!(matches!(missing, HoldError::Missing(_)), "{missing:?}");
}
