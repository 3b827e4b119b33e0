# What ends an isolation by itself. `until` is the second after the start of the machine at which it ends; whoever orders
# the isolation again writes another one.
guard='
trap "" HUP INT TERM
table=$2
store=$3
echo $$ >"$store/pid.new" && mv -f "$store/pid.new" "$store/pid"
left() {
	until=0
	up=0
	read -r until _ <"$store/until"
	read -r up _ </proc/uptime
	left=$((until - ${up%%.*}))
}
while :; do
	left
	if [ "$left" -gt 0 ]; then
		[ "$left" -lt 20 ] || left=20
		sleep "$left"
		continue
	fi
	mkdir "$store/ending" 2>/dev/null
	left
	[ "$left" -gt 0 ] || break
	rmdir "$store/ending"
done
for _ in 1 2 3 4 5 6 7 8 9 10 11 12; do
	nft delete table inet "$table" 2>/dev/null && break
	nft list table inet "$table" >/dev/null 2>&1 || break
	sleep 5
done
: >"$store/lapsed"
rm -f "$store/pid" "$store/until"
rmdir "$store/ending"
exit 0
'
unit=peerhound-$case-$n
# Whether it runs.
guarded() {
	if [ -d /run/systemd/system ] && systemctl is-active --quiet "$unit.service"; then return 0; fi
	pid=$(cat "$store/pid" 2>/dev/null) && [ -n "$pid" ] &&
		tr '\000' ' ' <"/proc/$pid/cmdline" 2>/dev/null | grep -q " $unit $table "
}
# Starts it as a service of systemd, which starts it again if anything ends it before its time. No timer: that would take a
# new end for nothing, and would not count while the machine sleeps. Older versions know fewer properties.
serve() {
	for properties in \
		'--collect -p Restart=always -p RestartPreventExitStatus=0 -p StartLimitIntervalSec=0 -p IgnoreOnIsolate=yes -p KillSignal=SIGKILL' \
		'-p Restart=on-failure -p KillSignal=SIGKILL' ''; do
		# Words of our own.
		why=$(systemd-run --quiet --unit="$unit" $properties sh "$store/guard" "$unit" "$table" "$store" </dev/null 2>&1) && return 0
	done
	return 1
}
