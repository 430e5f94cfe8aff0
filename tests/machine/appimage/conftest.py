"""The AppImage that `make appimage` has built, for the tests that only `make appimage-test` runs.

They are left out of every other run of the tests, since they need the built file, root and minutes. Fixtures: the file,
a tiny AppImage with the same runtime in front of a small shell script, and who runs it: root or an ordinary user.
"""

from __future__ import annotations

import contextlib
import os
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from machine.appimage.started import Person, mounts, offset_of, until
from rig.places import CHECKOUT
from rig.plan import ordinary_user

SCRIPT = """#!/bin/sh
what=$1
[ $# = 0 ] || shift
case $what in
words) for word; do printf '%s\\n' "[$word]"; done ;;
environment) env ;;
read) cat "$APPDIR/$1" ;;
end) exit "$1" ;;
die) kill -"$1" $$ ;;
wait) echo "$APPDIR"; exec sleep "${1:-600}" ;;
trap) trap 'echo told; exit 3' TERM; echo "$APPDIR"; while :; do sleep 0.05; done ;;
open) ls /proc/self/fd ;;
esac
"""


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Without being asked for by their mark, these are not run."""
    if "appimage" in (config.getoption("markexpr") or ""):
        return
    here = [item for item in items if item.get_closest_marker("appimage")]
    if here:
        config.hook.pytest_deselected(items=here)
        items[:] = [item for item in items if item not in here]


@pytest.fixture(scope="session")
def appimage() -> Path:
    """The file that was built."""
    found = sorted((CHECKOUT / "dist").glob("Stratascope-*-x86_64.AppImage"), key=lambda path: path.stat().st_mtime)
    assert found, "no AppImage in dist/: make appimage"
    return found[-1]


@contextlib.contextmanager
def open_to_all(name: str) -> Iterator[Path]:
    """A folder that an ordinary user can reach too; pytest closes its own to others, again and again."""
    with tempfile.TemporaryDirectory(prefix="strata-appimage-", ignore_cleanup_errors=True) as made:
        Path(made).chmod(0o755)
        folder = Path(made) / name
        folder.mkdir()
        yield folder


@pytest.fixture(scope="session")
def open_folder() -> Iterator[Path]:
    """For the small AppImage, with a space in its name."""
    with open_to_all("two words") as folder:
        yield folder


@pytest.fixture
def own_folder(person: Person) -> Iterator[Path]:
    """The person's own."""
    with open_to_all("own") as folder:
        os.chown(folder, person.uid, person.gid)
        yield folder


@pytest.fixture(scope="session")
def tiny(appimage: Path, open_folder: Path) -> Path:
    """The runtime as it was built, in front of a file system with a shell script and some files."""
    source = open_folder / "AppDir"
    (source / "usr/empty").mkdir(parents=True)
    (source / "usr/share").mkdir()
    (source / "AppRun").write_text(SCRIPT)
    (source / "AppRun").chmod(0o755)
    (source / "usr/share/large").write_bytes(bytes(range(256)) * 9000)  # several blocks, the last one not full
    (source / "usr/share/small").write_text("a few words\n")
    (source / "usr/share/none").touch()
    (source / "usr/link").symlink_to("share/small")
    made = open_folder / "tiny.squashfs"
    options = ("-comp", "zstd", "-b", "256K", "-root-owned", "-noappend", "-quiet", "-no-progress")
    subprocess.run(("mksquashfs", source, made, *options), check=True)
    target = open_folder / "Tiny 1.AppImage"
    with appimage.open("rb") as file:
        program = file.read(offset_of(appimage))
    target.write_bytes(program + made.read_bytes())
    target.chmod(0o755)
    return target


@pytest.fixture(params=("root", "user"))
def person(request: pytest.FixtureRequest) -> Iterator[Person]:
    """Root, and then an ordinary user. Afterwards no mount and no folder is left."""
    if os.geteuid() != 0:
        pytest.skip("the tests of the AppImage are run by root")
    before = set(mounts())
    yield Person(*ordinary_user()) if request.param == "user" else Person(0, 0, Path.home())
    until(lambda: set(mounts()) <= before, "no mount is left")
    until(lambda: not [path for path in Path("/tmp").glob(".mount_Strata*") if str(path) not in before], "no folder")


@pytest.fixture
def user() -> Person:
    """The ordinary one."""
    return Person(*ordinary_user())
