//! The catalogue: data files that name what is collected, and the tables of the scripts and parsers that they name.

use std::sync::LazyLock;

use investigation::evidence::ArtifactKind;
use serde::Deserialize;

use super::windows::{self, script};
use super::{
    Artifact, Caps, Command, Cost, Parse, ParseAnswers, Reader, System, Way, autostart, connections,
    firewall, forensic, identity, neighbors, processes, programs, torrents,
};

/// The files, in the order of the list that people see.
const FILES: &[&str] = &[
    include_str!("catalogue/linux.toml"),
    include_str!("catalogue/linux_forensic.toml"),
    include_str!("catalogue/linux_memory.toml"),
    include_str!("catalogue/windows.toml"),
    include_str!("catalogue/windows_forensic.toml"),
    include_str!("catalogue/this_machine.toml"),
    include_str!("catalogue/this_windows.toml"),
];

/// Everything that can be collected.
pub fn catalogue() -> &'static [Artifact] {
    static CATALOGUE: LazyLock<Vec<Artifact>> = LazyLock::new(|| {
        let files = FILES.iter().map(|file| read(file));
        let artifacts: Result<Vec<_>, String> = files.collect();
        artifacts.expect("the compiled-in catalogue is checked by a test").into_iter().flatten().collect()
    });
    &CATALOGUE
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    system: System,
    artifact: Vec<Entry>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Entry {
    id: String,
    kind: ArtifactKind,
    volatility: usize,
    purpose: String,
    cost: Cost,
    caps: Caps,
    way: Vec<WayEntry>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct WayEntry {
    kind: Way,
    script: Option<String>,
    parser: Option<String>,
    #[serde(default)]
    command: Vec<CommandEntry>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct CommandEntry {
    name: String,
    /// The line as it stands, or
    line: Option<String>,
    /// the name of the table that it is made of.
    made: Option<String>,
    #[serde(default)]
    spare: bool,
}

/// Reads one file; the error says which entry is wrong, and how.
fn read(text: &str) -> Result<Vec<Artifact>, String> {
    let file: File = toml::from_str(text).map_err(|error| error.to_string())?;
    let artifact = |entry: Entry| {
        let readers: Result<Vec<_>, String> = entry.way.into_iter().map(reader).collect();
        let readers = readers.map_err(|why| format!("{}: {why}", entry.id))?;
        if readers.is_empty() {
            return Err(format!("{}: no way to read it", entry.id));
        }
        Ok(Artifact {
            id: entry.id,
            kind: entry.kind,
            system: file.system,
            volatility: entry.volatility,
            purpose: entry.purpose,
            cost: entry.cost,
            caps: entry.caps,
            readers,
        })
    };
    file.artifact.into_iter().map(artifact).collect()
}

fn reader(way: WayEntry) -> Result<Reader, String> {
    let WayEntry { kind, script, parser, command } = way;
    let parser = parser.as_deref();
    if (kind == Way::Command) == command.is_empty() {
        return Err(format!("{kind:?}: commands are what a way of that kind has, and no other"));
    }
    match (kind, script.as_deref(), parser) {
        (Way::Native, None, None) => Ok(Reader::Native),
        (Way::Smb, None, None) => Ok(Reader::Smb),
        (Way::Tool, None, None) => Ok(Reader::Tool),
        (Way::Shell, Some(script), Some(parser)) => {
            Ok(Reader::Shell { script: text_of(script)?, parse: output_parser(parser)? })
        }
        (Way::PowerShell, Some(script), Some(parser)) => {
            Ok(Reader::PowerShell { script: text_of(script)?, parse: output_parser(parser)? })
        }
        (Way::Command, None, Some(parser)) => {
            let commands: Result<Vec<_>, String> = command.into_iter().map(line_of).collect();
            Ok(Reader::Commands { commands: commands?, parse: answers_parser(parser)? })
        }
        _ => Err(format!("{kind:?}: script and parser are not those of such a way")),
    }
}

fn line_of(command: CommandEntry) -> Result<Command, String> {
    let CommandEntry { name, line, made, spare } = command;
    let line = match (line, made.as_deref()) {
        (Some(line), None) => line,
        (None, Some("dir_files")) => script::dir_line(false),
        (None, Some("dir_folders")) => script::dir_line(true),
        (None, Some(made)) => windows::forensic::recent_executables::list_line(made)
            .ok_or_else(|| format!("{name}: nothing is made of {made:?}"))?,
        _ => return Err(format!("{name}: either a line, or what it is made of")),
    };
    Ok(Command { name, line, spare })
}

fn text_of(script: &str) -> Result<&'static str, String> {
    Ok(match script {
        "identity.sh" => identity::script(),
        "connections.sh" => connections::script(),
        "processes.sh" => processes::script(),
        "autostart.sh" => autostart::script(),
        "firewall.sh" => firewall::script(),
        "neighbors.sh" => neighbors::script(),
        "programs.sh" => programs::script(),
        "torrents.sh" => torrents::script(),
        "packet_sockets.sh" => forensic::packet_sockets::script(),
        "logins.sh" => forensic::logins::script(),
        "kernel_modules.sh" => forensic::kernel_modules::script(),
        "name_resolution.sh" => forensic::name_resolution::script(),
        "scheduled_tasks.sh" => forensic::scheduled_tasks::script(),
        "authorized_keys.sh" => forensic::authorized_keys::script(),
        "shell_histories.sh" => forensic::shell_histories::script(),
        "recent_executables.sh" => forensic::recent_executables::script(),
        "identity.ps1" => script::identity(),
        "connections.ps1" => script::connections(),
        "processes.ps1" => script::processes(),
        "autostart.ps1" => script::autostart(),
        "firewall.ps1" => script::firewall(),
        "neighbors.ps1" => script::neighbors(),
        "dns_cache.ps1" => script::dns_cache(),
        "prefetch.ps1" => script::prefetch(),
        "programs.ps1" => script::programs(),
        "torrents.ps1" => script::torrents(),
        _ => return deeper_script(script),
    })
}

/// Those of the deeper look on Windows.
fn deeper_script(script: &str) -> Result<&'static str, String> {
    use windows::forensic::script as of;
    Ok(match script {
        "logins.ps1" => of::logins(),
        "drivers.ps1" => of::drivers(),
        "name_resolution.ps1" => of::name_resolution(),
        "scheduled_tasks.ps1" => of::scheduled_tasks(),
        "authorized_keys.ps1" => of::authorized_keys(),
        "shell_histories.ps1" => of::shell_histories(),
        "recent_executables.ps1" => of::recent_executables(),
        "services.ps1" => of::services(),
        "wmi_subscriptions.ps1" => of::wmi_subscriptions(),
        "registry_persistence.ps1" => of::registry_persistence(),
        "accounts.ps1" => of::accounts(),
        "shares.ps1" => of::shares(),
        "antivirus.ps1" => of::antivirus(),
        "event_logs.ps1" => of::event_logs(),
        "transfer_jobs.ps1" => of::transfer_jobs(),
        _ => return Err(format!("there is no script {script:?}")),
    })
}

fn output_parser(name: &str) -> Result<Parse, String> {
    Ok(match name {
        "linux_identity" => identity::parse,
        "linux_connections" => connections::parse,
        "linux_processes" => processes::parse,
        "linux_autostart" => autostart::parse,
        "linux_firewall" => firewall::parse,
        "linux_neighbors" => neighbors::parse,
        "linux_programs" => programs::parse,
        "linux_torrents" => torrents::parse,
        "linux_packet_sockets" => forensic::packet_sockets::parse,
        "linux_logins" => forensic::logins::parse,
        "linux_kernel_modules" => forensic::kernel_modules::parse,
        "linux_name_resolution" => forensic::name_resolution::parse,
        "linux_scheduled_tasks" => forensic::scheduled_tasks::parse,
        "linux_authorized_keys" => forensic::authorized_keys::parse,
        "linux_shell_histories" => forensic::shell_histories::parse,
        "linux_recent_executables" => forensic::recent_executables::parse,
        "windows_identity_rows" => windows::identity::parse_rows,
        "windows_connections_rows" => windows::connections::parse_rows,
        "windows_processes_rows" => windows::processes::parse_rows,
        "windows_autostart_rows" => windows::autostart::parse_rows,
        "windows_firewall_rows" => windows::firewall::parse_rows,
        "windows_neighbors_rows" => windows::neighbors::parse_rows,
        "windows_dns_cache_rows" => windows::dns_cache::parse_rows,
        "windows_prefetch_rows" => windows::prefetch::parse_rows,
        "windows_programs_rows" => windows::programs::parse_rows,
        "windows_torrents_rows" => windows::torrents::parse_rows,
        _ => return deeper_output_parser(name),
    })
}

fn answers_parser(name: &str) -> Result<ParseAnswers, String> {
    Ok(match name {
        "windows_identity_answers" => windows::identity::parse_answers,
        "windows_connections_answers" => windows::connections::parse_answers,
        "windows_processes_answers" => windows::processes::parse_answers,
        "windows_autostart_answers" => windows::autostart::parse_answers,
        "windows_firewall_answers" => windows::firewall::parse_answers,
        "windows_neighbors_answers" => windows::neighbors::parse_answers,
        "windows_dns_cache_answers" => windows::dns_cache::parse_answers,
        "windows_prefetch_answers" => windows::prefetch::parse_answers,
        "windows_programs_answers" => windows::programs::parse_answers,
        "windows_torrents_answers" => windows::torrents::parse_answers,
        _ => return deeper_answers_parser(name),
    })
}

fn deeper_output_parser(name: &str) -> Result<Parse, String> {
    use windows::forensic as of;
    Ok(match name {
        "windows_logins_rows" => of::logins::parse_rows,
        "windows_drivers_rows" => of::services::parse_driver_rows,
        "windows_name_resolution_rows" => of::name_resolution::parse_rows,
        "windows_scheduled_tasks_rows" => of::scheduled_tasks::parse_rows,
        "windows_authorized_keys_rows" => of::authorized_keys::parse_rows,
        "windows_shell_histories_rows" => of::shell_histories::parse_rows,
        "windows_recent_executables_rows" => of::recent_executables::parse_rows,
        "windows_services_rows" => of::services::parse_rows,
        "windows_wmi_subscriptions_rows" => of::wmi_subscriptions::parse_rows,
        "windows_registry_persistence_rows" => of::registry_persistence::parse_rows,
        "windows_accounts_rows" => of::accounts::parse_rows,
        "windows_shares_rows" => of::shares::parse_rows,
        "windows_antivirus_rows" => of::antivirus::parse_rows,
        "windows_event_logs_rows" => of::event_logs::parse_rows,
        "windows_transfer_jobs_rows" => of::transfer_jobs::parse_rows,
        _ => return Err(format!("there is no parser {name:?} of a script's output")),
    })
}

fn deeper_answers_parser(name: &str) -> Result<ParseAnswers, String> {
    use windows::forensic as of;
    Ok(match name {
        "windows_logins_answers" => of::logins::parse_answers,
        "windows_drivers_answers" => of::services::parse_driver_answers,
        "windows_name_resolution_answers" => of::name_resolution::parse_answers,
        "windows_scheduled_tasks_answers" => of::scheduled_tasks::parse_answers,
        "windows_authorized_keys_answers" => of::authorized_keys::parse_answers,
        "windows_shell_histories_answers" => of::shell_histories::parse_answers,
        "windows_recent_executables_answers" => of::recent_executables::parse_answers,
        "windows_services_answers" => of::services::parse_answers,
        "windows_wmi_subscriptions_answers" => of::wmi_subscriptions::parse_answers,
        "windows_registry_persistence_answers" => of::registry_persistence::parse_answers,
        "windows_accounts_answers" => of::accounts::parse_answers,
        "windows_shares_answers" => of::shares::parse_answers,
        "windows_antivirus_answers" => of::antivirus::parse_answers,
        "windows_event_logs_answers" => of::event_logs::parse_answers,
        "windows_transfer_jobs_answers" => of::transfer_jobs::parse_answers,
        _ => return Err(format!("there is no parser {name:?} of commands' outputs")),
    })
}

#[cfg(test)]
mod tests;
