printf 'machine\000'; uname -m; printf '\000'
# The latest records of each. The number of bytes holds whole records of either layout.
records() {
	[ -e "$2" ] || return 0
	if [ -r "$2" ]; then
		printf 'size\000'; stat -L -c %s "$2"; printf '\000'
		printf '%s\000' "$1"; tail -c 2092800 "$2" | base64; printf '\000'
	else
		printf 'closed\000%s\000' "$2"
	fi
}
records wtmp /var/log/wtmp
records btmp /var/log/btmp
