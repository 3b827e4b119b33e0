//! `peerhound policy`.

use std::path::PathBuf;

use clap::{Args, Subcommand};

/// What to do with the policy.
#[derive(Debug, Subcommand)]
pub(crate) enum PolicyCommand {
    /// Say what is wrong or doubtful in the policy
    Check,
    /// Look users up as a case would: which mail address each source has, and which one is written to
    #[command(after_help = ADDRESS_HELP)]
    Address {
        /// Users: DOMAIN\name or name@domain
        #[arg(required = true, value_name = "USER")]
        users: Vec<String>,
    },
    /// Show what the mails of this policy look like
    #[command(after_help = PREVIEW_HELP)]
    PreviewMail(PreviewMail),
    /// Show the requests that a case's ticket, page or message would be, without sending any
    #[command(after_help = "\
The secret is shown as ***. The case is made up; the requests are those that would be sent.

Examples:
  peerhound policy preview-ticket
  peerhound policy preview-ticket --kind chat --verdict compromised
  peerhound policy preview-ticket --json | jq .body")]
    PreviewTicket(PreviewTicket),
}

const ADDRESS_HELP: &str = "\
Asks what [users] look_up names: the file, the directory server, the pattern. Nothing is sent, and no case is touched. An \
address in an alert would come on top of it.

Examples:
  peerhound policy address 'CORP\\alice'
  peerhound policy address alice@corp.example.com 'CORP\\bob' --json

Exit codes: 0 each has an address; 1 one has none, or a source did not answer; 2 a user could not be read.";

const PREVIEW_HELP: &str = "\
Examples:
  peerhound policy preview-mail                                   every mail as text
  peerhound policy preview-mail --language de --out preview       as files, text and HTML

The case in them is made up. Nothing is sent.";

/// Which mails to show.
#[derive(Debug, Args)]
pub(crate) struct PreviewMail {
    /// Only those of this verdict
    #[arg(long, value_name = "VERDICT", value_parser = ["false_positive", "policy_violation", "compromised", "inconclusive"])]
    pub(crate) verdict: Option<String>,
    /// In this language [default: [mail] language of the policy]
    #[arg(long, value_name = "LANGUAGE")]
    pub(crate) language: Option<String>,
    /// Write each mail into this folder, as text and as HTML, instead of showing its text
    #[arg(long, value_name = "DIR")]
    pub(crate) out: Option<PathBuf>,
}

/// Arguments of `policy preview-ticket`.
#[derive(Debug, Args)]
pub(crate) struct PreviewTicket {
    /// Which of the policy's systems
    #[arg(long, value_enum, default_value = "ticket")]
    pub(crate) kind: DeskKind,
    /// Verdict of the case
    #[arg(long, default_value = "policy_violation")]
    pub(crate) verdict: String,
}

/// A system that tickets or messages go to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum DeskKind {
    /// [ticket].
    Ticket,
    /// [page].
    Page,
    /// [chat].
    Chat,
}
