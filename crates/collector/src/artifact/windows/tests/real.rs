//! Outputs of real systems lie beside the project on machines that have them; they are not part of it.

use std::path::PathBuf;

use serde_json::Value;

use investigation::evidence::{ArtifactKind, Socket, SocketState};
use investigation::order::Limits;

use super::super::super::Parsed;
use super::super::testing::answers;
use super::super::{ipconfig, systeminfo};

fn folder() -> Option<PathBuf> {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../../shared/windows-outputs");
    let found = folder.is_dir().then_some(folder);
    if found.is_none() {
        eprintln!("skipped: there is no ../shared/windows-outputs beside the project");
    }
    found
}

/// Each output of one command, with what another parser made of it.
fn samples(command: &str) -> Vec<(String, Vec<u8>, Value)> {
    let Some(folder) = folder().map(|folder| folder.join("jc")) else { return Vec::new() };
    let mut paths: Vec<_> = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    paths.retain(|path| path.extension().is_some_and(|end| end == "out"));
    let named = paths.into_iter().filter(|path| path.to_string_lossy().contains(&format!("__{command}")));
    named
        .map(|path| {
            let json = serde_json::from_slice(&std::fs::read(path.with_extension("json")).unwrap()).unwrap();
            (path.file_name().unwrap().to_string_lossy().into_owned(), std::fs::read(path).unwrap(), json)
        })
        .collect()
}

fn sockets(output: &[u8]) -> (Vec<Socket>, Vec<String>) {
    let read =
        answers(ArtifactKind::Connections, &[("netstat", output), ("modules", output)], &Limits::default());
    let Parsed::Sockets(sockets) = read.parsed else { panic!("sockets") };
    (sockets, read.reasons)
}

#[test]
fn netstat_is_read_as_another_parser_reads_it() {
    for (name, output, json) in samples("netstat") {
        let (sockets, reasons) = sockets(&output);
        let rows: Vec<&Value> = json.as_array().unwrap().iter().collect();
        // Without `-n`, own addresses may be names, and one was made unreadable on purpose: both are left out.
        let numeric = |row: &&&Value| {
            let address = row["local_address"].as_str().unwrap().trim_matches(['[', ']']);
            address.split('%').next().is_some_and(|ip| ip.parse::<std::net::IpAddr>().is_ok())
        };
        let rows: Vec<&Value> = rows.iter().filter(numeric).copied().collect();
        assert_eq!(sockets.len(), rows.len(), "{name} {reasons:?}");
        for (socket, row) in sockets.iter().zip(rows) {
            assert_eq!(Value::from(socket.local_port.to_string()), row["local_port"], "{name} {row}");
            let pid = row["pid"].as_u64().filter(|&pid| pid != 0).and_then(|pid| u32::try_from(pid).ok());
            assert_eq!(socket.pid, pid, "{name} {row}");
            let state = match row["state"].as_str() {
                Some("LISTENING" | "") | None => SocketState::Listening,
                Some("ESTABLISHED") => SocketState::Established,
                Some("SYN_SENT" | "SYN_RECEIVED") => SocketState::Opening,
                Some(_) => SocketState::Closing,
            };
            assert_eq!(socket.state, state, "{name} {row}");
            if let Some(program) =
                row["program_name"].as_str().filter(|p| p.starts_with('[') && pid.is_some())
            {
                assert_eq!(socket.process.as_deref(), Some(program.trim_matches(['[', ']'])), "{name} {row}");
            }
        }
    }
}

#[test]
fn localized_netstat_loses_no_row() {
    let Some(folder) = folder().map(|folder| folder.join("localized")) else { return };
    for (file, rows, listening, established) in [
        ("netstat-a_ru-RU.txt", 7, 5, 2),
        ("netstat-abo_fr-FR.txt", 2, 2, 0),
        ("netstat-ano_de-DE.txt", 3, 2, 1),
        ("netstat-ano_zh-CN.txt", 4, 4, 0),
        ("netstat-o_es-ES.txt", 2, 0, 2),
    ] {
        let (sockets, _) = sockets(&std::fs::read(folder.join(file)).unwrap());
        let count = |state| sockets.iter().filter(|socket| socket.state == state).count();
        assert_eq!(sockets.len(), rows, "{file}");
        assert_eq!(
            (count(SocketState::Listening), count(SocketState::Established)),
            (listening, established),
            "{file}"
        );
    }
}

#[test]
fn ipconfig_gives_the_addresses_that_another_parser_calls_the_machine_s() {
    for (name, output, json) in samples("ipconfig") {
        let mut reading = ipconfig::Reading::default();
        String::from_utf8_lossy(&output).lines().for_each(|line| reading.line(line));
        let own = reading.finish();
        let mut expected = Vec::new();
        for adapter in json["adapters"].as_array().unwrap() {
            for list in
                ["ipv4_addresses", "ipv6_addresses", "temporary_ipv6_addresses", "link_local_ipv6_addresses"]
            {
                for address in adapter[list].as_array().unwrap() {
                    // Only before Windows Vista is an address without a state one of the machine's, and no IPv6 is.
                    if address["status"].is_string() || list == "ipv4_addresses" {
                        expected
                            .push(address["address"].as_str().unwrap().parse::<std::net::IpAddr>().unwrap());
                    }
                }
            }
        }
        expected.sort();
        expected.dedup();
        assert_eq!(own.addresses, expected, "{name}");
        assert_eq!(own.host.as_deref(), json["host_name"].as_str(), "{name}");
    }
}

#[test]
fn systeminfo_is_read_by_the_place_of_its_values() {
    for (name, output, json) in samples("systeminfo") {
        let mut reading = systeminfo::Reading::default();
        String::from_utf8_lossy(&output).lines().for_each(|line| reading.line(line));
        let info = reading.finish();
        assert_eq!(info.host.as_deref(), json["host_name"].as_str(), "{name}");
        assert_eq!(info.os.as_deref(), json["os_name"].as_str(), "{name}");
        assert_eq!(info.version.as_deref(), json["os_version"].as_str(), "{name}");
        assert_eq!(info.domain.as_deref(), json["domain"].as_str(), "{name}");
    }
}
