use super::*;

fn process(name: &str, path: Option<&str>, command_line: Option<&str>) -> Process {
    Process {
        pid: 7,
        name: name.to_owned(),
        path: path.map(str::to_owned),
        command_line: command_line.map(str::to_owned),
        ..Process::default()
    }
}

fn id(name: &str, path: Option<&str>, command_line: Option<&str>) -> Option<&'static str> {
    Indicators::bundled().client_of(&process(name, path, command_line)).map(|client| client.id.as_str())
}

#[test]
fn the_shipped_table_loads_and_every_row_has_a_source() {
    let table = Indicators::parse(BUNDLED).unwrap();
    assert!(table.clients().len() >= 30, "{}", table.clients().len());
    for client in table.clients() {
        assert!(client.source.trim().len() > 8, "{} has no source", client.id);
    }
}

#[test]
fn a_client_is_known_by_its_image_on_every_system() {
    assert_eq!(id("qbittorrent-nox", Some("/usr/bin/qbittorrent-nox"), None), Some("qbittorrent"));
    assert_eq!(
        id("qbittorrent.exe", Some(r"C:\Program Files\qBittorrent\qBittorrent.exe"), None),
        Some("qbittorrent")
    );
    assert_eq!(
        id("uTorrent.exe", Some(r"C:\Users\a\AppData\Roaming\uTorrent\uTorrent.exe"), None),
        Some("utorrent")
    );
    assert_eq!(id("UTORRENT.EXE", Some(r"\\?\D:\Portable\UTORRENT.EXE"), None), Some("utorrent"));
    assert_eq!(id("aMule.exe", Some(r"C:\Users\jörg müller\aMule.exe"), None), Some("amule"));
    let mac = "/Applications/Transmission.app/Contents/MacOS/Transmission";
    assert_eq!(id("Transmission", Some(mac), None), Some("transmission"));
    assert_eq!(id("x", Some("/nix/store/abc/bin/.qbittorrent-wrapped"), None), Some("qbittorrent"));
    assert_eq!(id("x", Some("/usr/bin/transmission-daemon (deleted)"), None), Some("transmission"));
}

#[test]
fn names_that_only_contain_a_client_s_name_are_not_it() {
    assert_eq!(id("transmission-exporter", Some("/usr/bin/transmission-exporter"), None), None);
    assert_eq!(id("transmission-remote", Some("/usr/bin/transmission-remote"), None), None);
    assert_eq!(id("gear", Some("/opt/gears/transmission/gear"), None), None);
    assert_eq!(id("power-transmission", None, Some("power-transmission --grid")), None);
    assert_eq!(id("vim", Some("/usr/bin/vim"), Some("vim qbittorrent.conf")), None);
    assert_eq!(id("sh", Some("/usr/bin/dash"), Some("sh /etc/init.d/transmission-daemon start")), None);
}

#[test]
fn the_path_outweighs_the_name_that_a_process_gives_itself() {
    assert_eq!(id("qbittorrent", Some("/opt/office/writer"), None), None);
    assert_eq!(id("svchost.exe", Some(r"C:\Temp\qbittorrent.exe"), None), Some("qbittorrent"));
}

#[test]
fn without_a_path_the_name_or_the_first_word_decides() {
    assert_eq!(id("qbittorrent-nox", None, None), Some("qbittorrent"));
    assert_eq!(id("transmission-da", None, None), Some("transmission"));
    assert_eq!(id("transmission-xx", None, None), None);
    assert_eq!(id("main", None, Some("/usr/bin/transmission-daemon -f")), Some("transmission"));
    assert_eq!(id("", None, None), None);
}

#[test]
fn interpreters_are_judged_by_what_they_run() {
    assert_eq!(
        id("deluged", Some("/usr/bin/python3.11"), Some("/usr/bin/python3 /usr/bin/deluged -d")),
        Some("deluge")
    );
    assert_eq!(id("python3", Some("/usr/bin/python3.11"), Some("python3 /srv/report.py deluged")), None);
    let java = "/usr/bin/java -cp /opt/biglybt/BiglyBT.jar com.biglybt.ui.Main";
    assert_eq!(id("java", Some("/usr/lib/jvm/java-17/bin/java"), Some(java)), Some("biglybt"));
    let wine = r"C:\uTorrent\uTorrent.exe";
    assert_eq!(id("uTorrent.exe", Some("/usr/lib/wine/wine64-preloader"), Some(wine)), Some("utorrent"));
}

#[test]
fn debian_s_fdm_is_a_mail_program() {
    assert_eq!(id("fdm", Some("/usr/bin/fdm"), None), None);
    assert_eq!(id("fdm", Some("/opt/freedownloadmanager/fdm"), None), Some("free-download-manager"));
    assert_eq!(
        id("fdm.exe", Some(r"C:\Program Files\Softdeluxe\Free Download Manager\fdm.exe"), None),
        Some("free-download-manager")
    );
}

#[test]
fn dual_use_programs_are_marked() {
    for id in ["aria2", "free-download-manager", "syncthing", "ipfs", "steam", "resilio-sync", "brave"] {
        assert!(Indicators::bundled().client_named(id).unwrap().dual_use, "{id}");
    }
    assert!(!Indicators::bundled().client_named("qBittorrent").unwrap().dual_use);
}

#[test]
fn files_are_attributed_by_the_folder_that_they_lie_in() {
    let client = |path| Indicators::bundled().client_of_file(path).map(|client| client.id.as_str());
    assert_eq!(client("/home/a/.local/share/qBittorrent/BT_backup/x.fastresume"), Some("qbittorrent"));
    assert_eq!(client(r"C:\Users\a\AppData\Roaming\uTorrent\resume.dat"), Some("utorrent"));
    assert_eq!(client(r"D:\Profile\Jörg\APPDATA\Local\qBittorrent\BT_backup\x.torrent"), Some("qbittorrent"));
    assert_eq!(client(r"C:\Users\a\AppData\Roaming\uTorrent"), Some("utorrent"));
    assert_eq!(client("/home/a/.config/transmission-daemon/resume/x.resume"), Some("transmission"));
    assert_eq!(client("/home/a/.config/deluge-notes/x"), None);
}

#[test]
fn mistakes_are_named() {
    let head = "version = \"1\"\n[bittorrent]\nports = []\nsource = \"x\"\n";
    let row = |id: &str, image: &str| {
        format!("[[client]]\nid = \"{id}\"\nname = \"n\"\nimages = [{image}]\nsource = \"s\"\n")
    };
    let parse = |rows: &str| Indicators::parse(&format!("{head}{rows}")).unwrap_err();

    assert_eq!(
        parse(&(row("a", "\"x\"") + &row("a", "\"y\""))),
        IndicatorsError::DuplicateClient("a".into())
    );
    assert_eq!(parse(&row("a", "")), IndicatorsError::Nameless("a".into()));
    let ambiguous = parse(&(row("a", "\"x\"") + &row("b", "\"X\"")));
    assert_eq!(
        ambiguous,
        IndicatorsError::Ambiguous { name: "x".into(), first: "a".into(), second: "b".into() }
    );
    let typo = parse(&(row("a", "\"x\"") + "dual_used = true\n")).to_string();
    assert!(typo.contains("line 10") && typo.contains("dual_used"), "{typo}");
    for port in ["51413", "tcp/0", "tcp/9-8", "sctp/1", "tcp/70000"] {
        let error = parse(&(row("a", "\"x\"") + &format!("ports = [\"{port}\"]\n"))).to_string();
        assert!(error.contains(port), "{error}");
    }
    let nameless = head.replace('1', " ") + &row("a", "\"x\"");
    assert_eq!(Indicators::parse(&nameless).unwrap_err(), IndicatorsError::NoVersion);
}

#[test]
fn a_renamed_image_is_known_by_its_hash_and_by_its_makers_signature() {
    let hash = "ab".repeat(32);
    let table = |more: &str| {
        Indicators::parse(&format!(
            "version = '1'\n[bittorrent]\nports = []\nsource = 'x'\n[[client]]\nid = 'a'\nname = 'A'\nimages = ['a']\n\
             sha256 = ['{}']\nsigners = ['Maker Ltd']\nsource = 'x'\n{more}",
            hash.to_uppercase()
        ))
    };
    let clients = table("").unwrap();
    let mark = |clients: &Indicators, change: &dyn Fn(&mut Process)| {
        let mut process = process("x", Some("/opt/x"), None);
        change(&mut process);
        clients.recognise(&process).map(|(_, mark)| mark)
    };
    assert_eq!(mark(&clients, &|_| ()), None);
    assert_eq!(mark(&clients, &|p| p.sha256 = Some(hash.clone())), Some(Mark::Hash));
    assert_eq!(mark(&clients, &|p| p.sha256 = Some("cd".repeat(32))), None);
    assert_eq!(mark(&clients, &|p| p.signer = Some("CN=MAKER LTD, O=x".into())), Some(Mark::Signer));
    assert_eq!(mark(&clients, &|p| p.path = Some("/opt/a".into())), Some(Mark::Name));
    // Makers of honest software sign much that speaks to no peer.
    let honest = table("dual_use = true\n").unwrap();
    assert_eq!(mark(&honest, &|p| p.signer = Some("CN=Maker Ltd".into())), None);
    let wrong = "[[client]]\nid = 'b'\nname = 'B'\nsha256 = ['abc']\nsource = 'x'\n";
    assert_eq!(table(wrong).unwrap_err(), IndicatorsError::BadHash("b".into()));
}
