"""Where a container was seen to write, and what a tmpfs there has to be like: pure."""

from __future__ import annotations

import pytest

from stratascope.core.container import AskedMount, Engine
from stratascope.core.observation.imports import Program, Programs
from stratascope.core.observation.observation import Observation, Seen
from stratascope.core.relaunch.file_owners import Folder
from stratascope.core.relaunch.toggle import Preset, Subject, ToggleError
from stratascope.i18n.translate import translate
from stratascope.layers.namespaces.toggles_volume import planned
from stratascope.layers.namespaces.written import data, memory_folders, tmpfs_options, written
from stratascope.layers.toggles import choice_of, toggle
from stratascope.usecases.plan.choices import resolved
from stratascope.value import replace
from unit.layers.toggle_subjects import DOCKER, PODMAN, default, subject

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


@pytest.mark.parametrize(
    ("paths", "kept", "folders"),
    [
        (("/run/app.pid",), (), ("/run",)),
        (("/run/app.pid", "/run"), (), ("/run",)),
        (("/run/app/made/by/itself",), (), ("/run",)),  # what it makes it makes again
        (("/tmp/a", "/var/tmp/b"), (), ("/tmp",)),  # of the second the image has no folder
        # a folder that is empty in the image may hold a database by now
        (("/var/lib/app/dump.rdb",), ("/var/lib/app/dump.rdb",), ()),
        (("/var/lib/app/cache/a",), ("/var/lib/app/cache/a",), ()),
        (("/etc/app/a", "/tmp/b"), ("/etc/app/a",), ("/tmp",)),
        (("/var/log/app.log",), ("/var/log/app.log",), ()),
        # pid files and sockets alone
        (("/var/lib/app/app.pid", "/var/lib/app/app.sock"), (), ("/var/lib/app",)),
        (("/var/lib/app/app.pid", "/var/lib/app/cache/a"), ("/var/lib/app/cache/a",), ()),
        (("/etc/app/app.pid",), (), ()),  # the image has something there
        (("/data/a", "/proc/a", "/dev/shm/a"), (), ()),  # mounts
        (("/unknown/a", "/.file"), ("/.file", "/unknown/a"), ()),
    ],
)
def test_what_is_data_and_what_may_be_in_memory(
    paths: tuple[str, ...], kept: tuple[str, ...], folders: tuple[str, ...]
) -> None:
    found = of(*paths)
    assert data(found) == kept
    assert memory_folders(found) == folders
    assert data(replace(found, seen=None, changes=paths)) == kept, "from its layer as well"


@pytest.mark.parametrize(("starts", "seen", "kept"), [(2, True, False), (1, True, True), (2, False, True)])
def test_a_cache_is_data_until_it_is_seen_to_be_made_anew(starts: int, seen: bool, kept: bool) -> None:
    path = "/var/cache/app/index"
    observed = Observation(Seen(9.0, starts), written=(path,) if seen else ())
    found = replace(of(), changes=(path,), seen=observed)
    assert data(found) == ((path,) if kept else ())


def test_folders_that_lead_to_what_was_written_are_not_written() -> None:
    found = replace(of(), seen=None, changes=("/var", "/var/lib", "/var/lib/app", "/var/lib/app/a", "/data"))
    assert written(found) == ("/var/lib/app/a",)


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


def test_it_is_not_noexec_for_what_runs_scripts() -> None:
    """A compiler's or a test runner's work is what it makes there, of which a start shows nothing."""
    found = replace(of(), programs=Programs((Program("/usr/bin/python3", opaque=True),)), users=())
    assert tmpfs_options("/tmp", found.container.asked, found) == "uid=0,gid=0,mode=1777,exec"
    assert tmpfs_options("/nowhere", found.container.asked, found) == "exec"
    (risk,) = toggle("tmpfs").risks("/tmp", found)
    assert "can't be started" not in translate(risk)


@pytest.mark.parametrize("engine", [DOCKER, PODMAN], ids=["docker", "podman"])
def test_learned(engine: Engine) -> None:
    found = of("/var/lib/app/app.sock", "/run/app.pid", engine=engine)
    asked = found.container.asked
    known = toggle("tmpfs").learned("learned", found, asked)
    assert known is not None
    assert sorted(known.value.split(",")) == ["/run", "/tmp", "/var/lib/app", "/var/tmp"]
    root = toggle("read-only-root").learned("learned", found, asked)
    assert root is not None
    assert root.value == "on"


@pytest.mark.parametrize("engine", [DOCKER, PODMAN], ids=["docker", "podman"])
def test_where_it_keeps_data_the_root_directory_stays_writable_and_why_is_said(engine: Engine) -> None:
    found = of("/run/app.pid", engine=engine)
    found = replace(found, changes=("/etc/app/dump.rdb", "/var/lib/app/a"))
    assert planned(found) is None, "what is left would have to be carried over anyway"
    for name in ("tmpfs", "read-only-root"):
        which = toggle(name)
        assert which.learned("learned", found, found.container.asked) is None
        assert all(which.preset(preset, found) is None for preset in Preset)
        why = which.left_off(found)
        assert why is not None
        assert "/etc/app/dump.rdb" in translate(why)
        with pytest.raises(ToggleError, match="keeps files outside its volumes"):
            resolved([choice_of(name, "learned")], found, lambda text: "")
    assert "lost when it stops: /var/lib/app/a" in translate(toggle("tmpfs").risks("/var/lib/app", found)[0])
