# systemd learns of a unit that nothing wants any more, or that is wanted again.
settle() {
	[ -n "$unit" ] || return 0
	if ! [ -d /run/systemd/system ]; then
		say note 'systemd does not run here: its links alone were changed'
		return 0
	fi
	scope=
	case $path in
	/etc/systemd/system/*) ;;
	/etc/systemd/user/*)
		[ "$stop" = 1 ] && say note 'it goes on in sessions that have it until they end'
		return 0
		;;
	*)
		# Whose it is says the home folder: what lies below may be anybody's.
		scope=$(stat -L -c %u "${path%%/.config/systemd/user/*}" 2>/dev/null)
		case $scope in '' | *[!0-9]*) scope=$me ;; esac
		if ! [ -S "/run/user/$scope/systemd/private" ]; then
			[ "$stop" = 1 ] && say note "no systemd of account $scope runs: there was nothing to stop"
			return 0
		fi
		;;
	esac
	why=$(manager daemon-reload 2>&1) || say note "systemctl daemon-reload failed: $why"
	if [ "$stop" != 1 ]; then
		say note "it is not started now: it will be when its time comes, or by systemctl ${scope:+--user }start $unit"
		return 0
	fi
	why=$(manager stop -- "$unit" 2>&1) ||
		say note "systemctl ${scope:+--user }stop $unit failed, it may go on until the next start: $why"
	# Sockets and the like, which start it when somebody asks for it.
	case $why in *'can still be activated by'*) say note "$unit can still be started by others: ${why##*activated by}" ;; esac
	case $(manager is-enabled -- "$unit" 2>/dev/null) in
	enabled | enabled-runtime | linked-runtime) say note "something else still wants $unit: it is not switched off altogether" ;;
	esac
}
