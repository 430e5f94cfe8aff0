"""What was learned, on disk: found again, added up, forgotten, bounded, and nobody else's."""

from __future__ import annotations

import os
import stat
import threading
from pathlib import Path

import pytest

from stratascope.core.container import Container, Status
from stratascope.core.observation.observation import (
    NeedsError,
    Observation,
    Phase,
    RefusedCall,
    Seen,
    UsedArguments,
    UsedCall,
    UsedCapability,
    UsedPort,
)
from stratascope.state.needs import FileNeeds
from stratascope.value import replace

WEB = Container("docker", "a" * 64, "web", "nginx:1", Status.RUNNING, 7, 1.0, 1.0, command="nginx -g daemon")
SEEN = Observation(
    Seen(12.5, 1, 0, 2, 0, 3, (Phase.START, Phase.RELOAD)),
    (UsedCapability("CAP_CHOWN", True, 2, ("nginx",)),),
    (UsedCall("x86_64", "openat", 40, ("nginx",)),),
    (UsedArguments("x86_64", "socket", (2, 1, 0)),),
    (RefusedCall("nginx", "x86_64", "keyctl", 1, True, (), "", ()),),
    ("/run/nginx.pid", "/run/\udc80"),
    ("/dev/fuse",),
    (UsedPort("tcp", 80, False, True),),
    ((0, 0), (33, 33)),
    (("memory", 1e6),),
    (("ports", "why"),),
)


def test_kept_for_the_image_and_the_command(tmp_path: Path) -> None:
    """A container that was relaunched, or is a replica, has it too; one with another command has not."""
    store = FileNeeds(tmp_path / "needs")
    assert store.of(WEB) is None
    store.add(WEB, SEEN)
    again = replace(WEB, id="b" * 64, name="web-2", asked=replace(WEB.asked, no_new_privileges=True))
    found = FileNeeds(tmp_path / "needs").of(again)
    assert found is not None
    assert found.observation == SEEN
    assert found.containers == ("web",)
    assert store.of(replace(WEB, command="nginx -t")) is None
    assert store.of(replace(WEB, image="nginx:2")) is None


def test_added_up(tmp_path: Path) -> None:
    """Of two lives both are told, and whose they were."""
    store = FileNeeds(tmp_path)
    store.add(WEB, SEEN)
    found = store.add(replace(WEB, name="web-2"), SEEN)
    assert found.observation.seen.starts == 2
    assert found.observation.calls[0].uses == 80
    assert found.containers == ("web", "web-2")
    assert store.of(WEB) == found


def test_forgotten(tmp_path: Path) -> None:
    """By one call, that says whether there was anything."""
    store = FileNeeds(tmp_path)
    store.add(WEB, SEEN)
    assert store.forget(WEB)
    assert store.of(WEB) is None
    assert not store.forget(WEB)


def test_only_its_owner_can_read_it(tmp_path: Path) -> None:
    """Paths and programs may tell much."""
    before = os.umask(0)
    try:
        FileNeeds(tmp_path / "needs").add(WEB, SEEN)
    finally:
        os.umask(before)
    modes = [stat.S_IMODE(path.lstat().st_mode) for path in (tmp_path / "needs", *(tmp_path / "needs").iterdir())]
    assert all(mode & 0o077 == 0 for mode in modes)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[",
        "[]",
        '{"version": 1}',
        '{"version": 2, "needs": {}}',
        '{"version": 1, "needs": {"image": 5}}',
        "[" * 99999,
    ],
)
def test_damaged(tmp_path: Path, text: str) -> None:
    """A sentence that names the file; forgetting it puts that right."""
    store = FileNeeds(tmp_path)
    store.add(WEB, SEEN)
    (path,) = tmp_path.glob("*.json")
    path.write_text(text)
    with pytest.raises(NeedsError, match=path.name):
        store.of(WEB)
    assert store.forget(WEB)
    assert store.add(WEB, SEEN).observation == SEEN


def test_a_folder_of_somebody_else_is_not_believed(tmp_path: Path) -> None:
    """Whoever can write there could name what a container is to be given."""
    folder = tmp_path / "needs"
    FileNeeds(folder).add(WEB, SEEN)
    folder.chmod(0o777)
    with pytest.raises(NeedsError):
        FileNeeds(folder).of(WEB)


def test_bounded(tmp_path: Path) -> None:
    """The oldest images go."""
    store = FileNeeds(tmp_path)
    store.add(WEB, SEEN)
    (first,) = tmp_path.glob("*.json")
    os.utime(first, (1, 1))
    for number in range(499):
        (tmp_path / f"{number:032x}.json").write_text("")
    assert store.of(WEB) is not None
    store.add(replace(WEB, image="another"), SEEN)
    assert len(list(tmp_path.glob("*.json"))) == 500
    assert store.of(WEB) is None
    assert store.of(replace(WEB, image="another")) is not None


def test_two_at_once_lose_nothing(tmp_path: Path) -> None:
    """Two windows that learn of the same image."""
    threads = [threading.Thread(target=FileNeeds(tmp_path).add, args=(WEB, SEEN)) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    found = FileNeeds(tmp_path).of(WEB)
    assert found is not None
    assert found.observation.seen.starts == 8
