printf 'time\000'; date +%s.%N; printf '\000'
printf 'collected_as\000'; id -un; printf '\000'
printf 'uid\000'; id -u; printf '\000'
printf 'host\000'; { hostname 2>/dev/null || uname -n; } | tr -d '\000'; printf '\000'
printf 'kernel\000'; uname -r; printf '\000'
printf 'machine\000'; uname -m; printf '\000'
printf 'os\000'; cat /etc/os-release 2>/dev/null | tr -d '\000'; printf '\000'
if command -v ip >/dev/null 2>&1; then
	printf 'ip\000'; ip -o addr show; printf '\000'
else
	printf 'fib_trie\000'; cat /proc/net/fib_trie 2>/dev/null; printf '\000'
fi
printf 'if_inet6\000'; cat /proc/net/if_inet6 2>/dev/null; printf '\000'
printf 'boot\000'; while read -r key value; do
	[ "$key" = btime ] && { printf '%s' "$value"; break; }
done </proc/stat; printf '\000'
printf 'ticks\000'; getconf CLK_TCK 2>/dev/null; printf '\000'
printf 'resolv\000'; cat /etc/resolv.conf 2>/dev/null | tr -d '\000'; printf '\000'
printf 'sssd\000'; cat /etc/sssd/sssd.conf 2>/dev/null | grep '^ *domains *=' | tr -d '\000'; printf '\000'
printf 'krb5\000'; cat /etc/krb5.conf 2>/dev/null | grep '^ *default_realm *=' | tr -d '\000'; printf '\000'
printf 'own_session\000'; cat /proc/self/sessionid 2>/dev/null; printf '\000'
printf 'own_cgroup\000'; cat /proc/self/cgroup 2>/dev/null; printf '\000'
printf 'alive\000'; for d in /proc/[0-9]*; do printf '%s ' "${d#/proc/}"; done; printf '\000'
for f in /run/utmp /var/run/utmp; do
	[ -r "$f" ] || continue
	printf 'utmp\000'; head -c 1048576 "$f" | base64; printf '\000'
	break
done
printf 'accounts\000'; cut -d: -f1,3 /etc/passwd | tr -d '\000'; printf '\000'
# What may ask a daemon or a directory server comes last: where that hangs, the rest is here already.
if command -v loginctl >/dev/null 2>&1 && [ -d /run/systemd/sessions ]; then
	loginctl list-sessions --no-legend --no-pager 2>/dev/null | while read -r id _; do
		printf 'session\000'
		loginctl show-session "$id" -p Id -p Name -p TTY -p Display -p RemoteHost -p Timestamp -p Class -p State </dev/null | tr -d '\000'
		printf '\000'
	done
fi
if command -v getent >/dev/null 2>&1; then
	for d in /proc/[0-9]*; do stat -c %u "$d"; done 2>/dev/null | sort -u | while read -r uid; do
		grep -q "^[^:]*:[^:]*:$uid:" /etc/passwd && continue
		printf 'directory_account\000'; getent passwd "$uid" </dev/null | cut -d: -f1,3 | tr -d '\000'; printf '\000'
	done
fi
