"""Who gets at which files, before and after; tests/engine/traps holds the same against the kernel."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rig.recorded import recorded
from rig.usecases.memory_access import MemoryAccess
from stratascope.core.container import AskedMount
from stratascope.core.message import Message, msg
from stratascope.core.ports import HostEntry
from stratascope.core.relaunch.file_owners import Ids, VolumeChange
from stratascope.core.relaunch.toggle import ToggleError
from stratascope.linux.namespace import FULL
from stratascope.state.journal import FileJournal
from stratascope.usecases.plan.file_access import Identity, Losses, check_owners, handed_over, losses
from stratascope.value import replace
from unit.layers.toggle_subjects import DOCKER, default
from unit.layers.toggle_subjects import subject as of_container
from unit.usecases.memory_engine import MemoryEngine

ALL = ((0, 0, FULL),)
SUB = ((0, 200000, 65536),)
ROOT = Identity(0, 0, ALL, ALL, override=True)
BARE_ROOT = Identity(0, 0, ALL, ALL, override=False)
APP = Identity(1000, 1000, ALL, ALL, override=False)
SUB_ROOT = Identity(200000, 200000, SUB, SUB, override=True)
NOBODY = Identity(None, None, (), (), override=False)


def file(uid: int, gid: int, mode: int, *, folder: bool = False) -> HostEntry:
    return HostEntry("/f", uid, gid, mode, folder)


@pytest.mark.parametrize(
    ("entry", "then", "expected"),
    [
        (file(0, 0, 0o600), APP, "unread"),
        (file(0, 0, 0o644), APP, "unwritten"),
        (file(0, 0, 0o666), APP, ""),
        (file(0, 1000, 0o640), APP, "unwritten"),
        (file(0, 1000, 0o660), APP, ""),
        (file(1000, 0, 0o600), APP, ""),
        (file(1000, 0, 0o077), APP, "unread"),  # the owner's bits count, and not the others'
        (file(0, 0, 0o744, folder=True), APP, "unread"),  # listed, but nothing in it can be opened
        (file(0, 0, 0o755, folder=True), APP, "unwritten"),
        (file(1000, 1000, 0o600), BARE_ROOT, "unread"),
        (file(0, 0, 0o600), BARE_ROOT, ""),
        (file(0, 0, 0o600), SUB_ROOT, "unread"),  # its owner does not exist there
        (file(200005, 200005, 0o600), SUB_ROOT, ""),
        (file(200005, 0, 0o600), SUB_ROOT, "unread"),  # nor does its group here
        (file(0, 0, 0o604), NOBODY, "unwritten"),
        (file(0, 0, 0o600), NOBODY, "unread"),
    ],
)
def test_what_root_loses(entry: HostEntry, then: Identity, expected: str) -> None:
    paths = {"unread": Losses(("/f",)), "unwritten": Losses((), ("/f",)), "": Losses()}
    assert losses((entry,), ROOT, then, writable=True) == paths[expected]
    only_read = Losses() if expected == "unwritten" else paths[expected]
    assert losses((entry,), ROOT, then, writable=False) == only_read


def test_what_was_out_of_reach_is_no_loss() -> None:
    assert losses((file(0, 0, 0o600),), APP, NOBODY, writable=True) == Losses()


_WHO = st.sampled_from((ROOT, BARE_ROOT, APP, SUB_ROOT, NOBODY))
_ENTRIES = st.builds(file, st.sampled_from((0, 1000, 200005)), st.sampled_from((0, 1000)), st.integers(0, 0o777))


@given(_WHO, _WHO, _ENTRIES)
def test_nobody_loses_what_stays_as_it_is(now: Identity, then: Identity, entry: HostEntry) -> None:
    assert losses((entry,), now, now, writable=True) == Losses()
    there, back = losses((entry,), now, then, writable=True), losses((entry,), then, now, writable=True)
    assert not set(there.unread) & set(back.unread)


class Owners(MemoryEngine):
    """Whose files' owners can't be changed from here, if so."""

    why: Message | None = None

    def no_owners(self) -> Message | None:
        return self.why


def as_another(folder: Path, user: str, why: Message | None = None) -> tuple[VolumeChange, ...]:
    """What is handed over where a container gets a volume and that user."""
    engine = Owners()
    engine.why = why
    access = MemoryAccess(engine, FileJournal(folder))
    before = default(DOCKER)
    volume = AskedMount("volume", "/volumes/new", "/data", writable=True, volume="new")
    wanted = replace(before, user=user, mounts=(volume,))
    subject = of_container(before, recorded("lsm/apparmor/docker-default"))
    handed = handed_over(access, subject, before, wanted, ())
    check_owners(access, subject, before, wanted, handed)
    return handed


def test_a_new_volume_is_its_users(tmp_path: Path) -> None:
    """It is filled with copies, so nothing has to be asked for, nor listed before."""
    assert as_another(tmp_path, "33:33") == (VolumeChange("/volumes/new", Ids(0, 0), Ids(33, 33), new=True),)
    assert as_another(tmp_path, "") == ()


def test_where_owners_can_not_be_changed_it_keeps_its_user(tmp_path: Path) -> None:
    with pytest.raises(ToggleError):
        as_another(tmp_path, "33:33", msg("Not from here."))
