//! A Linux endpoint. One shell receives the program, and then waits for the end of its input, which comes when we say so
//! or when the connection ends in any other way: then it removes what it has made. Nothing is left even where our own
//! side is ended from one moment to the next.

use std::time::Duration;

use investigation::text::one_line;
use russh::client::Msg;
use russh::{Channel, ChannelMsg};
use tokio::io::{AsyncWrite, AsyncWriteExt as _};
use tokio::time::{Instant, timeout_at};

use super::{ANSWER_CAP, GONE, in_short};
use crate::program::NAME;
use crate::transport::ssh::{Privilege, SshSession};

/// Where the folder is made: in the first of these that a program can be run from.
pub(super) const BASES: [&str; 4] = ["/tmp", "/var/tmp", "/dev/shm", "$HOME"];
/// What the shell says once it has a folder, before the folder's number, from 1. Nothing is sent before: what answers may
/// be another shell than the one that was asked for, and would take the program for commands.
const READY: &str = "PEERHOUND-READY ";
/// What it says once the program lies there.
const HELD: &str = "PEERHOUND-HELD";
/// Longest time until it is ready.
const READYING: Duration = Duration::from_secs(20);

/// Receives `size` bytes as the program, and removes them at the end of what comes after.
pub(super) fn hold(privilege: Option<Privilege>, folder: &str, size: usize) -> String {
    let bases = bases();
    line(
        privilege,
        &format!(
            "umask 077; trap \"\" HUP INT TERM PIPE; m=$(uname -sm); \
             [ \"$m\" = \"Linux x86_64\" ] || {{ echo \"this is a $m, and it is for Linux x86_64\" >&2; exit 96; }}; \
             command -v sha256sum >/dev/null || {{ echo \"there is no sha256sum\" >&2; exit 95; }}; i=0; d=; \
             for b in {bases}; do i=$((i+1)); mkdir \"$b/{folder}\" 2>/dev/null || continue; d=$b/{folder}; \
             trap \"rm -rf \\\"\\$d\\\"\" EXIT; \
             printf \"#!/bin/sh\\n\" >\"$d/t\" && chmod 700 \"$d/t\" && \"$d/t\" 2>/dev/null && rm \"$d/t\" && break; \
             rm -rf \"$d\"; d=; done; \
             [ -n \"$d\" ] || {{ echo \"none of its folders takes a program\" >&2; exit 94; }}; \
             echo \"{READY}$i\"; head -c {size} >\"$d/{NAME}\" || exit 93; chmod 500 \"$d/{NAME}\"; echo {HELD}; \
             cat >/dev/null; rm -rf \"$d\"; [ -e \"$d\" ] || echo {GONE}"
        ),
    )
}

/// Runs it, as long as it is what was sent.
pub(super) fn run(privilege: Option<Privilege>, folder: &str, sha256: &str) -> String {
    let bases = bases();
    line(
        privilege,
        &format!(
            "for b in {bases}; do p=$b/{folder}/{NAME}; [ -f \"$p\" ] || continue; h=$(sha256sum <\"$p\"); \
             [ \"${{h%% *}}\" = {sha256} ] || \
             {{ echo \"it was changed on the endpoint, its SHA-256 there is ${{h%% *}}: not run\" >&2; exit 97; }}; \
             exec \"$p\"; done; echo \"it is not there any more\" >&2; exit 98"
        ),
    )
}

/// Removes what the shell that holds it has not.
pub(super) fn remove(privilege: Option<Privilege>, folder: &str) -> String {
    let bases = bases();
    line(
        privilege,
        &format!(
            "for b in {bases}; do rm -rf \"$b/{folder}\"; done; \
             for b in {bases}; do [ -e \"$b/{folder}\" ] && exit 1; done; echo {GONE}"
        ),
    )
}

fn bases() -> String {
    BASES.map(|base| format!("\"{base}\"")).join(" ")
}

/// `script` holds no single quotes. `exec`: the login shell is not needed twice.
fn line(privilege: Option<Privilege>, script: &str) -> String {
    let sudo = match privilege {
        Some(Privilege::Sudo) => "sudo -n ",
        None => "",
    };
    format!("exec {sudo}sh -c '{script}'")
}

/// The shell that holds the program.
pub(super) struct Holder {
    channel: Channel<Msg>,
    answer: Vec<u8>,
    words: Vec<u8>,
}

impl Holder {
    /// Asks for a folder. With its number in [`BASES`]. Where it fails, nothing lies there, or nothing will: whatever the
    /// shell has made it removes at the end of its input.
    pub(super) async fn open(ssh: &SshSession, line: &str) -> Result<(Self, usize), String> {
        let late = Instant::now() + READYING;
        let broken = |error: russh::Error| one_line(&error.to_string(), 200);
        let channel = ssh.open_channel().await.map_err(|error| in_short(&error))?;
        channel.exec(true, line).await.map_err(broken)?;
        let mut holder = Self { channel, answer: Vec::new(), words: Vec::new() };
        loop {
            if let Some(index) = ready(&holder.answer) {
                return Ok((holder, index));
            }
            match timeout_at(late, holder.hear()).await {
                Ok(heard) => heard?,
                Err(_) => {
                    let _ = holder.channel.close().await;
                    return Err(format!("its shell did not get ready in {} s", READYING.as_secs()));
                }
            }
        }
    }

    /// Sends the program.
    pub(super) async fn fill(&mut self, program: &[u8], limit: Duration) -> Result<(), String> {
        let late = Instant::now() + limit;
        let feeding = feed(self.channel.make_writer(), program);
        tokio::pin!(feeding);
        let mut fed = false;
        while !said(&self.answer, HELD) {
            tokio::select! {
                heard = timeout_at(late, self.hear()) => {
                    heard.map_err(|_| format!("it was not there in {} s", limit.as_secs()))??;
                }
                _ = &mut feeding, if !fed => fed = true,
            }
        }
        Ok(())
    }

    /// Takes in what it says next. The error is one line: it has ended, or never comes to an end.
    async fn hear(&mut self) -> Result<(), String> {
        match self.channel.wait().await {
            Some(ChannelMsg::Data { data }) if self.answer.len() < ANSWER_CAP as usize => {
                self.answer.extend_from_slice(&data);
                Ok(())
            }
            Some(ChannelMsg::ExtendedData { data, ext: 1 }) if self.words.len() < ANSWER_CAP as usize => {
                self.words.extend_from_slice(&data);
                Ok(())
            }
            Some(ChannelMsg::Data { .. } | ChannelMsg::ExtendedData { .. }) => {
                Err("the endpoint says more than there is to say".into())
            }
            Some(ChannelMsg::Close | ChannelMsg::Failure) | None => {
                let said = one_line(String::from_utf8_lossy(&self.words).trim(), 160);
                Err(if said.is_empty() { "its shell did not take it".into() } else { said })
            }
            Some(_) => Ok(()),
        }
    }

    /// Ends its input. True once it says that nothing is there any more.
    pub(super) async fn release(mut self, limit: Duration) -> bool {
        let late = Instant::now() + limit;
        let _ = timeout_at(late, self.channel.eof()).await;
        while !said(&self.answer, GONE) {
            if !timeout_at(late, self.hear()).await.is_ok_and(|heard| heard.is_ok()) {
                return false;
            }
        }
        // Until its channel is closed: there are servers that allow only one.
        while timeout_at(late, self.hear()).await.is_ok_and(|heard| heard.is_ok()) {}
        true
    }
}

/// Writes the program and leaves the input open.
async fn feed(mut to: impl AsyncWrite + Unpin, program: &[u8]) -> std::io::Result<()> {
    to.write_all(program).await?;
    to.flush().await
}

/// Whether a word was said, on a line of its own.
fn said(answer: &[u8], word: &str) -> bool {
    let text = String::from_utf8_lossy(answer);
    text.split_inclusive('\n').any(|line| line.strip_suffix('\n') == Some(word))
}

/// The number of the folder, from 0, once it is said.
fn ready(answer: &[u8]) -> Option<usize> {
    let text = String::from_utf8_lossy(answer);
    let number = text.split_inclusive('\n').find_map(|line| line.strip_suffix('\n')?.strip_prefix(READY))?;
    let number: usize = number.trim().parse().ok()?;
    number.checked_sub(1).filter(|index| *index < BASES.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_run_is_one_word_of_the_login_shell() {
        let folder = "peerhound-0123456789abcdef";
        for text in [hold(None, folder, 5), run(None, folder, "ab"), remove(Some(Privilege::Sudo), folder)] {
            assert_eq!(text.matches('\'').count(), 2, "{text}");
            assert!(text.ends_with('\'') && text.starts_with("exec ") && !text.contains('\n'), "{text}");
        }
        assert!(remove(Some(Privilege::Sudo), folder).starts_with("exec sudo -n sh -c '"));
    }

    #[test]
    fn the_folder_is_known_once_its_line_is_whole() {
        assert_eq!(ready(b"motd\nPEERHOUND-READY 2"), None);
        assert_eq!(ready(b"motd\nPEERHOUND-READY 2\n"), Some(1));
        for wrong in [&b"PEERHOUND-READY 0\n"[..], b"PEERHOUND-READY 5\n", b"PEERHOUND-READY x\n", b"\xff\n"]
        {
            assert_eq!(ready(wrong), None);
        }
    }
}
