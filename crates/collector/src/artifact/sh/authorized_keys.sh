keys() {
	[ -f "$2" ] || return 0
	printf 'user\000%s\000path\000%s\000written\000' "$1" "$2"; stat -L -c %Y "$2" 2>/dev/null; printf '\000'
	if [ -r "$2" ]; then
		printf 'keys\000'; head -c 262144 "$2" | tr -d '\000'; printf '\000'
	else
		printf 'closed\000%s\000' "$2"
	fi
}
# Where sshd looks besides is said, and not guessed at.
printf 'settings\000'
cat /etc/ssh/sshd_config /etc/ssh/sshd_config.d/*.conf 2>/dev/null | grep -i '^[[:space:]]*AuthorizedKeys' | tr -d '\000'
printf '\000'
cut -d: -f1,6 /etc/passwd | while IFS=: read -r user home; do
	case $home in /?*) ;; *) continue ;; esac
	for d in "$home" "$home/.ssh"; do
		if [ -d "$d" ] && ! [ -x "$d" ]; then printf 'closed\000%s\000' "$d"; fi
	done
	for f in "$home/.ssh/authorized_keys" "$home/.ssh/authorized_keys2"; do keys "$user" "$f"; done
done
for f in /etc/ssh/authorized_keys /etc/ssh/authorized_keys/* /etc/ssh/authorized_keys.d/*; do keys '' "$f"; done
