//! The assessment in words: one sentence, plain text for a terminal, Markdown for the report.

use std::fmt::Write as _;

use super::Question;
use super::gaps::{Gap, words};
use super::verdict::{Assessment, Bearing, Citation, Confidence, Finding, Verdict};
use crate::text::{markdown, one_line};

/// Width of plain text.
const WIDTH: usize = 100;

/// The one sentence: verdict, address and what carries it.
pub(super) fn sentence(
    question: &Question<'_>,
    (verdict, confidence): (Verdict, Confidence),
    headlines: &[String],
    findings: &[Finding],
    gaps: &[Gap],
) -> String {
    let headline = headlines.first().map(String::as_str);
    let target = question.target.to_canonical();
    let blocking = gaps.iter().filter(|gap| gap.blocks).count();
    match (verdict, headline) {
        (Verdict::Compromised, Some(headline)) => {
            let use_too = findings.iter().any(|finding| finding.bearing == Bearing::Violation);
            let too = if use_too { " Peer-to-peer software was in use as well." } else { "" };
            format!("Compromised at {target} ({confidence} confidence): {headline}.{too}")
        }
        (Verdict::PolicyViolation, Some(headline)) => {
            format!("Policy violation at {target} ({confidence} confidence): {headline}.")
        }
        (Verdict::Inconclusive, Some(headline)) => {
            format!("Inconclusive at {target}, an analyst must decide: {headline}.")
        }
        (Verdict::FalsePositive, Some(headline))
            if findings.iter().any(|f| f.rule.starts_with("explained.")) =>
        {
            format!(
                "False positive at {target} ({confidence} confidence): {headline}, which explains the alert."
            )
        }
        (Verdict::FalsePositive, _) => {
            let peer = question
                .peer_ip
                .map(|ip| format!(" and no socket to {}", ip.to_canonical()))
                .unwrap_or_default();
            let age = question.seen().map_or_else(String::new, |seen| {
                format!(", collected {} after the alert", words(question.collected_at.duration_since(seen)))
            });
            format!(
                "False positive at {target} ({confidence} confidence): no peer-to-peer client, no torrent file{peer} in \
                 whole evidence{age}."
            )
        }
        (Verdict::Inconclusive | Verdict::PolicyViolation | Verdict::Compromised, None) => {
            let things =
                if blocking == 1 { "1 thing is".to_owned() } else { format!("{blocking} things are") };
            format!("Inconclusive at {target}: nothing was found, but {things} missing from the evidence.")
        }
    }
}

/// The assessment as plain text for a terminal, with a line feed at its end. No control characters but line feeds.
pub fn explain_text(assessment: &Assessment) -> String {
    let mut out = String::new();
    let _ = writeln!(out, "Verdict: {} ({} confidence)", assessment.verdict.words(), assessment.confidence);
    wrapped(&mut out, "", &assessment.summary);
    for (number, finding) in assessment.findings.iter().enumerate() {
        finding_text(&mut out, number + 1, finding);
    }
    let basis = &assessment.basis;
    if !basis.chain.is_empty() {
        let _ = writeln!(out, "\nFrom the alert to a person:");
        for link in &basis.chain {
            let mark = if link.holds { "holds" } else { "BREAKS" };
            wrapped(&mut out, "  - ", &format!("{} {mark}: {}", link.link, link.says));
        }
    }
    if !assessment.missing.is_empty() {
        let _ = writeln!(out, "\nMissing from the evidence:");
        for missing in &assessment.missing {
            wrapped(&mut out, "  - ", missing);
        }
    }
    if !basis.would_change.is_empty() {
        let _ = writeln!(out, "\nWhat would change the verdict:");
        for change in &basis.would_change {
            wrapped(&mut out, "  - ", change);
        }
    }
    if !basis.shadow.is_empty() {
        let _ = writeln!(out, "\nFound in shadow, without a say in the verdict:");
        for finding in &basis.shadow {
            let what = format!("{} [{}]: {}", finding.title, finding.rule, finding.explanation);
            wrapped(&mut out, "  - ", &what);
        }
    }
    let _ = writeln!(out, "\n{}", versions(assessment, line));
    out
}

/// What the verdict was made by.
fn versions(assessment: &Assessment, escaped: impl Fn(&str) -> String) -> String {
    let site = assessment.basis.rules_version.as_deref();
    let site = site.map(|version| format!(" Rules of the site {}.", escaped(version))).unwrap_or_default();
    format!("Indicators {}.{site}", escaped(&assessment.indicators_version))
}

fn finding_text(out: &mut String, number: usize, finding: &Finding) {
    let technique = finding.technique.as_ref().map(|id| format!(", ATT&CK {}", line(id))).unwrap_or_default();
    let _ = writeln!(
        out,
        "\n{number}. {} [{}, {} confidence{technique}]",
        line(&finding.title),
        line(&finding.rule),
        finding.confidence
    );
    wrapped(out, "   ", &finding.explanation);
    for citation in &finding.citations {
        let _ =
            writeln!(out, "   - {} row {}: {}", line(&citation.entry), citation.row, line(&citation.excerpt));
    }
    wrapped(out, "   Next: ", &finding.runbook);
}

/// The assessment as a section of Markdown, from a second-level heading on, with a line feed at its end. Everything
/// that the endpoint had a say in is escaped.
pub fn explain_markdown(assessment: &Assessment) -> String {
    let mut out = String::new();
    let _ = writeln!(out, "## Verdict: {}\n", assessment.verdict.words());
    let _ = writeln!(out, "{}\n", markdown(&assessment.summary));
    let _ = writeln!(out, "Confidence: {}. {}", assessment.confidence, versions(assessment, markdown));
    if !assessment.findings.is_empty() {
        let _ = writeln!(out, "\n## Findings");
    }
    for (number, finding) in assessment.findings.iter().enumerate() {
        finding_markdown(&mut out, number + 1, finding);
    }
    let basis = &assessment.basis;
    if !basis.chain.is_empty() {
        let _ = writeln!(out, "\n## From the alert to a person\n");
        for link in &basis.chain {
            let mark = if link.holds { "holds" } else { "**breaks**" };
            let _ = writeln!(out, "- {} {mark}: {}", markdown(&link.link), markdown(&link.says));
        }
    }
    let mut list = |title: &str, lines: &[String]| {
        if !lines.is_empty() {
            let _ = writeln!(out, "\n## {title}\n");
            for line in lines {
                let _ = writeln!(out, "- {}", markdown(line));
            }
        }
    };
    list("Missing from the evidence", &assessment.missing);
    list("What would change the verdict", &basis.would_change);
    let shadow = basis
        .shadow
        .iter()
        .map(|finding| format!("{} ({}): {}", finding.title, finding.rule, finding.explanation));
    list("Found in shadow, without a say in the verdict", &shadow.collect::<Vec<_>>());
    out
}

fn finding_markdown(out: &mut String, number: usize, finding: &Finding) {
    let _ = writeln!(out, "\n### {number}. {}\n", markdown(&finding.title));
    let technique =
        finding.technique.as_ref().map(|id| format!(", ATT&CK {}", markdown(id))).unwrap_or_default();
    let _ =
        writeln!(out, "Rule {}, {} confidence{technique}.\n", markdown(&finding.rule), finding.confidence);
    let _ = writeln!(out, "{}\n", markdown(&finding.explanation));
    let _ = writeln!(out, "| Entry | Row | PID | Image | User | Peer | Excerpt |");
    let _ = writeln!(out, "| --- | ---: | ---: | --- | --- | --- | --- |");
    for citation in &finding.citations {
        let _ = writeln!(out, "{}", row_markdown(citation));
    }
    let _ = writeln!(out, "\nNext: {}", markdown(&finding.runbook));
}

fn row_markdown(citation: &Citation) -> String {
    let cell = |text: Option<&str>| text.map(|text| markdown(&one_line(text, 200))).unwrap_or_default();
    format!(
        "| {} | {} | {} | {} | {} | {} | {} |",
        markdown(&citation.entry),
        citation.row,
        citation.pid.map(|pid| pid.to_string()).unwrap_or_default(),
        cell(citation.image.as_deref()),
        cell(citation.user.as_deref()),
        cell(citation.peer.as_deref()),
        cell(Some(&citation.excerpt)),
    )
}

/// Stored assessments may have been changed: escape once more, which leaves safe text as it is.
fn line(text: &str) -> String {
    one_line(text, 2000)
}

/// Words filled into lines; the prefix stands before the first, its width in spaces before the others.
fn wrapped(out: &mut String, prefix: &str, text: &str) {
    let indent = " ".repeat(prefix.chars().count());
    let mut current = prefix.to_owned();
    let mut width = prefix.chars().count();
    let mut fresh = true;
    for word in line(text).split(' ') {
        let length = word.chars().count();
        if !fresh && width + 1 + length > WIDTH {
            let _ = writeln!(out, "{}", current.trim_end());
            current.clone_from(&indent);
            width = indent.len();
            fresh = true;
        }
        if !fresh {
            current.push(' ');
            width += 1;
        }
        current.push_str(word);
        width += length;
        fresh = false;
    }
    let _ = writeln!(out, "{}", current.trim_end());
}
