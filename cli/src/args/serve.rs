//! `peerhound serve`.

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::Args;

pub(super) const AFTER_HELP: &str = "\
On this machine alone, unless a proxy with TLS stands in front. What it prints is the address to open, with a token; who \
has that may see everything and release cooldowns. Works on a deployment too, see --deployment.

Examples:
  peerhound serve
  peerhound serve --listen 127.0.0.1:9000 --as 'Ann Analyst'
  (umask 077; openssl rand -hex 32 > serve.token)
  peerhound serve --token-file serve.token --behind-proxy https://cases.corp.example";

/// Arguments of `serve`.
#[derive(Debug, Args)]
pub(crate) struct Serve {
    /// Address of this machine to listen on
    #[arg(long, default_value = "127.0.0.1:8322", value_name = "ADDRESS:PORT")]
    pub(crate) listen: SocketAddr,
    /// What people type, where a proxy with TLS stands in front: https://NAME. No other name is answered then
    #[arg(long, value_name = "URL")]
    pub(crate) behind_proxy: Option<String>,
    /// File with the token, which nobody else may be able to read, instead of a token made at each start
    #[arg(long, value_name = "FILE")]
    pub(crate) token_file: Option<PathBuf>,
    /// Who releases cooldowns, for the history of cases [default: the account]
    #[arg(long = "as", value_name = "NAME")]
    pub(crate) operator: Option<String>,
}
