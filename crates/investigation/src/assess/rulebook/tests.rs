use super::*;

fn book(files: &[(&str, &str)]) -> (Rulebook, Vec<String>) {
    let files: Vec<RuleText<'_>> = files.iter().map(|(file, text)| RuleText { file, text }).collect();
    let (book, faults) = Rulebook::with_site(&files);
    (book, faults.iter().map(ToString::to_string).collect())
}

#[test]
fn a_site_adds_clients_switches_rules_and_lists_what_is_bad() {
    let text = "version = '7'\n\
        [[rule]]\nid = 'files.torrent_history'\nmode = 'off'\nreason = 'archive'\n\
        [[client]]\nid = 'seeder'\nname = 'Seeder'\nimages = ['seeder']\nsource = 'in-house tool'\n\
        [[known_bad]]\naddress = '203.0.113.0/24'\nreason = 'C2'\n\
        [[known_bad]]\nsha256 = 'AA00000000000000000000000000000000000000000000000000000000000000'\nreason = 'stealer'\n";
    let (book, faults) = book(&[("site.toml", text)]);
    assert_eq!(faults, [""; 0]);
    assert_eq!(book.version(), Some("7"));
    assert!(book.indicators().client_named("seeder").is_some());
    let mode = |id: &str| book.mode(RULES.iter().find(|rule| rule.id == id).unwrap());
    assert_eq!((mode("files.torrent_history"), mode("files.torrent_touched")), (Mode::Off, Mode::Decide));
    assert_eq!(book.known_bad().address("203.0.113.9".parse().unwrap()), Some("C2"));
    assert_eq!(book.known_bad().address("::ffff:203.0.113.9".parse().unwrap()), Some("C2"));
    assert_eq!(book.known_bad().address("203.0.114.9".parse().unwrap()), None);
    assert_eq!(book.known_bad().image(&format!("aa{}", "0".repeat(62))), Some("stealer"));
}

#[test]
fn what_cannot_be_used_is_named_with_its_reason_and_the_rest_is_used() {
    let (book, faults) = book(&[
        ("a.toml", "version = '1'\n[[rule]]\nid = 'no.such'\nmode = 'off'\n"),
        ("b.toml", "version = '1'\nunknown = 1\n"),
        (
            "c.toml",
            "version = '1'\n[[client]]\nid = 'qbittorrent'\nname = 'x'\nimages = ['x']\nsource = 'x'\n",
        ),
        ("d.toml", "version = '1'\n[[known_bad]]\naddress = 'x'\nreason = 'y'\n"),
        ("e.toml", "version = '1'\n[[known_bad]]\nreason = 'y'\n"),
        ("f.toml", ""),
        ("g.toml", "version = '2'\n[[known_bad]]\naddress = '203.0.113.1'\nreason = 'kept'\n"),
        ("h.yml", "title: x"),
        ("i.toml", &"#".repeat(MAX_FILE_BYTES + 1)),
    ]);
    for (fault, (file, what)) in faults.iter().zip([
        ("a.toml", "no rule \"no.such\""),
        ("b.toml", "line 2"),
        ("c.toml", "listed twice"),
        ("d.toml", "neither an address nor a network"),
        ("e.toml", "needs one of"),
        ("f.toml", "version"),
        ("i.toml", "more than"),
        ("h.yml", "logsource"),
    ]) {
        assert!(fault.starts_with(file) && fault.contains(what) && !fault.contains('\n'), "{fault}");
    }
    assert_eq!(faults.len(), 8, "{faults:?}");
    assert_eq!(book.known_bad().address("203.0.113.1".parse().unwrap()), Some("kept"));
}

#[test]
fn faults_are_bounded() {
    let text = format!("version = '1'\n{}", "[[known_bad]]\nreason = 'y'\n".repeat(1000));
    let (_, faults) = book(&[("a.toml", &text)]);
    assert_eq!(faults.len(), MAX_FAULTS + 1);
    assert!(faults[MAX_FAULTS].contains("not listed"));
}

#[test]
fn the_manuals_example_reads() {
    let manual = include_str!("../../../../../docs/verdicts.md");
    let example =
        manual.split("```toml\n").nth(1).and_then(|rest| rest.split("```").next()).expect("an example");
    let (book, faults) = book(&[("rules/site.toml", example)]);
    assert_eq!(book.version(), Some("2026-11-30"));
    // The Sigma rule that it names lies in no file here.
    assert!(faults.len() == 1 && faults[0].contains("0b9ad457"), "{faults:?}");
    assert!(book.indicators().client_named("inhouse-seeder").is_some());
}
