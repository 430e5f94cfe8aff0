#!/bin/sh
# Runs the tests; called by `make test` and `make test-all`. Arguments go to pytest.
#
# The display: an X server without a screen (xvfb-run), so that the window is tested on the platform that people use;
# where it is missing, Qt's own "offscreen". A QT_QPA_PLATFORM that is already set is respected.
#
# The tests marked `engines` start private daemons, which takes root. Root runs everything in one go. Anyone else runs
# the rest as they are and those through sudo, in a second pytest that leaves no files of root in the checkout; without
# sudo they are skipped, with the reason. STRATASCOPE_REQUIRE_ENGINES=1 makes a skipped one a failure.
#
# MARKS: which tests, as pytest's -m. BUDGET: seconds after which pytest starts no further test and fails.

set -eu
cd "$(dirname "$0")/.."

marks=${MARKS:-"not slow"}
python=.venv/bin/python
set -- --session-timeout="${BUDGET:-900}" "$@"

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

if [ "$(id -u)" = 0 ] || ! command -v sudo >/dev/null; then
    exec ${xvfb:+xvfb-run --auto-servernum --server-args="-screen 0 1920x1200x24"} sh packaging/own-root.sh \
        "$python" -m pytest -m "$marks" "$@"
fi

status=0
${xvfb:+xvfb-run --auto-servernum --server-args="-screen 0 1920x1200x24"} \
    "$python" -m pytest -m "($marks) and not engines" "$@" || status=$?
echo "The tests with real engines need root; sudo may ask for your password."
engines=0
sudo env PATH="$PATH" QT_QPA_PLATFORM="$QT_QPA_PLATFORM" PYTHONDONTWRITEBYTECODE=1 \
    STRATASCOPE_REQUIRE_ENGINES="${STRATASCOPE_REQUIRE_ENGINES:-}" \
    ${xvfb:+xvfb-run --auto-servernum --server-args="-screen 0 1920x1200x24"} sh packaging/own-root.sh \
    "$python" -m pytest -p no:cacheprovider -m "($marks) and engines" "$@" || engines=$?
# 5: none of the chosen tests is such a test.
if [ "$status" = 0 ] || [ "$status" = 5 ] && [ "$engines" != 5 ]; then
    status=$engines
fi
exit "$status"
