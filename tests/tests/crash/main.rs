//! `peerhound watch` is killed with SIGKILL, at every point that the code names and at any moment, and started again.
//! In the end every alert has one outcome, all evidence is whole, nothing half done lies about, and every mail and
//! ticket was seen once, or at most once where the case says that nobody can know.

mod arrivals;
mod chance;
mod kills;
mod round;

use std::collections::{BTreeMap, VecDeque};
use std::time::Instant;

use acceptance::{Endpoint, Lab, Peerhound};

use chance::Chance;
use kills::{Kill, at_points, at_random};
use round::{Round, Tally, Way};

/// Kills in one round: one fewer than a case may begin one effect before it is given up.
const KILLS_IN_A_ROUND: usize = 4;

/// Two machines and the servers, for all rounds.
struct Site {
    lab: Lab,
    desk: Endpoint,
}

impl Site {
    fn start() -> Option<Self> {
        let lab = Lab::start_isolated().expect("a lab")?;
        let desk = Endpoint::start(&lab.network, "desk", 21).expect("an endpoint");
        // Now, so that the time of the build is not counted with the kills.
        Peerhound::with_failpoints(&lab.network, "").expect("peerhound");
        Some(Self { lab, desk })
    }
}

#[test]
fn killed_at_each_point_and_at_random_nothing_is_lost_or_done_twice() {
    let Some(site) = Site::start() else { return };
    campaign(&site, 1, |_| 1, 26);
}

/// The long form: each point as often as it comes up, and many random moments. A few minutes.
#[test]
#[ignore = "takes minutes; cargo test -p acceptance --test crash -- --ignored --nocapture"]
fn killed_200_times_nothing_is_lost_or_done_twice() {
    let Some(site) = Site::start() else { return };
    let seed = acceptance::seed().unwrap_or_else(|| jiff::Timestamp::now().as_millisecond().unsigned_abs());
    let total = campaign(&site, seed, kills::times_reached, 70);
    assert!(total.kills >= 200, "{total:?}");
}

/// Works through all kills, some in each round, and checks each round from outside. Says what it did.
fn campaign(site: &Site, seed: u64, times: fn(&str) -> u32, random: usize) -> Tally {
    println!("seed {seed} (PEERHOUND_TEST_SEED={seed} repeats it)");
    let started = Instant::now();
    let mut chance = Chance::new(seed);
    let mut kills = at_points(times);
    kills.extend(at_random(random, &mut chance));
    chance.shuffle(&mut kills);
    let mut queue = VecDeque::from(kills);
    let mut killed_at = BTreeMap::<String, u32>::new();
    let (mut total, mut rounds) = (Tally::default(), 0);
    while !queue.is_empty() {
        rounds += 1;
        let ways = [Way::Servers, Way::Folding, Way::Outbox];
        let way = ways.into_iter().cycle().skip(rounds % 2).find(|way| queue[0].fits(*way)).expect("a way");
        let mut chosen = Vec::new();
        while chosen.len() < KILLS_IN_A_ROUND
            && let Some(fitting) = queue.iter().position(|kill| kill.fits(way))
        {
            chosen.extend(queue.remove(fitting));
        }
        chosen.sort_by_key(Kill::rank);
        let round = Round::start(site, rounds, way);
        let mut chosen = chosen.into_iter();
        let mut killed = Vec::new();
        for kill in chosen.by_ref() {
            if round.run(&kill) {
                killed.push(kill);
                continue;
            }
            // It ran to its end. That is no wonder after other kills, or where the moment came too late; but a round
            // that nothing has happened to comes by every point.
            queue.push_back(match kill {
                Kill::After(moment) => Kill::After(moment / 2),
                kill => {
                    assert!(!killed.is_empty(), "never reached: {kill}");
                    kill
                }
            });
            break;
        }
        queue.extend(chosen);
        let tally = round.finish(&killed);
        for kill in &killed {
            *killed_at.entry(kill.place()).or_default() += 1;
        }
        total.add(&tally);
    }
    println!("{total}; {rounds} rounds in {:.0} s", started.elapsed().as_secs_f32());
    println!("kills by place: {killed_at:?}");
    arrivals::everything_once(site, &total);
    total
}
