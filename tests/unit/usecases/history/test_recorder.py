"""What is written down while somebody looks: where something changed, from the pictures that are there anyway."""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import Any

import pytest

from rig.window import reach
from stratascope.core.container import Status
from stratascope.core.history.entry import (
    GONE,
    Batch,
    Counted,
    Exposed,
    PartKind,
    Run,
    Subject,
    Unlike,
    UsageRow,
    WatchSpan,
)
from stratascope.core.history.fold import What
from stratascope.core.relaunch.launch_spec import TWIN, TwinRecord
from stratascope.core.snapshot import ContainerState, Privilege, PrivilegeState, ProcessState, Snapshot
from stratascope.state.history import FileHistory
from stratascope.usecases.history.history import History
from stratascope.usecases.history.recorder import AGAIN, ASLEEP, LOOK, ROW, SAMPLE, TIDY, Recorder, subject_of
from stratascope.value import replace
from stratascope.wiring.engines import demo_snapshot

WEB = Subject("docker", "web")


class Stage:
    """A recorder whose time and counters are told it."""

    def __init__(self, folder: Path) -> None:
        self.now = 1_000_000.0
        self.memory = 50 << 20
        self.asked: list[str] = []
        self.twins: tuple[TwinRecord, ...] = ()
        self.store = FileHistory(folder)
        self.recorder = Recorder(self.store, self, lambda: self.twins, lambda: self.now)
        self.history = History(self.store, lambda: (), lambda: self.now)

    def read(self, groups: str) -> Counted:
        self.asked.append(groups)
        return Counted(self.memory, 5, (self.now - 1_000_000.0) / 2, 0)

    def show(self, snapshot: Snapshot, *, after: float = 0.0) -> None:
        self.now += after
        self.recorder.see(replace(snapshot, taken_at=self.now))
        self.recorder.step()

    def wait(self, seconds: float, step: float = SAMPLE) -> None:
        until = self.now + seconds
        while self.now < until:
            self.now += step
            self.recorder.step()

    def kinds(self, subject: Subject = WEB) -> list[PartKind]:
        return [entry.kind for entry in self.store.entries(subject)]

    def happened(self, subject: Subject = WEB) -> list[What]:
        return [each.what for each in self.history.of(subject, 0.0).changes]


@pytest.fixture
def stage(tmp_path: Path) -> Stage:
    return Stage(tmp_path / "history")


def live() -> Snapshot:
    """The demo's containers, as if they were of this machine."""
    snapshot = demo_snapshot()
    return replace(snapshot, demo=False, listed=frozenset(each.id for each in snapshot.engines))


def other(snapshot: Snapshot, name: str, **fields: object) -> Snapshot:
    """With other facts of that container's own, or of its state."""

    def made(state: ContainerState) -> ContainerState:
        if state.container.name != name:
            return state
        own = {key: value for key, value in fields.items() if key in state.container.__struct_fields__}
        rest = {key: value for key, value in fields.items() if key not in own}
        return replace(state, container=replace(state.container, **own), **rest)  # type: ignore[arg-type]

    return replace(snapshot, containers=tuple(made(state) for state in snapshot.containers))


def without(snapshot: Snapshot, name: str) -> Snapshot:
    return replace(snapshot, containers=tuple(each for each in snapshot.containers if each.container.name != name))


def test_one_row_where_something_changed(stage: Stage) -> None:
    stage.show(live())
    first = stage.kinds()
    assert sorted(first) == sorted(PartKind)
    stage.show(live(), after=5)
    stage.show(live(), after=5)
    assert stage.kinds() == first
    web = next(each for each in live().containers if each.container.name == "web").container
    stage.show(other(live(), "web", asked=replace(web.asked, memory=1 << 30)), after=5)
    assert stage.kinds() == [*first, PartKind.SETTINGS]
    assert stage.happened() == [What.FIRST, What.SETTINGS]


def test_a_capture_that_is_replayed_is_no_history(stage: Stage) -> None:
    stage.show(demo_snapshot())
    assert stage.store.subjects() == ()
    assert not stage.store.folder.exists()


def test_what_is_not_running_has_what_was_asked_of_it(stage: Stage) -> None:
    stage.show(live())
    assert stage.kinds(Subject("docker", "nightly-report")) == [
        PartKind.MADE,
        PartKind.IMAGE,
        PartKind.RUN,
        PartKind.SETTINGS,
    ]


def test_ended_gone_and_back(stage: Stage) -> None:
    stage.show(live())
    ended = other(live(), "web", status=Status.EXITED, pid=None, exit_code=137, matrix=None)
    stage.show(ended, after=5)
    assert stage.happened() == [What.FIRST, What.ENDED]
    stage.show(without(live(), "web"), after=500)
    assert stage.store.latest()[WEB].run == Run(GONE, _started())
    stage.show(without(live(), "web"), after=5)
    assert stage.happened() == [What.FIRST, What.ENDED, What.GONE]
    stage.show(other(live(), "web", id="f" * 64, started=stage.now), after=500)
    assert stage.happened() == [What.FIRST, What.ENDED, What.GONE, What.REPLACED]


def _started() -> float:
    return next(each for each in live().containers if each.container.name == "web").container.started


def test_an_engine_that_does_not_answer_loses_no_container(stage: Stage) -> None:
    """Its containers are not in the picture, and may be well."""
    stage.show(live())
    stage.show(replace(live(), containers=(), listed=frozenset()), after=5)
    assert stage.happened() == [What.FIRST]


def test_a_session_with_more_rights(stage: Stage) -> None:
    stage.show(live())
    session = ProcessState(9, 9, "sh", ("capabilities.effective",), "exec")
    stage.show(other(live(), "web", processes=(session,)), after=5)
    assert stage.store.latest()[WEB].drift == (Unlike("sh", "exec", ("capabilities.effective",)),)
    stage.show(live(), after=5)
    assert stage.happened() == [What.FIRST, What.DRIFT, What.DRIFT_ENDED]


def test_root_sees_more_which_is_no_change(stage: Stage) -> None:
    stage.show(live())
    stage.show(replace(live(), privilege=Privilege(PrivilegeState.ON)), after=5)
    latest = stage.store.latest()[WEB].exposed
    assert isinstance(latest, Exposed)
    assert latest.root
    assert stage.happened() == [What.FIRST]


def test_what_was_read_before_root_came_is_not_roots(stage: Stage) -> None:
    """Its reader is there, and containers are read again a moment later: what is known better then is no change."""
    ours = next(each for each in live().containers if each.container.name == "web")
    assert ours.capture is not None
    assert ours.matrix is not None
    before = replace(
        ours.capture, readings=tuple(each for each in ours.capture.readings if "seccomp:" not in each.name)
    )
    exposure = replace(ours.matrix.exposure, worst=ours.matrix.exposure.worst + 1.5)
    unsure = other(live(), "web", capture=before, matrix=replace(ours.matrix, exposure=exposure))
    on = Privilege(PrivilegeState.ON)
    stage.show(replace(unsure, privilege=on))
    stage.show(replace(live(), privilege=on), after=1)
    assert stage.happened() == [What.FIRST]


def test_relaunches_under_way_are_left_out() -> None:
    state = live().containers[2]
    for name in ("stratascope-0123456789ab", "stratascope-0123456789ab.old"):
        assert subject_of(replace(state, container=replace(state.container, name=name)), ()) is None
    own = replace(state, container=replace(state.container, name="stratascope-agent"))
    assert subject_of(own, ()) == Subject(state.container.engine, "stratascope-agent")
    assert subject_of(state, ()) == Subject(state.container.engine, state.container.name)


def test_a_sandbox_is_known_by_its_id_once_it_is_no_mere_command() -> None:
    state = reach.agent()
    sandbox = state.container.sandbox
    assert sandbox is not None
    ticks = int(time.clock_gettime(time.CLOCK_BOOTTIME) * os.sysconf("SC_CLK_TCK"))

    def of(**new: Any) -> Subject | None:
        changed = replace(sandbox, **new)
        return subject_of(replace(state, container=replace(state.container, sandbox=changed)), ())

    assert of(started=1, first=4) == of(started=2, first=9) == Subject("sandboxes", "codex-codex")
    assert of(started=ticks) is None
    assert of(started=1, folded=True) is None


def test_a_sandbox_that_was_too_young_is_recorded_when_it_is_not(stage: Stage) -> None:
    """Without a newer snapshot: where nothing changes, none comes."""
    state = reach.agent()
    sandbox = state.container.sandbox
    assert sandbox is not None
    empty = replace(live(), containers=())
    began = time.clock_gettime(time.CLOCK_BOOTTIME) - 59.0
    young = replace(sandbox, started=int(began * os.sysconf("SC_CLK_TCK")))
    stage.show(replace(empty, containers=(replace(state, container=replace(state.container, sandbox=young)),)))
    subject = Subject("sandboxes", "codex-codex")
    assert stage.store.entries(subject) == ()
    time.sleep(1.1)
    stage.wait(61.0)
    assert stage.store.entries(subject) != ()


def test_a_twin_is_left_out_and_an_image_with_its_label_is_not(stage: Stage) -> None:
    labelled = other(live(), "web", labels=((TWIN, "0123456789abcdef"),))
    stage.show(labelled)
    assert stage.happened() == [What.FIRST]
    stage.twins = (TwinRecord("fedcba9876543210", "docker", "", "a" * 64, "web.twin-1", 0.0),)
    twin = replace(labelled.containers[2], container=replace(labelled.containers[2].container, name="web.twin-1",
                                                             labels=((TWIN, "fedcba9876543210"),)))  # fmt: skip
    stage.show(replace(labelled, containers=(*labelled.containers, twin)), after=5)
    stage.twins = ()  # it has ended; the list of containers is older
    stage.show(replace(labelled, containers=(*labelled.containers, twin)), after=5)
    assert Subject(twin.container.engine, "web.twin-1") not in stage.store.subjects()


def test_use_is_read_and_written_where_it_differs(stage: Stage) -> None:
    stage.show(live())
    stage.wait(10 * ROW)
    rows = stage.store.used(WEB, 0.0)
    assert len(rows) == 1  # it was the same all the time
    assert (rows[0].memory, rows[0].pids, rows[0].cpu) == (50 << 20, 5.0, 0.5)
    stage.memory = 90 << 20
    stage.wait(3 * ROW)
    assert [row.memory for row in stage.store.used(WEB, 0.0)][-1] == 90 << 20
    assert len(stage.store.used(WEB, 0.0)) <= 3
    watch = stage.store.watches(0.0)
    assert len(watch) == 1
    assert watch[0].until >= stage.now - ROW
    # what has no group of its own in sight is not measured
    assert len(set(stage.asked)) == sum(each.container.engine in ("docker", "podman") for each in live().containers) - 1


def test_a_new_run_is_measured_anew(stage: Stage) -> None:
    stage.show(live())
    stage.wait(2 * ROW)
    assert len(stage.store.used(WEB, 0.0)) == 1
    stage.show(other(live(), "web", started=stage.now), after=1)
    stage.wait(2 * ROW)
    assert len(stage.store.used(WEB, 0.0)) == 2


def test_where_nothing_changes_it_is_one_period_and_use_is_read_all_the_time(stage: Stage) -> None:
    stage.show(live())
    for minute in range(5):
        stage.memory = (50 + 20 * minute) << 20
        stage.wait(ROW, step=SAMPLE + 0.1)  # never quite on the minute
    (watch,) = stage.store.watches(0.0)
    assert watch.until - watch.began > 4 * ROW
    assert len(stage.store.used(WEB, 0.0)) >= 4


def test_asleep(stage: Stage) -> None:
    """Of the time in which the machine slept nothing is known."""
    stage.show(live())
    stage.wait(ROW)
    stage.now += ASLEEP * 10
    stage.wait(ROW)
    assert len(stage.store.watches(0.0)) == 2


def test_what_is_left_is_written_at_the_end(stage: Stage) -> None:
    stage.show(live())
    stage.wait(30)
    stage.recorder.step(last=True)
    assert len(stage.store.used(WEB, 0.0)) == 1


def test_another_window_takes_over(stage: Stage, tmp_path: Path) -> None:
    second = Stage(tmp_path / "history")
    stage.show(live())
    second.show(live())
    assert (stage.recorder.recording, second.recorder.recording) == (True, False)
    assert second.recorder.trouble is None
    stage.store.close()
    second.wait(2 * AGAIN)
    assert second.recorder.recording
    second.show(live(), after=5)
    assert second.happened() == [What.FIRST]  # it knows what the first one wrote


def test_it_takes_over_within_seconds_and_what_happened_in_between_is_there(stage: Stage, tmp_path: Path) -> None:
    second = Stage(tmp_path / "history")
    stage.show(live())
    second.show(live())
    wrote: list[float] = []
    second.recorder.wrote = lambda: wrote.append(second.now)
    stage.show(without(live(), "web"), after=5)
    second.wait(5, step=LOOK)
    assert wrote  # the other's entries are to be shown here too
    stage.recorder.step(last=True)
    stage.store.close()
    second.show(live(), after=LOOK)  # back again, while nobody recorded
    second.wait(2 * LOOK, step=LOOK)
    assert second.recorder.recording
    assert second.happened() == [What.FIRST, What.RESTARTED]


def test_a_clock_that_is_set_back_stops_nothing(stage: Stage) -> None:
    stage.show(live())
    stage.wait(3 * SAMPLE)
    stage.now -= 3600.0
    asked = len(stage.asked)
    stage.wait(2 * SAMPLE)
    assert len(stage.asked) > asked
    stage.show(without(live(), "web"), after=1)
    stage.show(without(live(), "web"), after=1)
    later = Stage(stage.store.folder)
    later.now = stage.now + 5
    stage.recorder.step(last=True)
    stage.store.close()
    later.show(without(live(), "web"))
    runs = [each.value for each in later.store.entries(WEB) if isinstance(each.value, Run)]
    assert [each.status for each in runs].count(GONE) == 1  # the last that was written counts, whatever its date


def test_what_can_not_be_written_is_told_and_tried_again(tmp_path: Path) -> None:
    stage = Stage(tmp_path / "history")
    stage.store.folder.mkdir(mode=0o700)
    (stage.store.folder / "history.db").mkdir()
    stage.show(live())
    assert stage.recorder.trouble is not None
    assert not stage.recorder.recording
    (stage.store.folder / "history.db").rmdir()
    stage.wait(2 * AGAIN)
    assert stage.recorder.trouble is None
    assert stage.happened() == [What.FIRST]


def test_tidied_now_and_then(stage: Stage) -> None:
    stage.show(live())
    old = UsageRow(stage.now - 500 * 86400.0, 60.0, memory=1.0)
    stage.store.write(Batch(WatchSpan(stage.now, stage.now), (), ((WEB, old),)))
    assert old in stage.store.used(WEB, 0.0)
    stage.wait(2 * ROW)
    assert old not in stage.store.used(WEB, 0.0)
    stage.store.write(Batch(WatchSpan(stage.now, stage.now), (), ((WEB, old),)))
    stage.wait(TIDY / 2, step=ROW)
    assert old in stage.store.used(WEB, 0.0)


def test_small_lines_of_all(stage: Stage) -> None:
    """Seven days of every container, in one query."""
    stage.show(live())
    lines = stage.history.lines(stage.now - 7 * 86400.0)
    running = [each for each in live().containers if each.matrix is not None]
    assert set(lines) == {Subject(each.container.engine, each.container.name) for each in running}
    assert [point.worst for point in lines[WEB]] == [5.4]
