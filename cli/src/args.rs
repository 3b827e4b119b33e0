//! The command line.

#[cfg(test)]
mod documented;
mod policy;
mod remediation;
mod report;
mod serve;

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};

pub(crate) use self::policy::{DeskKind, PolicyCommand, PreviewMail, PreviewTicket};
pub(crate) use self::remediation::{Decide, Reject};
pub(crate) use self::report::{Format, Report};
pub(crate) use self::serve::Serve;

const AFTER_HELP: &str = "\
Examples:
  peerhound init --scope 10.20.0.0/16          write a commented policy for one network
  peerhound investigate alerts.json            investigate every alert in a file
  peerhound investigate 10.20.3.7              investigate one machine
  cat suspects.csv | peerhound investigate -   investigate a list
  peerhound watch /var/spool/peerhound         take alerts from a folder as they come
  peerhound reassess --rules rules --all       show which verdicts other rules would change
  peerhound report --since 7d                  what came in, and what became of it
  peerhound approve ph-20260302-kq3v7a2m       approve what was proposed for a machine
  peerhound serve                              look at the cases in a browser
  peerhound demo                               try it on this very machine
  peerhound --deployment d.toml submit eve.json    hand alerts to a deployment on AWS
  peerhound --deployment d.toml doctor             check that deployment

Exit codes:
  0  every input has its outcome
  1  something failed: a machine was not reached, an action not delivered, a container is not intact, AWS said no
  2  an input could not be used: unreadable, unclear, or an address that may not be contacted
  3  the policy or the deployment file is missing or wrong
  4  the database or the disk failed

Environment: PEERHOUND_POLICY (policy file), PEERHOUND_DEPLOYMENT (deployment file), PEERHOUND_LOG (log filter), \
SSH_AUTH_SOCK (agent), NO_COLOR; with a deployment also the AWS SDK's own, such as AWS_PROFILE.";

/// Investigates torrent/P2P alerts: reaches the suspected machine, collects and seals the evidence, gives a verdict
/// and raises the mail and the ticket. Each machine and user at most once in three days.
#[derive(Debug, Parser)]
#[command(name = "peerhound", version, after_help = AFTER_HELP, disable_help_subcommand = true)]
pub(crate) struct Arguments {
    /// Policy file [default: peerhound.toml]
    #[arg(long, short = 'p', global = true, value_name = "FILE")]
    pub(crate) policy: Option<PathBuf>,
    /// Work on a deployment on AWS: the file that `terraform output -raw deployment` writes
    #[arg(long, short = 'd', global = true, value_name = "FILE")]
    pub(crate) deployment: Option<PathBuf>,
    /// Print one JSON object a line instead of text
    #[arg(long, global = true)]
    pub(crate) json: bool,
    /// Log more on standard error (-v: info, -vv: debug)
    #[arg(long, short, global = true, action = clap::ArgAction::Count)]
    pub(crate) verbose: u8,
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Investigate alerts, addresses or lists of addresses
    #[command(after_help = "\
An input is a file (what a SIEM or a sensor writes, see `peerhound alert formats`, or a list of addresses as text or \
CSV), an address, or - for standard input. Each alert or address has its own outcome; the formats may be mixed.

Examples:
  peerhound investigate eve.json 10.20.3.7 suspects.csv
  tail -n 100 /var/log/suricata/eve.json | peerhound investigate - --json | jq .verdict")]
    Investigate(Investigate),
    /// Take alerts from a folder or from standard input as they come, and continue what a crash left open
    #[command(after_help = "\
Files are read once they have not changed for a second, then moved to DIR/done, or to DIR/review if something in them \
could not be read. Names that begin with a dot or end with .tmp or .part are left alone, so that a writer can rename \
into place. With -, one alert a line is read from standard input. With --listen, alerts may be POSTed to this machine; \
whoever does needs a key of the policy's [door]. The policy's [[list]]s are fetched as often as they say.

Examples:
  peerhound watch /var/spool/peerhound
  tail -F /var/log/suricata/eve.json | peerhound watch -
  peerhound watch --listen 127.0.0.1:8321
  curl -H 'Authorization: Bearer KEY' --data-binary @eve.json http://127.0.0.1:8321/")]
    Watch(Watch),
    /// Continue open cases and waiting alerts once, then end
    Sweep(Jobs),
    /// Show how alerts are read, without doing anything about them
    #[command(subcommand)]
    Alert(AlertCommand),
    /// Show what is collected from endpoints, and how
    #[command(subcommand)]
    Artifacts(ArtifactsCommand),
    /// Hand alerts, addresses or lists of addresses to a deployment on AWS
    #[command(after_help = "\
Inputs are as for `investigate`. Each alert is one message on the deployment's alerts queue; what cannot be read is \
named and not sent. Needs a deployment, see --deployment.

Examples:
  peerhound submit eve.json 10.20.3.7
  tail -n 100 /var/log/suricata/eve.json | peerhound submit -
  peerhound submit --dry-run suspects.csv

Exit codes: 0 everything was sent; 1 the queue did not take something; 2 an input could not be read, the others were \
sent.")]
    Submit(Submit),
    /// Look at what a deployment on AWS could not work, and put it back on its queue
    #[command(subcommand)]
    Redrive(RedriveCommand),
    /// Check a deployment on AWS: queues, tables, buckets, documents, relays, mail
    #[command(after_help = "\
Changes nothing. Each line is one check: ok, warning (also where AWS refuses to tell: it names the right that is \
missing) or wrong, with what to do about it. The relays and the sender of mails are those of the policy.

Examples:
  peerhound --deployment deployment.toml doctor
  peerhound doctor --json | jq 'select(.status != \"ok\")'

Exit codes: 0 nothing is wrong, though there may be warnings; 1 something is wrong.")]
    Doctor,
    /// List cases, show one, write its report, look deeper into its machine, or hold its evidence
    #[command(
        subcommand,
        after_help = "\
Examples:
  peerhound case list --open
  peerhound case show ph-20260302-kq3v7a2m
  peerhound case report ph-20260302-kq3v7a2m
  peerhound --deployment deployment.toml case list"
    )]
    Case(CaseCommand),
    /// List the claims in force, or release one
    #[command(subcommand)]
    Cooldown(CooldownCommand),
    /// Summarise a time: what came in, what became of it, what is left to people
    #[command(after_help = report::AFTER_HELP)]
    Report(Report),
    /// List the measures that wait for a person's approval
    #[command(after_help = remediation::APPROVALS_HELP)]
    Approvals,
    /// Approve what was proposed for a machine, so that it is done
    #[command(after_help = remediation::APPROVE_HELP)]
    Approve(Decide),
    /// Say no to what was proposed for a machine
    #[command(after_help = remediation::REJECT_HELP)]
    Reject(Reject),
    /// Take back what was done to a machine
    #[command(after_help = remediation::UNDO_HELP)]
    Undo(Decide),
    /// Show cases, cooldowns, evidence and reports in a browser
    #[command(after_help = serve::AFTER_HELP)]
    Serve(Serve),
    /// List what a person has to look at: alerts that were unreadable, unclear or refused
    Review {
        /// Entries at most
        #[arg(long, default_value_t = 50)]
        limit: usize,
    },
    /// Say what became of an alert, and why
    #[command(after_help = "\
Example:
  peerhound explain 3f0c2a9d8e       (the start of an alert's id, or the SIEM's own event id)

On AWS, repeats of a storm are only counted on the case that they repeat. They are found by their id or the start of \
it, and that reads the whole table.")]
    Explain {
        /// Peerhound's id of the alert, the start of it, or the sender's event id
        alert_id: String,
    },
    /// Prove that an evidence container is whole and unchanged
    #[command(after_help = "\
A file is verified offline. A case is looked up, and its container must also be the very one that the case names. An \
object in S3 is read in place.

Examples:
  peerhound verify ph-20260302-kq3v7a2m.zip
  peerhound verify ph-20260302-kq3v7a2m
  peerhound verify s3://evidence-bucket/evidence/2026/03/ph-20260302-kq3v7a2m.zip")]
    Verify {
        /// Containers: files, s3://BUCKET/KEY, or ids of cases
        #[arg(required = true, value_name = "CONTAINER")]
        containers: Vec<String>,
    },
    /// Show what the verdicts would be by other rules
    #[command(after_help = "\
Each container is proven first (see `peerhound verify`). Nothing is changed: neither the evidence, nor the case, nor what \
was done about it. For each case it shows the verdict as it was sealed, the one by the rules in DIR, and the rules whose \
findings differ. A rule file that cannot be used is named with its reason, and the rest is used; docs/verdicts.md says \
what such a folder holds. Evidence in S3 is read in place: every byte of it twice, and nothing of it is written anywhere.

Exit codes: 0 every case was assessed again, whether or not a verdict changed; 1 a container is not intact, or AWS said no; \
2 a case or a container is not there, or the rules cannot be read; 3 the policy or the deployment file is missing or wrong; \
4 the database failed.

Examples:
  peerhound reassess --rules rules ph-20260302-kq3v7a2m
  peerhound reassess --rules rules --all
  peerhound reassess --all --tell               with the policy's own rules, and tell the tickets
  peerhound reassess --rules rules --all --json | jq 'select(.changed) | .case_id'
  peerhound --deployment d.toml reassess --rules rules --all")]
    Reassess(Reassess),
    /// Investigate this very machine on a sample alert, twice
    Demo {
        /// Folder to work in
        #[arg(long, default_value = "peerhound-demo", value_name = "DIR")]
        dir: PathBuf,
    },
    /// Write a commented policy
    Init(Init),
    /// Check the policy
    #[command(subcommand)]
    Policy(PolicyCommand),
}

impl Command {
    /// Whether it asks what is on record, here or on AWS alike.
    pub(crate) fn asks_records(&self) -> bool {
        matches!(
            self,
            Self::Case(_)
                | Self::Cooldown(_)
                | Self::Report(_)
                | Self::Review { .. }
                | Self::Explain { .. }
                | Self::Approvals
        )
    }
}

/// Arguments of `reassess`.
#[derive(Debug, Args)]
pub(crate) struct Reassess {
    /// Folder of rules [default: [assessment] rules of the policy]
    #[arg(long, value_name = "DIR")]
    pub(crate) rules: Option<PathBuf>,
    /// Every case that has sealed evidence
    #[arg(long, conflicts_with = "cases")]
    pub(crate) all: bool,
    /// Note another verdict on its case, and tell the case's ticket, once. The case keeps the verdict that it was sealed with
    #[arg(long, conflicts_with = "rules")]
    pub(crate) tell: bool,
    /// Cases, or containers: files or s3://BUCKET/KEY
    #[arg(required_unless_present = "all", value_name = "CASE")]
    pub(crate) cases: Vec<String>,
}

/// Arguments of `investigate`.
#[derive(Debug, Args)]
pub(crate) struct Investigate {
    /// Files, addresses, or -
    #[arg(required = true, value_name = "INPUT")]
    pub(crate) inputs: Vec<String>,
    #[command(flatten)]
    pub(crate) jobs: Jobs,
}

/// What to say about alerts.
#[derive(Debug, Subcommand)]
pub(crate) enum AlertCommand {
    /// Read alerts and show them normalised: ECS names, values, and the sender's field that each is from
    #[command(after_help = "\
Inputs are as for `investigate`. Nothing is contacted and nothing is stored. Where there is a policy, its formats are \
read too, and its scope says which machine each alert is about. With --json, one object an alert with dotted ECS names \
as keys; what cannot be read is an object with `error`.

Examples:
  peerhound alert parse events/alerts/suricata_eve-alert.json
  tail -n 100 /var/log/suricata/eve.json | peerhound alert parse - --json | jq '.[\"source.ip\"]'

Exit codes: 0 everything was read; 2 something could not be read, the others were shown.")]
    Parse {
        /// Files, addresses, or -
        #[arg(required = true, value_name = "INPUT")]
        inputs: Vec<String>,
    },
    /// List the formats that are read
    Formats,
}

/// What to say about artifacts.
#[derive(Debug, Subcommand)]
pub(crate) enum ArtifactsCommand {
    /// List the artifacts: what each is for, its cost and caps, and the ways that it is read by
    #[command(after_help = "\
Nothing is contacted and no policy is needed. In the order of collection, the fastest-changing first. The first way that \
an endpoint answers is taken. With --json, one object an artifact.

Examples:
  peerhound artifacts list
  peerhound artifacts list --json | jq -r 'select(.system == \"windows\") | .id'")]
    List,
}

/// Arguments of `submit`.
#[derive(Debug, Args)]
pub(crate) struct Submit {
    /// Files, addresses, or -
    #[arg(required = true, value_name = "INPUT")]
    pub(crate) inputs: Vec<String>,
    /// Read everything and say what would be sent; asks AWS nothing
    #[arg(long)]
    pub(crate) dry_run: bool,
}

/// What to do with dead letters.
#[derive(Debug, Subcommand)]
pub(crate) enum RedriveCommand {
    /// List the dead letters of a queue, the oldest first
    #[command(after_help = "\
Looking at a message hides it from others for a moment; it is given back at once.

Examples:
  peerhound redrive list
  peerhound redrive list --queue reports --limit 20")]
    List {
        #[command(flatten)]
        letters: Letters,
    },
    /// Show one dead letter, whole
    #[command(after_help = "\
Example:
  peerhound redrive show 5f1d0c9e       (the start of its id, as `redrive list` prints it)")]
    Show {
        /// Its id, or the start of it
        id: String,
        #[command(flatten)]
        letters: Letters,
    },
    /// Put dead letters back on their queue, to be worked again
    #[command(after_help = "\
Each is sent first and deleted afterwards: interrupted, a message may be in both places, which does no harm, and is \
never in none.

Examples:
  peerhound redrive requeue 5f1d0c9e 77ab01fe
  peerhound redrive requeue --all --dry-run")]
    Requeue {
        /// Ids, or the starts of them
        #[arg(required_unless_present = "all", conflicts_with = "all")]
        ids: Vec<String>,
        /// All of them, up to the limit
        #[arg(long)]
        all: bool,
        /// Only say what would be put back
        #[arg(long)]
        dry_run: bool,
        #[command(flatten)]
        letters: Letters,
    },
}

/// Which dead letters.
#[derive(Debug, Args)]
pub(crate) struct Letters {
    /// The queue that they were meant for
    #[arg(long, value_enum, default_value = "alerts")]
    pub(crate) queue: Queue,
    /// Messages at most
    #[arg(long, default_value_t = 1000, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=10_000))]
    pub(crate) limit: u16,
}

/// A queue of a deployment.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Queue {
    /// Alerts.
    Alerts,
    /// What relays and SSM report.
    Reports,
    /// Cases with something to deliver.
    Actions,
    /// What people say.
    Decisions,
}

/// Arguments of `watch`.
#[derive(Debug, Args)]
pub(crate) struct Watch {
    /// Folder, or - for one alert a line on standard input
    #[arg(value_name = "DIR")]
    pub(crate) source: Option<String>,
    /// Listen for alerts over HTTP on this address of this machine, such as 127.0.0.1:8321; see [door] in the policy
    #[arg(long, value_name = "ADDRESS:PORT")]
    pub(crate) listen: Option<SocketAddr>,
    /// End when nothing is left to do
    #[arg(long, conflicts_with = "listen")]
    pub(crate) once: bool,
    #[command(flatten)]
    pub(crate) jobs: Jobs,
}

/// How many at a time.
#[derive(Debug, Args)]
pub(crate) struct Jobs {
    /// Investigations at the same time [default: the policy's]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=1024))]
    pub(crate) jobs: Option<u16>,
}

/// What to do with cases.
#[derive(Debug, Subcommand)]
pub(crate) enum CaseCommand {
    /// List cases, the latest first
    List {
        /// Only those that are not closed
        #[arg(long)]
        open: bool,
        /// Entries at most
        #[arg(long, default_value_t = 50)]
        limit: usize,
    },
    /// Show one case: what was found, why, and what was done
    Show {
        /// Its id
        case_id: String,
    },
    /// Look deeper into a case's machine: a second collection, sealed into a second container
    #[command(after_help = "\
For any case with sealed evidence; after `compromised` the policy's [forensics] does it by itself. The machine and its users \
are claimed once more while it is read. On this machine it is done at once; on AWS the functions do it.

Example:
  peerhound case forensics ph-20260302-kq3v7a2m

Exit codes: 0 the second container is sealed, or on AWS: ordered; 1 the machine was not reached; 2 the case does not take \
it.")]
    Forensics {
        /// Its id
        case_id: String,
    },
    /// Put a case's evidence under legal hold
    #[command(after_help = "\
On this machine the containers become read-only and a record beside them says so; on AWS S3 keeps them under Object Lock, \
whatever their retention, until the hold is lifted. Who, when and why goes into the case's history.

Example:
  peerhound case hold ph-20260302-kq3v7a2m --reason 'court order 17/26'")]
    Hold(HoldArgs),
    /// Lift a legal hold
    #[command(after_help = "\
Example:
  peerhound case release ph-20260302-kq3v7a2m --reason 'settled'")]
    Release(HoldArgs),
    /// Write a case as one page of HTML, to read, to print and to hand on
    #[command(after_help = "\
Written anew from the case as it is now and from its evidence, which is proven first: unlike the report.html inside the \
container, it also says what became of the actions. The page loads nothing and runs nothing.

Examples:
  peerhound case report ph-20260302-kq3v7a2m
  peerhound case report ph-20260302-kq3v7a2m --out - > /tmp/report.html")]
    Report {
        /// Its id
        case_id: String,
        /// File to write, or - for standard output; never one that exists [default: CASE_ID.html]
        #[arg(long, value_name = "FILE")]
        out: Option<PathBuf>,
    },
}

/// Arguments of `case hold` and `case release`.
#[derive(Debug, Args)]
pub(crate) struct HoldArgs {
    /// Its id
    pub(crate) case_id: String,
    /// Why, for the case's history
    #[arg(long, value_name = "TEXT")]
    pub(crate) reason: String,
}

/// What to do with claims.
#[derive(Debug, Subcommand)]
pub(crate) enum CooldownCommand {
    /// List the claims in force, the first to expire first
    List,
    /// Release a claim, so that the next alert is investigated
    #[command(after_help = "\
Examples:
  peerhound cooldown release 10.20.3.7
  peerhound cooldown release 'CORP\\alice'")]
    Release {
        /// Address, DOMAIN\user, or a key as `cooldown list` prints it
        key: String,
    },
}

/// Arguments of `init`.
#[derive(Debug, Args)]
pub(crate) struct Init {
    /// A network that may be investigated; may be given several times
    #[arg(long, value_name = "NETWORK")]
    pub(crate) scope: Vec<String>,
}
