//! What every row of an artifact keeps to.

use collector::fuzzing::Reading;
use investigation::evidence::{
    ArtifactKind, AuthorizedKey, AutostartEntry, DnsRecord, EventLog, FirewallState, HistoryFile, Identity,
    KernelModule, LocalAccount, Login, NameEntry, Neighbor, PacketSocket, Prefetched, Process, Program,
    ProtectionFact, RecentExecutable, ScheduledTask, Service, Share, Socket, TorrentFile, TransferJob,
    WmiSubscription,
};

/// Longest texts of a row, in bytes, and more than that is the endpoint's word unbounded.
const NAME: usize = 4096 + 3;
const LONG: usize = (32 << 10) + 3;

#[track_caller]
fn capped<'a>(texts: impl IntoIterator<Item = &'a String>, most: usize) {
    for text in texts {
        assert!(text.len() <= most, "a text of {} bytes, where {most} are the most", text.len());
    }
}

/// Reads the parsed form back and asserts that its texts are capped.
pub(in super::super) fn rows(kind: ArtifactKind, reading: &Reading) {
    let json = reading.json().expect("JSON");
    let all = |count: usize| assert_eq!(count as u64, reading.items);
    match kind {
        ArtifactKind::Identity => {
            let identity: Identity = serde_json::from_slice(&json).expect("identity");
            let named = [&identity.domain, &identity.os, &identity.kernel, &identity.collected_as];
            capped(named.into_iter().flatten(), 258);
            capped([&identity.host_name], 258);
            assert!(identity.users.len() <= 1000, "{} users", identity.users.len());
            for user in &identity.users {
                capped([&user.name], 1024);
                capped(user.domain.iter().chain(&user.session).chain(&user.from), 1024);
            }
        }
        ArtifactKind::Processes => {
            let processes: Vec<Process> = serde_json::from_slice(&json).expect("processes");
            all(processes.len());
            assert!(processes.is_sorted_by_key(|process| process.pid));
            for process in &processes {
                capped([&process.name], NAME);
                capped(process.path.iter().chain(&process.user).chain(&process.signer), NAME);
                capped(&process.command_line, LONG);
                assert!(process.sha256.as_ref().is_none_or(|hash| hash.len() == 64));
            }
        }
        ArtifactKind::Connections => {
            let sockets: Vec<Socket> = serde_json::from_slice(&json).expect("sockets");
            all(sockets.len());
            for socket in &sockets {
                assert!(socket.pid.is_some() || socket.process.is_none() && socket.path.is_none());
                capped(socket.process.iter().chain(&socket.path).chain(&socket.user), NAME);
            }
        }
        ArtifactKind::Autostart => {
            let entries: Vec<AutostartEntry> = serde_json::from_slice(&json).expect("entries");
            all(entries.len());
            for entry in &entries {
                capped([&entry.mechanism, &entry.name, &entry.location], NAME);
                capped(entry.command.iter().chain(&entry.user), NAME);
            }
        }
        ArtifactKind::Firewall => {
            let state: FirewallState = serde_json::from_slice(&json).expect("a state");
            all(state.rules.len());
            for rule in &state.rules {
                capped([&rule.engine, &rule.text], NAME);
                capped(rule.chain.iter().chain(&rule.action), NAME);
                assert!(rule.ports.len() <= 64, "{} ports", rule.ports.len());
            }
        }
        ArtifactKind::Neighbors => {
            let neighbors: Vec<Neighbor> = serde_json::from_slice(&json).expect("neighbours");
            all(neighbors.len());
            for neighbor in &neighbors {
                capped(neighbor.mac.iter().chain(&neighbor.interface), 258);
            }
        }
        ArtifactKind::DnsCache => {
            let records: Vec<DnsRecord> = serde_json::from_slice(&json).expect("records");
            all(records.len());
            for record in &records {
                capped([&record.name], 258);
                capped(record.kind.iter().chain(&record.data), NAME);
            }
        }
        ArtifactKind::Prefetch => {
            let files: Vec<Prefetched> = serde_json::from_slice(&json).expect("files");
            all(files.len());
            for file in &files {
                capped([&file.file, &file.program], 258);
            }
        }
        ArtifactKind::Programs => {
            let programs: Vec<Program> = serde_json::from_slice(&json).expect("programs");
            all(programs.len());
            for program in &programs {
                capped([&program.name, &program.source], 258);
                capped(program.version.iter().chain(&program.publisher).chain(&program.user), 258);
                capped(program.key.iter().chain(&program.image).chain(&program.folder), NAME);
            }
        }
        ArtifactKind::PacketSockets => {
            let sockets: Vec<PacketSocket> = serde_json::from_slice(&json).expect("sockets");
            all(sockets.len());
            for socket in &sockets {
                assert!(socket.pids.len() <= 64, "{} holders", socket.pids.len());
                capped([&socket.family], 16);
                capped(socket.user.iter().chain(&socket.path).chain(&socket.process), NAME);
            }
        }
        ArtifactKind::Logins => {
            let logins: Vec<Login> = serde_json::from_slice(&json).expect("logins");
            all(logins.len());
            for login in &logins {
                // Not UTF-8 is three times as long as text.
                capped(login.user.iter().chain(&login.session).chain(&login.from), 3 * 258);
            }
        }
        ArtifactKind::KernelModules => {
            let modules: Vec<KernelModule> = serde_json::from_slice(&json).expect("modules");
            all(modules.len());
            for module in &modules {
                assert!(module.used_by.len() <= 256);
                capped(
                    [&module.name, &module.state].into_iter().chain(&module.used_by).chain(&module.taint),
                    258,
                );
            }
        }
        ArtifactKind::NameResolution => {
            let entries: Vec<NameEntry> = serde_json::from_slice(&json).expect("entries");
            all(entries.len());
            for entry in &entries {
                assert!(entry.names.len() <= 64);
                capped([&entry.source, &entry.value].into_iter().chain(&entry.names), NAME);
            }
        }
        ArtifactKind::ScheduledTasks => {
            let tasks: Vec<ScheduledTask> = serde_json::from_slice(&json).expect("tasks");
            all(tasks.len());
            for task in &tasks {
                capped([&task.mechanism, &task.path].into_iter().chain(&task.owner), NAME);
                capped(&task.content, 3 * (64 << 10));
            }
        }
        ArtifactKind::AuthorizedKeys => {
            let keys: Vec<AuthorizedKey> = serde_json::from_slice(&json).expect("keys");
            all(keys.len());
            for key in &keys {
                assert!(key.fingerprint.starts_with("SHA256:") && key.fingerprint.len() == 50);
                capped([&key.path, &key.key_type].into_iter().chain(&key.comment).chain(&key.options), NAME);
            }
        }
        ArtifactKind::ShellHistories => {
            let files: Vec<HistoryFile> = serde_json::from_slice(&json).expect("files");
            all(files.len());
            files.iter().for_each(|file| capped([&file.path].into_iter().chain(&file.target), NAME));
        }
        ArtifactKind::RecentExecutables => {
            let files: Vec<RecentExecutable> = serde_json::from_slice(&json).expect("files");
            all(files.len());
            for file in &files {
                capped([&file.path, &file.mode].into_iter().chain(&file.owner), NAME);
                assert!(file.sha256.as_ref().is_none_or(|hash| hash.len() == 64));
            }
        }
        ArtifactKind::Services => {
            let services: Vec<Service> = serde_json::from_slice(&json).expect("services");
            all(services.len());
            for service in &services {
                capped([&service.name], NAME);
                capped(service.command.iter().chain(&service.library).chain(&service.path), NAME);
                capped(service.account.iter().chain(&service.state).chain(&service.signer), NAME);
                assert!(service.sha256.as_ref().is_none_or(|hash| hash.len() == 64));
            }
        }
        ArtifactKind::WmiSubscriptions => {
            let parts: Vec<WmiSubscription> = serde_json::from_slice(&json).expect("subscriptions");
            all(parts.len());
            for part in &parts {
                capped([&part.name, &part.namespace].into_iter().chain(&part.class), NAME);
                capped(part.text.iter().chain(&part.creator), NAME);
            }
        }
        ArtifactKind::RegistryPersistence => {
            let entries: Vec<AutostartEntry> = serde_json::from_slice(&json).expect("entries");
            all(entries.len());
            for entry in &entries {
                capped(
                    [&entry.name, &entry.location].into_iter().chain(&entry.command).chain(&entry.user),
                    NAME,
                );
            }
        }
        ArtifactKind::Accounts => {
            let accounts: Vec<LocalAccount> = serde_json::from_slice(&json).expect("accounts");
            all(accounts.len());
            for account in &accounts {
                assert!(account.groups.len() <= 4, "{:?}", account.groups);
                capped([&account.name].into_iter().chain(&account.sid), NAME);
            }
        }
        ArtifactKind::Shares => {
            let shares: Vec<Share> = serde_json::from_slice(&json).expect("shares");
            all(shares.len());
            shares.iter().for_each(|share| {
                capped([&share.name].into_iter().chain(&share.path).chain(&share.user), NAME)
            });
        }
        ArtifactKind::Antivirus => {
            let facts: Vec<ProtectionFact> = serde_json::from_slice(&json).expect("facts");
            all(facts.len());
            for fact in &facts {
                capped(
                    [&fact.name].into_iter().chain(&fact.value).chain(&fact.user).chain(&fact.program),
                    NAME,
                );
            }
        }
        ArtifactKind::EventLogs => {
            let logs: Vec<EventLog> = serde_json::from_slice(&json).expect("logs");
            all(logs.len());
            logs.iter().for_each(|log| capped([&log.log].into_iter().chain(&log.user), NAME));
        }
        ArtifactKind::TransferJobs => {
            let jobs: Vec<TransferJob> = serde_json::from_slice(&json).expect("jobs");
            all(jobs.len());
            for job in &jobs {
                capped([&job.name].into_iter().chain(&job.id).chain(&job.owner).chain(&job.state), NAME);
                capped(job.url.iter().chain(&job.path).chain(&job.command), NAME);
            }
        }
        // No script prints its rows.
        ArtifactKind::Memory => {}
        ArtifactKind::Torrents => {
            let files: Vec<TorrentFile> = serde_json::from_slice(&json).expect("files");
            all(files.len());
            for file in &files {
                // Not UTF-8 is three times as long as text, and twice as hexadecimal digits.
                capped([&file.path], 3 * NAME);
                capped(&file.path_hex, 2 * NAME);
                capped(
                    file.name.iter().chain(&file.created_by).chain(&file.trackers).chain(&file.notes),
                    3 * NAME,
                );
            }
        }
    }
}
