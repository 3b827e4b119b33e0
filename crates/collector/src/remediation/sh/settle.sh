# systemd learns of a unit that nothing wants any more, or that is wanted again.
settle() {
	[ -n "$unit" ] || return 0
	if ! [ -d /run/systemd/system ]; then
		say note 'systemd does not run here: its links alone were changed'
		return 0
	fi
	case $path in
	/etc/systemd/system/*)
		systemctl daemon-reload </dev/null >/dev/null 2>&1 || say note 'systemctl daemon-reload failed'
		[ "$stop" = 1 ] || return 0
		systemctl stop -- "$unit" </dev/null >/dev/null 2>&1 || say note "systemctl stop $unit failed: it may go on until the next start"
		;;
	/etc/systemd/user/*) say note 'it goes on in sessions that have it until they end' ;;
	*)
		owner=$(stat -c %U . 2>/dev/null)
		systemctl --user --machine="$owner@.host" daemon-reload </dev/null >/dev/null 2>&1
		[ "$stop" = 1 ] || return 0
		systemctl --user --machine="$owner@.host" stop -- "$unit" </dev/null >/dev/null 2>&1 ||
			say note "systemctl --user stop $unit failed: it may go on until $owner logs off"
		;;
	esac
}
