#!/bin/sh
# Becomes the first process of a machine of its own: systemd over a copy of this one's files that is
# thrown away. Called within name spaces of its own:
#
#     boot.sh PLACE PACKAGES PROGRAMS PROJECT ROOT
#
# PLACE is a folder to work in. PACKAGES and PROGRAMS are lent to the machine below /run/lent, and
# PROJECT, a copy that nobody else writes in, is what it sees at ROOT.
set -eu
place=$1 packages=$2 programs=$3 project=$4 seen=$5
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
# Whoever else works on this machine keeps things there, and another test may at this moment.
for kept in root home opt srv var/cache var/tmp; do
    [ -d "$root/$kept" ] && [ ! -L "$root/$kept" ] || continue
    mount -t tmpfs -o "mode=$(stat -c %a "$root/$kept")" tmpfs "$root/$kept"
done
# Or writes there, as the first engine for containers that ever runs here does: from now on that is
# not seen. What vanishes while it is copied is not in the copy.
mount -t tmpfs -o mode=755 tmpfs "$root/etc"
cp -a /etc/. "$root/etc/" || [ -e "$root/etc/passwd" ]
mkdir -p "$root/run/lent/packages" "$root/run/lent/programs" "$root$seen"
mount --bind "$packages" "$root/run/lent/packages"
mount --bind "$programs" "$root/run/lent/programs"
# The files below an overlay may not change: Python writes beside the project while tests run.
mount --bind "$project" "$root$seen"

: >"$root/etc/machine-id"
mkdir -p "$root/etc/systemd/system"
# What else this machine starts is none of the test's business.
ln -sf /lib/systemd/system/basic.target "$root/etc/systemd/system/default.target"
for unit in systemd-udevd.service systemd-timesyncd.service systemd-resolved.service; do
    ln -sf /dev/null "$root/etc/systemd/system/$unit"
done
for timer in "$root"/lib/systemd/system/*.timer; do
    ln -sf /dev/null "$root/etc/systemd/system/${timer##*/}"
done

cd "$root"
mkdir -p mnt/former
pivot_root . mnt/former
umount -l /mnt/former
# As the first process of a real machine does it; what services are handed over arrives by that.
mount --make-rshared /
exec env -i container=other PATH=/usr/sbin:/usr/bin:/sbin:/bin /lib/systemd/systemd --show-status=false --log-target=console
