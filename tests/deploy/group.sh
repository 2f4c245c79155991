#!/bin/sh
# enter PLACE GROUP PROGRAM…: runs a program in a control group of its own, as its root.
# leave PLACE GROUP: is rid of that group, with all that runs in it.
# The tree of groups is mounted at PLACE, which only the caller's name space of mounts sees.
set -eu
deed=$1 place=$2 group=$2$3
shift 3
mount --make-rprivate /
mount -t cgroup2 cgroup2 "$place"
if [ "$deed" = enter ]; then
    mkdir "$group"
    echo 0 >"$group/cgroup.procs"
    umount "$place"
    exec unshare --cgroup "$@"
fi
[ -d "$group" ] || exit 0
# Kernels before 5.14 have no such word; what the end of the machine did not end is nobody's then.
[ ! -e "$group/cgroup.kill" ] || echo 1 >"$group/cgroup.kill"
for _ in $(seq 300); do
    ! find "$group" -depth -type d -exec rmdir {} + 2>/dev/null || exit 0
    sleep 0.1
done
echo "the control group $group is not empty" >&2
exit 1
