if find / -maxdepth 0 -printf '' 2>/dev/null; then
	roots() {
		printf '%s\000' /tmp /var/tmp /dev/shm /run/user /var/www /srv
		cut -d: -f6 /etc/passwd | sort -u | while IFS= read -r home; do
			case $home in
			/?*) ;;
			*) continue ;;
			esac
			case $home in
			/bin | /sbin | /dev | /proc | /sys | /usr | /usr/* | /bin/* | /sbin/* | /dev/* | /proc/* | /sys/* | /run | /run/* | /var | /etc | /etc/* | /tmp | /var/tmp | /var/www | /srv) continue ;;
			esac
			[ ! -d "$home" ] || printf '%s\000' "$home"
		done
	}
	find_recent() { xargs -0 -I '{}' find '{}' -xdev -maxdepth 12 -type f -perm /111 -ctime -30 "$@"; }
	renice -n 10 -p "$$" >/dev/null 2>&1
	printf 'files\000\000'
	{
		{
			roots | find_recent -printf '%U %m %s %T@ %C@ %p\0' 2>&1 >&4
		} | {
			unreadable=$(grep -c 'Permission denied')
			printf '\000unreadable\000%s\000' "$unreadable" >&4
		}
	} 4>&1
	# After the list itself: hashing is what may run into the time cap.
	if printf '' | sha256sum -z >/dev/null 2>&1; then
		printf 'hashes\000\000'
		roots | find_recent -size -131072 -print0 2>/dev/null | xargs -0 -r -n 64 sha256sum -z -- 2>/dev/null
		printf '\000'
	else
		printf 'no_hashes\000\000'
	fi
else
	printf 'no_find\000\000'
fi
