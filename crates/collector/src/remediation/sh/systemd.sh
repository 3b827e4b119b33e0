# Asks the systemd that has a unit: the system's own, or where `scope` is the number of an account, that account's. No
# session is opened for it: one would leave traces of a log-in that nobody made.
manager() {
	if [ -z "$scope" ]; then
		systemctl "$@" </dev/null
	elif [ "$scope" = "$me" ]; then
		XDG_RUNTIME_DIR=/run/user/$scope systemctl --user "$@" </dev/null
	else
		XDG_RUNTIME_DIR=/run/user/$scope setpriv --reuid "$scope" --regid "$(id -g "$scope")" --clear-groups \
			systemctl --user "$@" </dev/null
	fi
}
