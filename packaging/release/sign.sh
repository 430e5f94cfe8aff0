#!/bin/sh
# sign.sh KEY [FOLDER]: signs all files in that folder, or in dist: writes SHA256SUMS, and SHA256SUMS.sig with that SSH key
# (its private file, or the public one of a key that ssh-agent or a token holds). `make sign KEY=…` calls it.
#
# What is signed is the list, so one signature is enough for all. Everything has to be of one version: the one that the
# checkout has, so that nothing that lay about goes along. Exit: 0 signed, 2 it was not, and why.

set -eu
. "$(dirname "$0")/signed.sh"
[ $# -ge 1 ] && [ -n "$1" ] || stop "which key? make sign KEY=/path/to/the/key"
[ -f "$1" ] || stop "$1 is no file: name the key's file, the private one, or the public one of a key in ssh-agent"
has_ssh_keygen
key=$(cd "$(dirname "$1")" && pwd)/$(basename "$1")
version=$(sed -n 's/^__version__ = "\(.*\)"$/\1/p' "$(dirname "$0")/../../app/stratascope/__init__.py")
folder=${2:-$(dirname "$0")/../../dist}
[ -d "$folder" ] || stop "there is no $folder: build first what is to be signed"
cd "$folder"

rm -f $SUMS $SIGNATURE
count=0
for name in * .[!.]*; do
    [ -e "$name" ] || [ -L "$name" ] || continue
    plain "$name" || stop "'$(shown "$name")' is no name for a file of a release"
    [ -f "$name" ] && [ ! -L "$name" ] || stop "$name is no ordinary file"
    case $name in
    *[-_]"$version"[-.]*) ;;
    *) stop "$name is not of version $version: remove it, or build anew" ;;
    esac
    count=$((count + 1))
done
[ $count -gt 0 ] || stop "nothing is in $folder: build first what is to be signed"

list=$(mktemp)
trap 'rm -f "$list"' EXIT
sha256sum -- * >"$list"
ssh-keygen -q -Y sign -f "$key" -n $NAMESPACE <"$list" >$SIGNATURE || {
    rm -f $SIGNATURE
    stop "ssh-keygen could not sign (above)"
}
cat "$list" >$SUMS
say "$count files are signed in $folder; give $SUMS and $SIGNATURE along with them"
