use super::*;
use crate::container::SealBundleError;

/// The whole bundle, as a case's progress looks at it.
async fn refusal(scene: &Scene, bundle: Vec<u8>) -> OpenError {
    scene.stage(bundle).await;
    scene.open(Proof::Whole).await.map(drop).unwrap_err()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_there_or_not_whole_is_told_apart() {
    let Some(scene) = Scene::set("whole").await else { return };
    let missing = scene.open(Proof::Whole).await.map(drop).unwrap_err();
    assert!(matches!(missing, OpenError::Object(ObjectError::Missing(_))) && missing.is_retryable());

    let sound = bundle(100_000);
    for cut in [1, 22, 1000, sound.len() / 2, sound.len()] {
        let error = refusal(&scene, sound[..sound.len() - cut].to_vec()).await;
        assert!(matches!(error, OpenError::Bundle(BundleError::NotABundle(_))), "{cut}: {error}");
        assert!(!error.is_retryable());
    }
    scene.stage(sound).await;
    let mut bundle = scene.open(Proof::Whole).await.unwrap();
    let evidence = tokio::task::spawn_blocking(move || bundle.evidence(&[])).await.unwrap().unwrap();
    assert_eq!(evidence.processes, Some(Vec::new()));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bundle_that_lies_is_refused() {
    let Some(scene) = Scene::set("lies").await else { return };
    let honest = staged(1000);
    let mut other = honest.clone();
    other[2].1[7] ^= 1;
    let error = refusal(&scene, pack(&report(&honest), &other)).await;
    assert_eq!(error.to_string(), "artifacts/raw/processes.stdout: has other bytes than the report says");

    let mut foreign = report(&honest);
    foreign.case_id = "20260302-2".to_owned();
    let error = refusal(&scene, pack(&foreign, &honest)).await;
    assert_eq!(error.to_string(), "the report is of case 20260302-2, effect 3, attempt 1");

    let mut traversal = honest.clone();
    traversal[2].0 = "artifacts/../../x";
    let error = refusal(&scene, pack(&report(&traversal), &traversal)).await;
    assert!(error.to_string().contains("names another folder"), "{error}");

    let mut bomb = honest.clone();
    bomb[2].1 = vec![0; 16 << 20];
    let error = refusal(&scene, pack(&report(&honest), &bomb)).await;
    assert!(error.to_string().contains("another size"), "{error}");

    // What was only looked at is proven when it is sealed.
    scene.stage(pack(&report(&honest), &other)).await;
    let error = scene.seal().await.unwrap_err();
    assert!(matches!(error, SealObjectError::Bundle(SealBundleError::Bundle(BundleError::Entry { .. }))));
    assert!(!error.is_retryable());
    assert_eq!(scene.sealed().await, None);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bundle_that_is_replaced_while_it_is_sealed_is_not_mixed() {
    for (test, size) in [("replaced", 1000), ("replaced-large", 20 << 20)] {
        let Some(scene) = Scene::set(test).await else { return };
        scene.stage(bundle(size)).await;
        let opened = scene.open(Proof::Whole).await.unwrap();
        // Sound as well, and of the same size.
        let mut other = staged(size);
        other[2].1[7] ^= 1;
        scene.stage(pack(&report(&other), &other)).await;
        let error = scene.evidence.seal(&scene.client, sealing(ORIGIN.case_id, now()), opened).await;
        let error = match error {
            // The small one was in the window that was read before it was replaced: it is what was opened.
            Ok(sealed) => {
                assert_eq!((test, sealed.already_sealed), ("replaced", false));
                continue;
            }
            Err(error) => error,
        };
        assert!(error.is_retryable());
        let SealObjectError::Bundle(error) = error else { panic!("{error}") };
        let source = std::error::Error::source(&error).unwrap().to_string();
        assert!(source.ends_with("was replaced while it was read"), "{source}");
        assert_eq!(scene.sealed().await, None);
        assert_eq!(scene.unfinished().await, [""; 0]);
    }
}
