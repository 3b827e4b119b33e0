//! Peerhound's functional core.
//!
//! Everything that is decided is decided here: how an alert reads, whether an address may be contacted, who owns
//! a cooldown, what a case does next, what the evidence proves and what the messages say. Nothing here reads a
//! clock, the environment, a disk or a network, makes a random number or awaits anything: time and ids are
//! arguments. The shells (`casework`, `collector`, the command line) perform what this crate decides.
//!
//! Data flows one way:
//!
//! ```text
//! alert ─► scope ─► case::advance ─► effects ─► events ─► case::advance ─► …
//!                       │  ▲
//!                 claim ┘  └ evidence ─► assess ─► act
//! ```
#![forbid(unsafe_code)]

pub mod act;
pub mod alert;
pub mod assess;
pub mod case;
pub mod claim;
pub mod digest;
pub mod directory;
pub mod evidence;
pub mod order;
pub mod policy;
pub mod remediation;
pub mod report;
pub mod scope;
pub mod text;
pub mod ticketing;
