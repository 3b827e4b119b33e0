//! What is changed on a Linux endpoint: a machine of its own with a real sshd, real clients, a real cron and the
//! kernel's own packet filter, changed by the collector over SSH.

mod bench;
mod entries;
mod files;
mod network;
mod processes;
