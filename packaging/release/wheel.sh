#!/bin/sh
# wheel.sh [FOLDER]: builds the wheel in that folder, or in dist, with its list of parts in it; called by `make wheel`.
#
# By the packages of packaging/hashes/build.txt alone, in an environment of its own in build/, and the same bytes from the
# same commit. Exit: 0 built, 1 the build failed.

set -eu
cd "$(dirname "$0")/../.."
umask 022
export PIP_DISABLE_PIP_VERSION_CHECK=1

wanted=$(.venv/bin/python -VV && cat packaging/hashes/build.txt)
tools=build/wheel-tools
if [ ! -f $tools/.made-from ] || [ "$(cat $tools/.made-from)" != "$wanted" ]; then
    .venv/bin/python -m venv --clear $tools
    $tools/bin/pip install --quiet --require-hashes --only-binary :all: -r packaging/hashes/build.txt
    printf '%s\n' "$wanted" >$tools/.made-from
fi

SOURCE_DATE_EPOCH=${SOURCE_DATE_EPOCH:-$(git log -1 --format=%ct 2>/dev/null || echo 1700000000)}
STRATASCOPE_SBOM=$PWD/build/sbom.cdx.json
export SOURCE_DATE_EPOCH STRATASCOPE_SBOM
version=$(sed -n 's/^__version__ = "\(.*\)"$/\1/p' app/stratascope/__init__.py)
$tools/bin/python packaging/release/sbom.py wheel "$STRATASCOPE_SBOM" --version "$version"
$tools/bin/pip wheel --quiet --no-deps --no-index --no-build-isolation --wheel-dir "${1:-dist}" .
ls "${1:-dist}/stratascope-$version"-py3-none-*.whl
