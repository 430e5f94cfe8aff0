#!/bin/sh
# build.sh [FOLDER]: builds Stratascope-VERSION-x86_64.AppImage in that folder, or in dist; called by `make appimage`,
# which has set up what is needed.
#
# It is built in a root folder of Debian 12, so that it runs on all that is as new as that: a program built on a newer
# system asks for a newer C library. The root is made by mmdebstrap on first use and kept, with the Python packages, in
# ~/.cache/stratascope-appimage (STRATASCOPE_APPIMAGE names another folder); it is made anew when its recipe changes, and
# with FRESH=1, as a release wants it: Debian has mended things since.
#
# What goes in is known by its SHA-256: Python packages by packaging/hashes/, without which pip installs nothing; Debian's
# by the archive's signed lists, and a list of them (debian-list.sh) lies in the AppImage, beside its list of parts.
#
# Reproducible: the same commit in the same root gives the same bytes. All that is built lies at /build there, times
# are the commit's, names are sorted, hashes are not random (inside.sh).
#
# Needs root, for the root folder. Exit: 0 built, 1 the build failed, 2 it can't be built on this machine, and why.

set -eu
cd "$(dirname "$0")/../.."
umask 022

stop() {
    echo "stratascope: $*" >&2
    exit 2
}
[ "$(uname -m)" = x86_64 ] || stop "the AppImage is built on x86_64 only"
[ "$(id -u)" = 0 ] || stop "building the AppImage takes root: sudo make appimage"
for program in mmdebstrap unshare flock git; do
    command -v $program >/dev/null || stop "$program is missing; packaging/setup.sh appimage installs it"
done
unshare --mount --propagation private true 2>/dev/null ||
    stop "no mount namespace can be made here (in a container, or a chroot), and the AppImage is built in one"

. packaging/copy-network-config.sh
cache=${STRATASCOPE_APPIMAGE:-${XDG_CACHE_HOME:-$HOME/.cache}/stratascope-appimage}
mkdir -p "$cache"
cache=$(cd "$cache" && pwd)
exec 9>"$cache/lock"
flock 9 # one build at a time
rm -rf "$cache"/build-* # of one that was killed

packages=$(sed -e 's/#.*//' -e 's/[[:space:]]//g' -e '/^$/d' packaging/appimage/root.txt | paste -sd,)
recipe=$({ echo "bookworm $packages" && cat packaging/appimage/debian-list.sh; } | sha256sum | cut -c1-16)
root=$cache/root-$recipe
[ "${FRESH:-}" != 1 ] || rm -rf "$root"
if [ ! -d "$root" ]; then
    echo "stratascope: making a root folder of Debian 12 in $cache (once, half a minute)" >&2
    rm -rf "$cache"/root-* "$cache"/making-*
    making=$cache/making-$$
    trap 'rm -rf "$making"' EXIT
    mmdebstrap --quiet --mode=root --variant=minbase --include="$packages" \
        --customize-hook='sh packaging/appimage/debian-list.sh "$1"' bookworm "$making" >&2 ||
        stop "mmdebstrap could not make a root folder of Debian 12 (above)"
    mv "$making" "$root"
fi
copy_network_config "$root"

# What git knows or would add, as the commit's time stands.
SOURCE_DATE_EPOCH=${SOURCE_DATE_EPOCH:-$(git log -1 --format=%ct 2>/dev/null || echo 1700000000)}
VERSION=$(sed -n 's/^__version__ = "\(.*\)"$/\1/p' app/stratascope/__init__.py)
build=$(mktemp -d "$cache/build-XXXXXX")
trap 'rm -rf "$build"' EXIT
trap 'exit 130' INT TERM HUP
chmod 755 "$build"
mkdir "$build/checkout"
git ls-files -z --cached --others --exclude-standard | sort -zu |
    xargs -0 sh -c 'for file; do [ ! -f "$file" ] || printf "%s\0" "$file"; done' sh |
    tar --create --owner=0 --group=0 --mode=u+rw,go+r,go-w --no-recursion --null --files-from=- |
    tar --extract --no-same-permissions --directory "$build/checkout"

ROOT=$root BUILD=$build unshare --mount --propagation private sh -eu -c '
    mount -t proc proc "$ROOT/proc"
    mount --rbind /dev "$ROOT/dev"
    mkdir -p "$ROOT/build"
    mount --bind "$BUILD" "$ROOT/build"
    if [ -d "${PIP_FIND_LINKS:-/nonexistent}" ]; then
        mkdir -p "$ROOT$PIP_FIND_LINKS"
        mount --bind "$PIP_FIND_LINKS" "$ROOT$PIP_FIND_LINKS"
    fi
    exec chroot "$ROOT" env -i PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin HOME=/root LANG=C.UTF-8 \
        "$@" sh /build/checkout/packaging/appimage/inside.sh
' sh "VERSION=$VERSION" "SOURCE_DATE_EPOCH=$SOURCE_DATE_EPOCH" $(network_variables) >&2 9>&- || {
    echo "stratascope: the build failed (above)" >&2
    exit 1
}

[ -d "${1:-dist}" ] || {
    mkdir -p "${1:-dist}"
    chown --reference=. "${1:-dist}" # sudo make appimage, in the folder of an ordinary user
}
target=${1:-dist}/Stratascope-$VERSION-x86_64.AppImage
cp "$build/AppImage" "$target.new" # beside, and then in its place: the old one may be running
chmod 755 "$target.new"
chown --reference="${1:-dist}" "$target.new"
mv "$target.new" "$target"
echo "$target"
