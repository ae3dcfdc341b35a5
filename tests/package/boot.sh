#!/bin/sh
# boot.sh ROOT CGROUP: becomes systemd of the Debian in ROOT. To be run by root as the first process of
# namespaces of its own (mounts, processes, network, names); ROOT sees nothing of the machine around it.
set -eu
root=$1 cgroup=$2

mount --make-rprivate /
mount --bind "$root" "$root"
ip link set lo up
mount -t cgroup2 cgroup2 "$root/mnt"
mkdir -p "$root/mnt/$cgroup"
echo 0 >"$root/mnt/$cgroup/cgroup.procs"
umount "$root/mnt"

# shellcheck disable=SC2016 # for the inner shell
exec unshare --cgroup sh -euc '
cd "$1"
mount -t proc proc proc
mount -t sysfs sysfs sys
mount -t cgroup2 cgroup2 sys/fs/cgroup
mount -t tmpfs -o mode=755 tmpfs run
mount -t tmpfs -o mode=755 tmpfs dev
for device in null zero full random urandom tty; do
    : >"dev/$device"
    mount --bind "/dev/$device" "dev/$device"
done
mkdir dev/shm dev/pts
mount -t tmpfs tmpfs dev/shm
mount -t devpts -o newinstance,ptmxmode=0666 devpts dev/pts
ln -s pts/ptmx dev/ptmx
ln -s /proc/self/fd dev/fd
# chroot alone would leave a root that is no mount, in which units cannot have mounts of their own; and
# credentials are mounted by a process of systemd for others to see
mount --move . /
exec env -i container=test PATH=/usr/sbin:/usr/bin:/sbin:/bin chroot . \
    sh -c "mount --make-rshared / && exec /lib/systemd/systemd"
' sh "$root"
