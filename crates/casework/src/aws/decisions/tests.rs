//! What a word is, and what its messages give away.

mod people;
mod taken;

use super::*;

fn spoken(case_id: &str, voucher: Voucher) -> Spoken {
    Spoken {
        id: "0123456789abcdef".to_owned(),
        case_id: case_id.to_owned(),
        word: Word::Approve,
        measures: vec![1, 2],
        evidence_sha256: "ab".repeat(32),
        seen: None,
        said_at: Timestamp::from_second(1_772_442_000).unwrap(),
        voucher,
    }
}

fn link() -> Voucher {
    Voucher::Link { token: "payload.signature".to_owned() }
}

#[test]
fn a_digest_is_of_one_word_on_one_deployment() {
    let word = spoken("ph-20260302-kq3v7a2m", link());
    let digest = word.digest("https://sqs/1/decisions");
    assert_eq!(digest.len(), 64);
    // What vouches for it is not part of it.
    let other = spoken("ph-20260302-kq3v7a2m", Voucher::Link { token: "x".to_owned() });
    assert_eq!(other.digest("https://sqs/1/decisions"), digest);
    let changed = [
        Spoken { id: "1123456789abcdef".to_owned(), ..word.clone() },
        Spoken { case_id: "ph-20260302-kq3v7a2n".to_owned(), ..word.clone() },
        Spoken { word: Word::Undo, ..word.clone() },
        Spoken { measures: vec![1, 2, 3], ..word.clone() },
        Spoken { measures: vec![12], ..word.clone() },
        Spoken { evidence_sha256: "cd".repeat(32), ..word.clone() },
        Spoken { seen: Some("ef".repeat(32)), ..word.clone() },
        Spoken { said_at: Timestamp::from_second(1_772_442_001).unwrap(), ..word.clone() },
    ];
    for changed in changed {
        assert_ne!(changed.digest("https://sqs/1/decisions"), digest, "{changed:?}");
    }
    assert_ne!(word.digest("https://sqs/2/decisions"), digest, "another deployment");
}

#[test]
fn what_is_no_word_is_refused_before_anybody_is_asked() {
    let word = spoken("ph-20260302-kq3v7a2m", link());
    assert_eq!(word.fault(), None);
    let wrong = [
        Spoken { id: "short".to_owned(), ..word.clone() },
        Spoken { id: "0123456789abcdef\n".to_owned(), ..word.clone() },
        Spoken { case_id: String::new(), ..word.clone() },
        Spoken { case_id: "../../x".to_owned(), ..word.clone() },
        Spoken { measures: vec![1; 21], ..word.clone() },
        Spoken { evidence_sha256: "AB".repeat(32), ..word.clone() },
        Spoken { seen: Some("x".to_owned()), ..word.clone() },
    ];
    for wrong in wrong {
        assert!(wrong.fault().is_some(), "{wrong:?}");
    }
}

#[test]
fn what_is_set_aside_and_what_is_logged_vouches_for_nobody() {
    let proof = StsProof {
        access_key_id: "AKIAEXAMPLE".to_owned(),
        session_token: Some("a-session".to_owned()),
        signature: "0f".repeat(32),
    };
    let word = spoken("ph-1", Voucher::Sts(proof));
    let shown = format!("{word:?} {:?}", word.voucher);
    let aside = without_voucher(&serde_json::to_string(&Message { spoken: &word }).unwrap()).unwrap();
    for text in [&shown, &aside] {
        assert!(text.contains("ph-1"), "{text}");
        assert!(!text.contains("a-session") && !text.contains("0f0f") && !text.contains("AKIA"), "{text}");
    }
    let odd = r#"{"spoken":{"case_id":"ph-1","voucher":{"kind":"link","token":"secret"},"more":"secret"}}"#;
    assert_eq!(without_voucher(odd).unwrap(), r#"{"spoken":{"case_id":"ph-1"}}"#);
    assert_eq!(without_voucher(r#"{"spoken":["secret"]}"#).unwrap(), r#"{"spoken":null}"#);
    assert_eq!(without_voucher(r#"{"continue":"ph-1"}"#), None);
    assert_eq!(without_voucher("not JSON"), None);
}
