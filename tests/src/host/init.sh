# The first process of a test's machine. Starts one service for each line it reads, and ends, and with it everything on
# the machine, when the other end of the pipe is closed: so a killed test leaves no process behind.
echo ready
while IFS= read -r line; do
    eval "$line" &
done
# Without a PID namespace nobody else ends them.
jobs -p | xargs --no-run-if-empty kill -KILL
