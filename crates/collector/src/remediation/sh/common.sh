say() { printf '%s\000%s\000' "$1" "$2"; }
# Ends the answer. Nothing of what follows in the script is done.
finish() {
	say status "$1"
	say detail "$2"
	printf 'end\000\000'
	kill "$watch"
	exit 0
}
pause() { sleep 0.2 2>/dev/null || sleep 1; }
me=$(id -u)
if [ "$me" = 0 ]; then
	base=/var/lib/peerhound
else
	case $HOME in /?*) ;; *) finish refused 'this account has no home folder to keep anything in' ;; esac
	base=$HOME/.local/state/peerhound
fi
store=$base/quarantine/$case/$n
# A folder that only this account may look into, and that nobody else has made.
private() {
	[ -d "$1" ] || mkdir -p "$1" 2>/dev/null
	[ -d "$1" ] && ! [ -L "$1" ] && [ "$(stat -c %u "$1")" = "$me" ]
}
# Makes the folder that things of this measure lie in. A number that was used for something else is refused.
open_store() {
	for d in "$base" "$base/quarantine" "$base/quarantine/$case" "$store"; do
		private "$d" || return 1
	done
	chmod 700 "$base/quarantine" "$base/quarantine/$case" "$store" || return 1
	if [ -e "$store/measure" ]; then
		[ "$(cat "$store/measure")" = "$measure" ] || finish refused "$store belongs to another measure of this number"
	else
		printf '%s' "$measure" >"$store/measure.new" && mv -f "$store/measure.new" "$store/measure" || return 1
	fi
	rm -f "$store/undone"
}
need_store() { open_store || finish failed "nothing can be kept in $store"; }
hash_of() { sha256sum <"$1" 2>/dev/null | cut -d ' ' -f 1; }
need_hashes() { command -v sha256sum >/dev/null 2>&1 || finish refused 'there is no sha256sum on this system'; }
# Goes into the folder of a path, and nowhere else: from here on, what lies in it is named from within, so that no link
# that somebody puts into the way leads anywhere.
enter() {
	dir=${1%/*}
	name=${1##*/}
	[ -n "$dir" ] || dir=/
	case $1 in /*) ;; *) finish refused 'it is no full path' ;; esac
	case $name in '' | . | ..) finish refused 'it names no file' ;; esac
	cd -P -- "$dir" 2>/dev/null || {
		[ -d "$dir" ] && finish refused 'its folder is closed to this account'
		return 1
	}
	here=$(pwd -P && printf .)
	here=${here%??}
	[ "$here" = "$dir" ] || finish refused "its folder is reached through a link: it is $here"
}
is_there() { [ -e "./$name" ] || [ -L "./$name" ]; }
is_kept() { [ -e "$store/item" ] || [ -L "$store/item" ]; }
