//! What the deeper look finds on a machine with Windows.

use super::{at, collection};
use crate::evidence::{
    ArtifactKind, ArtifactOutcome, ArtifactStatus, AutostartEntry, Collection, EventLog, ForensicEvidence,
    KernelModule, LocalAccount, Login, LoginKind, MemoryImage, ProtectionFact, ScheduledTask, Service, Share,
    TransferJob, WmiSubscription,
};

/// Such evidence. `text` stands wherever the endpoint may write what it wants.
pub(in crate::report) fn windows(text: &str) -> (ForensicEvidence, Collection) {
    let outcome = |kind: ArtifactKind| ArtifactOutcome {
        artifact: format!("Windows.{}", kind.as_str()),
        kind,
        status: ArtifactStatus::Ok,
        reasons: Vec::new(),
        items: 2,
        entries: vec![kind.parsed_entry()],
        started_at: at("09:20:00"),
        finished_at: at("09:20:01"),
    };
    let mut kinds = vec![ArtifactKind::Processes, ArtifactKind::Memory];
    kinds.extend(ArtifactKind::FORENSIC);
    let second = Collection { outcomes: kinds.into_iter().map(outcome).collect(), ..collection() };
    (evidence(text), second)
}

fn some(text: &str) -> Option<String> {
    Some(text.to_owned())
}

fn evidence(text: &str) -> ForensicEvidence {
    let mut evidence = ForensicEvidence::default();
    stays(&mut evidence, text);
    comes_in(&mut evidence, text);
    let found = |kind: &str, name: &str, value: &str| ProtectionFact {
        kind: kind.to_owned(),
        name: name.to_owned(),
        value: some(value),
        program: some(text),
        ..ProtectionFact::default()
    };
    evidence.antivirus = Some(vec![
        found("setting", "DisableRealtimeMonitoring", "True"),
        found("exclusion", "path", text),
        found("detection", "Trojan:Win32/Wacatac", text),
    ]);
    let log = |name: &str, kind: &str, enabled, user: Option<&str>| EventLog {
        log: name.to_owned(),
        kind: kind.to_owned(),
        enabled,
        records: Some(31_000),
        max_bytes: Some(20 << 20),
        at: Some(at("08:58:00")),
        user: user.map(str::to_owned),
    };
    evidence.event_logs = Some(vec![
        log("System", "log", Some(true), None),
        log("Microsoft-Windows-PowerShell/Operational", "log", Some(false), None),
        log("Security", "cleared", None, Some(text)),
    ]);
    evidence.memory = Some(Box::new(MemoryImage {
        entry: "artifacts/memory.lime".to_owned(),
        size: 17 << 30,
        sha256: "5eed".repeat(16),
        memory_bytes: 16_000_000_000,
        ram_bytes: 17_179_869_184,
        source: "/proc/kcore".to_owned(),
        tool: text.to_owned(),
        tool_version: "avml 0.20.0".to_owned(),
        ..MemoryImage::default()
    }));
    evidence
}

fn stays(evidence: &mut ForensicEvidence, text: &str) {
    let service = |name: &str, start: &str, signature: Option<&str>| Service {
        name: name.to_owned(),
        command: some(r"C:\Windows\System32\svchost.exe -k netsvcs"),
        library: some(text),
        start: some(start),
        state: some("Running"),
        account: some("LocalSystem"),
        sha256: Some("ab12".repeat(16)),
        signature: signature.map(str::to_owned),
        signer: signature.map(|_| "CN=Microsoft Windows".to_owned()),
        ..Service::default()
    };
    evidence.services = Some(vec![
        service("Spooler", "auto", Some("Valid")),
        service("Unread", "auto", None),
        service("Manual", "manual", Some("NotSigned")),
        service("WinHelp32", "auto", Some("NotSigned")),
    ]);
    let driver = |name: &str, signature: &str| KernelModule {
        name: name.to_owned(),
        state: "Running".to_owned(),
        start: some("boot"),
        path: some(text),
        signature: some(signature),
        ..KernelModule::default()
    };
    evidence.kernel_modules = Some(vec![driver("disk", "Valid"), driver("rwdrv", "HashMismatch")]);
    let spot = |name: &str, user: Option<&str>| AutostartEntry {
        mechanism: "debugger".to_owned(),
        location: r"HKLM\…\Image File Execution Options".to_owned(),
        name: name.to_owned(),
        command: some(text),
        user: user.map(str::to_owned),
        enabled: None,
    };
    evidence.registry_persistence = Some(vec![spot("sethc.exe", None), spot("logon", Some("CORP\\alice"))]);
    let wmi = |kind: &str, class: Option<&str>| WmiSubscription {
        kind: kind.to_owned(),
        namespace: r"root\subscription".to_owned(),
        class: class.map(str::to_owned),
        name: "Updater".to_owned(),
        text: some(text),
        creator: some("S-1-5-21-1-2-3-1001"),
    };
    evidence.wmi_subscriptions = Some(vec![
        wmi("filter", None),
        wmi("consumer", Some("NTEventLogEventConsumer")),
        wmi("consumer", Some("CommandLineEventConsumer")),
    ]);
    let job = |name: &str, command: Option<&str>| TransferJob {
        kind: "job".to_owned(),
        name: name.to_owned(),
        url: some(text),
        command: command.map(str::to_owned),
        at: Some(at("08:10:00")),
        ..TransferJob::default()
    };
    evidence.transfer_jobs = Some(vec![job("Edge update", None), job("Font cache", some(text).as_deref())]);
    evidence.scheduled_tasks = Some(vec![ScheduledTask {
        mechanism: "windows_task".to_owned(),
        path: r"\Microsoft\Windows\Sync".to_owned(),
        content: some("<Task><Actions/></Task>"),
        actions: vec![text.to_owned()],
        triggers: vec!["LogonTrigger".to_owned()],
        only_in: some("registry"),
        ..ScheduledTask::default()
    }]);
}

fn comes_in(evidence: &mut ForensicEvidence, text: &str) {
    let account = |name: &str, groups: &[&str], no_password, enabled| LocalAccount {
        name: name.to_owned(),
        sid: some("S-1-5-21-1-2-3-1001"),
        local: true,
        enabled,
        no_password,
        groups: groups.iter().map(|&group| group.to_owned()).collect(),
        last_login: Some(at("08:05:00")),
        password_set: None,
    };
    evidence.accounts = Some(vec![
        account("Guest", &["S-1-5-32-546"], true, Some(false)),
        account("alice", &[], false, Some(true)),
        account("helpdesk", &["S-1-5-32-544", "S-1-5-32-555"], false, Some(true)),
        account(text, &[], true, Some(true)),
    ]);
    let share = |kind: &str, name: &str, user: Option<&str>| Share {
        kind: kind.to_owned(),
        name: name.to_owned(),
        path: some(text),
        user: user.map(str::to_owned),
        seconds: user.map(|_| 4_711),
    };
    evidence.shares = Some(vec![
        share("share", "C$", None),
        share("share", "films", None),
        share("connection", r"\\nas\public", Some("CORP\\alice")),
        share("session", "198.51.100.7", Some(text)),
    ]);
    evidence.logins = Some(vec![Login {
        kind: LoginKind::Login,
        at: Some(at("08:05:00")),
        user: some("CORP\\alice"),
        from: some("198.51.100.7"),
        source: "Security".to_owned(),
        how: some("remote_interactive"),
        program: some(text),
        target: some("dc1"),
        ..Login::default()
    }]);
}
