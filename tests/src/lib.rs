//! The rig of the acceptance tests: machines, a swarm and receiving servers that are real.
//!
//! Every test gets its own [`Network`]: hosts with their own addresses inside network namespaces made for that test,
//! joined by a bridge that lies in a namespace too, so that nothing of this machine's own network changes and no packet
//! leaves it. A [`Host`] is a small machine of its own: process list, sockets, host name, users and files.
//! Where namespaces are not permitted, hosts are loopback addresses of this machine, and one line says so.
#![forbid(unsafe_code)]

mod alert;
mod cloud;
mod command;
mod endpoint;
mod guest;
mod host;
mod keys;
mod lab;
mod leftovers;
mod mailserver;
mod network;
mod operator;
mod peerhound;
mod policy;
mod programs;
mod receiver;
mod requirements;
mod settings;
mod swarm;
mod ticketserver;
pub mod ticketsystem;
mod wait;
mod wine;
mod workspace;

pub use alert::{Alert, eve};
pub use cloud::{ANNA, APPROVER, APPROVER_MAIL, BERT, Cloud, MALLORY, ODD, Page, RELAY, Someone, suppressed};
pub use command::{Output, run};
pub use endpoint::{Endpoint, SSH_USER};
pub use guest::{AVML, Guest};
pub use host::{ALICE, Host};
pub use lab::{ENDPOINT, Lab, NOBODY, PEER, artifact, write};
pub use leftovers::{RunId, groups_of, namespaces_of, processes_of, sweep};
pub use mailserver::{Mail, MailServer};
pub use network::Network;
pub use operator::Operator;
pub use peerhound::Peerhound;
pub use policy::PolicyText;
pub use requirements::{require_or_skip, skip_or_fail};
pub use settings::{given_target, seed};
pub use swarm::Swarm;
pub use ticketserver::{Answer, Ticket, TicketServer};
pub use wait::wait_until;
pub use wine::Wine;
pub use workspace::Workspace;
