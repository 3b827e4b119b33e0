//! What layouts are given: every value is outside text in one line, or words of ours.

use std::collections::BTreeMap;

use serde::Serialize;

/// What every word and every layout can name.
#[derive(Clone, Debug, Default, Serialize)]
pub(super) struct Common {
    pub(super) case_id: String,
    /// Name and address.
    pub(super) machine: String,
    /// Empty where the policy names none.
    pub(super) organisation: String,
    /// The organisation, or words for it.
    pub(super) company: String,
    pub(super) contact: String,
    pub(super) team: String,
}

/// One moment.
#[derive(Clone, Debug, Serialize)]
pub(super) struct Moment {
    pub(super) at: String,
    pub(super) what: String,
}

/// One fact.
#[derive(Clone, Debug, Serialize)]
pub(super) struct Fact {
    pub(super) name: String,
    /// The name with its colon, filled up to the longest.
    pub(super) padded: String,
    pub(super) value: String,
    /// It is an address of our own, which HTML may lead to.
    pub(super) link: bool,
}

/// What the layouts of the notice to the user can name.
#[derive(Clone, Debug, Serialize)]
pub(super) struct UserContext {
    #[serde(flatten)]
    pub(super) common: Common,
    pub(super) language: String,
    pub(super) subject: String,
    pub(super) title: String,
    /// The words `heading_…`.
    pub(super) heading: BTreeMap<String, String>,
    pub(super) greeting: String,
    pub(super) opening: String,
    pub(super) rule: String,
    pub(super) seen: String,
    pub(super) findings: Vec<String>,
    pub(super) times: Vec<Moment>,
    pub(super) steps: Vec<String>,
    pub(super) ask: String,
    pub(super) contest: String,
    pub(super) footer: String,
    /// Nothing was found.
    pub(super) settled: bool,
}

/// What the layouts of the mail to the SOC can name.
#[derive(Clone, Debug, Serialize)]
pub(super) struct SocContext {
    #[serde(flatten)]
    pub(super) common: Common,
    pub(super) language: String,
    pub(super) subject: String,
    pub(super) title: String,
    pub(super) heading: BTreeMap<String, String>,
    pub(super) facts: Vec<Fact>,
    /// Several lines; empty before it is assessed.
    pub(super) assessment: String,
    /// Empty where no measure waits for an approval.
    pub(super) waiting: String,
    /// Empty where nothing is sealed.
    pub(super) prove: String,
}
