#!/bin/sh
# Becomes the first process of a machine of its own: systemd over a copy of this one's files that is
# thrown away. Called with a folder, within name spaces of its own.
set -eu
place=$1
mount -t tmpfs -o mode=755 tmpfs "$place"
mkdir "$place/upper" "$place/work" "$place/root"
mount -t overlay -o "lowerdir=/,upperdir=$place/upper,workdir=$place/work" overlay "$place/root"
root=$place/root

mount -t proc proc "$root/proc"
mount -t sysfs sysfs "$root/sys"
mount -t cgroup2 cgroup2 "$root/sys/fs/cgroup"
mount -t tmpfs -o mode=755 tmpfs "$root/dev"
for device in null zero full random urandom tty kmsg; do
    [ ! -e "/dev/$device" ] || { touch "$root/dev/$device"; mount --bind "/dev/$device" "$root/dev/$device"; }
done
mkdir "$root/dev/pts" "$root/dev/shm"
mount -t devpts -o newinstance,ptmxmode=0666 devpts "$root/dev/pts"
ln -s pts/ptmx "$root/dev/ptmx"
mount -t tmpfs -o mode=1777 tmpfs "$root/dev/shm"
mount -t tmpfs -o mode=755 tmpfs "$root/run"
mount -t tmpfs -o mode=1777 tmpfs "$root/tmp"
[ $# -lt 2 ] || { mkdir "$root/run/lent"; mount --bind "$2" "$root/run/lent"; }
# The project may lie below /tmp, or on a disk of its own.
[ $# -lt 3 ] || {
    mkdir -p "$place/project-upper" "$place/project-work" "$root$3"
    mount -t overlay -o "lowerdir=$3,upperdir=$place/project-upper,workdir=$place/project-work" overlay "$root$3"
}

: >"$root/etc/machine-id"
mkdir -p "$root/etc/systemd/system"
# What else this machine starts is none of the test's business.
ln -sf /lib/systemd/system/basic.target "$root/etc/systemd/system/default.target"
for unit in systemd-udevd.service systemd-timesyncd.service systemd-resolved.service; do
    ln -sf /dev/null "$root/etc/systemd/system/$unit"
done

cd "$root"
mkdir -p mnt/former
pivot_root . mnt/former
umount -l /mnt/former
# As the first process of a real machine does it; what services are handed over arrives by that.
mount --make-rshared /
exec env -i container=other PATH=/usr/sbin:/usr/bin:/sbin:/bin /lib/systemd/systemd --show-status=false --log-target=console
