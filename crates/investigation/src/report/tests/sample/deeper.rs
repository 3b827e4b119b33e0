//! A case on which people decided, whose machine was looked into deeper and whose evidence is held.

use jiff::SignedDuration;

use super::{Sample, at, collection, with_verdict};
use crate::act::{ActionKind, CustomName};
use crate::assess::Verdict;
use crate::case::{
    ActionRecord, ActionStatus, ForensicStatus, Forensics, HoldStatus, LegalHold, SealedEvidence,
};
use crate::evidence::{
    ArtifactKind, ArtifactOutcome, ArtifactStatus, AuthorizedKey, Collection, ForensicEvidence, HistoryFile,
    KernelModule, Login, LoginKind, NameEntry, PacketSocket, RecentExecutable, ScheduledTask,
};
use crate::remediation::{
    Approval, Measure, MeasureOutcome, MeasureStatus, Proposed, Remediation, Stage, Undo, Way, Why,
};

/// Such a case with both of its containers. `text` stands wherever the endpoint may write what it wants.
pub(in crate::report) fn done(text: &str) -> (Sample, ForensicEvidence, Collection) {
    let mut sample = with_verdict(Verdict::Compromised);
    let second = second_collection(text);
    let case = &mut sample.case;
    case.remediation = Some(remediation(text, &case.evidence.as_ref().unwrap().sha256));
    case.hold = Some(LegalHold {
        status: HoldStatus::Held,
        by: "the policy".to_owned(),
        reason: "the machine is compromised".to_owned(),
        at: at("09:04:31"),
        detail: "2 containers are read-only".to_owned(),
    });
    case.forensics = Some(Forensics {
        status: ForensicStatus::Sealed,
        ordered_by: "the policy".to_owned(),
        ordered_at: at("09:04:31"),
        failed_tries: 1,
        artifacts: second.outcomes.clone(),
        staged: None,
        evidence: Some(SealedEvidence {
            location: "/var/lib/peerhound/evidence/ph-20260302-kq3v7a2m-forensics.zip".to_owned(),
            sha256: "5eed".repeat(16),
            size: 91_200,
            sealed_at: at("09:21:40"),
        }),
        detail: String::new(),
    });
    let told = |kind, status, detail: &str| ActionRecord {
        effect: Some(11),
        kind,
        to: Vec::new(),
        status,
        detail: detail.to_owned(),
        attempts: 1,
        at: at("09:22:10"),
    };
    case.actions.extend([
        told(ActionKind::Custom(CustomName::new("soar").unwrap()), ActionStatus::Uncertain, "no answer"),
        told(ActionKind::TicketComment, ActionStatus::Done, "accepted by tickets.example.com:443; INC-4711"),
    ]);
    (sample, evidence(text), second)
}

fn remediation(text: &str, sha256: &str) -> Remediation {
    let outcome = |n, detail: &str, undo| MeasureOutcome {
        n,
        status: MeasureStatus::Done,
        detail: detail.to_owned(),
        undo,
        at: at("09:11:02"),
    };
    let proposed = |n, measure, needs, stage| Proposed {
        n,
        measure,
        why: Why {
            rule: "compromise.autostart".to_owned(),
            entry: "artifacts/processes.json".to_owned(),
            row: 3,
        },
        needs,
        stage,
        detail: String::new(),
        outcome: None,
        undone: None,
    };
    let file = |path: &str| Measure::QuarantineFile { path: path.to_owned(), path_hex: None, size: 4_711 };
    let stop = Measure::StopProcess { pid: 4711, image: text.to_owned(), start_time: Some(at("08:00:00")) };
    let isolate = Measure::Isolate { seconds: 14_400, keep: Vec::new(), keep_hosts: Vec::new() };
    let mut measures = vec![
        proposed(1, stop, 1, Stage::Done),
        proposed(2, file("/home/alice/a.torrent"), 1, Stage::Undone),
        proposed(3, isolate, 2, Stage::Done),
        proposed(4, file("/home/alice/b.torrent"), 2, Stage::Proposed),
        proposed(5, file("/home/alice/c.torrent"), 1, Stage::Refused),
    ];
    measures[0].outcome = Some(outcome(1, "ended after SIGTERM", None));
    measures[1].undone = Some(outcome(2, "put back", None));
    measures[2].outcome = Some(outcome(3, "table inet peerhound_ph", Some(Undo::EndIsolation)));
    measures[4].detail = format!("it has another size now: {text}");
    let approval = |by: &str, measures: &[u32], undoes| Approval {
        by: by.to_owned(),
        how: Way::CommandLine,
        at: at("09:10:00"),
        evidence_sha256: sha256.to_owned(),
        measures: measures.to_vec(),
        expires_at: at("17:10:00"),
        undoes,
        seal: None,
        unsealed: false,
    };
    Remediation {
        evidence_sha256: sha256.to_owned(),
        host_name: "ws-0042".to_owned(),
        proposed_at: at("09:04:31"),
        expires_at: at("17:04:31"),
        dry_run: false,
        measures,
        left_out: vec![format!("port 22 of {text}: of remote administration")],
        approvals: vec![
            approval("corp\\anna", &[1, 2, 3, 4, 5], false),
            approval("corp\\bert", &[3], false),
            approval("corp\\anna", &[2], true),
        ],
    }
}

fn second_collection(text: &str) -> Collection {
    let first = collection();
    let outcome = |artifact: &str, kind: ArtifactKind, items, status, reasons: Vec<String>| ArtifactOutcome {
        artifact: format!("Linux.{artifact}"),
        kind,
        status,
        reasons,
        items,
        entries: vec![kind.parsed_entry()],
        started_at: at("09:20:00"),
        finished_at: at("09:20:01"),
    };
    let ok = ArtifactStatus::Ok;
    let cut = vec![format!("stopped after 2 MiB of {text}")];
    Collection {
        started_at: at("09:20:00"),
        finished_at: at("09:21:12"),
        outcomes: vec![
            outcome("System.Processes", ArtifactKind::Processes, 184, ok, Vec::new()),
            outcome("System.Logins", ArtifactKind::Logins, 4, ArtifactStatus::Truncated, cut),
            outcome("System.KernelModules", ArtifactKind::KernelModules, 3, ok, Vec::new()),
            outcome("Persistence.AuthorizedKeys", ArtifactKind::AuthorizedKeys, 2, ok, Vec::new()),
            outcome(
                "Network.PacketSockets",
                ArtifactKind::PacketSockets,
                0,
                ArtifactStatus::Failed,
                Vec::new(),
            ),
            outcome("Files.RecentExecutables", ArtifactKind::RecentExecutables, 2, ok, Vec::new()),
        ],
        ..first
    }
}

fn evidence(text: &str) -> ForensicEvidence {
    let login = |kind, from: Option<&str>, minutes: i64| Login {
        kind,
        at: Some(at("08:00:00") + SignedDuration::from_mins(minutes)),
        user: Some("alice".to_owned()),
        session: Some("pts/0".to_owned()),
        from: from.map(str::to_owned),
        pid: Some(812),
        source: "/var/log/wtmp".to_owned(),
        ..Login::default()
    };
    let module = |name: &str, taint: Option<&str>, only_in: Option<&str>| KernelModule {
        name: name.to_owned(),
        size: 16_384,
        used_by: Vec::new(),
        state: "Live".to_owned(),
        taint: taint.map(str::to_owned),
        only_in: only_in.map(str::to_owned),
        ..KernelModule::default()
    };
    let program = |path: &str, minutes: i64| RecentExecutable {
        path: path.to_owned(),
        owner: Some("alice".to_owned()),
        mode: "0755".to_owned(),
        size: 1_048_576,
        modified_at: Some(at("08:00:00")),
        changed_at: Some(at("08:00:00") + SignedDuration::from_mins(minutes)),
        sha256: Some("ab12".repeat(16)),
        ..RecentExecutable::default()
    };
    let key = |fingerprint: &str, options: Option<&str>| AuthorizedKey {
        user: Some("root".to_owned()),
        path: "/root/.ssh/authorized_keys".to_owned(),
        line: 1,
        key_type: "ssh-ed25519".to_owned(),
        fingerprint: fingerprint.to_owned(),
        comment: Some(text.to_owned()),
        options: options.map(str::to_owned),
        modified_at: Some(at("08:30:00")),
    };
    ForensicEvidence {
        packet_sockets: None,
        logins: Some(vec![
            login(LoginKind::Boot, None, 40),
            login(LoginKind::Failed, Some("198.51.100.7"), 30),
            login(LoginKind::Login, None, 20),
            login(LoginKind::Login, Some("198.51.100.7"), 10),
        ]),
        kernel_modules: Some(vec![
            module("ext4", None, None),
            module("nvidia", Some("PO"), None),
            module(text, None, Some("/sys/module")),
        ]),
        name_resolution: Some(vec![
            NameEntry {
                source: "/etc/hosts".to_owned(),
                kind: "host".to_owned(),
                value: "127.0.0.1".to_owned(),
                names: vec!["localhost".to_owned()],
                modified_at: Some(at("08:00:00")),
            },
            NameEntry {
                source: "/etc/hosts".to_owned(),
                kind: "host".to_owned(),
                value: "198.51.100.7".to_owned(),
                names: vec![text.to_owned()],
                modified_at: Some(at("08:00:00")),
            },
        ]),
        scheduled_tasks: Some(vec![ScheduledTask {
            mechanism: "cron".to_owned(),
            path: "/etc/cron.d/x".to_owned(),
            owner: Some("root".to_owned()),
            modified_at: Some(at("08:40:00")),
            content: Some(format!("* * * * * root {text}")),
            cut: true,
            ..ScheduledTask::default()
        }]),
        authorized_keys: Some(vec![
            key("SHA256:old", Some("command=\"/bin/backup\"")),
            key("SHA256:new", None),
        ]),
        shell_histories: Some(vec![HistoryFile {
            path: "/root/.bash_history".to_owned(),
            owner: Some("root".to_owned()),
            size: 0,
            modified_at: Some(at("08:50:00")),
            target: Some("/dev/null".to_owned()),
        }]),
        recent_executables: Some(vec![program("/tmp/older", 5), program("/var/tmp/.x/kworker", 50)]),
        ..ForensicEvidence::default()
    }
}

/// Sockets as they are held; most cases have none.
pub(in crate::report) fn packet_socket(path: Option<&str>) -> PacketSocket {
    PacketSocket {
        family: "packet".to_owned(),
        protocol: 3,
        interface: None,
        inode: 9,
        user: Some("0".to_owned()),
        pids: if path.is_some() { vec![77] } else { Vec::new() },
        path: path.map(str::to_owned),
        process: None,
    }
}
