//! Tables of cron(8) and anacron(8).

/// One job.
#[derive(Debug, PartialEq)]
pub(super) struct Job {
    /// When it runs, as the table spells it.
    pub(super) schedule: String,
    pub(super) user: Option<String>,
    pub(super) command: String,
}

/// Jobs of one table. A user's own table has no column for the user; `owner` is then who it belongs to.
pub(super) fn jobs(table: &str, owner: Option<&str>, anacron: bool) -> Vec<Job> {
    table.lines().filter_map(|line| job(line.trim(), owner, anacron)).collect()
}

fn job(line: &str, owner: Option<&str>, anacron: bool) -> Option<Job> {
    if line.is_empty() || line.starts_with('#') || is_assignment(line) {
        return None;
    }
    // anacron: period, delay, identifier; no user. cron: `@reboot` or five fields.
    let fields = match (anacron, line.starts_with('@')) {
        (true, _) => 3,
        (false, true) => 1,
        (false, false) => 5,
    };
    let (schedule, rest) = split_words(line, fields)?;
    let (user, command) = match owner {
        Some(owner) => (Some(owner.to_owned()), rest),
        None if anacron => (Some("root".to_owned()), rest),
        None => {
            let (user, command) = split_words(rest, 1)?;
            (Some(user.to_owned()), command)
        }
    };
    Some(Job { schedule: schedule.to_owned(), user, command: command.to_owned() })
}

/// `NAME = value`.
fn is_assignment(line: &str) -> bool {
    line.split_once('=').is_some_and(|(name, _)| {
        let name = name.trim();
        !name.is_empty() && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_')
    })
}

/// The first `count` words and what follows them.
fn split_words(line: &str, count: usize) -> Option<(&str, &str)> {
    let mut rest = line;
    for _ in 0..count {
        let end = rest.find(char::is_whitespace)?;
        rest = rest[end..].trim_start();
    }
    (!rest.is_empty()).then(|| (line[..line.len() - rest.len()].trim_end(), rest))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn job_of(line: &str, owner: Option<&str>, anacron: bool) -> Option<(String, Option<String>, String)> {
        job(line, owner, anacron).map(|j| (j.schedule, j.user, j.command))
    }

    #[test]
    fn system_user_and_anacron_tables() {
        let some = |s: &str, u: &str, c: &str| Some((s.to_owned(), Some(u.to_owned()), c.to_owned()));
        assert_eq!(
            job_of("17 *\t* * *  root   cd / && run-parts /etc/cron.hourly", None, false),
            some("17 *\t* * *", "root", "cd / && run-parts /etc/cron.hourly")
        );
        assert_eq!(
            job_of("@reboot alice /home/alice/.x", None, false),
            some("@reboot", "alice", "/home/alice/.x")
        );
        assert_eq!(job_of("@reboot /tmp/.x -d", Some("bob"), false), some("@reboot", "bob", "/tmp/.x -d"));
        assert_eq!(
            job_of("1 5 cron.daily run-parts x", None, true),
            some("1 5 cron.daily", "root", "run-parts x")
        );
        for nothing in
            ["", "# 1 2 3 4 5 root x", "PATH=/bin:/usr/bin", "MAILTO = a", "* * * * *", "* * * * * root"]
        {
            assert_eq!(job_of(nothing, None, false), None, "{nothing}");
        }
    }

    proptest! {
        #[test]
        fn any_table_is_read(table: String, owned: bool, anacron: bool) {
            jobs(&table, owned.then_some("x"), anacron);
        }
    }
}
