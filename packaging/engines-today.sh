#!/bin/sh
# engines-today.sh SUITE: makes a root folder with the container engines of a suite of Debian that is newer than the
# machine's own, and prints its path. `sid` has the engines that people use today, `experimental` those of tomorrow.
#
# tests/machine/today starts them from there. The packages come from the archive that the machine's own apt takes Debian from,
# no host is named here. A folder is made once (some minutes, 600 MB) and kept in the user's cache, or in
# STRATASCOPE_ENGINES_TODAY; FRESH=1 makes it anew with what the suite has by then.
#
# Exit: 0 done, 2 it could not be made, 77 there is none to be had here: no archive of Debian, or one without that
# suite. In both cases the reason is on stderr.

set -eu

say() { printf 'stratascope: %s\n' "$*" >&2; }
stop() {
    say "$*"
    exit 2
}
none() {
    say "$*"
    exit 77
}

suite=${1:-}
case $suite in
sid | experimental) ;;
*) stop "usage: packaging/engines-today.sh sid|experimental" ;;
esac

engines="docker.io docker-cli containerd runc rootlesskit podman conmon crun netavark aardvark-dns passt"
packages="$engines slirp4netns fuse-overlayfs uidmap iptables nftables iproute2 util-linux mount ca-certificates"

cache=${STRATASCOPE_ENGINES_TODAY:-${XDG_CACHE_HOME:-$HOME/.cache}/stratascope-engines}
recipe=$(cksum <"$0" | cut -d' ' -f1)
root=$cache/$suite-$recipe
if [ -d "$root" ] && [ "${FRESH:-}" != 1 ]; then
    echo "$root"
    exit 0
fi

for program in mmdebstrap apt-get flock; do
    command -v $program >/dev/null || none "engines of $suite: $program is not installed"
done
[ "$(id -u)" = 0 ] || none "engines of $suite: making a root folder takes root"

# Debian's archive as this machine reaches it: of any of its suites but those of security updates, which lie elsewhere.
archive=$(apt-get indextargets --format '$(ORIGIN)|$(CODENAME)|$(REPO_URI)' 'Created-By: Packages' |
    sed -n '/^Debian|[a-z]*|[a-z+]*:/{/|file:/d;s/.*|//;p;}' | head -n 1)
[ -n "$archive" ] || none "engines of $suite: no package source of Debian"

mkdir -p "$cache"
cache=$(cd "$cache" && pwd)
root=$cache/$suite-$recipe
exec 9>"$cache/lock"
flock 9 # one at a time; another run may have made it meanwhile
if [ -d "$root" ] && [ "${FRESH:-}" != 1 ]; then
    echo "$root"
    exit 0
fi
making=$cache/making-$suite-$$
trap 'rm -rf "$making" "$making.release"' EXIT
trap 'exit 130' INT TERM HUP

/usr/lib/apt/apt-helper download-file "${archive}dists/$suite/InRelease" "$making.release" >/dev/null 2>&1 ||
    none "engines of $suite: this machine's archive of Debian has no suite $suite"

# What is newer in experimental is taken from there, for the engines alone; apt would leave it otherwise.
set -- "deb $archive sid main"
pin=
if [ "$suite" = experimental ]; then
    set -- "$@" "deb $archive experimental main"
    pin="printf 'Package: %s\nPin: release a=experimental\nPin-Priority: 990\n' '$engines' >\"\$1/etc/apt/preferences.d/engines\""
fi
say "making a root folder with the engines of $suite in $cache (once, some minutes)"
mmdebstrap --quiet --mode=root --variant=apt --skip=cleanup/run \
    --include="$(echo "$packages" | tr ' ' ',')" \
    --aptopt='Acquire::Check-Valid-Until "false"' --aptopt='APT::Install-Recommends "false"' \
    --dpkgopt='path-exclude=/usr/share/doc/*' --dpkgopt='path-exclude=/usr/share/man/*' \
    --dpkgopt='path-exclude=/usr/share/locale/*' \
    --setup-hook="mkdir -p \"\$1/etc/apt/preferences.d\"; ${pin:-:}" \
    --customize-hook='rm -rf "$1"/var/lib/apt/lists/* "$1"/var/cache/apt/*' \
    sid "$making" "$@" >&2 || stop "engines of $suite: mmdebstrap could not make the root folder (above)"

for old in "$cache/$suite"-*; do
    rm -rf "$old"
done
mv "$making" "$root"
echo "$root"
