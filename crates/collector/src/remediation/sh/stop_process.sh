ticks=$(getconf CLK_TCK 2>/dev/null) || ticks=100
boot=0
while read -r key value; do
	[ "$key" = btime ] && { boot=$value; break; }
done </proc/stat
# What the process of that number is now.
look() {
	is=gone
	stat=$(cat "/proc/$pid/stat" 2>/dev/null) && [ -n "$stat" ] || return 0
	set -f
	set -- ${stat##*)}
	set +f
	case $1 in Z | X | x) return 0 ;; esac
	begun=$((boot + ${20} / ticks))
	link=$(readlink "/proc/$pid/exe" 2>/dev/null && printf .) || {
		[ -e "/proc/$pid" ] && is=hidden
		return 0
	}
	link=${link%??}
	is=other
	[ "$link" = "$image" ] || [ "$link" = "$image (deleted)" ] || return 0
	is=younger
	if [ -n "$since" ]; then
		[ $((begun - since)) -le 1 ] && [ $((since - begun)) -le 1 ] || return 0
	fi
	is=same
}
# Whether it ends within so many looks.
ends() {
	left=$1
	while [ "$left" -gt 0 ]; do
		look
		[ "$is" = same ] || return 0
		pause
		left=$((left - 1))
	done
	return 1
}
[ "$pid" -gt 1 ] 2>/dev/null || finish refused 'that is the number of no process that may be ended'
above=$$
for _ in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16; do
	[ "$above" -gt 1 ] 2>/dev/null || break
	[ "$above" = "$pid" ] && finish refused "process $pid is what this very session runs in"
	stat=$(cat "/proc/$above/stat" 2>/dev/null) || break
	set -f
	set -- ${stat##*)}
	set +f
	above=$2
done
look
case $is in
gone)
	[ "$(cat "$store/measure" 2>/dev/null)" = "$measure" ] && [ -e "$store/ended" ] &&
		finish already "process $pid was ended by an earlier try"
	finish gone "there is no process $pid any more"
	;;
hidden) finish refused "process $pid does not let this account see its image" ;;
other) finish refused "the number $pid is that of another process now, of $link" ;;
younger) finish refused "process $pid is another one of the same image, that began at another time" ;;
esac
# Said before it is done: whoever finds it gone after a broken contact knows by whom.
open_store && : >"$store/ended"
how='by SIGTERM'
look
[ "$is" = same ] || finish gone "process $pid has just ended by itself"
why=$(kill -TERM "$pid" 2>&1) || {
	look
	[ "$is" = same ] || finish gone "process $pid has just ended by itself"
	rm -f "$store/ended"
	finish failed "process $pid cannot be ended: $why"
}
ends 30 || {
	how='by SIGKILL, after it did not end by SIGTERM'
	look
	[ "$is" = same ] && kill -KILL "$pid" 2>/dev/null
	ends 30 || finish failed "process $pid is still there after SIGTERM and SIGKILL"
}
finish 'done' "process $pid was ended $how"
