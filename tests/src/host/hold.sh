# Holds a machine whose first process is systemd, which reads no pipe of ours: ends it, and with it everything on the
# machine, when the other end of the pipe is closed, and takes its control group away.
# Arguments: the folder of the control group, then what starts the machine.
set -u
group=$1
shift
mkdir -p "$group"
"$@" < /dev/null > /dev/null &
machine=$!
until [ -n "$(cat "/proc/$machine/task/$machine/children" 2> /dev/null)" ]; do
    kill -0 "$machine" || exit 1
    sleep 0.02
done
echo ready
cat > /dev/null
kill -KILL "$machine"
wait
for _ in {1..100}; do
    find "$group" -depth -type d -exec rmdir {} + 2> /dev/null
    [ -d "$group" ] || exit 0
    sleep 0.1
done
echo "$group is left behind" >&2
