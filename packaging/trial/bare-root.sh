#!/bin/sh
# Tries this checkout in a bare Debian 13: a root folder with nothing in it but the essential packages and make.
#
#   packaging/trial/bare-root.sh run  DIR [ARGUMENTS OF make…]    make run in it
#   packaging/trial/bare-root.sh test DIR [ARGUMENTS OF make…]    .ci/run in it: make test, engines required
#   packaging/trial/bare-root.sh sh   DIR                         a shell in it
#
# DIR is made with mmdebstrap where it does not exist, and kept: a second call shows how fast the second time is.
# `rm -rf DIR` ends the trial. The checkout is copied anew each time (what git knows or would add), to DIR/checkout.
#
# The root gets this machine's /proc, /sys and /dev, its way to the package indexes (apt's Acquire settings, pip's
# configuration, certificates, proxy variables), and, for `run`, its display and its engines' sockets. All mounts are
# in a mount namespace of their own and end with it. Whatever still runs below DIR afterwards is named, and is a failure.
#
# Needs root and mmdebstrap. AS_USER=1: as an ordinary user with sudo, not as root. SUITE: another release of Debian.

set -eu

usage() {
    sed -n '2,/^$/s/^# \{0,1\}//p' "$0" >&2
    exit 2
}
[ $# -ge 2 ] || usage
what=$1
root=$2
shift 2
case $what in run | test | sh) ;; *) usage ;; esac
[ "$(id -u)" = 0 ] || {
    echo "bare-root.sh: needs root" >&2
    exit 2
}
checkout=$(cd "$(dirname "$0")/../.." && pwd)

if [ ! -e "$root" ]; then
    mmdebstrap --quiet --variant=minbase --include=make "${SUITE:-trixie}" "$root"
fi
root=$(cd "$root" && pwd)
case $root in
/) usage ;;
esac

# The checkout anew; only the .venv of an earlier trial stays.
mkdir -p "$root/checkout"
find "$root/checkout" -mindepth 1 -maxdepth 1 ! -name .venv -exec rm -rf {} +
(cd "$checkout" && git ls-files -z --cached --others --exclude-standard | sort -zu |
    xargs -0 sh -c 'for file; do [ ! -e "$file" ] || printf "%s\0" "$file"; done' sh |
    tar --create --owner=0 --group=0 --no-recursion --null --files-from=-) |
    tar --extract --directory "$root/checkout"

# This machine's network, apt and pip configuration, to reach the package indexes.
. "$checkout/packaging/copy-network-config.sh"
copy_network_config "$root"

if [ -n "${AS_USER:-}" ]; then
    grep -q '^trial:' "$root/etc/passwd" || chroot "$root" sh -c '
        export DEBIAN_FRONTEND=noninteractive
        apt-get -qq update && apt-get -qq -y --no-install-recommends install sudo >/dev/null
        useradd --create-home --shell /bin/sh trial
        echo "trial ALL=(ALL) NOPASSWD: ALL" >/etc/sudoers.d/trial'
    chroot "$root" chown -R trial: /checkout
else
    chroot "$root" chown -R 0:0 /checkout
fi

# Everything from here on is in a mount namespace of its own; the arguments arrive as they are.
status=0
ROOT=$root WHAT=$what NETWORK_CONFIG=$checkout/packaging/copy-network-config.sh unshare --mount --propagation private sh -eu -c '
    mount -t proc proc "$ROOT/proc"
    mount --rbind /sys "$ROOT/sys"
    mount --rbind /dev "$ROOT/dev"
    mount -t tmpfs tmpfs "$ROOT/run"
    mkdir -p "$ROOT/run/lock"
    if [ -d "${PIP_FIND_LINKS:-/nonexistent}" ]; then
        mkdir -p "$ROOT$PIP_FIND_LINKS"
        mount --bind "$PIP_FIND_LINKS" "$ROOT$PIP_FIND_LINKS"
    fi
    if [ "$WHAT" != test ]; then
        for socket in /run/docker.sock /run/podman/podman.sock; do
            if [ -S "$socket" ]; then
                mkdir -p "$ROOT$(dirname "$socket")"
                : >"$ROOT$socket"
                mount --bind "$socket" "$ROOT$socket"
            fi
        done
        if [ -n "${DISPLAY:-}" ] && [ -d /tmp/.X11-unix ]; then
            mkdir -p "$ROOT/tmp/.X11-unix"
            mount --bind /tmp/.X11-unix "$ROOT/tmp/.X11-unix"
            if [ -f "${XAUTHORITY:-/nonexistent}" ]; then
                cp "$XAUTHORITY" "$ROOT/run/xauthority"
                chmod 644 "$ROOT/run/xauthority"
            fi
        fi
    fi

    # A clean environment, except for what leads to the indexes and to the display.
    . "$NETWORK_CONFIG"
    passed=$(network_variables)
    if [ "$WHAT" != test ] && [ -n "${DISPLAY:-}" ]; then
        passed="$passed DISPLAY=$DISPLAY"
        [ ! -f "$ROOT/run/xauthority" ] || passed="$passed XAUTHORITY=/run/xauthority"
    fi
    case $WHAT in
    run) set -- make run "$@" ;;
    test) set -- .ci/run "$@" ;;
    sh) set -- sh ;;
    esac
    path=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
    account=root home=/root
    if [ -n "${AS_USER:-}" ]; then account=trial home=/home/trial; fi
    exec chroot --userspec="$account" "$ROOT" env -i PATH=$path HOME=$home USER=$account TERM="${TERM:-dumb}" LANG=C.UTF-8 \
        $passed sh -c "cd /checkout && exec \"\$@\"" sh "$@"
' sh "$@" || status=$?

# By device and inode: that finds them in any mount namespace. A killed server may need a moment to go.
below() {
    for process in /proc/[0-9]*; do
        if [ "$(stat -Lc %d:%i "$process/root" 2>/dev/null)" = "$(stat -Lc %d:%i "$root")" ]; then
            printf ' %s(%s)' "${process#/proc/}" "$(cat "$process/comm" 2>/dev/null)"
        fi
    done
}
for _ in 1 2 3 4 5; do
    left=$(below)
    [ -n "$left" ] || break
    sleep 1
done
if [ -n "$left" ]; then
    echo "bare-root.sh: left running below $root:$left" >&2
    status=1
fi
exit $status
