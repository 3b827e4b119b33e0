//! Real clients under systemd: ended, kept from starting, and their torrents taken out of their hands; and what they do once
//! they are started again.

use std::path::Path;
use std::time::Duration;

use acceptance::{run, wait_until};
use investigation::evidence::{ArtifactKind, TorrentFile, TorrentKind};
use investigation::remediation::{Measure, MeasureStatus};

use crate::bench::{Bench, ended};
use crate::entries::{disable, entry};
use crate::processes::{seen, stop};

/// One client, as somebody has set it up on a machine for themselves.
struct Client {
    image: &'static str,
    command: &'static str,
    /// Its settings: where they lie, and what they are.
    settings: (&'static str, &'static str),
    /// Lines of shell that give it a torrent, and that print the names of those it has.
    add: &'static str,
    list: &'static str,
}

const QBITTORRENT: Client = Client {
    image: "/usr/bin/qbittorrent-nox",
    command: "/usr/bin/qbittorrent-nox",
    settings: (
        "/home/alice/.config/qBittorrent/qBittorrent.conf",
        "[LegalNotice]\nAccepted=true\n[Preferences]\nWebUI\\Port=8080\nWebUI\\Address=127.0.0.1\nWebUI\\LocalHostAuth=false\n\
         [BitTorrent]\nSession\\DHTEnabled=false\nSession\\LSDEnabled=false\nSession\\PeXEnabled=false\n",
    ),
    add: "curl -sf -F torrents=@/home/alice/Downloads/film.torrent http://127.0.0.1:8080/api/v2/torrents/add",
    list: "curl -sf http://127.0.0.1:8080/api/v2/torrents/info | tr , '\\n' | grep '\"name\"' || true",
};

const TRANSMISSION: Client = Client {
    image: "/usr/bin/transmission-daemon",
    command: "/usr/bin/transmission-daemon --foreground --config-dir /home/alice/.config/transmission-daemon",
    settings: (
        "/home/alice/.config/transmission-daemon/settings.json",
        "{\"dht-enabled\": false, \"lpd-enabled\": false, \"pex-enabled\": false, \"download-dir\": \"/home/alice/Downloads\",\
         \"rpc-bind-address\": \"127.0.0.1\"}",
    ),
    add: "transmission-remote 127.0.0.1:9091 --add /home/alice/Downloads/film.torrent | grep success",
    list: "transmission-remote 127.0.0.1:9091 --list | grep film || true",
};

impl Client {
    /// Puts it on the machine as a service that is started with it, with a torrent that it works on.
    fn set_up(&self, bench: &Bench) {
        let host = bench.endpoint.host();
        let (path, text) = self.settings;
        let outside = host.outside(path);
        std::fs::create_dir_all(outside.parent().expect("a folder")).expect("a folder");
        std::fs::write(outside, text).expect("settings");
        let torrent = host.outside("/home/alice/Downloads/film.torrent");
        let payload = bench.network.workspace().folder().join("film.mkv");
        std::fs::write(&payload, vec![7_u8; 1 << 20]).expect("a payload");
        let announce = "http://10.213.7.200:6969/announce";
        run(&["transmission-create", "-t", announce, "-o", &text_of(&torrent), &text_of(&payload)])
            .expect("a torrent");
        let unit = format!(
            "[Service]\nUser=alice\nExecStart={}\nRestart=always\n[Install]\nWantedBy=multi-user.target\n",
            self.command
        );
        std::fs::write(host.outside("/etc/systemd/system/seedbox.service"), unit).expect("a unit");
        bench.sh("chown -R alice:alice /home/alice; systemctl daemon-reload; systemctl enable --now seedbox.service 2>&1");
        self.until(bench, "it takes the torrent", || bench.try_sh(self.add).code == Some(0));
        self.until(bench, "it works on it", || self.has_the_torrent(bench));
        // Some write down how far they are only when they end.
        bench.sh("systemctl restart seedbox.service");
        self.until(bench, "it goes on with it", || self.has_the_torrent(bench));
    }

    fn until(&self, bench: &Bench, what: &str, mut ask: impl FnMut() -> bool) {
        wait_until(what, Duration::from_secs(60), || Ok(ask().then_some(()))).unwrap_or_else(|error| {
            panic!("{error}: {}", bench.try_sh("systemctl status seedbox.service").told())
        });
    }

    fn has_the_torrent(&self, bench: &Bench) -> bool {
        bench.try_sh(self.list).stdout.contains("film")
    }

    /// Starts it as a person does who does not know better, and waits until it can be asked.
    fn start(&self, bench: &Bench) {
        bench.sh("systemctl start seedbox.service");
        let ready = match self.list.split_once(" | ") {
            Some((ask, _)) => ask,
            None => self.list,
        };
        self.until(bench, "it answers", || bench.try_sh(ready).code == Some(0));
        std::thread::sleep(Duration::from_secs(1));
    }
}

fn text_of(path: &Path) -> String {
    path.to_string_lossy().into_owned()
}

/// What there is of torrents: the measures that take it away, and the kinds of what they take.
fn files(bench: &Bench) -> Vec<(TorrentKind, Measure)> {
    let files: Vec<TorrentFile> = bench.collect(ArtifactKind::Torrents);
    let wanted =
        |file: &TorrentFile| matches!(file.kind, TorrentKind::Metainfo | TorrentKind::Resume) && !file.weak;
    let measure = |file: TorrentFile| {
        let (path, path_hex, size) = (file.path, file.path_hex, file.size);
        (file.kind, Measure::QuarantineFile { path, path_hex, size })
    };
    files.into_iter().filter(wanted).map(measure).collect()
}

fn is_taken_out_of_service(client: &Client, tools: &[&str]) {
    let Some(bench) = Bench::start_with_systemd(&[&["transmission-create"], tools].concat()) else { return };
    client.set_up(&bench);
    // What it knows of a torrent it writes by and by.
    client.until(&bench, "it has written down what it works on", || {
        let kinds: Vec<TorrentKind> = files(&bench).into_iter().map(|(kind, _)| kind).collect();
        kinds.contains(&TorrentKind::Resume) && kinds.len() >= 3
    });
    let process = seen(&bench, bench.pid_of(client.image));
    let unit = entry(&bench, "systemd", client.command);
    let found = files(&bench);
    println!("{found:#?}");
    let mut measures = vec![(1, disable(&unit)), (2, stop(&process))];
    measures.extend((3..).zip(found.iter().map(|(_, measure)| measure.clone())));
    let outcomes = bench.remediate(measures.clone());
    ended(&outcomes[0], MeasureStatus::Done, "moved");
    ended(&outcomes[1], MeasureStatus::Gone, "no process");
    for outcome in &outcomes[2..] {
        ended(outcome, MeasureStatus::Done, "quarantine");
    }
    assert!(!bench.is_running(process.pid) && files(&bench).is_empty());
    for again in &bench.remediate(measures)[2..] {
        ended(again, MeasureStatus::Already, "earlier try");
    }

    // Started by hand, it knows of nothing any more.
    client.start(&bench);
    assert!(!client.has_the_torrent(&bench), "{}", bench.try_sh(client.list).told());
    assert!(files(&bench).is_empty(), "and writes nothing about it");
    bench.sh("systemctl stop seedbox.service");

    // All of it back, it goes on where it was.
    for outcome in outcomes.into_iter().rev() {
        if let Some(undo) = outcome.undo {
            ended(&bench.undo(outcome.n, undo), MeasureStatus::Done, "put back");
        }
    }
    assert_eq!(files(&bench).len(), found.len());
    client.start(&bench);
    client.until(&bench, "it goes on", || client.has_the_torrent(&bench));
}

#[test]
fn qbittorrent_is_taken_out_of_service_and_comes_back_whole() {
    is_taken_out_of_service(&QBITTORRENT, &["qbittorrent-nox", "curl"]);
}

#[test]
fn transmission_is_taken_out_of_service_and_comes_back_whole() {
    is_taken_out_of_service(&TRANSMISSION, &["transmission-daemon", "transmission-remote"]);
}

#[test]
fn a_client_that_a_script_starts_again_is_noticed() {
    let Some(mut bench) = Bench::start(&["aria2c"]) else { return };
    let line = "while :; do aria2c --enable-rpc=true --no-conf=true; sleep 0.2; done";
    bench
        .endpoint
        .host_mut()
        .service(&["bash", "-c", line], Some(acceptance::ALICE), "loop.log")
        .expect("a loop");
    let process = seen(&bench, bench.pid_of("/usr/bin/aria2c"));
    let outcome = bench.measure(1, stop(&process));
    ended(&outcome, MeasureStatus::Done, "of the same image began right after");
    assert!(!bench.is_running(process.pid));
    let named = format!("process {} ", bench.pid_of("/usr/bin/aria2c"));
    assert!(outcome.detail.contains(&named), "{named}: {outcome:?}");
}
