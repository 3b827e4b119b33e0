found=
if command -v nft >/dev/null 2>&1 && nft list table inet "$table" >/dev/null 2>&1; then
	found=1
	why=$(nft delete table inet "$table" 2>&1) || finish failed "table inet $table cannot be deleted: $why"
fi
for tool in iptables ip6tables; do
	command -v $tool >/dev/null 2>&1 || continue
	for way in INPUT OUTPUT; do
		[ $way = INPUT ] && chain=$chain_in
		[ $way = OUTPUT ] && chain=$chain_out
		$tool -w 10 -n -L "$chain" >/dev/null 2>&1 || continue
		found=1
		$tool -w 10 -D $way -j "$chain" 2>/dev/null
		why=$({ $tool -w 10 -F "$chain" && $tool -w 10 -X "$chain"; } 2>&1) || finish failed "chain $chain cannot be deleted: $why"
	done
done
if [ -n "$found" ]; then
	if [ -d "$store" ]; then : >"$store/undone"; fi
	finish 'done' 'the rules were taken away'
fi
[ -e "$store/undone" ] && finish already 'the rules were taken away before'
finish gone 'the rules are not there any more: a restart, or somebody else, took them away'
