//! `quser`: who has a session, at the screen or remotely. Columns have a fixed width; what the state is, how long it is
//! idle and since when, is in the language of the endpoint.

/// One session.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct UserSession {
    /// Account name without its domain.
    pub(super) name: String,
    /// `console`, `rdp-tcp#3`; nothing where it is disconnected.
    pub(super) session: Option<String>,
    /// Its number.
    pub(super) id: u32,
}

/// Width of the mark and the name.
const NAME_END: usize = 22;

/// Reads one line. `None` for the header, which has no number, and for what is no row.
pub(super) fn session(line: &str) -> Option<UserSession> {
    let mut chars = line.chars();
    if !matches!(chars.next()?, ' ' | '>') {
        return None;
    }
    // A name may hold blanks. One that fills its column leaves none behind it; then it is the first word.
    let fixed: String = line.chars().skip(1).take(NAME_END - 1).collect();
    let (name, rest) = if fixed.ends_with(' ') && !fixed.trim_end().is_empty() {
        let name = fixed.trim_end().to_owned();
        (name, line.chars().skip(NAME_END).collect::<String>())
    } else {
        let rest = line[1..].trim_start();
        let end = rest.find(char::is_whitespace)?;
        (rest[..end].to_owned(), rest[end..].to_owned())
    };
    let mut words = rest.split_whitespace();
    let first = words.next()?;
    let (session, id) = match first.parse() {
        Ok(id) => (None, id),
        Err(_) => (Some(super::named(first.to_owned())), words.next()?.parse().ok()?),
    };
    // A state follows.
    words.next()?;
    Some(UserSession { name: super::named(name), session, id })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn sessions_are_told_by_their_number() {
        let of = |line: &str| session(line).map(|s| (s.name, s.session, s.id));
        let some =
            |name: &str, session: Option<&str>, id| Some((name.to_owned(), session.map(str::to_owned), id));
        assert_eq!(of(" USERNAME              SESSIONNAME        ID  STATE   IDLE TIME  LOGON TIME"), None);
        assert_eq!(of(" BENUTZERNAME          SITZUNGSNAME       ID  STATUS  LEERLAUF   ANMELDEZEIT"), None);
        assert_eq!(
            of(">alice                 console             1  Active      none   3/2/2026 8:01 AM"),
            some("alice", Some("console"), 1)
        );
        assert_eq!(
            of(" john doe              rdp-tcp#13          2  Aktiv           .  02.03.2026 08:05"),
            some("john doe", Some("rdp-tcp#13"), 2)
        );
        assert_eq!(
            of(" bob                                       3  Disc            5  3/1/2026 9:00 AM"),
            some("bob", None, 3)
        );
        assert_eq!(
            of(">paulo.feitosa         31c5ce94259d...     2  Active          .  5/10/2026 3:57 PM"),
            some("paulo.feitosa", Some("31c5ce94259d..."), 2)
        );
        assert_eq!(of("Für * ist kein Benutzer vorhanden"), None);
        assert_eq!(of(""), None);
        assert_eq!(of(" x"), None);
    }

    proptest! {
        #[test]
        fn any_line_is_read(text: String) {
            session(&text);
            session(&format!(" {text}"));
            session(&format!(" é{text} 1 x"));
        }
    }
}
