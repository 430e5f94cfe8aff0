#!/bin/sh
# Prepares this checkout for running (`setup.sh run`) or testing (`setup.sh test`, `test-all`, `flatpak`); called by
# `make`. `setup.sh appimage` installs what building and testing the AppImage needs in addition, and makes no .venv.
#
# 1. System packages, on Debian and Ubuntu: what debian-run.txt (and debian-test.txt) lists and is not there is
#    installed with apt-get, as root or through sudo. Elsewhere the missing parts are named and nothing is touched.
# 2. The virtual environment .venv with the pinned versions of constraints.txt.
#
# A second call finds everything in place and takes a fraction of a second. All output goes to stderr, so that
# `make run ARGS='report --json' >file` gives clean JSON.
#
# Environment: PYTHON (the interpreter to build .venv from), STRATASCOPE_NO_APT=1 (never install system packages).
# Exit: 0 ready, 2 something is missing and the text says what.

set -eu
exec 1>&2
cd "$(dirname "$0")/.."

purpose=${1:-run}
case $purpose in
run) lists=packaging/debian-run.txt ;;
test) lists="packaging/debian-run.txt packaging/debian-test.txt" ;;
test-all) lists="packaging/debian-run.txt packaging/debian-test.txt packaging/debian-test-all.txt" ;;
flatpak) lists="packaging/debian-run.txt packaging/debian-test.txt packaging/debian-flatpak.txt" ;;
appimage) lists=packaging/debian-appimage.txt ;;
*)
    echo "usage: packaging/setup.sh run|test|test-all|flatpak|appimage"
    exit 2
    ;;
esac

say() { printf 'stratascope: %s\n' "$*"; }
stop() {
    say "$*"
    exit 2
}

# The lists without comments: one line a part, alternatives separated by |.
parts() { sed -e 's/#.*//' -e 's/[[:space:]]//g' -e '/^$/d' $lists; }
parts_with_reasons() { sed -e '/^#/d' -e '/^[[:space:]]*$/d' -e 's/^/  /' $lists; }

# Parts of which no alternative is installed. One query for all packages: a query for each takes half a second.
missing_parts() {
    # a line an architecture: libraries may be there for i386, too
    there=$(dpkg-query -W -f '${Package} ${db:Status-Status}\n' | sed -n 's/ installed$//p')
    parts | while read -r part; do
        echo "$there" | grep -qxF "$(echo "$part" | tr '|' '\n')" || echo "$part"
    done
}

# The first alternative of `a|b` that apt can install here; if none, `a` itself, so that apt names it in its error.
choose() {
    for package in $(echo "$1" | tr '|' ' '); do
        if apt-cache show --no-all-versions "$package" >/dev/null 2>&1; then
            echo "$package"
            return
        fi
    done
    echo "${1%%|*}"
}

as_root() {
    # sudo drops the environment; a proxy and "ask no questions" must come along.
    set -- env DEBIAN_FRONTEND=noninteractive ${http_proxy:+"http_proxy=$http_proxy"} \
        ${https_proxy:+"https_proxy=$https_proxy"} ${no_proxy:+"no_proxy=$no_proxy"} "$@"
    if [ "$(id -u)" = 0 ]; then
        "$@"
    else
        sudo "$@"
    fi
}

# Without a service manager (in a chroot, a container) Debian's scripts would start daemons that nothing stops.
policy=/usr/sbin/policy-rc.d
no_daemons() {
    if [ ! -d /run/systemd/system ] && [ ! -e $policy ]; then
        as_root sh -c "printf '#!/bin/sh\nexit 101\n' >$policy && chmod 755 $policy"
        trap 'as_root rm -f $policy' EXIT
        trap 'exit 130' INT TERM HUP
    fi
}

install_packages() {
    missing=$(missing_parts)
    [ -n "$missing" ] || return 0
    if [ "${STRATASCOPE_NO_APT:-}" = 1 ]; then
        say "not installed, as STRATASCOPE_NO_APT=1 asks:" $missing
        return 0
    fi
    if [ "$(id -u)" != 0 ] && ! command -v sudo >/dev/null; then
        stop "these packages are missing; install them as root:" \
            "apt-get install --no-install-recommends $(echo $missing | sed 's/|[^ ]*//g')"
    fi
    say "installing system packages:" $missing
    as_root apt-get -q update || stop "apt-get update failed (above); the packages can't be fetched without it"
    no_daemons
    # --no-remove: an engine from elsewhere (docker-ce, containerd.io) is never pushed out by Debian's.
    as_root apt-get -q -y --no-install-recommends --no-remove install $(for part in $missing; do choose "$part"; done) ||
        stop "apt-get could not install these packages (above); install them by hand, or set STRATASCOPE_NO_APT=1"
}

fits() {
    command -v "$1" >/dev/null && "$1" -c 'import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 11))' 2>/dev/null
}

choose_python() {
    for python in ${PYTHON:-} python3 python3.14 python3.13 python3.12 python3.11 /usr/bin/python3; do
        if fits "$python"; then
            echo "$python"
            return
        fi
    done
}

needed_elsewhere() {
    say "this is not Debian or Ubuntu, so no system packages were installed. What is needed, by Debian's names:"
    parts_with_reasons
}

if command -v apt-get >/dev/null && command -v dpkg-query >/dev/null; then
    debian=yes
    install_packages
else
    debian=
fi

[ "$purpose" != appimage ] || exit 0

base=$(choose_python)
if [ -z "$base" ]; then
    [ -n "$debian" ] || needed_elsewhere
    stop "no Python 3.11 or newer with the modules venv and ensurepip was found; name one with PYTHON=/path/to/python3"
fi

# The program of `stratascope try` and `learn`, once for each state of its sources; without gcc they say what to do.
! command -v gcc >/dev/null || "$base" app/stratascope/attempts/build.py || say "stratascope try and learn will not work"

# The marker holds everything that .venv was made from; where it says the same as now, there is nothing to do.
wanted=$(
    pwd
    "$base" -VV
    cksum packaging/constraints.txt pyproject.toml
)
[ "$purpose" = run ] || purpose=test # the same Python packages for both kinds of tests
holds() { [ -f "$1" ] && [ "$(cat "$1")" = "$wanted" ] && .venv/bin/python -c '' 2>/dev/null; }
if holds .venv/.stratascope-test || { [ "$purpose" = run ] && holds .venv/.stratascope-run; }; then
    exit 0
fi

[ -n "$debian" ] || needed_elsewhere # once: later runs end above
if ! .venv/bin/python -m pip --version >/dev/null 2>&1 ||
    [ "$(.venv/bin/python -VV)" != "$("$base" -VV)" ]; then
    say "making .venv with $("$base" -V)"
    "$base" -m venv --clear .venv || stop "the virtual environment .venv could not be made (above)"
fi
rm -f .venv/.stratascope-*

# The same pins for what pip fetches to build with. Older pips take the first name for that, newer ones the second.
PIP_CONSTRAINT=packaging/constraints.txt
PIP_BUILD_CONSTRAINT=packaging/constraints.txt
export PIP_CONSTRAINT PIP_BUILD_CONSTRAINT
case $purpose in
run) target=. ;;
test) target='.[test]' ;;
esac
say "installing Python packages into .venv (the first time this takes a minute or two)"
.venv/bin/python -m pip install --quiet --disable-pip-version-check -e "$target" -c packaging/constraints.txt ||
    stop "pip could not install the Python packages (above). Is the package index reachable? Run this again when it is."

# Qt itself must load, or nothing works. One of X11 and Wayland is enough, so for these there is only a warning.
if ! why=$(.venv/bin/python -c 'import PySide6.QtWidgets' 2>&1); then
    stop "Qt can't be loaded ($(echo "$why" | tail -n 1)); install the library it names, then run this again"
fi
if ! why=$(.venv/bin/python -c '
import ctypes, pathlib, PySide6.QtWidgets
ctypes.CDLL(str(pathlib.Path(PySide6.__file__).parent / "Qt/plugins/platforms/libqxcb.so"))' 2>&1); then
    say "no windows on X11: $(echo "$why" | tail -n 1)"
fi
if [ "$purpose" = test ]; then
    for command in xvfb-run dockerd podman; do
        command -v $command >/dev/null || say "$command is not here: the tests that need it are skipped"
    done
fi
printf '%s\n' "$wanted" >".venv/.stratascope-$purpose"
