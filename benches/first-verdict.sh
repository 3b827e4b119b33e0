#!/bin/sh
# From a clean clone to the first verdict: clones this repository into a temporary folder and runs the README's first
# command there, with nothing built before. Downloads of dependencies are not counted: they are fetched first.
#
#     benches/first-verdict.sh
set -eu
cd "$(dirname "$0")/.."
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
git clone --quiet . "$work/clone"
cd "$work/clone"
unset CARGO_TARGET_DIR
cargo fetch --quiet
started=$(date +%s)
cargo run --quiet -- demo >"$work/out" 2>&1 || true
ended=$(date +%s)
grep -m 1 -A 1 "Peerhound looks" "$work/out"
echo "from clean clone to both outcomes: $((ended - started)) s"
