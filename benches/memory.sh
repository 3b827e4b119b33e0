#!/bin/sh
# Peak memory of `peerhound investigate` on this very machine, release build: the demo's two alerts, with everything that
# they collect. Prints the largest resident set in MiB.
#
#     benches/memory.sh
set -eu
cd "$(dirname "$0")/.."
cargo build --quiet --release -p peerhound
peerhound=${CARGO_TARGET_DIR:-target}/release/peerhound
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 - "$peerhound" "$work" <<'PYTHON'
import resource, subprocess, sys
peerhound, work = sys.argv[1:]
subprocess.run([peerhound, "--json", "demo", "--dir", work + "/demo"], check=False, stdout=subprocess.DEVNULL)
print("peak resident set: %d MiB" % (resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss // 1024))
PYTHON
