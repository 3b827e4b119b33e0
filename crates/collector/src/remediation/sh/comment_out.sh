# Comments out lines of a table of cron's. The new content was made elsewhere: what comes out here must be the same, byte
# for byte, before it takes the place of the old.
need_hashes
enter "$path" || finish gone 'its folder is not there any more'
is_there || finish gone 'the table is not there any more'
[ -f "./$name" ] && ! [ -L "./$name" ] || finish refused 'the table is no regular file'
[ "$(hash_of "./$name")" = "$sha256" ] || finish refused 'the table was changed while it was looked at'
need_store
new=./.peerhound-$case-$n
rm -f "$new"
set --
for line in $lines; do set -- "$@" -e "${line}s/^/$mark/"; done
why=$({ cp -p "./$name" "$new" && sed "$@" <"./$name" >"$new"; } 2>&1) && [ "$(hash_of "$new")" = "$after" ] || {
	rm -f "$new"
	finish failed "the table cannot be written: $why"
}
sync
[ "$(hash_of "./$name")" = "$sha256" ] || {
	rm -f "$new"
	finish refused 'the table was changed while it was written'
}
why=$(mv -f "$new" "./$name" 2>&1) || {
	rm -f "$new"
	finish failed "the table cannot be written: $why"
}
[ "$(hash_of "./$name")" = "$after" ] || finish failed 'the table was changed by somebody right after it was written'
finish 'done' 'the job is commented out'
