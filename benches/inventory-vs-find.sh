#!/bin/sh
# Walks 500,000 files with Peerhound's torrent inventory and with find, in turns, and prints the median of each.
#
#     benches/inventory-vs-find.sh [ROUNDS [FILES]]
#
# find looks once for *.torrent alone, the least that can be asked of it, and once for ten of the suffixes that the
# inventory knows; it prints what it finds, where the inventory also reads and describes it. One round of each warms the
# cache and is not counted. The tree lies in TMPDIR and is removed at the end.
set -eu
rounds=${1:-9}
files=${2:-500000}
cd "$(dirname "$0")/.."
cargo build --quiet --release -p collector --example inventory
inventory=${CARGO_TARGET_DIR:-target}/release/examples/inventory
tree=$(mktemp -d)
trap 'rm -rf "$tree"' EXIT

python3 - "$tree" "$files" "$rounds" "$inventory" <<'PYTHON'
import json, os, statistics, subprocess, sys, time

tree, files, rounds, inventory = sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), sys.argv[4]
each = 50
torrent = b"d8:announce21:http://tracker.test/a4:infod6:lengthi5e4:name1:a12:piece lengthi16384e6:pieces20:aaaaaaaaaaaaaaaaaaaaee"
suffixes = ["torrent", "!qB", "!ut", "part", "aria2", "bc!", "az!", "fastresume", "resume", "part.met"]

made = torrents = 0
while made < files:
    number = made // each
    folder = os.path.join(tree, f"area{number % 100:02}", f"project{number % 1000:04}", f"folder{number:05}")
    os.makedirs(folder)
    for n in range(min(each, files - made)):
        hit = made % 1000 == 0
        name = f"item{n:03}.torrent" if hit else f"document-{n:03}.{'pdf' if n % 2 else 'docx'}"
        with open(os.path.join(folder, name), "wb") as file:
            if hit:
                file.write(torrent)
                torrents += 1
        made += 1

find_one = ["find", tree, "-name", "*.torrent"]
find_ten = ["find", tree, "("]
for n, suffix in enumerate(suffixes):
    find_ten += (["-o"] if n else []) + ["-iname", f"*.{suffix}"]
find_ten += [")", "-print"]

def measure(command):
    started, cpu = time.perf_counter(), os.times()
    out = subprocess.run(command, check=True, stdout=subprocess.PIPE).stdout
    spent = os.times()
    used = spent.children_user + spent.children_system - cpu.children_user - cpu.children_system
    return time.perf_counter() - started, used, out

contenders = {"find, one": find_one, "find, ten": find_ten, "inventory": [inventory, tree]}
times = {name: [] for name in contenders}
for turn in range(rounds + 1):
    for name, command in contenders.items():
        wall, used, out = measure(command)
        if name != "inventory":
            found = out.count(b"\n")
        else:
            report = json.loads(out)
            assert report["files_seen"] == files, report["files_seen"]
            assert not report["truncated"] and not report["error_count"], report["truncated"]
            found = sum(1 for entry in report["entries"] if entry["infohash_v1"])
        assert found == torrents, (name, found, torrents)
        if turn:
            times[name].append((wall, used))

print(f"{files} files, {torrents} torrents, {rounds} rounds in turns, {os.cpu_count()} processors")
for name, measured in times.items():
    walls = [wall for wall, _ in measured]
    print(f"{name:10} median {statistics.median(walls):.3f} s  fastest {min(walls):.3f}  slowest {max(walls):.3f}"
          f"  processor time {statistics.median(used for _, used in measured):.3f} s")
PYTHON
