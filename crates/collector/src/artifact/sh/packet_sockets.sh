tables() {
	for t in packet raw raw6; do
		if [ -r "$1/$t" ]; then
			printf 'table\000%s\000' "$t"
			sed '/^$/d' <"$1/$t" | tr '\n' '\000'
			printf '\000'
		else
			printf 'closed\000%s\000' "$1/$t"
		fi
	done
}
tables /proc/net
seen=" $(readlink /proc/self/ns/net) "
for d in /proc/[0-9]*; do
	ns=$(readlink "$d/ns/net") || continue
	case $seen in *" $ns "*) continue ;; esac
	seen="$seen$ns "
	tables "$d/net"
done 2>/dev/null
# Which process holds which socket. Link targets are never followed: a dead network mount would hang.
unreadable=0
for d in /proc/[0-9]*; do
	[ ! -d "$d" ] || [ -r "$d/fd" ] || unreadable=$((unreadable + 1))
done
printf 'unreadable\000%s\000' "$unreadable"
printf 'holders\000\000'
if find / -maxdepth 0 -lname x -printf '' 2>/dev/null; then
	find /proc/[0-9]*/fd -maxdepth 1 -lname 'socket:\[*' -printf '%p %l\0' 2>/dev/null
else
	for f in /proc/[0-9]*/fd/*; do
		l=$(readlink "$f") || continue
		case $l in 'socket:['*) printf '%s %s\000' "$f" "$l" ;; esac
	done 2>/dev/null
fi
printf '\000'
for d in /proc/[0-9]*; do
	printf 'pid\000%s\000comm\000' "${d#/proc/}"
	cat "$d/comm"
	printf '\000exe\000'
	readlink "$d/exe"
	printf '\000'
done 2>/dev/null
