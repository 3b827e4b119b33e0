//! What is changed on a Linux endpoint: a machine of its own with a real sshd, real clients, a real cron, a real systemd and
//! the kernel's own packet filter, changed by the collector over SSH or on the machine itself.

mod bench;
mod clients;
mod contact;
mod dead_man;
mod entries;
mod files;
mod ipv6;
mod network;
mod on_itself;
mod processes;
mod scene;
mod sudo;
mod units;
