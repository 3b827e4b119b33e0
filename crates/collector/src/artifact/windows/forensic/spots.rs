//! The spots of the registry that load or start something and that no Run key is: one table, from which the script is made,
//! and which the commands' answers and the native reading are held against.

/// Whose part of the registry a spot is in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Root {
    /// `HKEY_LOCAL_MACHINE`, in this view alone.
    Machine,
    /// `HKEY_LOCAL_MACHINE\SOFTWARE`, in both views.
    Software,
    /// Every loaded hive.
    User,
}

/// One spot.
#[derive(Debug)]
pub(crate) struct Spot {
    /// What it is called in rows.
    pub(crate) mechanism: &'static str,
    pub(crate) root: Root,
    /// Key below the root.
    pub(crate) key: &'static str,
    /// The values are in the keys right below it.
    pub(crate) below: bool,
    /// Names of the values; all where there is none.
    pub(crate) names: &'static [&'static str],
}

const fn spot(
    mechanism: &'static str,
    root: Root,
    key: &'static str,
    below: bool,
    names: &'static [&'static str],
) -> Spot {
    Spot { mechanism, root, key, below, names }
}

/// All of them, with their ATT&CK techniques.
pub(crate) const SPOTS: [Spot; 21] = [
    // T1546.012
    spot(
        "image_file_execution",
        Root::Software,
        r"Microsoft\Windows NT\CurrentVersion\Image File Execution Options",
        true,
        &["Debugger", "VerifierDlls"],
    ),
    spot(
        "silent_process_exit",
        Root::Machine,
        r"SOFTWARE\Microsoft\Windows NT\CurrentVersion\SilentProcessExit",
        true,
        &["MonitorProcess"],
    ),
    // T1546.010
    spot(
        "appinit_dlls",
        Root::Software,
        r"Microsoft\Windows NT\CurrentVersion\Windows",
        false,
        &["AppInit_DLLs", "LoadAppInit_DLLs"],
    ),
    // T1546.009
    spot(
        "appcert_dlls",
        Root::Machine,
        r"SYSTEM\CurrentControlSet\Control\Session Manager\AppCertDlls",
        false,
        &[],
    ),
    // T1547.002, T1547.005, T1556.002
    spot(
        "lsa_packages",
        Root::Machine,
        r"SYSTEM\CurrentControlSet\Control\Lsa",
        false,
        &["Authentication Packages", "Security Packages", "Notification Packages"],
    ),
    spot(
        "lsa_packages",
        Root::Machine,
        r"SYSTEM\CurrentControlSet\Control\Lsa\OSConfig",
        false,
        &["Security Packages"],
    ),
    spot(
        "security_providers",
        Root::Machine,
        r"SYSTEM\CurrentControlSet\Control\SecurityProviders",
        false,
        &["SecurityProviders"],
    ),
    // T1547.004
    spot(
        "winlogon_notify",
        Root::Machine,
        r"SOFTWARE\Microsoft\Windows NT\CurrentVersion\Winlogon\Notify",
        true,
        &["DllName"],
    ),
    // T1542, T1547
    spot(
        "boot_execute",
        Root::Machine,
        r"SYSTEM\CurrentControlSet\Control\Session Manager",
        false,
        &["BootExecute", "SetupExecute", "Execute"],
    ),
    // T1547.010, T1547.012
    spot(
        "print_monitor",
        Root::Machine,
        r"SYSTEM\CurrentControlSet\Control\Print\Monitors",
        true,
        &["Driver"],
    ),
    // T1547.003
    spot(
        "time_provider",
        Root::Machine,
        r"SYSTEM\CurrentControlSet\Services\W32Time\TimeProviders",
        true,
        &["DllName"],
    ),
    // T1556.008
    spot(
        "network_provider",
        Root::Machine,
        r"SYSTEM\CurrentControlSet\Control\NetworkProvider\Order",
        false,
        &["ProviderOrder"],
    ),
    // T1546.007
    spot("netsh_helper", Root::Software, r"Microsoft\NetSh", false, &[]),
    // T1547.014
    spot("active_setup", Root::Software, r"Microsoft\Active Setup\Installed Components", true, &["StubPath"]),
    // T1562.009
    spot(
        "safe_boot_shell",
        Root::Machine,
        r"SYSTEM\CurrentControlSet\Control\SafeBoot",
        false,
        &["AlternateShell"],
    ),
    // T1546
    spot("command_processor", Root::Software, r"Microsoft\Command Processor", false, &["AutoRun"]),
    spot("command_processor", Root::User, r"Software\Microsoft\Command Processor", false, &["AutoRun"]),
    // T1547.001
    spot(
        "windows_load",
        Root::User,
        r"Software\Microsoft\Windows NT\CurrentVersion\Windows",
        false,
        &["Load", "Run"],
    ),
    // T1037.001
    spot("logon_script", Root::User, "Environment", false, &["UserInitMprLogonScript"]),
    // T1546.002
    spot("screensaver", Root::User, r"Control Panel\Desktop", false, &["SCRNSAVE.EXE"]),
    // T1547.004
    spot(
        "winlogon_user",
        Root::User,
        r"Software\Microsoft\Windows NT\CurrentVersion\Winlogon",
        false,
        &["Shell"],
    ),
];

/// Where keys of programs of 32 bits lie.
const NARROW: &str = r"WOW6432Node\";

impl Spot {
    /// The keys of it on the machine, below `HKEY_LOCAL_MACHINE`; none for a user's.
    pub(crate) fn machine_keys(&self) -> Vec<String> {
        match self.root {
            Root::Machine => vec![self.key.to_owned()],
            Root::Software => {
                vec![format!(r"SOFTWARE\{}", self.key), format!(r"SOFTWARE\{NARROW}{}", self.key)]
            }
            Root::User => Vec::new(),
        }
    }

    /// Whether a value of this name is one of it.
    pub(crate) fn takes(&self, name: &str) -> bool {
        self.names.is_empty() || self.names.iter().any(|known| known.eq_ignore_ascii_case(name))
    }
}

/// The spot that a value of the registry is in, by its full key from `HKEY_…` on.
pub(crate) fn of(key: &str, name: &str) -> Option<&'static Spot> {
    let key = key.to_ascii_lowercase();
    let machine = key.strip_prefix(r"hkey_local_machine\");
    let user = key.strip_prefix(r"hkey_users\").and_then(|rest| rest.split_once('\\')).map(|(_, rest)| rest);
    SPOTS.iter().find(|spot| {
        let keys = match (spot.root, machine, user) {
            (Root::User, _, Some(_)) => vec![spot.key.to_owned()],
            (Root::Machine | Root::Software, Some(_), _) => spot.machine_keys(),
            _ => return false,
        };
        let found = machine.or(user).unwrap_or_default();
        let fits = |known: &String| {
            let known = known.to_ascii_lowercase();
            match found.strip_prefix(known.as_str()) {
                Some("") => !spot.below,
                Some(rest) => spot.below && rest.strip_prefix('\\').is_some_and(|name| !name.contains('\\')),
                None => false,
            }
        };
        spot.takes(name) && keys.iter().any(fits)
    })
}

/// The lines of the script, made of the table.
pub(crate) fn lines() -> String {
    let mut lines = String::new();
    let mut line = |key: &str, spot: &Spot| {
        let names: Vec<String> = spot.names.iter().map(|name| format!("'{name}'")).collect();
        let names = if names.is_empty() { "$null".to_owned() } else { format!("@({})", names.join(", ")) };
        let what = if spot.below { "Below" } else { "Values" };
        lines.push_str(&format!("{what} \"{key}\" {names}\n"));
    };
    for spot in &SPOTS {
        for key in spot.machine_keys() {
            line(&format!(r"HKEY_LOCAL_MACHINE\{key}"), spot);
        }
    }
    let mut users = String::from("foreach ($user in $users) {\n");
    for spot in SPOTS.iter().filter(|spot| spot.root == Root::User) {
        let names: Vec<String> = spot.names.iter().map(|name| format!("'{name}'")).collect();
        users.push_str(&format!("    Values \"HKEY_USERS\\$user\\{}\" @({})\n", spot.key, names.join(", ")));
    }
    lines + &users + "}\n"
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_told_by_their_keys() {
        let of = |key: &str, name: &str| of(key, name).map(|spot| spot.mechanism);
        let options = r"HKEY_LOCAL_MACHINE\SOFTWARE\WOW6432Node\Microsoft\Windows NT\CurrentVersion\Image File Execution Options";
        assert_eq!(of(&format!(r"{options}\sethc.exe"), "debugger"), Some("image_file_execution"));
        assert_eq!(of(&format!(r"{options}\sethc.exe"), "GlobalFlag"), None);
        assert_eq!(of(options, "Debugger"), None);
        assert_eq!(of(&format!(r"{options}\a\b"), "Debugger"), None);
        let lsa = r"HKEY_LOCAL_MACHINE\SYSTEM\CurrentControlSet\Control\Lsa";
        assert_eq!(of(lsa, "Security Packages"), Some("lsa_packages"));
        assert_eq!(of(r"HKEY_LOCAL_MACHINE\SOFTWARE\Microsoft\NetSh", "anything"), Some("netsh_helper"));
        let user = r"HKEY_USERS\S-1-5-21-1-2-3-1001";
        assert_eq!(of(&format!(r"{user}\Environment"), "UserInitMprLogonScript"), Some("logon_script"));
        assert_eq!(of(&format!(r"{user}\SYSTEM\CurrentControlSet\Control\Lsa"), "Security Packages"), None);
        assert_eq!(of("", ""), None);
    }

    #[test]
    fn the_script_asks_for_every_spot() {
        let lines = lines();
        for spot in &SPOTS {
            assert!(
                lines.contains(spot.key) && spot.names.iter().all(|name| lines.contains(name)),
                "{spot:?}"
            );
            assert!(!spot.key.contains(['\'', '"', '$', '`']), "{spot:?}");
        }
    }
}
