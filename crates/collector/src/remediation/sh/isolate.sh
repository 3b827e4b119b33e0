command -v nft >/dev/null 2>&1 || finish refused 'there is no nft on this system'
need_store
rm -f "$store/lapsed"
read -r up _ </proc/uptime
printf '%s\n' "$((${up%%.*} + seconds))" >"$store/until.new" && mv -f "$store/until.new" "$store/until" ||
	finish failed "nothing can be kept in $store"
had=
nft list table inet "$table" >/dev/null 2>&1 && had=1
# One that is just ending it is waited for, and one that was killed while it did is not.
for _ in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20; do
	[ -d "$store/ending" ] && guarded || break
	pause
done
[ -e "$store/until" ] || printf '%s\n' "$((${up%%.*} + seconds))" >"$store/until"
guarded || {
	rmdir "$store/ending" 2>/dev/null
	# From a file: systemd would take a `$` on its command line for one of its own.
	printf '%s' "$guard" >"$store/guard" || finish failed "nothing can be kept in $store"
	if [ -d /run/systemd/system ] && command -v systemd-run >/dev/null 2>&1; then
		serve
	elif command -v setsid >/dev/null 2>&1; then
		why='it does not start'
		setsid sh "$store/guard" "$unit" "$table" "$store" </dev/null >/dev/null 2>&1 &
	else
		finish refused 'there is neither systemd nor setsid on this system: nothing would end the isolation by itself'
	fi
	tries=50
	while [ "$tries" -gt 0 ]; do
		guarded && break
		pause
		tries=$((tries - 1))
	done
}
guarded || finish failed "nothing would end the isolation by itself: $why"
why=$(printf '%s' "$rules" | nft -f - 2>&1) || finish failed "nft refuses the rules: $why"
# The end that was there before may have come in between.
guarded && [ "$(nft list table inet "$table" 2>/dev/null | grep -c 'policy drop')" = 3 ] ||
	finish failed 'the isolation is not there after it was made; order it again'
[ -z "$had" ] || finish already "it was isolated before: from now on for $seconds s, by table inet $table"
finish 'done' "it is cut off for $seconds s, by table inet $table"
