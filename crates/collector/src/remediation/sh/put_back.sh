# Puts what was moved away back to where it was, if nothing lies there.
need_hashes
is_kept || {
	[ -e "$store/undone" ] && finish already 'it was put back before'
	finish failed "nothing is kept in $store: it was never moved, or was taken away by somebody"
}
if [ -n "$sha256" ]; then
	[ "$(hash_of "$store/item")" = "$sha256" ] || finish refused "what is kept in $store is not what was moved"
fi
enter "$path" || finish refused "its folder is not there any more; it stays in $store"
if is_there; then
	if [ "$(stat -c %d:%i "./$name")" = "$(stat -c %d:%i "$store/item")" ]; then
		# An earlier try was ended between the two steps.
		rm -f "$store/item"
		: >"$store/undone"
		settle
		finish 'done' 'it was put back'
	fi
	finish refused "something lies in its place: that was left alone, and what was moved stays in $store"
fi
# A name of its own that must not be there yet: whatever comes in between is not written over.
if ! ln "$store/item" "./$name" 2>/dev/null; then
	# Another file system. What is copied there lies in a folder that nobody else may enter.
	dir_inode=$(stat -c %d:%i .)
	t=$(mktemp -d ./.peerhound-XXXXXXXX 2>/dev/null) || finish failed "nothing can be written to $dir"
	cd -P -- "$t" || finish failed "nothing can be written to $dir"
	[ "$(stat -c %u:%a .)" = "$me:700" ] && [ "$(stat -c %d:%i ..)" = "$dir_inode" ] ||
		finish refused "somebody changes $dir meanwhile"
	why=$(cp -pP "$store/item" ./item 2>&1) || {
		cd .. && rm -rf "$t"
		finish failed "it cannot be copied back: $why"
	}
	sync
	ln ./item "../$name" 2>/dev/null || {
		cd .. && rm -rf "$t"
		finish refused "something lies in its place: that was left alone, and what was moved stays in $store"
	}
	rm -f ./item
	cd .. && rmdir "$t"
	[ "$(stat -c %d:%i .)" = "$dir_inode" ] || finish refused "somebody changes $dir meanwhile"
fi
if [ -n "$sha256" ]; then
	[ -f "./$name" ] && ! [ -L "./$name" ] && [ "$(hash_of "./$name")" = "$sha256" ] ||
		finish failed "what was put back is not what was moved; that stays in $store"
fi
rm -f "$store/item"
: >"$store/undone"
settle
finish 'done' 'it was put back'
