//! What P2P clients leave on a disk: one row each, grouped by client, with where it is known from.
//!
//! Folders are rows too where their place says that the client was *used* (settings and state in a profile), not merely
//! installed. To add a client, add rows; the tests check their form.

use investigation::evidence::TorrentKind::{ClientData, Metainfo, PartialDownload, Resume};

use super::{ClientArtifact, Content};

/// All rows, by client. Which row wins where several match is decided by how much of the path each fixes.
pub(super) const GROUPS: &[&[ClientArtifact]] =
    &[ANY, QBITTORRENT, TRANSMISSION, UTORRENT, DELUGE, AZUREUS, ARIA2, OTHER_BITTORRENT, EDONKEY, OTHER_P2P];

const fn row(pattern: &'static str, kind: investigation::evidence::TorrentKind) -> ClientArtifact {
    let content = if matches!(kind, Metainfo) { Content::Metainfo } else { Content::Unread };
    ClientArtifact { pattern, kind, application: None, weak: None, content, source: "" }
}

impl ClientArtifact {
    const fn of(self, application: &'static str) -> Self {
        Self { application: Some(application), ..self }
    }

    const fn weak(self, why: &'static str) -> Self {
        Self { weak: Some(why), ..self }
    }

    const fn read(self, content: Content) -> Self {
        Self { content, ..self }
    }

    const fn source(self, source: &'static str) -> Self {
        Self { source, ..self }
    }
}

const BEP3: &str = "BEP 3: metainfo files have the extension .torrent";
const LIBTORRENT: &str = "libtorrent-rasterbar: read_resume_data / write_resume_data";
const WEAK_PART: &str = "Firefox, KDE and wget front-ends write .part for plain HTTP downloads as well";

const ANY: &[ClientArtifact] = &[
    row("*.torrent", Metainfo).source(BEP3),
    row("*.fastresume", Resume).read(Content::LibtorrentResume).source(LIBTORRENT),
    row(".{infohash}.parts", PartialDownload)
        .source("libtorrent-rasterbar part_file: pieces of files that were deselected, beside the download"),
    row("*.part", PartialDownload)
        .weak(WEAK_PART)
        .source("Transmission, KTorrent and eMule name unfinished files *.part"),
];

const QB_FOLDERS: &str = "qBittorrent wiki, FAQ: where settings and BT_backup are stored on each system";

const QBITTORRENT: &[ClientArtifact] = &[
    row("*.!qb", PartialDownload)
        .of("qBittorrent")
        .source("qBittorrent option 'Append .!qB extension to incomplete files'; BiglyBT can be set to the same suffix"),
    row("bt_backup/*.torrent", Metainfo).of("qBittorrent").source(QB_FOLDERS),
    row("bt_backup/*.fastresume", Resume)
        .of("qBittorrent")
        .read(Content::LibtorrentResume)
        .source("qBittorrent BencodeResumeDataStorage"),
    row("bt_backup/", ClientData).of("qBittorrent").source(QB_FOLDERS),
    row("qbittorrent/torrents.db", Resume).of("qBittorrent").source("qBittorrent DBResumeDataStorage (SQLite)"),
    row("qbittorrent/qbittorrent.conf", ClientData).of("qBittorrent").source(QB_FOLDERS),
    row("qbittorrent/qbittorrent.ini", ClientData).of("qBittorrent").source(QB_FOLDERS),
    row("qbittorrent/qbittorrent-data.*", ClientData)
        .of("qBittorrent")
        .source("qBittorrent statistics: all-time upload and download"),
    row("qbittorrent/logs/qbittorrent.log*", ClientData)
        .of("qBittorrent")
        .source("qBittorrent FileLogger: what was added, finished and removed, with times"),
    row(".config/qbittorrent/", ClientData).of("qBittorrent").source(QB_FOLDERS),
    row(".local/share/qbittorrent/", ClientData).of("qBittorrent").source(QB_FOLDERS),
    row(".local/share/data/qbittorrent/", ClientData).of("qBittorrent").source(QB_FOLDERS),
    row("appdata/local/qbittorrent/", ClientData).of("qBittorrent").source(QB_FOLDERS),
    row("appdata/roaming/qbittorrent/", ClientData).of("qBittorrent").source(QB_FOLDERS),
    row("application support/qbittorrent/", ClientData).of("qBittorrent").source(QB_FOLDERS),
    row(".var/app/org.qbittorrent.qbittorrent/", ClientData).of("qBittorrent").source("Flathub application id"),
];

const TR_FOLDERS: &str = "Transmission wiki: Configuration Files";

const TRANSMISSION: &[ClientArtifact] = &[
    row("*.torrent.added", Metainfo)
        .of("Transmission")
        .source("transmission-daemon --watch-dir renames what it has taken to .torrent.added"),
    row("transmission*/torrents/*.torrent", Metainfo).of("Transmission").source(TR_FOLDERS),
    row("transmission*/info/torrents/*.torrent", Metainfo)
        .of("Transmission")
        .source("Debian transmission-daemon: /var/lib/transmission-daemon/info"),
    row("transmission*/torrents/*.magnet", Resume)
        .of("Transmission")
        .source("Transmission 4: magnets without metadata yet"),
    row("transmission*/resume/*.resume", Resume)
        .of("Transmission")
        .read(Content::TransmissionResume)
        .source(TR_FOLDERS),
    row("transmission*/info/resume/*.resume", Resume)
        .of("Transmission")
        .read(Content::TransmissionResume)
        .source("Debian transmission-daemon: /var/lib/transmission-daemon/info"),
    row("resume/*.resume", Resume)
        .of("Transmission")
        .weak("the folder is not named after the client; other programs may keep *.resume files")
        .read(Content::TransmissionResume)
        .source("transmission-daemon --config-dir puts the same layout anywhere"),
    row("transmission*/dht.dat", ClientData).of("Transmission").source(TR_FOLDERS),
    row("transmission*/stats.json", ClientData).of("Transmission").source(TR_FOLDERS),
    row(".config/transmission/", ClientData).of("Transmission").source(TR_FOLDERS),
    row(".config/transmission-daemon/", ClientData).of("Transmission").source(TR_FOLDERS),
    row("application support/transmission/", ClientData).of("Transmission").source(TR_FOLDERS),
    row("appdata/local/transmission/", ClientData).of("Transmission").source(TR_FOLDERS),
    row(".var/app/com.transmissionbt.transmission/", ClientData)
        .of("Transmission")
        .source("Flathub application id"),
];

const UT_MANUAL: &str =
    "µTorrent manual, appendix B: settings directory; BitTorrent's manual says the same of its own";

const UTORRENT: &[ClientArtifact] = &[
    row("*.!ut", PartialDownload).of("µTorrent").source("µTorrent option 'Append .!ut to incomplete files'"),
    row("*.!bt", PartialDownload)
        .of("BitTorrent")
        .source("BitTorrent option 'Append .!bt to incomplete files'"),
    row("~utorrentpartfile_*", PartialDownload)
        .of("µTorrent")
        .source("µTorrent: pieces shared with deselected files"),
    row("~bittorrentpartfile_*", PartialDownload)
        .of("BitTorrent")
        .source("BitTorrent: pieces shared with deselected files"),
    row("*.torrent.loaded", Metainfo)
        .of("µTorrent")
        .source("µTorrent renames what it has autoloaded to .torrent.loaded"),
    row("utorrent*/*.torrent", Metainfo).of("µTorrent").source(UT_MANUAL),
    row("utorrent*/resume.dat*", Resume).of("µTorrent").read(Content::UtorrentResume).source(UT_MANUAL),
    row("utorrent*/settings.dat*", ClientData).of("µTorrent").source(UT_MANUAL),
    row("utorrent*/dht.dat*", ClientData).of("µTorrent").source(UT_MANUAL),
    row("utorrent*/rss.dat*", ClientData).of("µTorrent").source(UT_MANUAL),
    row("bittorrent/*.torrent", Metainfo).of("BitTorrent").source(UT_MANUAL),
    row("bittorrent/resume.dat*", Resume).of("BitTorrent").read(Content::UtorrentResume).source(UT_MANUAL),
    row("bittorrent/settings.dat*", ClientData).of("BitTorrent").source(UT_MANUAL),
    row("bittorrent/dht.dat*", ClientData).of("BitTorrent").source(UT_MANUAL),
    row("resume.dat", Resume)
        .weak("the folder is not named after the client; other programs may keep a resume.dat")
        .read(Content::UtorrentResume)
        .source("µTorrent manual: a settings.dat beside the program makes it keep its files there"),
    row("appdata/roaming/utorrent*/", ClientData).of("µTorrent").source(UT_MANUAL),
    row("appdata/roaming/bittorrent/", ClientData).of("BitTorrent").source(UT_MANUAL),
];

const DELUGE_STATE: &str = "Deluge torrentmanager: <config>/state";

const DELUGE: &[ClientArtifact] = &[
    row("state/{infohash}.torrent", Metainfo).of("Deluge").source(DELUGE_STATE),
    // A Python pickle: reading one can run code, so that it is listed and never opened.
    row("torrents.state", Resume).of("Deluge").source(DELUGE_STATE),
    row("torrents.state.bak", Resume).of("Deluge").source(DELUGE_STATE),
    row("torrents.fastresume", Resume).of("Deluge").read(Content::DelugeResume).source(DELUGE_STATE),
    row("torrents.fastresume.bak", Resume).of("Deluge").read(Content::DelugeResume).source(DELUGE_STATE),
    row("deluge/core.conf", ClientData).of("Deluge").source("Deluge core preferences"),
    row(".config/deluge/", ClientData).of("Deluge").source("Deluge user guide: configuration directory"),
    row("appdata/roaming/deluge/", ClientData)
        .of("Deluge")
        .source("Deluge user guide: configuration directory"),
];

const AZ_FOLDERS: &str = "Azureus wiki: user directory with active/, torrents/ and *.config";

const AZUREUS: &[ClientArtifact] = &[
    row("*.az!", PartialDownload)
        .of("Vuze/BiglyBT")
        .source("Vuze and BiglyBT: default suffix for incomplete files"),
    row("*.torrent.imported", Metainfo)
        .of("Vuze/BiglyBT")
        .source("Vuze renames what it imported from a watched folder"),
    row("active/{infohash}.dat", Resume).of("Vuze/BiglyBT").source(AZ_FOLDERS),
    row("active/{infohash}.dat.bak", Resume).of("Vuze/BiglyBT").source(AZ_FOLDERS),
    row("*azureus/downloads.config", Resume).of("Vuze").source(AZ_FOLDERS),
    row("*biglybt/downloads.config", Resume)
        .of("BiglyBT")
        .source("BiglyBT keeps Azureus' layout under its own name"),
    row(".azureus/", ClientData).of("Vuze").source(AZ_FOLDERS),
    row("appdata/roaming/azureus/", ClientData).of("Vuze").source(AZ_FOLDERS),
    row("application support/vuze/", ClientData).of("Vuze").source(AZ_FOLDERS),
    row(".biglybt/", ClientData).of("BiglyBT").source("BiglyBT keeps Azureus' layout under its own name"),
    row("appdata/roaming/biglybt/", ClientData)
        .of("BiglyBT")
        .source("BiglyBT keeps Azureus' layout under its own name"),
    row("application support/biglybt/", ClientData)
        .of("BiglyBT")
        .source("BiglyBT keeps Azureus' layout under its own name"),
];

const ARIA2: &[ClientArtifact] = &[
    row("*.aria2", PartialDownload)
        .of("aria2")
        .weak("aria2 keeps one for HTTP and FTP downloads as well; an infohash in it proves BitTorrent")
        .read(Content::Aria2Control)
        .source("aria2 manual, technical notes: control file format"),
    row("aria2/dht*.dat", ClientData).of("aria2").source("aria2 manual: --dht-file-path"),
    row(".aria2/dht*.dat", ClientData).of("aria2").source("aria2 manual: --dht-file-path, older default"),
];

const OTHER_BITTORRENT: &[ClientArtifact] = &[
    row("*.bc!", PartialDownload).of("BitComet").source("BitComet wiki: .bc! and .piece_part.bc! of unfinished files"),
    row("*.bt!", PartialDownload).of("BitSpirit").source("BitSpirit option 'Add .bt! extension to unfinished files'"),
    row("*.xltd", PartialDownload)
        .of("Xunlei")
        .weak("Xunlei writes it for plain downloads as well, though it always takes part in its own P2P network")
        .source("Xunlei 7 and later: suffix of unfinished files"),
    row("*.td.cfg", PartialDownload).of("Xunlei").source("Xunlei before 7: progress beside an unfinished *.td"),
    row("*.!sync", PartialDownload).of("Resilio Sync").source("Resilio (BitTorrent) Sync: file in transfer"),
    row("*.torrent.rtorrent", Resume).of("rTorrent").source("rTorrent session directory"),
    row("*.torrent.libtorrent_resume", Resume).of("rTorrent").source("rTorrent session directory"),
    row(".rtorrent.rc", ClientData).of("rTorrent").source("rTorrent user guide: configuration file"),
    row("ktorrent/tor*/torrent", Metainfo).of("KTorrent").source("KTorrent data directory: torN/torrent"),
    row("ktorrent/tor*/stats", Resume).of("KTorrent").source("KTorrent data directory: torN/stats"),
    row("ktorrent/tor*/current_chunks", Resume).of("KTorrent").source("KTorrent data directory: torN/current_chunks"),
    row(".local/share/ktorrent/", ClientData).of("KTorrent").source("KTorrent data directory"),
    row("webtorrent/torrents/*.torrent", Metainfo).of("WebTorrent").source("WebTorrent Desktop: config.TORRENT_PATH"),
    row(".config/webtorrent/", ClientData).of("WebTorrent").source("WebTorrent Desktop: application-config"),
    row("appdata/roaming/webtorrent/", ClientData).of("WebTorrent").source("WebTorrent Desktop: application-config"),
    row("application support/webtorrent/", ClientData).of("WebTorrent").source("WebTorrent Desktop: application-config"),
    row(".frostwire5/", ClientData).of("FrostWire").source("FrostWire 5 and 6: user settings directory"),
    row(".tixati/", ClientData).of("Tixati").source("Tixati help: settings folder"),
    row("appdata/roaming/tixati/", ClientData).of("Tixati").source("Tixati help: settings folder"),
    row("appdata/local/tixati/", ClientData).of("Tixati").source("Tixati help: settings folder of the Windows installer"),
    row("bitcomet/downloads.xml", Resume).of("BitComet").source("Forensics of BitTorrent, Royal Holloway technical report RHUL-MA-2008-04"),
    row("appdata/roaming/bitcomet/", ClientData).of("BitComet").source("Forensics of BitTorrent, Royal Holloway technical report RHUL-MA-2008-04"),
    row(".tribler/", ClientData).of("Tribler").source("Tribler documentation: per-user state directory"),
    row("appdata/roaming/.tribler/", ClientData).of("Tribler").source("Tribler documentation: per-user state directory"),
    row(".i2p/i2psnark/", ClientData).of("I2PSnark").source("I2P configuration directory"),
];

const MULE_FILES: &str = "eMule help, 'Files Used'; aMule wiki, 'AMule files'";

const EDONKEY: &[ClientArtifact] = &[
    row("*.part.met", PartialDownload).of("eMule/aMule").source(MULE_FILES),
    row("*.part.met.bak", PartialDownload).of("eMule/aMule").source(MULE_FILES),
    row("known.met", ClientData).of("eMule/aMule").source(MULE_FILES),
    row("known2_64.met", ClientData).of("eMule/aMule").source(MULE_FILES),
    row("cancelled.met", ClientData).of("eMule/aMule").source(MULE_FILES),
    row("canceled.met", ClientData).of("eMule/aMule").source(MULE_FILES),
    row("clients.met", ClientData).of("eMule/aMule").source(MULE_FILES),
    row("server.met", ClientData).of("eMule/aMule").source(MULE_FILES),
    row(".amule/", ClientData).of("aMule").source(MULE_FILES),
    row("appdata/local/emule/", ClientData).of("eMule").source(MULE_FILES),
];

const OTHER_P2P: &[ClientArtifact] = &[
    row("*.dctmp", PartialDownload).of("DC++").source("DC++ TEMP_EXTENSION of unfinished downloads"),
    row("dc++/hashindex.xml", ClientData).of("DC++").source("DC++ HashManager: index of shared files"),
    row("___arestra___*", PartialDownload).of("Ares").source("Ares Galaxy: prefix of unfinished downloads"),
    row(".nicotine/", ClientData).of("Nicotine+").source("Nicotine+ 1.x: configuration directory"),
    row(".config/nicotine/", ClientData)
        .of("Nicotine+")
        .source("Nicotine+ documentation: configuration directory"),
    row(".local/share/nicotine/", ClientData)
        .of("Nicotine+")
        .source("Nicotine+ documentation: data directory"),
    row("appdata/roaming/nicotine/", ClientData)
        .of("Nicotine+")
        .source("Nicotine+ documentation: data directory"),
    row("appdata/local/soulseekqt/", ClientData).of("SoulseekQt").source("SoulseekQt: data directory"),
    row(".limewire/", ClientData).of("LimeWire").source("LimeWire and WireShare: user settings directory"),
];
