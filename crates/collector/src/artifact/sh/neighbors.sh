# Nothing that is printed here holds an empty line, which would end the list.
lines() { sed '/^$/d' | tr '\n' '\000'; }
if command -v ip >/dev/null 2>&1 && table=$(ip neigh show 2>/dev/null); then
	printf 'neigh\000\000'
	printf '%s\n' "$table" | lines
	printf '\000'
else
	printf 'no_ip\000\000'
fi
if [ -r /proc/net/arp ]; then
	printf 'arp\000\000'
	lines </proc/net/arp
	printf '\000'
fi
