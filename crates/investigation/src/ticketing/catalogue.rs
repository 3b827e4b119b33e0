//! The presets that are shipped.

use std::sync::LazyLock;

use super::preset::Preset;

/// One file each. A file that does not read is found by a test, and left out.
const FILES: [&str; 12] = [
    include_str!("presets/webhook.toml"),
    include_str!("presets/jira.toml"),
    include_str!("presets/jira-dc.toml"),
    include_str!("presets/servicenow.toml"),
    include_str!("presets/thehive.toml"),
    include_str!("presets/rt.toml"),
    include_str!("presets/roundup.toml"),
    include_str!("presets/github.toml"),
    include_str!("presets/gitlab.toml"),
    include_str!("presets/pagerduty.toml"),
    include_str!("presets/slack.toml"),
    include_str!("presets/teams.toml"),
];

static SHIPPED: LazyLock<Vec<Preset>> =
    LazyLock::new(|| FILES.iter().filter_map(|file| toml::from_str(file).ok()).collect());

/// The presets that are shipped.
pub fn shipped() -> &'static [Preset] {
    &SHIPPED
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_preset_reads_names_its_source_and_has_nothing_wrong() {
        for file in FILES {
            let preset: Preset = toml::from_str(file).unwrap_or_else(|error| panic!("{error}\n{file}"));
            assert_eq!(preset.problems(), Vec::<String>::new(), "{}", preset.name);
            assert!(preset.name == "webhook" || preset.docs.iter().all(|page| page.starts_with("https://")));
            assert!(preset.name == "webhook" || !preset.docs.is_empty(), "{}", preset.name);
            assert!(preset.title_chars >= 100 && preset.body_bytes >= 1000, "{}", preset.name);
        }
        let mut names: Vec<&str> = shipped().iter().map(|preset| preset.name.as_str()).collect();
        assert_eq!(names.len(), FILES.len());
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), FILES.len(), "two have one name");
    }
}
