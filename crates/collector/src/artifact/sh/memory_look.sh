# What has to be known before the tool is run: who may have written it, which file it is, where memory can be read, and how
# much there is. Only the file that is wanted is asked for its version.
say() { printf '%s\000' "$@"; }
say uid "$(id -u)"
p=$tool
while :; do
	say path "$p"
	say stat "$(stat -c '%u %f' "$p" 2>/dev/null)"
	[ "$p" = / ] && break
	p=${p%/*}
	[ -n "$p" ] || p=/
done
if [ -f "$tool" ] && [ -r "$tool" ]; then
	{
		h=$(sha256sum <&4)
		h=${h%% *}
		say sha256 "$h"
		[ "$h" = "$want" ] && say version "$(/proc/self/fd/4 --version 2>&1 | head -c 200)"
	} 4<"$tool"
fi
say lockdown "$(head -c 200 /sys/kernel/security/lockdown 2>/dev/null)"
say memtotal "$(sed -n 's/^MemTotal: *\([0-9]*\) kB$/\1/p' /proc/meminfo)"
say iomem "$(sed -n '/^[^ ].* : System RAM$/p' /proc/iomem 2>/dev/null | head -c 60000)"
for s in /proc/kcore /dev/crash /dev/mem; do
	[ "$s" = /proc/kcore ] && ! [ "$(stat -c %s "$s" 2>/dev/null || echo 0)" -gt 8192 ] && continue
	dd if="$s" of=/dev/null bs=4096 count=1 2>/dev/null && { say source "$s"; break; }
done
