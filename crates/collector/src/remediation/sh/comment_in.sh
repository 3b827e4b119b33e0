# Takes the mark away from what was commented out. All else is left as it is by now.
need_hashes
enter "$path" || finish gone 'its folder is not there any more'
is_there || finish gone 'the table is not there any more'
[ -f "./$name" ] && ! [ -L "./$name" ] || finish refused 'the table is no regular file'
grep -q "^$mark" "./$name" || {
	[ -e "$store/undone" ] && finish already 'the job was put back before'
	finish gone 'the job that was commented out is not in the table any more'
}
new=./.peerhound-$case-$n
rm -f "$new"
before=$(hash_of "./$name")
why=$({ cp -p "./$name" "$new" && sed "s/^$mark//" <"./$name" >"$new"; } 2>&1) || {
	rm -f "$new"
	finish failed "the table cannot be written: $why"
}
sync
[ "$(hash_of "./$name")" = "$before" ] || {
	rm -f "$new"
	finish refused 'the table was changed while it was written'
}
why=$(mv -f "$new" "./$name" 2>&1) || {
	rm -f "$new"
	finish failed "the table cannot be written: $why"
}
if [ -d "$store" ]; then : >"$store/undone"; fi
finish 'done' 'the job is in the table again, as it was'
