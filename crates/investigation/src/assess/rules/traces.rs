//! Traces of a client beside its processes, sockets and files: that it is installed, that it ran, that its names were
//! looked up.
//!
//! They support other findings. Alone they leave the case open and never prove use: a name can be anybody's, and what is
//! installed or was looked up need not have been used. Programs with honest uses leave no trace that counts, since every
//! machine would have one.

use super::super::MAX_CITATIONS;
use super::super::gaps::second;
use super::super::indicators::Client;
use super::super::rulebook::Mode;
use super::super::scene::Scene;
use super::super::verdict::{Bearing, Citation, Confidence};
use super::Rule;
use super::draft::{Draft, show};
use crate::evidence::{ArtifactKind, DnsRecord, Prefetched, Program};

pub(super) const INSTALLED: Rule = Rule {
    id: "traces.client_installed",
    title: "Peer-to-peer client installed",
    rationale: "Somebody put a client on this machine. It may have been closed, or never have been used, since: the alert \
                may be right about it.",
    technique: None,
    runbook: "Have the client removed where the policy forbids it, and ask the user what it is for.",
    changes: "A later collection that finds the client running or its downloads raises it; the user's word that it was never \
              started leaves it open.",
    mode: Mode::Decide,
    evaluate: installed,
    #[cfg(test)]
    cases: installed_cases,
};

pub(super) const RAN: Rule = Rule {
    id: "traces.client_ran",
    title: "Peer-to-peer client ran, by Prefetch",
    rationale: "Windows keeps a file for each program that it starts, also after the program is deleted. The file's name is \
                that of the program file, and its time that of the last run.",
    technique: None,
    runbook: "Look for the program file or its remains; parse the Prefetch file for the path and the times of earlier runs.",
    changes: "The image or its downloads on the disk, or a second trace from around the alert, raise it; a Prefetch file whose \
              own path is another program's takes it back.",
    mode: Mode::Decide,
    evaluate: ran,
    #[cfg(test)]
    cases: ran_cases,
};

pub(super) const RESOLVED: Rule = Rule {
    id: "traces.swarm_name_resolved",
    title: "Name of a tracker or bootstrap node in the DNS cache",
    rationale: "Clients ask for such names when they start or announce a torrent; nobody types them. What asked is not \
                kept, and the cache forgets within hours.",
    technique: None,
    runbook: "Compare with the resolver's log: who asked for the name, how often and when.",
    changes: "The resolver's log, where it names a client at that time, raises it; a security product that looks such names up \
              takes it back.",
    mode: Mode::Decide,
    evaluate: resolved,
    #[cfg(test)]
    cases: resolved_cases,
};

/// The client, where it has no honest use.
fn plain(client: Option<&Client>) -> Option<&Client> {
    client.filter(|client| !client.dual_use && !client.own_network)
}

fn installed(scene: &Scene<'_>) -> Vec<Draft> {
    let rows = scene.programs.iter().enumerate();
    let found: Vec<(usize, &Program, &Client)> = rows
        .filter_map(|(row, program)| {
            Some((row, program, plain(scene.indicators.client_of_program(program))?))
        })
        .collect();
    let Some((_, program, client)) = found.first() else { return Vec::new() };
    let whose = program.user.as_deref().map(|user| format!(" for {}", show(user))).unwrap_or_default();
    let when = program.installed.map(|day| format!(" since {day}")).unwrap_or_default();
    let headline = format!(
        "{} is installed{whose}{when}{}",
        client.name,
        others(found.len(), "entry of its kind", "entries of its kind")
    );
    let citations = found.iter().take(MAX_CITATIONS).map(|(row, program, _)| {
        let version = program.version.as_deref().map(|v| format!(" {}", show(v))).unwrap_or_default();
        let place = program.image.as_deref().or(program.folder.as_deref()).or(program.key.as_deref());
        let place = place.map(|place| format!(", {}", show(place))).unwrap_or_default();
        let text = format!("{}{version} ({}){place}", show(&program.name), show(&program.source));
        // An identifier without a name is nobody whom an analyst could write to.
        let user = program.user.clone().filter(|user| !user.starts_with("S-1-"));
        cite(ArtifactKind::Programs, *row, text, user)
    });
    vec![Draft {
        uncited: found.len().saturating_sub(MAX_CITATIONS),
        confidence: Confidence::Low,
        bearing: Bearing::Suspicion,
        headline,
        details: vec!["that it was used does not follow".to_owned()],
        citations: citations.collect(),
    }]
}

fn ran(scene: &Scene<'_>) -> Vec<Draft> {
    let rows = scene.prefetch.iter().enumerate();
    let mut found: Vec<(usize, &Prefetched, &Client)> = rows
        .filter_map(|(row, file)| Some((row, file, plain(scene.indicators.client_of_image(&file.program))?)))
        .collect();
    found.sort_by_key(|(_, file, _)| std::cmp::Reverse(scene.last_run(file)));
    let Some((_, latest, client)) = found.first() else { return Vec::new() };
    let around = scene.ran_around(latest);
    let when = match scene.last_run(latest) {
        Some(time) if around => format!("last at {}, around the alert", second(time)),
        Some(time) => format!("last at {}, not around the alert", second(time)),
        None => "at a time that is not known".to_owned(),
    };
    let headline =
        format!("{} ran on this machine {when}{}", client.name, others(found.len(), "trace", "traces"));
    let citations = found.iter().take(MAX_CITATIONS).map(|(row, file, _)| {
        let time = file.modified.map(|time| format!(", written {}", second(time))).unwrap_or_default();
        cite(ArtifactKind::Prefetch, *row, format!("{}{time}", show(&file.file)), None)
    });
    vec![Draft {
        uncited: found.len().saturating_sub(MAX_CITATIONS),
        confidence: if around { Confidence::Medium } else { Confidence::Low },
        bearing: Bearing::Suspicion,
        headline,
        details: vec!["it is known by the name of its program file only".to_owned()],
        citations: citations.collect(),
    }]
}

fn resolved(scene: &Scene<'_>) -> Vec<Draft> {
    let rows = scene.dns_cache.iter().enumerate();
    let found: Vec<(usize, &DnsRecord)> = rows
        .filter(|(_, record)| {
            let names = [Some(record.name.as_str()), record.data.as_deref()];
            names.into_iter().flatten().any(|name| scene.indicators.is_bittorrent_name(name))
        })
        .collect();
    let Some((_, first)) = found.first() else { return Vec::new() };
    let headline = format!(
        "The DNS cache holds {}, a name that BitTorrent clients ask for{}",
        show(&first.name),
        others(found.len(), "record", "records")
    );
    let citations = found.iter().take(MAX_CITATIONS).map(|(row, record)| {
        let kind = record.kind.as_deref().map(|kind| format!(" {}", show(kind))).unwrap_or_default();
        let data = record.data.as_deref().map_or_else(|| "no answer".to_owned(), show);
        cite(ArtifactKind::DnsCache, *row, format!("{}{kind} {data}", show(&record.name)), None)
    });
    vec![Draft {
        uncited: found.len().saturating_sub(MAX_CITATIONS),
        confidence: Confidence::Low,
        bearing: Bearing::Suspicion,
        headline,
        details: vec!["which program asked for it is not known".to_owned()],
        citations: citations.collect(),
    }]
}

/// `, and 2 more records`.
fn others(all: usize, one: &str, many: &str) -> String {
    match all {
        0 | 1 => String::new(),
        2 => format!(", and 1 more {one}"),
        all => format!(", and {} more {many}", all - 1),
    }
}

fn cite(kind: ArtifactKind, row: usize, excerpt: String, user: Option<String>) -> Citation {
    Citation { entry: kind.parsed_entry(), row, excerpt, user, ..Citation::default() }
}

#[cfg(test)]
use super::super::testing::{Bench, Case};

#[cfg(test)]
fn installed_cases() -> Vec<Case> {
    let low = |name, bench| Case::finds(name, Bearing::Suspicion, Confidence::Low, bench);
    let image = |image: &str| {
        Bench::new().installed("Media Tool").program_entry(|p| p.image = Some(image.to_owned()))
    };
    vec![
        low("by its name and version", Bench::new().installed("qBittorrent 4.6.3 (x64)"))
            .saying(&["qBittorrent is installed", "does not follow"]),
        low("a name of two words", Bench::new().installed("µTorrent Web")).saying(&["µTorrent Web"]),
        low("the other letter mu", Bench::new().installed("\u{3bc}Torrent")),
        low("by its program file", image(r"C:\Users\a\AppData\Roaming\uTorrent\uTorrent.exe")),
        low(
            "a package",
            Bench::new().installed("transmission-gtk").program_entry(|p| {
                p.source = "dpkg".into();
                p.user = None;
            }),
        ),
        low("two of them", Bench::new().installed("Tixati").installed("eMule 0.50a"))
            .saying(&["1 more entry", "for alice"]),
        Case::nothing("a name that only begins so", Bench::new().installed("Transmission Gears CAD 5")),
        Case::nothing("a part of a client", Bench::new().installed("transmission-common")),
        Case::nothing("a library", Bench::new().installed("libtorrent-rasterbar2.0")),
        Case::nothing("a dual-use program", Bench::new().installed("Brave")),
        Case::nothing("software with a network of its own", Bench::new().installed("Steam")),
        Case::nothing("another program file", image(r"C:\Program Files\Vendor\tool.exe")),
        Case::nothing("a name that is a version", Bench::new().installed("4.6.3")),
    ]
}

#[cfg(test)]
fn ran_cases() -> Vec<Case> {
    const AROUND: &str = "2026-03-02T09:58:10Z";
    let finds = |name, confidence, bench| Case::finds(name, Bearing::Suspicion, confidence, bench);
    let bare = |bench: Bench| bench.prefetched_entry(|p| p.modified = None);
    vec![
        finds("around the alert", Confidence::Medium, {
            Bench::new().prefetched("QBITTORRENT.EXE-1A2B3C4D.pf", "QBITTORRENT.EXE", AROUND)
        })
        .saying(&["qBittorrent ran", "around the alert", "name of its program file only"]),
        finds("a year ago", Confidence::Low, {
            Bench::new().prefetched("UTORRENT.EXE-1A2B3C4D.pf", "UTORRENT.EXE", "2025-03-02T09:58:10Z")
        })
        .saying(&["not around the alert"]),
        finds("a time to come is no time", Confidence::Low, {
            Bench::new().prefetched("UTORRENT.EXE-1A2B3C4D.pf", "UTORRENT.EXE", "2031-03-02T09:58:10Z")
        })
        .saying(&["not known"]),
        finds("without a time", Confidence::Low, {
            bare(Bench::new().prefetched("UTORRENT.EXE-1A2B3C4D.pf", "UTORRENT.EXE", AROUND))
        }),
        finds("the latest counts", Confidence::Medium, {
            Bench::new()
                .prefetched("UTORRENT.EXE-1A2B3C4D.pf", "UTORRENT.EXE", "2025-03-02T09:58:10Z")
                .prefetched("TIXATI.EXE-00000001.pf", "TIXATI.EXE", AROUND)
        })
        .saying(&["Tixati ran", "1 more trace"]),
        Case::nothing("a dual-use program", {
            Bench::new().prefetched("ARIA2C.EXE-1A2B3C4D.pf", "ARIA2C.EXE", AROUND)
        }),
        Case::nothing("a name that contains a client's", {
            Bench::new().prefetched("MYVUZE-SETUP.EXE-1A2B3C4D.pf", "MYVUZE-SETUP.EXE", AROUND)
        }),
    ]
}

#[cfg(test)]
fn resolved_cases() -> Vec<Case> {
    let low = |name, bench| Case::finds(name, Bearing::Suspicion, Confidence::Low, bench);
    vec![
        low("a bootstrap node", Bench::new().resolved("router.bittorrent.com"))
            .saying(&["router.bittorrent.com", "Which program asked"]),
        low("in capitals, with its root", Bench::new().resolved("Tracker.OpenTrackr.ORG.")),
        low("another host of a tracker's domain", Bench::new().resolved("udp.tracker.opentrackr.org")),
        low("behind another name", {
            Bench::new()
                .resolved("cdn.example")
                .dns_record(|r| r.data = Some("dht.transmissionbt.com".into()))
        }),
        low("two of them", Bench::new().resolved("router.bittorrent.com").resolved("router.utorrent.com"))
            .saying(&["1 more record"]),
        Case::nothing("a client's web site", Bench::new().resolved("www.qbittorrent.org")),
        Case::nothing("a name that only ends so", Bench::new().resolved("myrouter.bittorrent.com.example")),
        Case::nothing("a name with more letters", Bench::new().resolved("xrouter.bittorrent.com")),
        Case::nothing("no name", Bench::new().resolved("")),
    ]
}
