//! An image of an endpoint's memory, and what the endpoint says before one is taken.

use collector::fuzzing::{judge_look, walk_image};
use investigation::policy::{Memory, MemoryTool};

use super::{assert_one_line, way};

const MOST: u64 = 8 << 30;
const PATH: &str = "/opt/avml";
const HASH: &str = "abababababababababababababababababababababababababababababababab";

/// The first byte says which of the two it is, and in pieces of how many bytes an image comes.
///
/// - An image in pieces is the image as one.
/// - Its ranges ascend and do not touch, and hold as many bytes as came, where all are listed.
/// - An image that is whole is not whole any more without its last byte.
/// - What the endpoint says begins no image without a bound, and none of more than is wanted; refusals are one line.
pub fn memory_image(data: &[u8]) -> u64 {
    let Some((first, rest)) = data.split_first() else { return 0 };
    if first & 0x80 != 0 {
        return look(rest);
    }
    let seen = walk_image(rest, usize::from(first & 0x7f));
    assert_eq!(seen, walk_image(rest, rest.len()), "in other pieces");
    assert!(seen.ranges.iter().all(|(first, last)| first <= last), "{:?}", seen.ranges);
    assert!(seen.ranges.windows(2).all(|pair| pair[0].1 < pair[1].0.saturating_sub(1)), "{:?}", seen.ranges);
    if seen.ranges.len() < 4096 && seen.refused.is_none() {
        let held: u128 = seen.ranges.iter().map(|(first, last)| u128::from(last - first) + 1).sum();
        assert_eq!(held, u128::from(seen.memory_bytes), "{seen:?}");
    }
    assert!(seen.memory_bytes <= rest.len() as u64);
    if seen.is_whole && seen.refused.is_none() {
        assert!(!walk_image(&rest[..rest.len() - 1], rest.len()).is_whole, "whole without its end");
    }
    way(&format!("image {} {:?} {}", seen.is_whole, seen.refused, seen.ranges.len().min(5)))
}

fn tool() -> MemoryTool {
    let (path, hash) = (Some(PATH.to_owned()), Some(HASH.to_owned()));
    let memory = Memory { enabled: true, tool: path, sha256: hash, ..Memory::default() };
    memory.tool(MOST).expect("sound").expect("enabled")
}

fn look(answer: &[u8]) -> u64 {
    let judged = judge_look(answer, &tool());
    assert_eq!(judged, judge_look(answer, &tool()), "judged twice");
    match judged {
        Ok((ram, most)) => {
            assert!(0 < ram && ram < most && most <= MOST, "{ram} {most}");
            way("look sound")
        }
        Err(why) => {
            assert_one_line(&why);
            way(&format!("look {}", why.split(|c: char| c.is_ascii_digit()).next().unwrap_or_default()))
        }
    }
}

fn range(first: u64, content: &[u8]) -> Vec<u8> {
    let last = first + content.len() as u64 - 1;
    [&b"EMiL\x01\0\0\0"[..], &first.to_le_bytes(), &last.to_le_bytes(), &[0; 8], content].concat()
}

/// Sound images and answers, and hostile ones.
pub(super) fn seeds() -> Vec<Vec<u8>> {
    let sound = [range(0x1000, &[1; 300]), range(0x112c, &[2; 5]), range(0x10_0000, &[3; 70])].concat();
    let mut endless = range(1, b"x");
    endless[16..24].fill(0xff);
    let many: Vec<u8> = (0..20_000).flat_map(|index| range(index * 3, b"x")).collect();
    let answer = format!(
        "\0PEERHOUND-1\0uid\x000\0path\0{PATH}\0stat\x000 81ed\0path\0/opt\0stat\x000 41ed\0path\0/\0stat\x000 41ed\0\
         sha256\0{HASH}\0version\0avml 0.21.0\0lockdown\0[none] integrity\0memtotal\x0098304\0\
         iomem\000001000-05ffffff : System RAM\0source\0/proc/kcore\0end\0\0"
    );
    let locked = answer.replace("source\0/proc/kcore\0", "").replace("[none]", "none [confidentiality]");
    let huge = answer.replace("05ffffff", "ffffffffffffffff");
    let images = [sound, endless, many].map(|image| [&[7][..], &image].concat());
    let answers = [answer, locked, huge].map(|answer| [&[0x80][..], answer.as_bytes()].concat());
    images.into_iter().chain(answers).collect()
}

/// Words of the formats.
pub(super) const TOKENS: &[&[u8]] = &[
    b"EMiL\x01\0\0\0",
    b"\0\0\0\0\0\0\0\0",
    b"\xff\xff\xff\xff\xff\xff\xff\xff",
    b"iomem\0",
    b" : System RAM\n",
    b"stat\x000 81ed\0",
    b"source\0/dev/mem\0",
    b"memtotal\0",
    b"end\0\0",
];
