#!/bin/sh
# debian-list.sh ROOT: writes ROOT/debian-packages.txt, what that root folder was made of: one package a line, as name,
# version, architecture, the SHA-256 of its .deb, and release. A hook of mmdebstrap's, run while apt still has the
# archive's signed lists; a package that they do not hold fails it.

set -eu
root=$1
release=$(sed -n 's/^VERSION_ID="\{0,1\}\([^"]*\)"\{0,1\}$/debian-\1/p' "$root/etc/os-release")

installed() { chroot "$root" dpkg-query -W -f '${Package} ${Version} ${Architecture}\n' | LC_ALL=C sort; }

{
    echo "# The Debian packages of the root folder in which this was built: name, version, architecture, SHA-256, release."
    {
        installed | sed 's/^\([^ ]*\) \([^ ]*\) \([^ ]*\)$/\1:\3=\2/; s/:all=/=/' | chroot "$root" xargs apt-cache show
        echo "Package: END"
        installed
    } | awk -v release="$release" '
        /^Package: END$/ { listing = 1; next }
        listing {
            sum = sums[$1 " " $2 " " $3]
            if (!sum) { print "stratascope: no checksum of " $1 " " $2 " is known" >"/dev/stderr"; failed = 1 }
            print $0, sum, release
        }
        /^Package: / { package = $2 }
        /^Version: / { version = $2 }
        /^Architecture: / { architecture = $2 }
        /^SHA256: / { sum = $2 }
        /^$/ { sums[package " " version " " architecture] = sum; sum = "" }
        END { exit failed }'
} >"$root/debian-packages.txt.new"
mv "$root/debian-packages.txt.new" "$root/debian-packages.txt"
