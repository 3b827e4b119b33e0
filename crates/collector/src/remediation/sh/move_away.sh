# Moves a regular file, or a link that starts something, into the folder that is kept for it.
need_hashes
# What another try left half done is put to its end.
kept() {
	if [ -f "$store/item" ] && ! [ -L "$store/item" ]; then say sha256 "$(hash_of "$store/item")"; fi
}
entered=1
enter "$path" || entered=
if [ "$(cat "$store/measure" 2>/dev/null)" = "$measure" ] && is_kept; then
	inode=$(cat "$store/inode" 2>/dev/null)
	if [ -n "$entered" ] && is_there; then
		if [ "$(stat -c %d:%i "./$name")" = "$inode" ]; then
			rm -f "./$name" || finish failed "it was copied to $store, and cannot be removed from its place"
		else
			kept
			finish already "it was moved to $store by an earlier try; something else lies in its place again"
		fi
	fi
	kept
	settle
	finish already "it was moved to $store by an earlier try"
fi
[ -n "$entered" ] && is_there || finish gone 'nothing lies there any more'
inode=$(stat -c %d:%i "./$name")
if [ -n "$expected" ] && [ "$inode" != "$expected" ]; then finish refused 'it was replaced while it was looked at'; fi
if [ -L "./$name" ]; then
	[ -n "$links" ] || finish refused 'there is a link in its place'
	need_store
	printf '%s' "$inode" >"$store/inode"
	why=$(mv -f "./$name" "$store/item" 2>&1) || finish failed "it cannot be moved: $why"
	[ -L "$store/item" ] || {
		mv -n "$store/item" "./$name"
		finish refused 'it was replaced while it was moved'
	}
	settle
	finish 'done' "the link was moved to $store"
fi
[ -f "./$name" ] || finish refused 'it is no regular file'
if [ -n "$size" ] && [ "$(stat -c %s "./$name")" != "$size" ]; then
	finish refused "it has another size than it had: $(stat -c %s "./$name") bytes, and not $size"
fi
if [ -n "$was" ] && [ "$(stat -c %s "./$name")" != "$was" ]; then
	say note "it had $was bytes when it was seen, and $(stat -c %s "./$name") now, as its client wrote it again"
fi
# The opened file is looked at again: a name can get another file at any time.
{ command exec 4<"./$name"; } 2>/dev/null || finish failed 'it cannot be read'
[ "$(stat -L -c %d:%i /proc/self/fd/4)" = "$inode" ] || finish refused 'it was replaced while it was looked at'
before=$(hash_of /proc/self/fd/4)
[ -n "$before" ] || finish failed 'its SHA-256 cannot be had'
if [ -n "$sha256" ] && [ "$before" != "$sha256" ]; then finish refused 'it was changed while it was looked at'; fi
need_store
printf '%s' "$inode" >"$store/inode"
if [ "$(stat -c %d .)" = "$(stat -c %d "$store")" ]; then
	why=$(mv -f "./$name" "$store/item" 2>&1) || finish failed "it cannot be moved: $why"
	if ! [ -f "$store/item" ] || [ -L "$store/item" ] || [ "$(hash_of "$store/item")" != "$before" ]; then
		mv -n "$store/item" "./$name"
		finish refused 'it was replaced while it was moved'
	fi
else
	rm -f "$store/item.new"
	why=$(cp -pL /proc/self/fd/4 "$store/item.new" 2>&1) || finish failed "it cannot be copied: $why"
	sync
	[ "$(hash_of "$store/item.new")" = "$before" ] || finish failed 'it changed while it was copied'
	mv -f "$store/item.new" "$store/item" || finish failed "it cannot be kept in $store"
	[ "$(stat -c %d:%i "./$name")" = "$inode" ] || finish refused 'it was replaced while it was moved'
	why=$(rm -f "./$name" 2>&1) || {
		rm -f "$store/item"
		finish failed "it cannot be removed from its place: $why"
	}
fi
say sha256 "$before"
settle
finish 'done' "it was moved to $store"
