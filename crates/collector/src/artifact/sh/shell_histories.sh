cut -d: -f6 /etc/passwd | sort -u | while IFS= read -r home; do
	case $home in /?*) ;; *) continue ;; esac
	if [ -d "$home" ] && ! [ -x "$home" ]; then printf 'closed\000%s\000' "$home"; continue; fi
	for name in .bash_history .zsh_history .sh_history .ash_history .ksh_history .history .local/share/fish/fish_history \
		.python_history .node_repl_history .mysql_history .psql_history .sqlite_history .rediscli_history .lesshst .viminfo; do
		f=$home/$name
		if [ -L "$f" ]; then
			printf 'file\000%s\000target\000' "$f"; readlink "$f"; printf '\000'
		elif [ -f "$f" ]; then
			printf 'file\000%s\000' "$f"
		else
			continue
		fi
		printf 'stat\000'; stat -c '%u %s %Y' "$f"; printf '\000'
	done
done 2>/dev/null
