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
# The unit that has it as its main process, and whose systemd that is.
find_unit() {
	unit=
	scope=
	[ -d /run/systemd/system ] || return 0
	while IFS= read -r line; do
		case $line in 0::/*.service | *:name=systemd:/*.service) ;; *) continue ;; esac
		unit=${line##*/}
		case $line in */user@*.service/*)
			scope=${line##*/user@}
			scope=${scope%%.service/*}
			case $scope in '' | *[!0-9]*) unit= ;; esac
			;;
		esac
	done 2>/dev/null <"/proc/$pid/cgroup"
	[ -n "$unit" ] && [ "$(manager show -p MainPID -- "$unit" 2>/dev/null)" = "MainPID=$pid" ] || unit=
}
# Whether systemd starts that unit again, now or in a while.
comes_back() {
	[ -n "$unit" ] || return 1
	left=25
	while [ "$left" -gt 0 ]; do
		state=$(manager show -p MainPID -p SubState -- "$unit" 2>/dev/null | tr '\n' ' ')
		case $state in
		*SubState=auto-restart* | *SubState=start*) return 0 ;;
		*SubState=dead* | *SubState=failed* | *SubState=exited* | '') return 1 ;;
		*MainPID=0' '* | *"MainPID=$pid "*) ;;
		*) return 0 ;;
		esac
		pause
		left=$((left - 1))
	done
	return 1
}
# Says how it is once the process has ended: not done, where systemd sees to another one.
settle() {
	if comes_back; then
		restart=$(manager show -p Restart -- "$unit" 2>/dev/null)
		finish failed "$2, and systemd starts it again ($unit, $restart): keep that from starting by itself as well"
	fi
	finish "$1" "$2"
}
# Names those of the same image that began after the process was ended: something else may see to it that it runs.
look_for_others() {
	for other in /proc/[0-9]*; do
		other=${other#/proc/}
		link=$(readlink "/proc/$other/exe" 2>/dev/null) && [ "$link" = "$image" ] || continue
		stat=$(cat "/proc/$other/stat" 2>/dev/null) && [ -n "$stat" ] || continue
		set -f
		set -- ${stat##*)}
		set +f
		[ "${20}" -gt "$ended_at" ] 2>/dev/null || continue
		say note "process $other of the same image began right after"
		return 0
	done
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
	if [ "$(cat "$store/measure" 2>/dev/null)" = "$measure" ] && [ -e "$store/ended" ]; then
		{ IFS= read -r scope; IFS= read -r unit; } 2>/dev/null <"$store/ended"
		settle already "process $pid was ended by an earlier try"
	fi
	finish gone "there is no process $pid any more"
	;;
hidden) finish refused "process $pid does not let this account see its image" ;;
other) finish refused "the number $pid is that of another process now, of $link" ;;
younger) finish refused "process $pid is another one of the same image, that began at another time" ;;
esac
# Said before it is done: whoever finds it gone after a broken contact knows by whom.
find_unit
open_store && printf '%s\n%s\n' "$scope" "$unit" >"$store/ended"
read -r up _ </proc/uptime
up=${up%.*}${up#*.}
ended_at=$((up * ticks / 100))
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
if [ -z "$unit" ]; then
	for _ in 1 2 3 4 5; do pause; done
	look_for_others
fi
settle 'done' "process $pid was ended $how"
