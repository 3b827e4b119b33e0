entry() {
	[ -f "$2" ] || return 0
	printf 'entry\000%s\000path\000%s\000' "$1" "$2"
	printf 'target\000'; readlink "$2" 2>/dev/null; printf '\000'
	if [ -x "$2" ]; then printf 'executable\0001\000'; fi
	if [ -r "$2" ]; then
		printf 'content\000'; head -c 65536 "$2" | tr -d '\000'; printf '\000'
	else
		printf 'unreadable\0001\000'
	fi
}
closed() {
	if [ -d "$1" ] && ! [ -r "$1" ]; then printf 'closed\000%s\000' "$1"; fi
}
for f in /etc/systemd/system/*.wants/* /etc/systemd/system/*.requires/* /etc/systemd/user/*.wants/*; do entry systemd_enabled "$f"; done
for f in /etc/systemd/system/*.service /etc/systemd/system/*.timer /etc/systemd/user/*.service; do
	[ -L "$f" ] || entry systemd_unit "$f"
done
entry crontab /etc/crontab
entry crontab /etc/anacrontab
for f in /etc/cron.d/*; do entry crontab "$f"; done
for f in /etc/cron.hourly/* /etc/cron.daily/* /etc/cron.weekly/* /etc/cron.monthly/*; do entry cron_script "$f"; done
for d in /var/spool/cron/crontabs /var/spool/cron; do
	closed "$d"
	for f in "$d"/*; do entry user_crontab "$f"; done
done
for f in /etc/xdg/autostart/*.desktop; do entry xdg "$f"; done
entry rc_local /etc/rc.local
for f in /etc/rc2.d/S* /etc/rc3.d/S* /etc/rc5.d/S*; do entry sysv "$f"; done
for f in /etc/profile.d/*.sh; do entry profile "$f"; done
cut -d: -f6 /etc/passwd | sort -u | while IFS= read -r home; do
	case $home in /?*) ;; *) continue ;; esac
	closed "$home"
	for f in "$home"/.config/autostart/*.desktop; do entry xdg "$f"; done
	for f in "$home"/.config/systemd/user/*.wants/*; do entry systemd_enabled "$f"; done
	for f in "$home"/.config/systemd/user/*.service "$home"/.config/systemd/user/*.timer; do
		[ -L "$f" ] || entry systemd_unit "$f"
	done
done
