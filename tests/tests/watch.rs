//! `peerhound watch` is killed at any moment and started again: one outcome, one mail and one ticket for each alert.

use std::collections::BTreeMap;
use std::process::Child;
use std::time::Duration;

use acceptance::{Alert, Answer, Endpoint, Lab, Peerhound, eve, wait_until};
use serde_json::Value;

/// Every verdict leads to a mail and a ticket, so that what is delivered twice is seen.
const LOUD: &str = "false_positive = [\"mail_soc\", \"ticket\"]";
const FLOWS: std::ops::Range<u64> = 1..4;

struct Watched {
    more: Vec<Endpoint>,
    lab: Lab,
    spool: String,
}

impl Watched {
    fn start() -> Option<Self> {
        let lab = Lab::start_isolated().expect("a lab")?;
        let more = [("desk", 21), ("tower", 22)]
            .map(|(name, number)| Endpoint::start(&lab.network, name, number).expect("an endpoint"));
        let spool = lab.network.workspace().subfolder("spool").expect("a folder");
        Some(Self { more: more.into(), lab, spool: spool.to_string_lossy().into_owned() })
    }

    fn peerhound(&self) -> Peerhound<'_> {
        Peerhound::new(&self.lab.network, &self.lab.policy().actions(LOUD).text()).expect("peerhound")
    }

    /// One alert about each machine, one file each.
    fn drop_alerts(&self) {
        let machines = std::iter::once(&self.lab.endpoint).chain(&self.more);
        for (flow, machine) in FLOWS.zip(machines) {
            let name = format!("{}/alert-{flow}.json", self.spool);
            std::fs::write(format!("{name}.tmp"), eve(&Alert::about(machine.address(), flow)))
                .expect("an alert");
            std::fs::rename(format!("{name}.tmp"), name).expect("an alert");
        }
    }

    fn watch(&self, peerhound: &Peerhound<'_>) -> Child {
        peerhound.spawn(&["--json", "watch", &self.spool], "watch.log").expect("peerhound")
    }

    fn finish(&self, peerhound: &Peerhound<'_>) {
        let output = peerhound.run(&["watch", "--once", &self.spool]).expect("peerhound");
        assert!(matches!(output.code, Some(0 | 1)), "{}", output.told());
    }

    /// The deliveries by case: mails and tickets.
    fn delivered(&self) -> BTreeMap<String, (usize, usize)> {
        let mut by_case = BTreeMap::<String, (usize, usize)>::new();
        for mail in self.lab.mail.mails().expect("mails") {
            by_case.entry(case_of(&mail.message)).or_default().0 += 1;
        }
        for ticket in self.lab.tickets.tickets().expect("tickets") {
            by_case.entry(case_of(&ticket.body)).or_default().1 += 1;
        }
        by_case
    }
}

/// The case that a message is about.
fn case_of(message: &str) -> String {
    let start = message.find("ph-2").unwrap_or_else(|| panic!("no case in {message}"));
    message[start..].chars().take("ph-20260101-abcdefgh".len()).collect()
}

fn closed_cases(peerhound: &Peerhound<'_>) -> Vec<Value> {
    let (output, cases) = peerhound.json(&["case", "list"]).expect("peerhound");
    assert_eq!(output.code, Some(0), "{}", output.told());
    let shown = |case: &Value| {
        let (_, shown) =
            peerhound.json(&["case", "show", case["id"].as_str().expect("an id")]).expect("peerhound");
        shown.into_iter().next().expect("a case")
    };
    cases.iter().map(shown).collect()
}

#[test]
fn a_kill_in_the_middle_of_an_investigation_loses_nothing_and_doubles_nothing() {
    let Some(watched) = Watched::start() else { return };
    let peerhound = watched.peerhound();
    watched.drop_alerts();
    let mut watch = watched.watch(&peerhound);
    let caught = wait_until("a machine is being collected from", Duration::from_secs(30), || {
        let (_, open) = peerhound.json(&["case", "list", "--open"])?;
        Ok(open.iter().any(|case| case["status"] == "collecting").then_some(()))
    });
    watch.kill().expect("SIGKILL");
    watch.wait().expect("it is gone");
    caught.expect("a case in the middle");
    assert_eq!(watched.delivered(), BTreeMap::new(), "nothing was delivered yet");

    watched.finish(&peerhound);
    let cases = closed_cases(&peerhound);
    assert_eq!(cases.len(), 3, "one case for each alert: {cases:#?}");
    for case in &cases {
        assert_eq!(case["outcome"]["outcome"], "investigated", "{case:#}");
        assert_eq!(case["suppressed_count"], 0, "an alert is not its own repetition: {case:#}");
    }
    let delivered = watched.delivered();
    assert_eq!(delivered.len(), 3, "{delivered:?}");
    assert!(delivered.values().all(|counts| *counts == (1, 1)), "{delivered:?}");
}

#[test]
fn kills_at_any_moment_deliver_nothing_twice() {
    let Some(watched) = Watched::start() else { return };
    let peerhound = watched.peerhound();
    watched.drop_alerts();
    let deliveries = || watched.delivered().values().map(|(mails, tickets)| mails + tickets).sum::<usize>();
    let tickets = || Ok::<_, anyhow::Error>(watched.lab.tickets.tickets()?.len());
    // So slow that a kill on the arrival of a ticket hits before its receipt.
    watched.lab.tickets.answer(Answer::Slow(2)).expect("an answer");
    let open = || peerhound.json(&["case", "list", "--open"]).expect("peerhound").1.len();
    // A kill can leave more than one delivery uncertain, and what is uncertain is not sent again: then fewer tickets
    // come than the last moment waits for, and the work is simply over.
    let moments: [&dyn Fn() -> bool; 4] =
        [&|| open() > 0, &|| deliveries() > 0, &|| tickets().expect("tickets") > 0, &|| {
            tickets().expect("tickets") > 1 || open() == 0
        }];
    for moment in moments {
        let mut watch = watched.watch(&peerhound);
        let reached =
            wait_until("the moment for a kill", Duration::from_secs(60), || Ok(moment().then_some(())));
        watch.kill().expect("SIGKILL");
        watch.wait().expect("it is gone");
        reached.expect("the moment");
    }
    watched.lab.tickets.answer(Answer::Status(201)).expect("an answer");
    watched.finish(&peerhound);
    let cases = closed_cases(&peerhound);
    assert_eq!(cases.len(), 3, "one case for each alert: {cases:#?}");
    let delivered = watched.delivered();
    let mut uncertain = 0;
    for case in &cases {
        assert_eq!(case["outcome"]["outcome"], "investigated", "{case:#}");
        let (mails, tickets) =
            delivered.get(case["id"].as_str().expect("an id")).copied().unwrap_or_default();
        for (kind, count) in [("mail_soc", mails), ("ticket", tickets)] {
            let action =
                case["actions"].as_array().expect("actions").iter().find(|action| action["kind"] == kind);
            let status = action.and_then(|action| action["status"].as_str()).unwrap_or_default();
            match status {
                "done" => assert_eq!(count, 1, "{kind}: {case:#}"),
                // Killed between sending and noting it: a person is told rather than a second one sent.
                "uncertain" => {
                    uncertain += 1;
                    assert!(count <= 1, "{kind}: {case:#}");
                }
                other => panic!("{kind} is {other}: {case:#}"),
            }
        }
    }
    assert!(uncertain > 0, "a ticket without its receipt was taken for delivered, or for not: {cases:#?}");
    let done = std::fs::read_dir(format!("{}/done", watched.spool)).expect("the spool").count();
    assert_eq!(done, 3, "every file was taken");
}

#[test]
fn lines_on_standard_input_are_worked_and_repeated_ones_are_not() {
    let Some(lab) = Lab::start_isolated().expect("a lab") else { return };
    let peerhound = lab.peerhound().expect("peerhound");
    let alert = eve(&Alert::about(lab.endpoint.address(), 1));
    let lines = format!("{alert}{}not an alert\n", eve(&Alert::about(lab.endpoint.address(), 2)));
    let output = peerhound.run_with_input(&["--json", "watch", "-"], &lines).expect("peerhound");
    let words: Vec<String> = output
        .stdout
        .lines()
        .filter_map(|line| serde_json::from_str::<Value>(line).ok())
        .filter_map(|outcome| outcome["outcome"].as_str().map(str::to_owned))
        .collect();
    assert_eq!(words.iter().filter(|word| *word == "investigated").count(), 1, "{}", output.told());
    assert_eq!(words.iter().filter(|word| *word == "suppressed").count(), 1, "{}", output.told());
    let connections = lab.endpoint.connections();
    let again = peerhound.run_with_input(&["--json", "watch", "-"], &alert).expect("peerhound");
    assert_eq!(
        lab.endpoint.connections(),
        connections,
        "an alert that is known is not worked again: {}",
        again.told()
    );
}
