#!/bin/sh
# Runs the tests; called by `make test` and `make test-all`.
#
# Without arguments it runs all of them, in parallel parts (packaging/side_by_side.py): a part is this script with PART
# set. Arguments are passed to pytest, which then runs only what they select.
#
# The display: a virtual X server (xvfb-run), so that the window is tested on the platform that people use; without it,
# Qt's "offscreen". A QT_QPA_PLATFORM that is already set is respected.
#
# The tests marked `engines` start private daemons, which needs root. Ordinary users run these through sudo, in a
# separate pytest that leaves no files of root in the checkout; without sudo they are skipped, with the reason.
# STRATASCOPE_REQUIRE_ENGINES=1 makes a skipped one a failure.
#
# MARKS: which tests, as pytest's -m. SLICE: 3/8 is the third of eight parts of equal duration. BUDGET: seconds after
# which a pytest starts no further test and fails; without it the total time is not limited.

set -eu
cd "$(dirname "$0")/.."

unset PYTHONDONTWRITEBYTECODE # hundreds of processes are started, and each would compile the program anew
marks=${MARKS:-"not slow"}
python=.venv/bin/python
if [ -z "${PART:-}" ] && [ $# = 0 ]; then
    exec "$python" packaging/side_by_side.py
fi
[ -z "${BUDGET:-}" ] || set -- --session-timeout="$BUDGET" "$@"

xvfb=
if [ -z "${QT_QPA_PLATFORM:-}" ]; then
    if command -v xvfb-run >/dev/null && command -v xauth >/dev/null; then
        xvfb=yes
        QT_QPA_PLATFORM=xcb
    else
        QT_QPA_PLATFORM=offscreen
    fi
fi
export QT_QPA_PLATFORM
unset WAYLAND_DISPLAY # or the tests might open windows on the developer's own desktop

# run ARGUMENTS…: one pytest, as root where `root` is set.
root=
run() {
    [ -n "$root" ] || [ -z "${PART:-}" ] || set -- -o cache_dir=".pytest_cache/$PART" "$@"
    set -- sh packaging/own-root.sh "$python" -m pytest "$@"
    # Parallel parts wait for the first word: xvfb-run takes the first free display number, so two that start at the same
    # moment would take the same one. The last word is pytest's status, since xvfb-run exits with another one if its
    # cleanup fails.
    [ -z "${PART:-}" ] || set -- sh -c 'echo "It begins."; "$@"; echo "It ended with $?."' sh "$@"
    [ -z "$xvfb" ] || set -- xvfb-run --auto-servernum --server-args="-screen 0 1920x1200x24" "$@"
    [ -z "$root" ] || set -- sudo env PATH="$PATH" QT_QPA_PLATFORM="$QT_QPA_PLATFORM" PYTHONDONTWRITEBYTECODE=1 \
        PYTHONUNBUFFERED="${PYTHONUNBUFFERED:-}" SLICE="${SLICE:-}" \
        STRATASCOPE_REQUIRE_ENGINES="${STRATASCOPE_REQUIRE_ENGINES:-}" "$@"
    "$@"
}

sudo=
[ "$(id -u)" = 0 ] || ! command -v sudo >/dev/null || sudo=yes
by_root() {
    root=$sudo
    [ -z "$sudo" ] || set -- -p no:cacheprovider "$@"
    run "$@"
}

case ${PART:-} in
unit) run -m "($marks) and not style" "$@" tests/unit ;;
window) run -m "$marks" "$@" tests/window ;;
style)
    xvfb= QT_QPA_PLATFORM=offscreen # it shows nothing
    run -m "($marks) and style" "$@" tests/unit/test_quality.py
    ;;
engines) by_root -m "$marks" "$@" tests/engine tests/machine ;;
docker) by_root -m "($marks) and not podman_alone" "$@" tests/engine tests/machine ;;
podman) by_root -m "($marks) and podman_alone" "$@" tests/engine tests/machine ;;
"")
    if [ -z "$sudo" ]; then
        run -m "$marks" "$@"
        exit
    fi
    status=0
    run -m "($marks) and not engines" "$@" || status=$?
    echo "The tests with real engines need root; sudo may ask for your password."
    engines=0
    by_root -m "($marks) and engines" "$@" || engines=$?
    # 5: none of the selected tests has this mark.
    if [ "$status" = 0 ] || [ "$status" = 5 ] && [ "$engines" != 5 ]; then
        status=$engines
    fi
    exit "$status"
    ;;
esac
