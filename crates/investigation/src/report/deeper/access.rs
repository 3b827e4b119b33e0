//! Who could come in, and who did: logins, keys, accounts, shares, histories.

use std::cmp::Reverse;

use super::super::table::Set;
use super::super::words::bytes;
use super::{Head, Lists};
use crate::evidence::{ArtifactKind, AuthorizedKey, HistoryFile, LocalAccount, Login, LoginKind, Share};

const LOGINS: &[(&str, Set)] = &[
    ("What", Set::Word),
    ("At (UTC)", Set::Code),
    ("Account", Set::Text),
    ("From", Set::Text),
    ("On", Set::Text),
    ("Known from", Set::Code),
];
/// The same where the system says how, by whom and for what.
const LOGINS_IN_FULL: &[(&str, Set)] = &[
    ("What", Set::Word),
    ("At (UTC)", Set::Code),
    ("Account", Set::Text),
    ("From", Set::Text),
    ("On", Set::Text),
    ("Known from", Set::Code),
    ("How", Set::Text),
    ("Asked for by", Set::Code),
    ("Used at", Set::Text),
];
const KEYS: &[(&str, Set)] = &[
    ("Lets in", Set::Text),
    ("Key", Set::Code),
    ("Comment", Set::Text),
    ("Restricted by", Set::Code),
    ("File", Set::Code),
    ("Written (UTC)", Set::Code),
];
const ACCOUNTS: &[(&str, Set)] = &[
    ("Account", Set::Text),
    ("Mark", Set::Word),
    ("Member of", Set::Text),
    ("Last login (UTC)", Set::Code),
    ("Password set (UTC)", Set::Code),
    ("SID", Set::Code),
];
const SHARES: &[(&str, Set)] = &[
    ("What", Set::Word),
    ("Name", Set::Code),
    ("Account", Set::Text),
    ("Folder", Set::Code),
    ("For (s)", Set::Number),
];
const HISTORIES: &[(&str, Set)] = &[
    ("History", Set::Code),
    ("Owner", Set::Text),
    ("Size", Set::Number),
    ("Written (UTC)", Set::Code),
    ("Leads to", Set::Code),
];
/// The local groups that matter, by their SIDs (<https://learn.microsoft.com/windows-server/identity/ad-ds/manage/understand-security-identifiers>).
const GROUPS: [(&str, &str); 4] = [
    ("S-1-5-32-544", "administrators"),
    ("S-1-5-32-555", "remote desktop"),
    ("S-1-5-32-580", "remote management"),
    ("S-1-5-32-551", "backup operators"),
];

impl Lists<'_, '_> {
    pub(super) fn logins(&mut self, rows: Option<&[Login]>) {
        let says_more = |login: &Login| {
            login.how.is_some() || login.by.is_some() || login.program.is_some() || login.target.is_some()
        };
        let in_full = rows.is_some_and(|rows| rows.iter().any(says_more));
        let head = Head {
            kind: ArtifactKind::Logins,
            heading: "Who logged in",
            columns: if in_full { LOGINS_IN_FULL } else { LOGINS },
            order: "logins from elsewhere first, then tries that failed and uses of other credentials, the latest first",
        };
        let rank = |login: &Login| match (login.kind, login.from.as_deref().unwrap_or_default()) {
            (LoginKind::Login, from) if !from.is_empty() => 0,
            (LoginKind::Failed, _) => 1,
            (LoginKind::ExplicitCredentials, _) => 2,
            (LoginKind::Login, _) => 3,
            (LoginKind::ClockSet, _) => 4,
            _ => 5,
        };
        self.list(
            &head,
            rows,
            |login| (rank(login), Reverse(login.at)),
            |row, login| {
                row.text(match login.kind {
                    LoginKind::Login => "login",
                    LoginKind::Logout => "logout",
                    LoginKind::Failed => "failed try",
                    LoginKind::Boot => "start",
                    LoginKind::RunLevel => "run level",
                    LoginKind::ClockSet => "clock set",
                    LoginKind::Privileged => "administrator",
                    LoginKind::ExplicitCredentials => "other credentials",
                });
                row.time(login.at);
                row.maybe(login.user.as_deref());
                row.maybe(login.from.as_deref());
                row.maybe(login.session.as_deref());
                row.outside(&login.source);
                if in_full {
                    row.maybe(login.how.as_deref());
                    let asked = [login.by.as_deref(), login.program.as_deref()];
                    row.maybe(Some(&asked.into_iter().flatten().collect::<Vec<_>>().join(": ")));
                    row.maybe(login.target.as_deref());
                }
            },
        );
    }

    pub(super) fn keys(&mut self, rows: Option<&[AuthorizedKey]>) {
        let head = Head {
            kind: ArtifactKind::AuthorizedKeys,
            heading: "Keys that let somebody in",
            columns: KEYS,
            order: "the latest files first, and in them what nothing restricts",
        };
        let order = |key: &AuthorizedKey| (Reverse(key.modified_at), key.options.is_some());
        self.list(&head, rows, order, |row, key| {
            row.maybe(key.user.as_deref());
            row.cell(|page| {
                page.brief(&key.key_type, 60);
                page.text(" ");
                page.outside(&key.fingerprint);
            });
            row.maybe(key.comment.as_deref());
            row.maybe(key.options.as_deref());
            row.cell(|page| {
                page.outside(&key.path);
                page.text(&format!(", line {}", key.line));
            });
            row.time(key.modified_at);
        });
    }

    pub(super) fn accounts(&mut self, rows: Option<&[LocalAccount]>) {
        let head = Head {
            kind: ArtifactKind::Accounts,
            heading: "Accounts of the machine",
            columns: ACCOUNTS,
            order: "those that need no password first, then administrators, the latest login first",
        };
        let order = |account: &LocalAccount| {
            let administers = account.groups.iter().any(|group| group == GROUPS[0].0);
            (account.enabled == Some(false), !account.no_password, !administers, Reverse(account.last_login))
        };
        self.list(&head, rows, order, |row, account| {
            row.outside(&account.name);
            row.marks(&[
                (account.no_password, "badge bad", "no password"),
                (account.enabled == Some(false), "badge", "disabled"),
                (!account.local, "badge", "of the domain"),
            ]);
            let named = |sid: &String| {
                GROUPS.iter().find(|group| group.0 == sid).map_or(sid.as_str(), |group| group.1).to_owned()
            };
            let groups: Vec<String> = account.groups.iter().take(20).map(named).collect();
            row.maybe(Some(&groups.join(", ")));
            row.time(account.last_login);
            row.time(account.password_set);
            row.maybe(account.sid.as_deref());
        });
    }

    pub(super) fn shares(&mut self, rows: Option<&[Share]>) {
        let head = Head {
            kind: ArtifactKind::Shares,
            heading: "Shares, and who uses them",
            columns: SHARES,
            order: "sessions from elsewhere first, then what this machine uses",
        };
        let rank = |share: &Share| match share.kind.as_str() {
            "session" => 0,
            "connection" => 1,
            // Those that every Windows has.
            _ if share.name.ends_with('$') => 3,
            _ => 2,
        };
        self.list(&head, rows, rank, |row, share| {
            row.outside(&share.kind);
            row.outside(&share.name);
            row.maybe(share.user.as_deref());
            row.maybe(share.path.as_deref());
            row.maybe_number(share.seconds);
        });
    }

    pub(super) fn histories(&mut self, rows: Option<&[HistoryFile]>) {
        let head = Head {
            kind: ArtifactKind::ShellHistories,
            heading: "Histories, without what they hold",
            columns: HISTORIES,
            order: "those that keep nothing first",
        };
        let order = |file: &HistoryFile| (file.target.is_none(), file.size > 0, Reverse(file.modified_at));
        self.list(&head, rows, order, |row, file| {
            row.outside(&file.path);
            row.maybe(file.owner.as_deref());
            row.text(&bytes(file.size));
            row.time(file.modified_at);
            row.maybe(file.target.as_deref());
        });
    }
}
