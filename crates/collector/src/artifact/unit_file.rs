//! The `[Section]` / `Key=Value` files of systemd and of freedesktop.org.

/// First value of `key` inside `[section]`. Lines that a backslash ends go on in the next.
pub(crate) fn value(content: &str, section: &str, key: &str) -> Option<String> {
    let mut inside = false;
    let mut lines = content.lines();
    while let Some(line) = lines.next() {
        let line = line.trim();
        if let Some(name) = line.strip_prefix('[') {
            inside = name.strip_suffix(']') == Some(section);
        } else if inside
            && let Some((found, value)) = line.split_once('=')
            && found.trim_end() == key
        {
            let mut value = value.trim().to_owned();
            while value.ends_with('\\') {
                value.pop();
                let Some(more) = lines.next() else { break };
                value.push_str(more.trim());
            }
            if !value.is_empty() {
                return Some(value);
            }
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_taken_from_their_section_only() {
        let unit = "[Unit]\nUser=wrong\n[Service]\n# User=no\nUser = alice\nExecStart=\nExecStart=/bin/a \\\n  -b\\\n c\n[Install]\nUser=late\n";
        assert_eq!(value(unit, "Service", "User").as_deref(), Some("alice"));
        assert_eq!(value(unit, "Service", "ExecStart").as_deref(), Some("/bin/a -bc"));
        assert_eq!(value(unit, "Timer", "OnCalendar"), None);
        assert_eq!(value("[Service]\nExecStart=/a \\", "Service", "ExecStart").as_deref(), Some("/a "));
    }
}
