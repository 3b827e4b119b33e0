//! An approver with a mailbox, an authenticator and a browser, who has never been at a command line.

use std::time::Duration;

use anyhow::{Context, Result, ensure};
use casework::aws::client::Clients;
use serde_json::{Value, json};
use tokio::runtime::Runtime;

use super::Cloud;
use crate::command::{command, run_with};

/// The approver, as the policy names that person.
pub const APPROVER: &str = "arn:aws:iam::000000000000:user/carla";
/// Where that person gets mail.
pub const APPROVER_MAIL: &str = "carla@corp.example";
/// What the authenticator was set up with, in base32.
const SEED: &str = "MFXG4YLTMVSWIZTPOJ2GQZLUMVZXI4Y";
/// What links are signed with.
const KEY: &str = "1f4c0ab5f1c34d1c8f5c7f0d9f0e6b22";

/// What a browser got.
#[derive(Debug)]
pub struct Page {
    /// The HTTP status.
    pub status: u16,
    /// The headers, as they came.
    pub head: String,
    /// The body.
    pub body: String,
}

/// Puts the two secrets there, and says how the module is told of them.
pub(super) fn secrets(clients: &Clients, runtime: &Runtime) -> Result<Value> {
    let made = |name: &str, text: String| {
        let create = clients.secrets().create_secret().name(name).secret_string(text);
        runtime.block_on(create.send())?.arn.context("the secret has no ARN")
    };
    let link = made("link", format!("{KEY}\n"))?;
    let codes = made("codes", format!("# approvers\n{APPROVER} {SEED}\n"))?;
    Ok(json!({ "link_secret_arn": link, "codes_secret_arn": codes, "rate": 50, "burst": 100 }))
}

impl Cloud {
    /// The link in the mail that the approver got about a case, without what is before the question mark.
    ///
    /// # Errors
    /// When there is no such mail.
    pub fn link_in_mail(&self, case_id: &str) -> Result<String> {
        let mails: Vec<String> = self.ministack.mails()?.iter().map(ToString::to_string).collect();
        let to_her = |mail: &&String| mail.contains(APPROVER_MAIL) && mail.contains(case_id);
        let mail = mails.iter().find(to_her).context("the approver got no mail about it")?;
        let door =
            self.deployment.approve_url.as_deref().context("the deployment has no door for approvers")?;
        let link = mail.split(&format!("{door}/approve?link=")).nth(1).context("the mail has no link")?;
        Ok(link.chars().take_while(|c| c.is_ascii_alphanumeric() || "-_.".contains(*c)).collect())
    }

    /// What the approver's authenticator shows now.
    ///
    /// # Errors
    /// When Python is missing.
    pub fn code(&self) -> Result<String> {
        let script = "import base64,hmac,struct,sys,time\n\
                      s=base64.b32decode(sys.argv[1]+'='*(-len(sys.argv[1])%8))\n\
                      d=hmac.new(s,struct.pack('>Q',int(time.time())//30),'sha1').digest()\no=d[-1]&15\n\
                      print('%06d'%((struct.unpack('>I',d[o:o+4])[0]&0x7fffffff)%10**6))";
        let output = run_with(&mut command(&["python3", "-c", script, SEED]), "", Duration::from_secs(20))?;
        ensure!(output.code == Some(0), "no code: {}", output.told());
        Ok(output.stdout.trim().to_owned())
    }

    /// Opens a page of the door for approvers: `query` is what stands behind the question mark. With a form it is sent.
    ///
    /// # Errors
    /// When there is no answer.
    pub fn browse(&self, method: &str, query: &str, form: Option<&str>) -> Result<Page> {
        let url = format!("{}/approve?{query}", self.door.trim_end_matches("/alerts"));
        let mut argv = vec!["curl", "--silent", "--max-time", "30", "--include"];
        match method {
            "HEAD" => argv.push("--head"),
            method => argv.extend(["--request", method]),
        }
        if form.is_some() {
            argv.extend(["--data-binary", "@-"]);
        }
        argv.push(&url);
        let output = run_with(&mut command(&argv), form.unwrap_or_default(), Duration::from_mins(1))?;
        let text = output.stdout.replace("\r\n", "\n");
        let (head, body) = text.split_once("\n\n").unwrap_or((&text, ""));
        let status = head.split_whitespace().nth(1).and_then(|status| status.parse().ok());
        let status = status.with_context(|| format!("no answer: {}", output.told()))?;
        Ok(Page { status, head: head.to_owned(), body: body.to_owned() })
    }
}

impl Page {
    /// What a form leads to: what stands behind the question mark.
    #[must_use]
    pub fn leads_to(&self) -> Option<&str> {
        let line = self.head.lines().find(|line| line.to_ascii_lowercase().starts_with("location:"))?;
        line.split_once('?').map(|(_, query)| query.trim())
    }
}
