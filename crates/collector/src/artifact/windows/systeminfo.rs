//! `systeminfo`: labels are in the language of the endpoint, their order is the same everywhere.

/// What is used of it.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct SystemInfo {
    pub(super) host: Option<String>,
    /// For example `Microsoft Windows 10 Enterprise`.
    pub(super) os: Option<String>,
    /// For example `10.0.17134 N/A Build 17134`.
    pub(super) version: Option<String>,
    /// Domain or workgroup.
    pub(super) domain: Option<String>,
}

/// Reads line by line.
#[derive(Debug, Default)]
pub(super) struct Reading {
    info: SystemInfo,
    values: usize,
}

impl Reading {
    pub(super) fn line(&mut self, line: &str) {
        // What goes on from the line above is indented.
        if line.trim().is_empty() || line.starts_with([' ', '\t']) {
            return;
        }
        // A label may hold a colon itself (`Virtual Memory: Max Size:`); a value is at least two columns away from it,
        // or the label fills its column.
        let Some((_, value)) = line.split_once(": ").or_else(|| line.trim_end().split_once(':')) else {
            return;
        };
        let value = || super::some(value).map(super::named);
        match self.values {
            0 => self.info.host = value(),
            1 => self.info.os = value(),
            2 => self.info.version = value(),
            28 => self.info.domain = value(),
            _ => {}
        }
        self.values += 1;
    }

    pub(super) fn finish(self) -> SystemInfo {
        self.info
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn values_are_taken_by_their_place() {
        let mut reading = Reading::default();
        let german = "\nHostname:                                      PC-07\nBetriebssystemname:                            Microsoft Windows 11 Pro\nBetriebssystemversion:                         10.0.22631 Nicht zutreffend Build 22631\n                                               [01]: x\n";
        german.lines().for_each(|line| reading.line(line));
        (3..28).for_each(|n| reading.line(&format!("Etwas {n}:     x")));
        reading.line("Domäne:                                        corp.example");
        let info = reading.finish();
        assert_eq!(
            (info.host.as_deref(), info.os.as_deref()),
            (Some("PC-07"), Some("Microsoft Windows 11 Pro"))
        );
        assert_eq!(info.domain.as_deref(), Some("corp.example"));
        assert_eq!(info.version.as_deref(), Some("10.0.22631 Nicht zutreffend Build 22631"));
    }

    proptest! {
        #[test]
        fn any_text_is_read(text: String) {
            let mut reading = Reading::default();
            text.lines().for_each(|line| reading.line(line));
            reading.finish();
        }
    }
}
