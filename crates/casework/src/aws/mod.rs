//! Peerhound on AWS: the clients, the queues, the relays behind SSM and the evidence in S3.

pub mod client;
pub mod evidence;
