//! Why a person's decision is not taken.

use jiff::Timestamp;

/// Each is one line that says what to do.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotDecided {
    /// Nothing was proposed.
    #[error("nothing was proposed for this case")]
    Nothing,
    /// The evidence is not sealed yet.
    #[error("its evidence is not sealed yet: wait until it is")]
    NotSealed,
    /// The policy does not want measures any more, or only shows them.
    #[error("the policy's [remediation] {0}")]
    Policy(String),
    /// The decision was made on other evidence.
    #[error("it was given on evidence {given}, and the case's is {sealed}: look at the case again")]
    OtherEvidence {
        /// What the person saw.
        given: String,
        /// What the case has.
        sealed: String,
    },
    /// Too late.
    #[error("the proposals expired at {0:.0}: submit the alert again for fresh evidence")]
    Expired(Timestamp),
    /// Not on the list.
    #[error("{0} is not among the policy's [remediation] approvers")]
    NotAnApprover(String),
    /// Nobody's word counts twice.
    #[error("{by} has approved {measures} already: another person has to")]
    Twice {
        /// Who.
        by: String,
        /// Which.
        measures: String,
    },
    /// No such number.
    #[error("the case has no measure {0}: see `peerhound case show`")]
    NoSuchMeasure(u32),
    /// It is in another stage.
    #[error("measure {n} is {stage}, and not {wanted}")]
    Stage {
        /// Which.
        n: u32,
        /// Its stage.
        stage: &'static str,
        /// What it would have to be.
        wanted: &'static str,
    },
    /// Nothing is left that the decision could be about.
    #[error("nothing of this case {0}")]
    NoneLeft(&'static str),
    /// It was done, and cannot be undone.
    #[error("measure {n} ({measure}) cannot be taken back")]
    NoUndo {
        /// Which.
        n: u32,
        /// Its word.
        measure: &'static str,
    },
    /// The machine is exempt.
    #[error("this machine is never changed: {0}")]
    Never(String),
    /// The policy's limit is used up.
    #[error(
        "the limit of {limit} orders {span} over all cases is used up: wait, or raise [remediation] {key}"
    )]
    Limit {
        /// How many.
        limit: u32,
        /// `an hour` or `a day`.
        span: &'static str,
        /// The key of the policy.
        key: &'static str,
    },
    /// One isolation per host.
    #[error("the host is isolated by case {0} already")]
    Isolated(String),
    /// The order is being carried out.
    #[error("measure {0} is being carried out at this moment: undo it afterwards")]
    UnderWay(u32),
}
