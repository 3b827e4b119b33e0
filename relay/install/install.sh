#!/bin/sh
# Installs the Peerhound relay on Linux: one program and one folder of configuration. There is no service: Systems
# Manager's agent starts the program for each batch of orders. Running it again updates the program and leaves the
# configuration as it is. DESTDIR installs below another root.
set -eu
umask 077

usage() {
    cat <<'USAGE'
usage: install.sh [--binary FILE] [--name NAME] [--network CIDR]... [--agent-workers N]
       install.sh --uninstall [--purge]

  --binary FILE    the program [default: peerhound-relay beside this script]
  --name NAME      the relay's name in a new configuration, as the policy's [[relay]] has it
  --network CIDR   a network that the relay serves, in a new configuration; may be repeated
  --agent-workers N
                   let Systems Manager's agent run so many commands at a time, instead of 5
  --uninstall      remove the program; the configuration and its keys stay
  --purge          with --uninstall: remove the configuration, its keys and the staging folder as well
USAGE
}

fail() {
    echo "install.sh: $1" >&2
    exit 1
}

here=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd)
root=${DESTDIR:-}
bin=$root/opt/peerhound/bin
etc=$root/etc/peerhound
staging=$root/var/lib/peerhound-relay

binary=$here/peerhound-relay
name=
networks=
workers=
uninstall=false
purge=false
while [ $# -gt 0 ]; do
    case $1 in
        --binary | --name | --network | --agent-workers)
            [ $# -ge 2 ] || fail "$1 needs a value"
            ;;
    esac
    case $1 in
        --binary) binary=$2 && shift ;;
        --name) name=$2 && shift ;;
        --network)
            case $2 in
                '' | *[!0-9a-fA-F.:/]*) fail "$2 is not a network; write it as 10.20.0.0/16" ;;
            esac
            networks="$networks${networks:+, }\"$2\"" && shift
            ;;
        --agent-workers)
            case $2 in
                '' | 0* | *[!0-9]*) fail "$2 is no number of commands" ;;
            esac
            workers=$2 && shift
            ;;
        --uninstall) uninstall=true ;;
        --purge) purge=true ;;
        -h | --help) usage && exit 0 ;;
        *) usage >&2 && exit 2 ;;
    esac
    shift
done
case $name in
    *[!a-z0-9-]*) fail "$name is not a relay's name; use a-z, 0-9 and -" ;;
esac
[ -n "$root" ] || [ "$(id -u)" = 0 ] || fail "must be run as root"

if [ "$uninstall" = true ]; then
    rm -f -- "$bin/peerhound-relay"
    rmdir -- "$bin" "$root/opt/peerhound" 2> /dev/null || true
    if [ "$purge" = true ]; then
        rm -rf -- "$etc/relay.toml" "$etc/keys" "$etc/known_hosts" "$staging"
        rmdir -- "$etc" 2> /dev/null || true
        echo "removed the relay, its configuration and its keys"
    else
        echo "removed the relay; its configuration stays in $etc"
    fi
    exit 0
fi
[ "$purge" = false ] || fail "--purge goes with --uninstall"

[ -f "$binary" ] || fail "no program at $binary; name it with --binary"
# Put beside its place and moved there, so that a run that is under way keeps the program that it was started from.
(umask 022 && mkdir -p -- "$bin")
chmod 755 "$root/opt/peerhound" "$bin"
cp -- "$binary" "$bin/.peerhound-relay.new"
chmod 755 "$bin/.peerhound-relay.new"
mv -f -- "$bin/.peerhound-relay.new" "$bin/peerhound-relay"

mkdir -p -- "$etc/keys" "$staging"
chmod 700 "$etc" "$etc/keys" "$staging"
if [ -e "$etc/relay.toml" ]; then
    chmod 600 "$etc/relay.toml"
    echo "kept $etc/relay.toml as it is"
else
    new=$etc/.relay.toml.new
    sed -e 's|^# staging_dir = .*|staging_dir = "/var/lib/peerhound-relay"|' \
        -e "s|^name = .*|name = \"${name:-site-1}\"|" \
        -e "s|^networks = .*|networks = [$networks]|" "$here/relay.toml.example" > "$new"
    chmod 600 "$new"
    mv -- "$new" "$etc/relay.toml"
    echo "wrote $etc/relay.toml"
fi
[ -e "$etc/known_hosts" ] || : > "$etc/known_hosts"
chmod 600 "$etc/known_hosts"
if [ -z "$root" ]; then
    chown -R root:root "$bin" "$etc" "$staging"
fi

# A command lasts as long as its slowest machine, so that few workers are soon all taken.
agent=$root/etc/amazon/ssm/amazon-ssm-agent.json
limit='"CommandWorkersLimit"[[:space:]]*:[[:space:]]*'
if [ -n "$workers" ]; then
    from=$agent
    [ -e "$from" ] || from=$agent.template
    [ -e "$from" ] || fail "no $agent and no template for it: install Systems Manager's agent first"
    grep -q "$limit[0-9]" "$from" || fail "$from has no CommandWorkersLimit in its section Mds: add it by hand"
    sed -e "s|\($limit\)[0-9][0-9]*|\1$workers|" "$from" > "$agent.new"
    # It may name a profile with credentials.
    chmod 600 "$agent.new"
    mv -f -- "$agent.new" "$agent"
    echo "set CommandWorkersLimit to $workers in $agent; then: systemctl restart amazon-ssm-agent"
elif ! grep -qs "$limit[0-9]" "$agent" || grep -q "$limit[1-5][^0-9]" "$agent"; then
    echo "note: the agent runs 5 commands at a time, and a few slow machines hold up all others: see --agent-workers"
fi

cat <<NEXT
installed $bin/peerhound-relay
next: put the SSH key into $etc/keys and name it in relay.toml, the endpoints' host keys into $etc/known_hosts,
      then run: $bin/peerhound-relay check --config $etc/relay.toml
NEXT
