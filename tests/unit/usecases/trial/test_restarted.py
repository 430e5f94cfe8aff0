"""What a restart of a twin shows: pure."""

from __future__ import annotations

from stratascope.core.relaunch.data_volume import Entry
from stratascope.core.relaunch.trial import Lasting
from stratascope.layers.namespaces.written import data, volume_folders
from stratascope.layers.toggles import parse
from stratascope.usecases.trial.restarted import gone, in_memory_only, lasting, without_places
from stratascope.value import replace
from unit.layers.toggle_subjects import DOCKER, default, subject


def file(moment: int, content: str = "x") -> Entry:
    return Entry("", "f", 0o644, 0, 0, 1, moment, content)


def test_what_stays_and_what_is_made_anew() -> None:
    before = {"/a": file(1), "/b": file(1), "/c": file(1), "/d": file(1)}
    assert lasting(before, {"/a": file(1), "/b": file(2), "/c": file(1, "y")}) == Lasting(("/a",), ("/d",))


def test_a_tmpfs_over_what_stays() -> None:
    known = Lasting(("/var/cache/app/index", "/run/x", "/tmp/y"))
    assert in_memory_only(("/run", "/tmp", "/var/cache/app", "/srv"), known) == {
        "/var/cache/app": ("/var/cache/app/index",)
    }
    chosen = (parse("tmpfs=/run,/var/cache/app:exec"), parse("no-new-privileges=on"))
    (less,) = without_places("tmpfs", chosen, ("/var/cache/app",))
    assert str(less.choice) == "tmpfs=/run"
    (none,) = without_places("tmpfs", (parse("tmpfs=/var/cache/app"),), ("/var/cache/app",))
    assert (none.choice, none.certain) == (None, True)


def test_where_a_program_removes_files_by_itself_none_is_missed() -> None:
    before = {"/data/tmp/1": file(1), "/data/db": file(1)}
    assert gone(before, {}, Lasting((), ("/data/tmp/9",))) == ("/data/db",)


def test_what_stays_is_data_wherever_it_lies() -> None:
    told = subject(default(DOCKER), engine=DOCKER, changes=())
    told = replace(told, lasting=("/var/cache/app/index", "/srv/app/key.pid", "/tmp/x"))
    assert data(told) == ("/srv/app/key.pid", "/var/cache/app/index")
    assert volume_folders(told) == ("/srv/app", "/var/cache/app")
