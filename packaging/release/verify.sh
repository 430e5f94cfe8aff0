#!/bin/sh
# verify.sh SIGNERS FOLDER [NAME…]: whether these files, or all in that folder, are those that were released. Beside them
# have to lie SHA256SUMS and SHA256SUMS.sig. SIGNERS is the list of keys that are believed, in the form of ssh-keygen(1),
# ALLOWED SIGNERS; take it from another place than the files. `make verify SIGNERS=…` calls it for dist.
#
# Exit: 0 all are, 1 one is not: it is changed, not listed, or the list is not signed by a key that is believed; 2 that
# could not be looked at, and why.

set -eu
. "$(dirname "$0")/signed.sh"
[ $# -ge 2 ] && [ -n "$1" ] || stop "usage: verify.sh SIGNERS FOLDER [NAME…]; SIGNERS is the list of keys that are believed"
[ -f "$1" ] || stop "$1 is no file: the list of keys that are believed is missing"
[ -d "$2" ] || stop "there is no folder $2"
has_ssh_keygen
signers=$(cd "$(dirname "$1")" && pwd)/$(basename "$1")
cd "$2"
shift 2
bad() {
    say "$*"
    exit 1
}

[ -f $SUMS ] || bad "$SUMS is not here, so nothing says what was released"
[ -f $SIGNATURE ] || bad "$SIGNATURE is not here, so $SUMS may be anybody's"
list=$(mktemp) # what is checked is what is used, whoever may write here
trap 'rm -f "$list"' EXIT
cat $SUMS >"$list"
why=$(ssh-keygen -Y verify -f "$signers" -I $SIGNER -n $NAMESPACE -s $SIGNATURE <"$list" 2>&1) ||
    bad "$SUMS is not signed by a key that is believed: $(printf '%s' "$why" | tail -n 1)"

if [ $# = 0 ]; then
    for name in * .[!.]*; do
        case $name in
        $SUMS | $SIGNATURE) continue ;;
        esac
        if [ -e "$name" ] || [ -L "$name" ]; then set -- "$@" "$name"; fi
    done
fi
[ $# -gt 0 ] || bad "no file is here that could be verified"

status=0
for name; do
    if ! plain "$name"; then
        say "'$(shown "$name")': NOT RELEASED, no file of a release is called so"
        status=1
        continue
    fi
    sum=$(awk -v name="$name" '$2 == name { print $1 }' "$list")
    if [ -z "$sum" ]; then
        say "$name: NOT LISTED in $SUMS"
    elif [ ! -f "$name" ] || [ -L "$name" ]; then
        say "$name: NOT HERE, or no ordinary file"
    elif [ "$(sha256sum <"$name" | cut -d ' ' -f 1)" != "$sum" ]; then
        say "$name: CHANGED since it was signed"
    else
        say "$name: verified"
        continue
    fi
    status=1
done
exit $status
