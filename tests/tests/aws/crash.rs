//! The crash test on AWS: functions are killed at random moments, as Lambda ends one that takes too long, and machines of
//! Lambda fail.

use std::collections::BTreeSet;
use std::net::IpAddr;
use std::time::{Duration, Instant};

use acceptance::{Alert, Cloud, Endpoint, Lab, eve, wait_until};
use investigation::act::ActionKind;
use investigation::assess::Verdict;
use investigation::case::{ActionStatus, Case};

/// How long they are killed.
const KILLING: Duration = Duration::from_secs(25);
/// Numbers of the machines.
const MACHINES: [u8; 3] = [50, 51, 52];

/// Every function is killed again and again while cases are worked. Each alert ends in one case with sealed evidence, and no
/// message arrives twice. (A machine may be contacted twice: a function that dies between sending an order and writing that
/// it did leaves the order to be sent again.)
pub(crate) fn functions_that_are_killed_lose_nothing_and_repeat_nothing(lab: &Lab, cloud: &Cloud) {
    let endpoints: Vec<Endpoint> = MACHINES
        .iter()
        .map(|number| Endpoint::start(&lab.network, &format!("tower{number}"), *number).expect("an endpoint"))
        .collect();
    for (endpoint, flow) in endpoints.iter().zip(50..) {
        cloud.alert(&[&eve(&Alert::about(endpoint.address(), flow))]).expect("an alert");
    }
    let (begun, mut killed, mut pause) = (Instant::now(), 0, 37);
    while begun.elapsed() < KILLING {
        killed += cloud.kill_functions().expect("a look at the processes");
        // From a few milliseconds to a little over one second, so that they die at different moments of their work.
        pause = (pause * 7919 + 13) % 1200;
        std::thread::sleep(Duration::from_millis(pause));
    }
    assert!(killed > 0, "no function was running");

    let of_them =
        |case: &Case| endpoints.iter().any(|endpoint| case.target == IpAddr::from(endpoint.address()));
    let closed = wait_until("the cases are closed all the same", Duration::from_mins(6), || {
        // As the schedule does. What it finds in dead hands it leaves until those have let go.
        let _ = cloud.sweep();
        std::thread::sleep(Duration::from_secs(5));
        let cases: Vec<Case> = cloud.cases()?.into_iter().filter(&of_them).collect();
        Ok((cases.len() >= MACHINES.len() && cases.iter().all(Case::is_closed)).then_some(cases))
    });
    let cases = closed.expect("closed cases");
    assert_eq!(cases.len(), MACHINES.len(), "an alert became two cases: {cases:#?}");
    let targets: BTreeSet<IpAddr> = cases.iter().map(|case| case.target).collect();
    assert_eq!(targets.len(), MACHINES.len(), "a machine has two cases: {cases:#?}");
    let (mails, tickets) = (cloud.ministack.mails().expect("mails"), lab.tickets.tickets().expect("tickets"));
    let mut uncertain = 0;
    for case in &cases {
        assert!(case.evidence.is_some(), "{case:#?}");
        let arrived = |kind: ActionKind| match kind {
            // Readers of a bus fold what comes twice.
            ActionKind::Finding => cloud.findings(&case.id).expect("findings").len().min(1),
            ActionKind::Ticket => tickets.iter().filter(|ticket| ticket.body.contains(&case.id)).count(),
            _ => mails.iter().filter(|mail| mail.to_string().contains(&case.id)).count(),
        };
        // The rule on the bus keeps them back.
        let kept_back = |kind| kind == ActionKind::Finding && case.verdict() == Some(Verdict::FalsePositive);
        for action in case.actions.iter().filter(|action| !kept_back(action.kind)) {
            let count = arrived(action.kind);
            match action.status {
                ActionStatus::Done => assert_eq!(count, 1, "{action:?}"),
                // Killed in the middle of the delivery: it may have arrived, and a person decides.
                ActionStatus::Uncertain => {
                    uncertain += 1;
                    assert!(count <= 1, "{action:?}");
                }
                _ => panic!("{action:?}"),
            }
        }
    }
    println!("{killed} functions killed, {uncertain} deliveries left to a person");
}
