use investigation::evidence::ArtifactStatus;

use super::*;
use crate::transport::local::windows::registry::testing::Made;

const NOW: i64 = 1_700_000_000;

fn read_made(made: &Made) -> (Identity, Option<String>, (ArtifactStatus, Vec<String>)) {
    let mut tally = Tally::default();
    let (identity, root) = read(made, Timestamp::from_second(NOW).ok(), &mut tally);
    (identity, root, tally.settle())
}

fn interface(made: &mut Made, name: &str, dhcp: u32, given: &str, set: &str, lease: u32) {
    let path = format!(r"HKLM\{}\{name}", INTERFACES[0]);
    made.number(&path, "EnableDHCP", dhcp);
    made.text(&path, "DhcpIPAddress", given);
    made.text(&path, "IPAddress", set);
    made.number(&path, "LeaseTerminatesTime", lease);
}

#[test]
fn only_addresses_that_are_held_now_prove_anything() {
    let mut made = Made::default();
    let later = NOW as u32 + 3600;
    interface(&mut made, "{1}", 1, "10.20.3.7", "10.9.9.9", later);
    interface(&mut made, "{2}", 0, "10.20.3.8", "10.20.3.9", later);
    // Its lease is over: another machine may have it now.
    interface(&mut made, "{3}", 1, "10.20.3.10", "", NOW as u32 - 1);
    interface(&mut made, "{4}", 1, "0.0.0.0", "", later);
    interface(&mut made, "{5}", 0, "", "a b 300.1.1.1", later);
    let six = format!(r"HKLM\{}\{{6}}", INTERFACES[1]);
    made.text(&six, "IPAddress", "fd00::7");
    let (identity, _, _) = read_made(&made);
    let expected: Vec<IpAddr> =
        ["10.20.3.7", "10.20.3.9", "fd00::7"].iter().map(|ip| ip.parse().unwrap()).collect();
    assert_eq!(identity.addresses, expected);
}

#[test]
fn name_version_and_folder_are_read() {
    let mut made = Made::default();
    made.text(&format!(r"HKLM\{TCPIP}"), "NV Hostname", "PC-07");
    made.text(&format!(r"HKLM\{TCPIP}"), "Domain", "corp.example.com");
    let version = format!(r"HKLM\{VERSION}");
    for (name, text) in [
        ("ProductName", "Windows 10 Pro"),
        ("DisplayVersion", "23H2"),
        ("CurrentBuildNumber", "22631"),
        ("SystemRoot", r"C:\Windows"),
    ] {
        made.text(&version, name, text);
    }
    made.number(&version, "UBR", 2861);
    let (identity, root, _) = read_made(&made);
    assert_eq!(
        (identity.host_name.as_str(), identity.domain.as_deref()),
        ("PC-07", Some("corp.example.com"))
    );
    assert_eq!(identity.os.as_deref(), Some("Windows 11 Pro 23H2"));
    assert_eq!((identity.kernel.as_deref(), root.as_deref()), (Some("22631.2861"), Some(r"C:\Windows")));
    made.text(&version, "CurrentBuildNumber", "19045");
}

#[test]
fn logons_are_users_without_machines_and_twice_the_same() {
    let mut identity = Identity::default();
    let logon = |user: &str, domain: &str| Logon { user: user.into(), domain: domain.into() };
    let all = [logon("PC-07$", "CORP"), logon("alice", "CORP"), logon("ALICE", "CORP"), logon("", "")];
    add_logons(&mut identity, &all);
    let names: Vec<_> =
        identity.users.iter().map(|user| (user.name.as_str(), user.domain.as_deref())).collect();
    assert_eq!(names, [("alice", Some("CORP"))]);
    add_logons(&mut identity, &(0..2000).map(|n| logon(&n.to_string(), "")).collect::<Vec<_>>());
    assert_eq!(identity.users.len(), CAP / 8);
}

#[test]
fn a_workgroup_is_no_domain() {
    let said =
        |domain: &str| Workstation { name: "PC-07".into(), domain: domain.into(), major: 10, minor: 0 };
    let mut identity = Identity::default();
    add_workstation(&mut identity, &said("WORKGROUP"));
    assert_eq!((identity.host_name.as_str(), identity.domain.as_deref()), ("PC-07", None));
    assert_eq!(identity.kernel.as_deref(), Some("10.0"));
    add_workstation(&mut identity, &said("corp.example.com"));
    assert_eq!(identity.domain.as_deref(), Some("corp.example.com"));
}
