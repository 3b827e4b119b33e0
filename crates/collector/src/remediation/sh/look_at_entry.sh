# What lies at a path that starts something, and whether an earlier try was here.
need_hashes
if is_kept; then say kept 1; fi
if [ "$(cat "$store/measure" 2>/dev/null)" = "$measure" ]; then say ours 1; fi
enter "$path" || finish 'done' ''
is_there || finish 'done' ''
say inode "$(stat -c %d:%i "./$name")"
if [ -L "./$name" ]; then
	say link "$(readlink "./$name")"
elif [ -f "./$name" ]; then
	say file 1
fi
if [ -f "./$name" ]; then
	[ -x "./$name" ] && say executable 1
	[ -r "./$name" ] || finish refused 'it is closed to this account'
	say size "$(stat -L -c %s "./$name")"
	say sha256 "$(hash_of "./$name")"
	printf 'content\000'
	head -c 65537 "./$name" | tr -d '\000'
	printf '\000'
fi
finish 'done' ''
