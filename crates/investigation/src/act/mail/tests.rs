use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

use super::*;
use crate::assess::{RULES, Verdict};
use crate::policy::Policy;

const LANGUAGES: [&str; 3] = ["de", "en", "fr"];

fn policy() -> Policy {
    let text = "version = 1\n[scope]\nnetworks = []\n[organisation]\nname = 'Example Corp'\ncontact = 'soc@example.com'\n";
    Policy::parse(text).unwrap()
}

fn brief(verdict: Verdict) -> Brief {
    sample::brief(verdict, &policy())
}

/// Every mail there is: name, mail.
fn all() -> Vec<(String, Message)> {
    let mut mails = Vec::new();
    for language in LANGUAGES {
        for verdict in Verdict::ALL {
            for (to, written) in [
                ("user", Texts::shipped().mail_user(&brief(verdict), language)),
                ("soc", Texts::shipped().mail_soc(&brief(verdict), language)),
            ] {
                assert_eq!(written.fault, None);
                mails.push((format!("{to}-{}-{language}", verdict.as_str()), written.message));
            }
        }
    }
    mails
}

/// What a reader of the HTML sees: its text without markup and styles, in one line.
fn shown(html: &str) -> String {
    let body = html.split_once("<body>").unwrap().1;
    let mut text = String::new();
    let mut inside = false;
    for c in body.chars() {
        match c {
            '<' => (inside, text) = (true, text + " "),
            '>' => inside = false,
            c if !inside => text.push(c),
            _ => {}
        }
    }
    for (entity, c) in
        [("&lt;", "<"), ("&gt;", ">"), ("&quot;", "\""), ("&#x27;", "'"), ("&#x2f;", "/"), ("&amp;", "&")]
    {
        text = text.replace(entity, c);
    }
    squeezed(&text)
}

fn squeezed(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[test]
fn every_language_says_what_the_english_one_does() {
    let english = &Texts::shipped().languages[BASE];
    assert_eq!(Texts::shipped().languages().collect::<Vec<_>>(), LANGUAGES);
    for language in LANGUAGES {
        let words = &Texts::shipped().languages[language];
        let keys = |words: &Words| -> Vec<String> {
            let named = words.all().filter(|(section, ..)| *section != "rules");
            named.map(|(section, key, _)| format!("{section}.{key}")).collect()
        };
        assert_eq!(keys(words), keys(english), "{language}");
        assert_eq!(check::words(words, &format!("{language}.toml")), Ok(()));
        for (_, key, word) in words.all().filter(|(section, key, _)| *section != "rules" && *key == "steps") {
            let steps = |text: &str| text.lines().filter(|line| !line.trim().is_empty()).count();
            assert!(steps(&word.text) >= 1, "{language} {key}");
        }
    }
    for layout in Layout::ALL {
        assert_eq!(check::layout(layout, layout.file(), layout.shipped()), Ok(()), "{}", layout.file());
    }
}

#[test]
fn what_rules_find_is_told_in_the_users_language() {
    // A compromise is never told; what English calls it is the rule's own title.
    let told = |rule: &&crate::assess::Rule| !rule.id.starts_with("compromise.");
    for language in ["de", "fr"] {
        for rule in RULES.iter().filter(told) {
            assert!(
                Texts::shipped().languages[language].get("rules", rule.id).is_some(),
                "{language} {}",
                rule.id
            );
        }
        for (_, key, _) in Texts::shipped().languages[language].all().filter(|(of, ..)| *of == "rules") {
            assert!(RULES.iter().any(|rule| rule.id == key), "{language}: there is no rule {key}");
        }
    }
}

#[test]
fn every_fact_has_a_name_in_every_language() {
    for language in LANGUAGES {
        for (name, _) in brief(Verdict::PolicyViolation).facts() {
            assert!(Texts::shipped().languages[language].get("facts", name).is_some(), "{language} {name}");
        }
    }
}

#[test]
fn both_parts_say_the_same() {
    for (name, mail) in all() {
        let html = shown(mail.html.as_deref().unwrap());
        for line in mail.text.lines() {
            // Without the bullet or the number that the other part draws itself, and the colon after a fact's name.
            let line = squeezed(line);
            let line = line.strip_prefix("- ").unwrap_or(&line);
            let numbered = line.split_once(". ").filter(|(n, _)| n.bytes().all(|b| b.is_ascii_digit()));
            let line = numbered.map_or(line, |(_, rest)| rest);
            let fact = line.replacen(": ", " ", 1);
            assert!(html.contains(line) || html.contains(&fact), "{name}: {line:?} is not in {html}");
        }
    }
}

#[test]
fn the_notice_says_rule_time_place_steps_contact_and_case() {
    for language in LANGUAGES {
        for verdict in Verdict::ALL {
            let text = Texts::shipped().mail_user(&brief(verdict), language).message.text;
            for said in [
                "Example Corp",
                "2026-03-02T08:59Z",
                "2026-03-02T09:00Z",
                "ws-0042 (192.0.2.45)",
                "    1. ",
                "soc@example.com",
                "ph-20260302-k3m7qd5a",
            ] {
                assert!(text.contains(said), "{language} {verdict}: {said} is not in {text}");
            }
        }
        let text = |verdict| Texts::shipped().mail_user(&brief(verdict), language).message;
        assert_eq!(text(Verdict::Compromised), text(Verdict::Inconclusive), "{language}");
    }
    let of = |language| Texts::shipped().mail_user(&brief(Verdict::PolicyViolation), language).message;
    assert!(of("de").subject.starts_with("Peer-to-Peer-Software auf Ihrem Rechner: ws-0042"));
    assert!(of("de").text.contains("Ein Peer-to-Peer-Programm war mit der Gegenstelle des Alarms verbunden"));
    assert!(of("fr").subject.starts_with("Logiciel de pair à pair sur votre poste : ws-0042"));
    insta::assert_snapshot!("mail_user_de", format!("{}\n\n{}", of("de").subject, of("de").text));
    insta::assert_snapshot!("mail_user_fr", format!("{}\n\n{}", of("fr").subject, of("fr").text));
    let soc = Texts::shipped().mail_soc(&brief(Verdict::PolicyViolation), "de").message;
    insta::assert_snapshot!("mail_soc_de", format!("{}\n\n{}", soc.subject, soc.text));
}

#[test]
fn the_notice_quotes_no_evidence_in_either_part() {
    for language in LANGUAGES {
        let mail = Texts::shipped().mail_user(&brief(Verdict::PolicyViolation), language).message;
        for private in ["4711", "203.0.113.9", "alice", "client.exe", "3b1f3b1f", "evidence/"] {
            for part in [&mail.text, mail.html.as_ref().unwrap()] {
                assert!(!part.contains(private), "{language} {private}: {part}");
            }
        }
    }
}

#[test]
fn without_an_organisation_the_sentences_still_read() {
    let bare = Policy::parse("version = 1\n[scope]\nnetworks = []\n").unwrap();
    for (language, said) in [
        ("en", "on the machines of our company."),
        ("de", "Auf Rechnern unseres Unternehmens sind"),
        ("fr", "sur les postes de notre entreprise."),
    ] {
        let brief = sample::brief(Verdict::PolicyViolation, &bare);
        let text = Texts::shipped().mail_user(&brief, language).message.text;
        assert!(text.contains(said), "{text}");
    }
}

#[test]
fn a_language_is_found_in_what_a_directory_says() {
    let texts = Texts::shipped();
    for (said, found) in [
        ("de", Some("de")),
        ("DE_at", Some("de")),
        ("fr-CH, en;q=0.8", Some("fr")),
        ("it, en-GB;q=0.5", Some("en")),
        ("it", None),
        ("", None),
        ("../de", None),
    ] {
        assert_eq!(texts.language(said), found, "{said}");
    }
    // What cannot be met is English.
    let mail = texts.mail_user(&brief(Verdict::PolicyViolation), "it");
    assert!(mail.message.text.starts_with("Hello,") && mail.fault.is_none());
}

fn site(files: &[(&str, &str)]) -> (Texts, Vec<String>) {
    let files: Vec<TextFile<'_>> = files.iter().map(|(name, text)| TextFile { name, text }).collect();
    let (texts, faults) = Texts::with_site(&files);
    (texts, faults.iter().map(ToString::to_string).collect())
}

#[test]
fn a_site_changes_the_words_that_it_names_and_adds_a_language_that_is_whole() {
    let (texts, faults) = site(&[("de.toml", "[user]\nrule = 'Siehe Richtlinie 7 von {{ company }}.'\n")]);
    assert_eq!(faults, [""; 0]);
    let text = texts.mail_user(&brief(Verdict::PolicyViolation), "de").message.text;
    assert!(
        text.contains("Siehe Richtlinie 7 von Example Corp.") && text.contains("Was Sie tun sollen"),
        "{text}"
    );

    let english = LANGUAGES_FILES[0].1.replace("Hello,", "Buongiorno,");
    let (texts, faults) = site(&[("it.toml", &english), ("user.txt", "{{ greeting }} {{ case_id }}\n")]);
    assert_eq!(faults, [""; 0]);
    let mail = texts.mail_user(&brief(Verdict::PolicyViolation), "it-CH").message;
    assert_eq!(mail.text, "Buongiorno, ph-20260302-k3m7qd5a\n");
    assert!(mail.html.unwrap().contains("<p>Buongiorno,</p>"));
}

const LANGUAGES_FILES: [(&str, &str); 3] = super::LANGUAGES;

#[test]
fn each_fault_has_its_file_and_line_and_the_shipped_text_is_used_instead() {
    for (file, text, line, why) in [
        ("user.txt", "a\nb {{ machnie }}\n", "user.txt line 2: ", "unknown name {{ machnie }}; known here:"),
        (
            "user.html",
            "{% if settled %}\n{{ nothing.here }}\n{% endif %}",
            "user.html line 2: ",
            "nothing.here",
        ),
        ("user.txt", "{% for t in times %}\n{{ t.wat }}{% endfor %}", "user.txt line 2: ", "undefined"),
        ("soc.html", "<p>\n{{ case_id\n</p>", "soc.html line ", "syntax error"),
        ("soc.txt", "\n{{ machine | safe }}", "soc.txt line 2: ", "safe"),
        (
            "user.html",
            "{% autoescape false %}{{ machine }}{% endautoescape %}",
            "user.html line 1: ",
            "escaped",
        ),
        (
            "user.txt",
            "{% for a in times %}{% for b in range(9999999) %}{{ b }}{% endfor %}{% endfor %}",
            "user.txt line 1: ",
            "unknown name {{ range }}",
        ),
        ("user.txt", "{% include 'x' %}", "user.txt line 1: ", "not found"),
        ("de.toml", "[user]\ngreting = 'x'\n", "de.toml line 2: ", "there is no text [user] greting"),
        ("de.toml", "[user]\n\nask = 'Frag {{ contct }}'\n", "de.toml line 3: ", "unknown name {{ contct }}"),
        (
            "de.toml",
            "[policy_violation]\nsteps = \"\"\"\nEins.\nZwei {{ x }}.\n\"\"\"\n",
            "de.toml line 4: ",
            "{{ x }}",
        ),
        ("de.toml", "[user]\ngreeting = ' '\n", "de.toml line 2: ", "says nothing"),
        ("de.toml", "[user]\ngreeting = 7\n", "de.toml line 2: ", "string"),
        ("de.toml", "[user\n", "de.toml line 1: ", ""),
        ("it.toml", "[user]\ngreeting = 'Buongiorno'\n", "it.toml: ", "is missing"),
        ("notes.md", "x", "notes.md: ", "no file of texts"),
        ("../de.toml", "x", "../de.toml: ", "no file of texts"),
    ] {
        let (texts, faults) = site(&[(file, text)]);
        assert!(!faults.is_empty(), "{file} {text:?} is taken");
        assert!(faults[0].starts_with(line) && faults[0].contains(why), "{text:?}: {faults:?}");
        assert!(faults.iter().all(|fault| !fault.contains('\n')), "{faults:?}");
        let of = |texts: &Texts| texts.mail_user(&brief(Verdict::PolicyViolation), "de");
        assert_eq!(of(&texts), of(Texts::shipped()), "{file}");
    }
    let long = "x".repeat(MAX_FILE_BYTES + 1);
    assert!(site(&[("user.txt", &long)]).1[0].contains("longer than"));
    let many: Vec<(String, &str)> = (0..=MAX_FILES).map(|n| (format!("x{n}.md"), "x")).collect();
    let many: Vec<(&str, &str)> = many.iter().map(|(name, text)| (name.as_str(), *text)).collect();
    assert!(site(&many).1.iter().any(|fault| fault.contains("more than 64 files")));
}

#[test]
fn a_layout_of_one_verdict_comes_before_the_others_and_gives_no_compromise_away() {
    let files = [
        ("soc.txt", "all {{ case_id }}"),
        ("soc.compromised.txt", "call the responders: {{ case_id }}"),
        ("user.inconclusive.html", "<p>{{ case_id }}</p>"),
    ];
    let (texts, faults) = site(&files);
    assert!(faults.is_empty(), "{faults:?}");
    let soc = |verdict| texts.mail_soc(&brief(verdict), "en").message.text;
    assert!(soc(Verdict::Compromised).starts_with("call the responders: "), "{}", soc(Verdict::Compromised));
    assert!(soc(Verdict::PolicyViolation).starts_with("all "));
    // Whoever else is at work may read the user's mail: it looks like the one after `inconclusive`.
    let user = |verdict| texts.mail_user(&brief(verdict), "en").message.html.unwrap();
    assert!(user(Verdict::Inconclusive).starts_with("<p>"));
    assert_eq!(user(Verdict::Compromised), user(Verdict::Inconclusive));
    assert!(!user(Verdict::PolicyViolation).starts_with("<p>"));
    // Outside text is escaped by the last part of the name.
    let hostile = Brief { case_id: "<b>".to_owned(), ..brief(Verdict::Inconclusive) };
    assert_eq!(texts.mail_user(&hostile, "en").message.html.unwrap(), "<p>&lt;b&gt;</p>");
    for (file, why) in [
        ("user.compromised.txt", "remove this file"),
        ("soc.guilty.txt", "no file of texts"),
        ("soc.compromised.txt.html", "no file of texts"),
        ("boss.compromised.txt", "no file of texts"),
    ] {
        let (_, faults) = site(&[(file, "x")]);
        assert!(faults.len() == 1 && faults[0].contains(why), "{file}: {faults:?}");
    }
    let (_, faults) = site(&[("soc.compromised.html", "{{ machnie }}")]);
    assert!(faults[0].starts_with("soc.compromised.html line 1: unknown name"), "{faults:?}");
}

#[test]
fn a_text_that_cannot_be_used_for_one_case_does_not_keep_its_mail() {
    let mut texts = Texts::shipped().clone();
    texts.layouts.insert(Layout::UserHtml, "{{ nothing }}".to_owned());
    let written = texts.mail_user(&brief(Verdict::PolicyViolation), "de");
    assert_eq!(written.message, Texts::shipped().mail_user(&brief(Verdict::PolicyViolation), "de").message);
    assert!(written.fault.unwrap().to_string().starts_with("user.html line 1: "));
}

#[test]
fn a_hostile_name_is_text_in_both_parts() {
    for name in [
        "<script>alert(1)</script>",
        "\"><img src=x onerror=alert(1)>",
        "{{ case_id }}{% for x in y %}",
        "&lt;b&gt;",
        "x\r\nBcc: everyone@example.com",
        "\u{202e}gpj.exe",
        "</style><style>*{display:none}",
    ] {
        let mut brief = brief(Verdict::PolicyViolation);
        name.clone_into(&mut brief.identity.as_mut().unwrap().host_name);
        brief.organisation = Some(name.to_owned());
        brief.soc_contact = Some(name.to_owned());
        name.clone_into(&mut brief.assessment.as_mut().unwrap().findings[0].explanation);
        let finding = &mut brief.assessment.as_mut().unwrap().findings[0];
        (finding.rule, finding.title) = ("site.rule".to_owned(), name.to_owned());
        for language in LANGUAGES {
            for written in
                [Texts::shipped().mail_user(&brief, language), Texts::shipped().mail_soc(&brief, language)]
            {
                assert_eq!(written.fault, None, "{name}");
                let mail = written.message;
                assert!(!mail.subject.contains(char::is_control), "{:?}", mail.subject);
                let html = mail.html.unwrap();
                for broken in ["<script", "<img", "</style><style>", "\u{202e}", "\r", "\nBcc:"] {
                    assert!(!html.contains(broken), "{name}: {html}");
                    assert!(!mail.text.contains(broken) || broken.starts_with('<'), "{name}: {}", mail.text);
                }
                if name.contains("{{") {
                    assert!(mail.text.contains("{{ case_id }}"), "read as a template: {}", mail.text);
                }
            }
        }
    }
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// Pictures of every mail lie in `target/report/` afterwards.
#[test]
fn a_browser_shows_every_mail_and_loads_nothing() {
    let python = root().join("target/test-venv/bin/python");
    let modules = Command::new(&python).args(["-c", "import html5lib, axe_core_python"]).output();
    let there =
        modules.is_ok_and(|output| output.status.success()) && Path::new("/usr/bin/chromium").exists();
    if !there {
        #[expect(clippy::disallowed_methods, reason = "on CI a skip proves nothing")]
        let on_ci = std::env::var_os("CI").is_some();
        assert!(!on_ci, "cannot be skipped here: html5lib, axe-core or chromium is not installed");
        println!(
            "skipped: html5lib, axe-core or chromium not installed (scripts/test-requirements installs them)"
        );
        return;
    }
    let folder = root().join("target/report");
    std::fs::create_dir_all(&folder).unwrap();
    for (name, mail) in all() {
        let html = mail.html.unwrap();
        for outside in ["src=", "href=", "url(", "@import", "http:", "https:"] {
            assert!(!html.contains(outside), "{name}: {outside}");
        }
        // One of each kind in every language is enough of the browser.
        if !(name.contains("policy_violation") || name == "user-false_positive-en") {
            continue;
        }
        let file = folder.join(format!("mail-{name}.html"));
        std::fs::write(&file, html).unwrap();
        let scripts = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/report/tests");
        let output = Command::new(&python)
            .arg(scripts.join("browser.py"))
            .arg(&file)
            .arg("light,dark,narrow,narrow-dark")
            .output()
            .unwrap();
        assert!(output.status.success(), "{name}: {}", String::from_utf8_lossy(&output.stderr));
        let seen: Value = serde_json::from_slice(&output.stdout).unwrap();
        assert_eq!(seen["messages"], serde_json::json!([]), "{name}");
        assert_eq!(seen["requests"], serde_json::json!([]), "{name}: it loads something");
        let views = seen["views"].as_array().unwrap();
        assert_eq!(views.len(), 4, "{name}: {seen}");
        for view in views {
            assert!(
                view["scroll_width"].as_u64().unwrap() <= view["width"].as_u64().unwrap(),
                "{name}: {view}"
            );
            assert_eq!(view["faults"], serde_json::json!([]), "{name}: not accessible: {view}");
        }
        let of =
            |wanted: &str| views.iter().find(|view| view["name"] == wanted).unwrap()["background"].clone();
        assert_eq!(
            (of("light"), of("dark")),
            ("rgb(243, 244, 246)".into(), "rgb(13, 16, 20)".into()),
            "{name}"
        );
    }
}
