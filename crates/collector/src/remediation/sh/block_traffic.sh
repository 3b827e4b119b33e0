# Loads a table of our own, in one step: another try replaces it by the same.
if command -v nft >/dev/null 2>&1; then
	had=
	nft list table inet "$table" >/dev/null 2>&1 && had=1
	need_store
	why=$(printf '%s' "$rules" | nft -f - 2>&1) || finish failed "nft refuses the rules: $why"
	[ "$(nft list table inet "$table" 2>/dev/null | grep -c drop)" = "$drops" ] || finish failed 'the rules are not there after they were loaded'
	[ -z "$had" ] || finish already "table inet $table was there, and was loaded anew"
	finish 'done' "table inet $table drops them"
fi
command -v iptables >/dev/null 2>&1 || finish refused 'there is neither nft nor iptables on this system'
had=1
need_store
for tool in iptables ip6tables; do
	command -v $tool >/dev/null 2>&1 || {
		say note "there is no $tool"
		continue
	}
	if [ $tool = ip6tables ] && ! [ -e /proc/net/if_inet6 ]; then continue; fi
	for way in INPUT OUTPUT; do
		[ $way = INPUT ] && { chain=$chain_in; side=--dport; }
		[ $way = OUTPUT ] && { chain=$chain_out; side=--sport; }
		$tool -w 10 -n -L "$chain" >/dev/null 2>&1 || had=
		why=$({
			$tool -w 10 -n -L "$chain" >/dev/null 2>&1 || $tool -w 10 -N "$chain" || exit 1
			$tool -w 10 -F "$chain" || exit 1
			for port in $ports; do
				for protocol in tcp udp; do
					$tool -w 10 -A "$chain" -p $protocol $side "$port" -j DROP || exit 1
				done
			done
			$tool -w 10 -C $way -j "$chain" 2>/dev/null || $tool -w 10 -I $way 1 -j "$chain"
		} 2>&1) || finish failed "$tool refuses the rules: $why"
	done
done
[ -z "$had" ] || finish already "the chains $chain_in and $chain_out were there, and were filled anew"
finish 'done' "the chains $chain_in and $chain_out of iptables drop them"
