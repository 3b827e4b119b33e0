# Every local file system once: neither what is mounted twice, nor a folder of a drive that is walked anyway.
done='|'
roots='|'
mounted() {
	while read -r _ _ device root point _ rest; do
		case $rest in *' - '*) rest=${rest#* - } ;; *) rest=${rest#- } ;; esac
		case " $local " in *" ${rest%% *} "*) ;; *) continue ;; esac
		# A container's merged view: its layers lie on a drive that is walked.
		case $rest in overlay*) [ "$point" = / ] || continue ;; esac
		case $point in *'\134'*) printf 'odd_mount\000%s\000' "$point" >&4; continue ;; esac
		case $done in *"|$point|"*) continue ;; esac
		seen=
		up=$root
		while :; do
			case $roots in *"|$device:$up|"*) seen=1; break ;; esac
			[ "$up" != / ] || break
			up=${up%/*}
			[ -n "$up" ] || up=/
		done
		done="$done$point|"
		[ -z "$seen" ] || continue
		roots="$roots$device:$root|"
		printf '%b\000' "$point"
	done
}
if printf '/a.TORRENT\000' | grep -zqaiE '\.torrent$' 2>/dev/null; then
	walk() { xargs -0 -I '{}' find '{}' -xdev -print0 | grep -zaiE "$names"; }
else
	walk() { xargs -0 -I '{}' find '{}' -xdev \( "$@" \) -print0; }
fi
renice -n 10 -p "$$" >/dev/null 2>&1
{
	{
		mounted </proc/self/mountinfo | walk "$@" | xargs -0 -n 64 sh -c "$look" sh
	} 2>&1 >&4 | {
		unreadable=$(grep -c 'Permission denied')
		printf 'unreadable\000%s\000' "$unreadable"
	}
} 4>&1
