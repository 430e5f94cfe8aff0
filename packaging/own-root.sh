#!/bin/sh
# own-root.sh COMMAND…: runs a command so that it can create user namespaces, even in a chroot.
#
# The kernel refuses a new user namespace to a process whose root is not its mount namespace's root (EPERM, see
# user_namespaces(2) and unshare(2): "the caller is in a chroot environment"). Without one no rootless engine starts.
# Root can fix that: in a new mount namespace, our root folder becomes the root of the namespace. Nothing outside
# changes, and it ends with the command. If it is not needed, or does not help, the command is run directly.

set -eu

if [ "$(id -u)" != 0 ] || unshare --user true 2>/dev/null; then
    exec "$@"
fi

# nsenter into the namespace that we are in already takes us to its root, with our own root as working directory.
# Then in the shell of that root: make the folder a mount, and pivot_root(2) into it; "." on "." needs no other folder.
own_root() {
    unshare --mount --propagation unchanged nsenter --mount=/proc/self/ns/mnt --wd=/ /bin/sh -euc '
        folder=$(pwd -P)
        mount --make-rprivate /
        mount --rbind "$folder" "$folder"
        cd "$folder"
        pivot_root . .
        umount --lazy .
        cd "$0"
        exec "$@"
    ' "$@"
}

if own_root / unshare --user true 2>/dev/null; then
    own_root "$PWD" "$@"
else
    exec "$@"
fi
