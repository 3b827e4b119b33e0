//! `tasklist /fo csv`, with `/v` or without: columns by their position.

/// One row.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Task {
    pub(super) image: String,
    pub(super) pid: u32,
    /// `Console`, `RDP-Tcp#3`, `Services`; empty for a disconnected session.
    pub(super) session_name: String,
    pub(super) session: Option<u32>,
    /// `DOMAIN\user`, with `/v` and where this account may know it.
    pub(super) user: Option<String>,
}

/// Reads one line. `None` for a header, and for what is no row.
pub(super) fn task(line: &str) -> Option<Task> {
    let mut fields = super::csv::fields(line)?.into_iter();
    let image = super::named(fields.next()?);
    // Digits alone: a column's title is none.
    let pid = fields.next()?.parse().ok()?;
    let session_name = super::named(fields.next()?);
    let session = fields.next().and_then(|number| number.parse().ok());
    // Memory and status are of no use here. An account that is not known is a word of the endpoint's language.
    let user = fields.nth(2).filter(|user| user.contains('\\')).map(super::named);
    Some(Task { image, pid, session_name, session, user })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_taken_by_position() {
        let verbose = r#""qbittorrent.exe","4242","Console","1","123.456 K","Wird ausgeführt","CORP\alice","0:01:02","a ","b" title""#;
        let found = task(verbose).unwrap();
        assert_eq!((found.image.as_str(), found.pid, found.session), ("qbittorrent.exe", 4242, Some(1)));
        assert_eq!((found.user.as_deref(), found.session_name.as_str()), (Some(r"CORP\alice"), "Console"));
        let found = task(r#""System","4","Services","0","144 Ko","Unknown","N/A","0:00:00","N/A""#).unwrap();
        assert_eq!((found.pid, found.user), (4, None));
        assert_eq!(task(r#""svchost.exe","912","Services","0","9 876 K""#).unwrap().user, None);
        assert_eq!(task(r#""Abbildname","PID","Sitzungsname","Sitz.-Nr.","Speichernutzung""#), None);
        assert_eq!(task("INFORMATION: Es werden keine Aufgaben ausgeführt"), None);
    }
}
