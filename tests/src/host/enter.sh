# Makes a small machine's root out of a folder and moves into it.
# Run in mount, PID, UTS, IPC and network namespaces of its own: nothing below is seen outside them.
# Arguments: the folder, the host name, and where systemd is to be its first process, the folder of its control group.
# Programs are this machine's, read-only; everything else is the folder's.
set -eu
root=$1
group=${3:-}
[ -z "$group" ] || echo 0 > "$group/cgroup.procs"
hostname "$2"
mount --bind "$root" "$root"
cd "$root"
mount --bind /usr usr
mount -o remount,bind,ro usr
for folder in bin sbin lib lib32 lib64 libx32; do
    if [ -L "/$folder" ]; then
        ln -s "$(readlink "/$folder")" "$folder"
    elif [ -d "/$folder" ]; then
        mkdir "$folder"
        mount --bind "/$folder" "$folder"
        mount -o remount,bind,ro "$folder"
    fi
done
mount -t proc proc proc
mount -t sysfs -o ro sysfs sys
mount -t tmpfs -o mode=755,size=1m tmpfs dev
for device in null zero full random urandom tty; do
    : > "dev/$device"
    mount --bind "/dev/$device" "dev/$device"
done
mkdir dev/pts dev/shm
mount -t devpts -o newinstance,ptmxmode=0666,mode=620 devpts dev/pts
ln -s pts/ptmx dev/ptmx
ln -s /proc/self/fd dev/fd
ln -s /proc/self/fd/0 dev/stdin
ln -s /proc/self/fd/1 dev/stdout
ln -s /proc/self/fd/2 dev/stderr
mount -t tmpfs -o mode=755,size=64m tmpfs run
mount -t tmpfs -o mode=1777,size=64m tmpfs tmp
mkdir run/sshd run/lock run/user .old
pivot_root . .old
cd /
umount -l /.old
rmdir /.old
[ -n "$group" ] || exec /bin/bash /etc/init
# systemd sets what is the whole kernel's, unless it cannot.
for folder in /proc/sys /proc/sysrq-trigger; do
    [ ! -e $folder ] || { mount --bind $folder $folder && mount -o remount,bind,ro $folder; }
done
exec unshare --cgroup /bin/bash -c 'mount -t cgroup2 cgroup2 /sys/fs/cgroup && exec env -i container=peerhound-test \
    PATH=/usr/sbin:/usr/bin:/sbin:/bin /lib/systemd/systemd --system --log-target=console --show-status=no'
