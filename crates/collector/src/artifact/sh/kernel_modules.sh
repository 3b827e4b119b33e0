if [ -r /proc/modules ]; then
	printf 'modules\000\000'
	sed '/^$/d' </proc/modules | tr '\n' '\000'
	printf '\000'
else
	printf 'no_modules\000\000'
fi
printf 'tainted\000'; cat /proc/sys/kernel/tainted 2>/dev/null; printf '\000'
# What is built in has no state.
if [ -d /sys/module ]; then
	printf 'loaded\000\000'
	for d in /sys/module/*; do
		[ -e "$d/initstate" ] || continue
		taint=
		read -r taint <"$d/taint"
		printf '%s %s\000' "${d##*/}" "$taint"
	done 2>/dev/null
	printf '\000'
fi
