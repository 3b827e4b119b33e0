//! Giving up a claim by a person's word, with the person's name on the case that owned it.

use investigation::case::Case;
use investigation::claim::{Claim, ClaimKey};
use jiff::Timestamp;

use crate::backend::{Backend, Committed, StoreError, Stored};

/// Times that the case is read again, where someone else wrote it meanwhile.
const ROUNDS: u32 = 5;

/// A claim that was given up.
#[derive(Clone, Debug, PartialEq)]
pub struct Released {
    /// The claim as it was.
    pub claim: Claim,
    /// Why the case's history does not name the person, where it does not.
    pub unnoted: Option<&'static str>,
}

/// Gives up the claim on `key`, if one is in force, and writes on its case that `by` did. Both are one write. A case that
/// cannot be written now (a worker has it in hand) keeps nobody from releasing: then only the claim goes, and
/// [`Released::unnoted`] says so.
///
/// # Errors
/// When the store fails; then nothing was released.
pub async fn release(
    store: &impl Backend,
    key: &ClaimKey,
    by: &str,
    now: Timestamp,
) -> Stored<Option<Released>> {
    let mut unnoted = "its case changes all the time";
    for _ in 0..ROUNDS {
        let Some(claim) = store.claims_on(std::slice::from_ref(key), now).await?.pop() else {
            return Ok(None);
        };
        let Some(case) = store.case(&claim.case_id).await? else {
            unnoted = "its case is not on record";
            break;
        };
        let Some(written) = write(store, &case, &claim, by, now).await? else {
            unnoted = "its case is being worked at this moment";
            break;
        };
        match written {
            Ok(Committed::Done) => return Ok(Some(Released { claim, unnoted: None })),
            // Someone else wrote it: read it again, and the claim with it.
            Ok(_) => {}
            Err(StoreError::TooLarge { .. }) => {
                unnoted = "its case takes no more text";
                break;
            }
            Err(error) => return Err(error),
        }
    }
    let released = store.release(key, now).await?;
    Ok(released.map(|claim| Released { claim, unnoted: Some(unnoted) }))
}

/// Writes the step, or says `None` where another worker has the case in hand: what it is about to write would be refused.
async fn write(
    store: &impl Backend,
    case: &Case,
    claim: &Claim,
    by: &str,
    now: Timestamp,
) -> Stored<Option<Stored<Committed>>> {
    let hold = match case.is_at_rest() {
        true => None,
        false => match store.hold(&case.id).await? {
            Some(hold) => Some(hold),
            None => return Ok(None),
        },
    };
    let written = store.commit(&case.released(&claim.key, by, now), now).await;
    drop(hold);
    Ok(Some(written))
}

#[cfg(test)]
mod tests {
    use investigation::case::{Intake, intake};
    use investigation::policy::Policy;

    use super::*;
    use crate::backend::local::Local;

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_second(1_772_442_000 + seconds).unwrap()
    }

    async fn opened(store: &Local) -> Case {
        let policy = Policy::parse("version = 1\n[scope]\nnetworks = ['10.0.0.0/8']").unwrap();
        let alert = serde_json::json!({
            "id": "a1", "format": "test", "event.original": "{}", "source.ip": "10.0.0.5",
        });
        let Intake::Open(step) = intake(&serde_json::from_value(alert).unwrap(), &policy, at(0)) else {
            panic!("not opened")
        };
        assert_eq!(store.commit(&step, at(0)).await.unwrap(), Committed::Done);
        step.case
    }

    #[tokio::test]
    async fn the_case_says_who_released_and_a_second_one_finds_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let store = Local::open(folder.path()).unwrap();
        let case = opened(&store).await;
        let key = ClaimKey::ip(case.target);
        let released = release(&store, &key, "ann", at(9)).await.unwrap().unwrap();
        assert_eq!((released.claim.case_id.as_str(), released.unnoted), (case.id.as_str(), None));
        assert!(store.claims(at(9)).await.unwrap().is_empty());
        let history = store.case(&case.id).await.unwrap().unwrap().history;
        assert!(history.last().unwrap().what.contains("released by ann"), "{history:?}");
        assert_eq!(release(&store, &key, "bob", at(10)).await.unwrap(), None);
    }

    #[tokio::test]
    async fn a_case_in_other_hands_does_not_keep_its_claim() {
        let folder = tempfile::tempdir().unwrap();
        let store = Local::open(folder.path()).unwrap();
        let case = opened(&store).await;
        let key = ClaimKey::ip(case.target);
        let hold = store.hold(&case.id).await.unwrap();
        assert!(hold.is_some());
        let released = release(&store, &key, "ann", at(9)).await.unwrap().unwrap();
        assert!(released.unnoted.unwrap().contains("being worked"), "{released:?}");
        assert!(store.claims(at(9)).await.unwrap().is_empty());
        let after = store.case(&case.id).await.unwrap().unwrap();
        assert_eq!(after.version, case.version, "the worker's next write would be refused");
    }
}
