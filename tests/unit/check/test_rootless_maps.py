"""Whose ids a rootless engine maps, by its user's ranges: as RootlessKit and Podman really do it, as its user.

The ranges are other ones than the machine's, laid over its files in a mount namespace of their own.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from rig.places import CAPTURES
from rig.plan import USER, NoEngineError, ordinary_user, path_variable
from stratascope.core.capture import Gap
from stratascope.core.container import EngineKind, EngineState
from stratascope.engines.shared.volume_files import ids_of
from stratascope.state import capture_file
from stratascope.usecases.check.baseline import id_map
from stratascope.value import replace
from stratascope.wiring.check import LocalHosts
from stratascope.wiring.views import Recorded, ids_here

COMMANDS = {
    EngineKind.DOCKER: ("rootlesskit", "--state-dir={folder}/state", "cat", "/proc/self/uid_map", "/proc/self/gid_map"),
    EngineKind.PODMAN: ("podman", "unshare", "cat", "/proc/self/uid_map", "/proc/self/gid_map"),
}
RANGES = {
    "first": "{name}:100000:65536\n",
    "second": "other:100000:65536\n{name}:165536:65536\n",
    "number": "other:100000:65536\n{uid}:165536:65536\n",
    "two": "{name}:165536:1000\n{name}:300000:65536\n",
    "two, not in order": "{name}:300000:1000\nother:100000:65536\n{name}:165536:65536\n",
    "name and number": "{uid}:400000:1000\n{name}:165536:65536\n",
    "beside each other": "{name}:165536:1000\n{name}:166536:1000\n",
    "garbage": "# ranges\n{name}:x:5\n{name}:165536\n {name}:500000:10\n{name}:200000:65536 \n\n{name}:165536:65536:\n",
    "other bases": "{name}:0x30000:0200\n",
    "own id in it": "{name}:900:65536\n",
    "twice": "{name}:165536:1000\n{name}:166000:1000\n",
    "none": "other:100000:65536\n",
}
# Processes too: Podman leaves one behind that holds the namespace, which ends with this one
PRIVATE = ("unshare", "--mount", "--propagation", "private", "--pid", "--fork", "--kill-child", "--mount-proc")
OVER = """
mount --bind "$1" /etc/subuid; mount --bind "$1" /etc/subgid; shift
exec setpriv --reuid="$1" --regid="$2" --clear-groups env -i "$3" "$4" "$5" sh -c 'shift 5; cd /; exec "$@"' sh "$@"
"""


def really(kind: EngineKind, ranges: Path, folder: Path) -> str | None:
    """Both maps that it makes, with what it is told by that file; None where it makes none."""
    uid, gid, _ = ordinary_user()
    command = [word.format(folder=folder) for word in COMMANDS[kind]]
    environ = (f"PATH={path_variable()}", f"HOME={folder}", f"XDG_RUNTIME_DIR={folder}")
    done = subprocess.run(
        (*PRIVATE, "sh", "-ec", OVER, "sh", ranges, str(uid), str(gid), *environ, *command),
        capture_output=True,
        text=True,
        check=False,
        stdin=subprocess.DEVNULL,
    )
    return done.stdout if done.returncode == 0 else None


@pytest.fixture
def folder() -> Iterator[Path]:
    """Of the ordinary user, who can get there."""
    try:
        if os.geteuid() != 0:
            raise NoEngineError("engines are started as root only")
        missing = [name for name in ("rootlesskit", "podman", "newuidmap", "unshare") if shutil.which(name) is None]
        if missing:
            raise NoEngineError(f"needs {', '.join(missing)}")
        uid, gid, _ = ordinary_user()
    except NoEngineError as error:
        if os.environ.get("STRATASCOPE_REQUIRE_ENGINES") == "1":
            pytest.fail(str(error))
        pytest.skip(str(error))
    made = Path(f"/tmp/strata-maps-{os.getpid()}")
    made.mkdir()
    os.chown(made, uid, gid)
    yield made
    shutil.rmtree(made)


@pytest.mark.parametrize("kind", COMMANDS)
@pytest.mark.parametrize("name", RANGES)
def test_the_map_is_the_real_one(name: str, kind: EngineKind, folder: Path, tmp_path: Path) -> None:
    uid = ordinary_user()[0]
    ranges = tmp_path / "ranges"
    ranges.write_text(RANGES[name].format(name=USER, uid=uid))
    found = ids_of(uid, (str(ranges), str(ranges)))
    maps = [id_map(each, kind) for each in (found.users, found.groups)]
    assert (None if None in maps else "".join(map(str, maps))) == really(kind, ranges, folder)


@pytest.mark.parametrize("name", ["docker-rootless", "podman-rootless"])
def test_elsewhere_it_is_not_known(name: str) -> None:
    """Of another machine's engine, of one whose user is not known, and in a sandbox: neither map, nor the group."""
    machine = CAPTURES / "machines" / "apparmor.json"
    host = LocalHosts(None, capture_file.load(machine), (name,)).host(None)
    engine = replace(host.engine, daemon_uid=0)
    assert ids_here(replace(engine, endpoint="ssh://there")) is None
    assert ids_here(replace(engine, daemon_uid=None)) is None
    assert ids_here(replace(engine, rootless=False)) is None
    for each in (engine, replace(engine, daemon_uid=None)):
        _, read = Recorded().plain(replace(each, state=EngineState.CONNECTED), host.ground, None)
        assert isinstance(read.text("uid_map"), Gap)
        assert isinstance(read.text("gid_map"), Gap)
        status = str(read.text("status"))
        assert ("Uid:\t0\t0\t0\t0" in status, "Uid:" in status) == ((each is engine,) * 2)
        assert "Gid:" not in status
        assert "CapBnd:" in status


def test_a_captures_engine_has_the_map_of_its_containers() -> None:
    machine = CAPTURES / "machines" / "apparmor.json"
    for name in ("docker-rootless", "podman-rootless"):
        host = LocalHosts(None, capture_file.load(machine), (name,)).host(None)
        assert str(host.readings.text("uid_map")).split()[:3] == ["0", str(host.engine.daemon_uid), "1"]


def test_the_engines_own_answer_counts() -> None:
    """Also of another machine's, whose files are out of reach."""
    host = LocalHosts(None, capture_file.load(CAPTURES / "machines" / "apparmor.json"), ("podman-rootless",)).host(None)
    maps = (((0, 1234, 1), (1, 165536, 1000)), ((0, 1235, 1), (1, 300000, 1000)))
    engine = replace(host.engine, endpoint="ssh://there", facts=replace(host.engine.facts, id_maps=maps))
    users, groups = ids_here(engine) or ((), ())
    assert users == (range(1234, 1235), range(165536, 166536))
    assert groups == (range(1235, 1236), range(300000, 301000))
    assert id_map(users, EngineKind.PODMAN) == "         0       1234          1\n         1     165536       1000\n"
