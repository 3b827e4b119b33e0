//! The runner sees what targets do wrong. One test, since it measures memory.

use std::time::{Duration, Instant};

use fuzz::run::{Budget, SLOW, Summary, fuzz, once, quiet_panics};
use fuzz::targets::{Memory, Target};

const SOUND: Target = Target {
    name: "sound",
    reads: "anything",
    run: |data| data.len() as u64,
    seeds: || vec![b"seed 1".to_vec(), b"[2]".to_vec()],
    tokens: &[b"token"],
    memory: Memory { base: 1 << 20, per_byte: 10 },
};

static PANICS: Target = Target {
    run: |data| {
        assert!(!data.windows(5).any(|window| window == b"token"), "the token came");
        0
    },
    ..SOUND
};

static HUNGRY: Target = Target {
    run: |data| vec![1_u8; (2 << 20) + data.len()].iter().map(|&byte| u64::from(byte)).sum(),
    ..SOUND
};

static SLOW_ONE: Target = Target {
    run: |_| {
        let began = Instant::now();
        while began.elapsed() < SLOW + Duration::from_millis(50) {
            std::thread::sleep(Duration::from_millis(5));
        }
        0
    },
    ..SOUND
};

static SOUND_ONE: Target = SOUND;

fn run(target: &'static Target, seed: u64) -> Summary {
    fuzz(target, seed, Budget::Executions(3000), None, |_| {}).expect("a run")
}

#[test]
fn what_a_target_does_wrong_is_found_and_repeated() {
    quiet_panics();
    assert_eq!(run(&SOUND_ONE, 1).findings, []);

    let found = run(&PANICS, 1);
    let [finding] = &found.findings[..] else { panic!("{:?}", found.findings) };
    assert!(finding.what.contains("the token came") && finding.what.contains("watch.rs"), "{}", finding.what);
    assert_eq!(once(&PANICS, &finding.input).expect_err("it panics again"), finding.what);
    assert_eq!(run(&PANICS, 1).findings, found.findings, "a seed repeats its findings");

    let what = once(&HUNGRY, b"x").expect_err("it takes too much");
    assert!(what.starts_with("memory: "), "{what}");
    if SLOW <= Duration::from_secs(1) {
        let what = once(&SLOW_ONE, b"x").expect_err("it takes too long");
        assert!(what.starts_with("slow: "), "{what}");
    }
}
