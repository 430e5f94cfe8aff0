# Sourced by sign.sh and verify.sh: what both have to agree on.

SUMS=SHA256SUMS
SIGNATURE=SHA256SUMS.sig
NAMESPACE=stratascope-release # a signature that the same key made for something else does not count
SIGNER=stratascope            # whose key it has to be, by the name in the list of signers

say() { printf 'stratascope: %s\n' "$*" >&2; }
stop() {
    say "$*"
    exit 2
}
has_ssh_keygen() {
    command -v ssh-keygen >/dev/null || stop "ssh-keygen is missing; it comes with OpenSSH (Debian: openssh-client)"
}

export LC_ALL=C # what is a letter below

# plain NAME: a file's name that no line of a list and no terminal takes for anything else.
plain() {
    case $1 in
    "" | .* | -* | *[!A-Za-z0-9._+-]*) return 1 ;;
    esac
}

# shown NAME: any file's name, as it can do no harm to a terminal.
shown() { printf '%s' "$1" | tr -c 'A-Za-z0-9._+ -' '?'; }
