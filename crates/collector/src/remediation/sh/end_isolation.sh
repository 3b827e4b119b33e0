had=
if command -v nft >/dev/null 2>&1 && nft list table inet "$table" >/dev/null 2>&1; then
	had=1
	why=$(nft delete table inet "$table" 2>&1) || finish failed "table inet $table cannot be deleted: $why"
fi
if guarded; then
	if [ -d /run/systemd/system ]; then systemctl stop "$unit.service" </dev/null >/dev/null 2>&1; fi
	pid=$(cat "$store/pid" 2>/dev/null)
	guarded && [ -n "$pid" ] && kill -KILL "$pid" 2>/dev/null
fi
rm -f "$store/pid" "$store/until"
rmdir "$store/ending" 2>/dev/null
if [ -n "$had" ]; then
	: >"$store/undone"
	finish 'done' 'it is back on the network'
fi
[ -e "$store/lapsed" ] && finish gone 'the isolation has ended by itself'
[ -e "$store/undone" ] && finish already 'the isolation was ended before'
finish gone 'the isolation is not there any more: a restart, or somebody else, has ended it'
