#!/bin/sh
# Peak memory of sealing and verifying one artifact of 64 MiB, then of 2 GiB, each in a process of its own.
# Both numbers should be the same. Usage: benches/seal-memory.sh [cargo options, for example --release]
set -eu
cd "$(dirname "$0")/.."
program=$(cargo test -q -p casework --lib --no-run --message-format=json "$@" |
    sed -n 's/.*"executable":"\([^"]*\)".*/\1/p' | tail -n 1)
for size in alone_64_mib alone_2_gib; do
    "$program" --ignored --exact --nocapture "container::tests::sealing::$size" | grep 'peak'
done
