# The relay's machine, as far as the document of its orders knows it: enter-relay.sh PROGRAM CONFIG COMMAND…
# Runs in a mount namespace of its own, so that nothing of this machine changes.
set -eu
program=$1 config=$2
shift 2
mount -t tmpfs none /mnt
mkdir /mnt/upper /mnt/work
mount -t overlay overlay -o lowerdir=/etc,upperdir=/mnt/upper,workdir=/mnt/work /etc
mkdir -p /etc/peerhound
ln -s "$config" /etc/peerhound/relay.toml
mount -t tmpfs none /opt
mkdir -p /opt/peerhound/bin
ln -s "$program" /opt/peerhound/bin/peerhound-relay
exec "$@"
