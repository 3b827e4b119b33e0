//! The PowerShell scripts of the deeper look.

use std::sync::LazyLock;

use super::recent_executables::{DAYS, ENDINGS, HASHED};
use super::spots;

macro_rules! scripts {
    ($($name:ident: $($file:literal),+;)+) => {$(
        #[doc = concat!("What is run for `", stringify!($name), "`.")]
        pub(crate) fn $name() -> &'static str {
            concat!(
                include_str!("../ps/prologue.ps1"),
                $(include_str!(concat!("../ps/", $file)),)+
                include_str!("../ps/epilogue.ps1")
            )
        }
    )+};
}

scripts! {
    logins: "logins.ps1";
    drivers: "images.ps1", "drivers.ps1";
    name_resolution: "registry.ps1", "below.ps1", "name_resolution.ps1";
    scheduled_tasks: "scheduled_tasks.ps1";
    authorized_keys: "profiles.ps1", "authorized_keys.ps1";
    shell_histories: "profiles.ps1", "shell_histories.ps1";
    services: "images.ps1", "services.ps1";
    wmi_subscriptions: "wmi_subscriptions.ps1";
    accounts: "accounts.ps1";
    shares: "shares.ps1";
    antivirus: "registry.ps1", "antivirus.ps1";
    event_logs: "event_logs.ps1";
    transfer_jobs: "transfer_jobs.ps1";
}

/// What is run for `registry_persistence`: made once of the table of spots.
pub(crate) fn registry_persistence() -> &'static str {
    static SCRIPT: LazyLock<String> = LazyLock::new(|| {
        [
            include_str!("../ps/prologue.ps1"),
            include_str!("../ps/registry.ps1"),
            include_str!("../ps/below.ps1"),
            &spots::lines(),
            include_str!("../ps/epilogue.ps1"),
        ]
        .concat()
    });
    &SCRIPT
}

/// What is run for `recent_executables`: with the endings that all ways share.
pub(crate) fn recent_executables() -> &'static str {
    static SCRIPT: LazyLock<String> = LazyLock::new(|| {
        let settings =
            format!("$endings = '[.]({})$'\n$days = {DAYS}\n$largest = {HASHED}\n", ENDINGS.join("|"));
        [
            include_str!("../ps/prologue.ps1"),
            include_str!("../ps/profiles.ps1"),
            &settings,
            include_str!("../ps/recent_executables.ps1"),
            include_str!("../ps/epilogue.ps1"),
        ]
        .concat()
    });
    &SCRIPT
}
