"""Where a container was seen to write, and what a tmpfs there has to be like: pure."""

from __future__ import annotations

import pytest

from layers.toggle_subjects import DOCKER, PODMAN, default, subject
from stratascope.core.container import AskedMount, Engine
from stratascope.core.observation.observation import Observation, Seen
from stratascope.core.relaunch.image_folders import Folder
from stratascope.core.relaunch.toggle import Subject
from stratascope.layers.namespaces.written import tmpfs_options, written_folders
from stratascope.layers.toggles import toggle
from stratascope.value import replace

FOLDERS = (
    Folder("/run", 0, 0, 0o755, ("lock",)),
    Folder("/var", 0, 0, 0o755, ("lib", "log")),
    Folder("/var/lib", 0, 0, 0o755, ("app", "dpkg")),
    Folder("/var/lib/app", 33, 34, 0o2750),
    Folder("/var/lib/app/cache", 33, 34, 0o700),
    Folder("/etc/app", 0, 0, 0o755, ("app.conf",)),
    Folder("/tmp", 0, 0, 0o1777),
)


def of(*written: str, engine: Engine = DOCKER, executed: tuple[str, ...] = (), user: str = "") -> Subject:
    mounts = (AskedMount("volume", "/v", "/data", writable=True, volume="v"),)
    found = subject(default(engine, user=user, mounts=mounts), engine=engine, folders=FOLDERS, changes=())
    return replace(found, seen=Observation(Seen(9.0, 1), written=written, executed=executed))


def none_unfit(folder: Folder) -> bool:
    return False


@pytest.mark.parametrize(
    ("written", "folders"),
    [
        (("/run/app.pid",), ("/run",)),
        (("/run/app.pid", "/run"), ("/run",)),
        (("/run/app/made/by/itself",), ("/run",)),  # what it makes it makes again
        (("/var/lib/app/cache/a", "/var/lib/app/b"), ("/var/lib/app",)),
        (("/var/lib/app/cache/a",), ("/var/lib/app/cache",)),
        (("/data/a", "/proc/a", "/unknown/a", "/.file"), ()),
        (("/etc/app/a", "/tmp/b"), ("/etc/app", "/tmp")),
    ],
)
def test_the_smallest_set_of_folders(written: tuple[str, ...], folders: tuple[str, ...]) -> None:
    assert written_folders(of(*written), none_unfit) == folders


def test_what_is_unfit_is_left_out() -> None:
    found = of("/etc/app/a", "/var/lib/app/b")
    assert written_folders(found, lambda folder: bool(folder.names)) == ("/var/lib/app",)


@pytest.mark.parametrize(
    ("place", "before", "after", "options"),
    [
        ("/var/lib/app", "", "", "uid=33,gid=34,mode=2750"),
        ("/run", "", "", "uid=0,gid=0,mode=755"),
        ("/run", "", "999:998", "uid=999,gid=998,mode=755"),  # root's is the new user's, as it is started as that one
        ("/var/lib/app", "", "999", "uid=33,gid=34,mode=2750"),
        ("/run", "1000", "1000", "uid=0,gid=0,mode=755"),
        ("/var/lib/app", "33:34", "999:999", "uid=999,gid=999,mode=2750"),
        ("/run", "", "www-data", ""),
        ("/nowhere", "", "", ""),
    ],
)
def test_owner_and_mode_are_the_images(place: str, before: str, after: str, options: str) -> None:
    found = of(user=before)
    assert tmpfs_options(place, replace(found.container.asked, user=after), found) == options


def test_it_is_not_noexec_where_programs_lie_that_were_run() -> None:
    found = of(executed=("/tmp/unpacked/program",))
    asked = found.container.asked
    assert tmpfs_options("/tmp", asked, found) == "uid=0,gid=0,mode=1777,exec"
    assert tmpfs_options("/run", asked, found) == "uid=0,gid=0,mode=755"


@pytest.mark.parametrize(
    ("engine", "value"),
    [(DOCKER, "/tmp,/var/tmp,/run,/var/lib/app"), (PODMAN, "/tmp,/var/tmp,/etc/app,/run,/var/lib/app")],
    ids=["docker", "podman"],
)
def test_learned(engine: Engine, value: str) -> None:
    """Docker can't take along what the image has in a folder; Podman copies it."""
    found = of("/var/lib/app/a", "/run/app.pid", "/etc/app/written", engine=engine)
    known = toggle("tmpfs").learned("learned", found, found.container.asked)
    assert known is not None
    assert sorted(known.value.split(",")) == sorted(value.split(","))
