printf 'end\000\000'
kill "$watch"
exit 0
}
