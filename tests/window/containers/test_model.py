"""The list's model: groups, order, replicas, filter, updates without resets, under Qt's own model tester."""

from __future__ import annotations

import random
from collections.abc import Iterator

import pytest
from PySide6.QtCore import QPersistentModelIndex, Qt
from PySide6.QtTest import QAbstractItemModelTester
from pytestqt.qtbot import QtBot

from rig.window import sample
from rig.window.sample import E, U, W, X
from stratascope.core.container import Status
from stratascope.core.layer import Verdict
from stratascope.core.relaunch.launch_spec import RestartPolicy, claim, guard
from stratascope.core.relaunch.transaction import Stage, Transaction, TransactionKind
from stratascope.core.snapshot import ContainerState, ProcessState
from stratascope.ui.containers import model as module
from stratascope.ui.containers.model import ContainerModel
from stratascope.ui.containers.row_paint import alike_text
from stratascope.ui.containers.rows import ListRow, ViewBy, replicas_key, short_image, spoken
from stratascope.value import replace


@pytest.fixture
def model(qtbot: QtBot) -> Iterator[ContainerModel]:
    made = ContainerModel()
    tester = QAbstractItemModelTester(made, QAbstractItemModelTester.FailureReportingMode.Fatal)
    yield made
    del tester
    made.patience.stop()


def names(model: ContainerModel) -> list[str]:
    return [str(model.index(row).data()) for row in range(model.rowCount())]


def show(model: ContainerModel, *states: ContainerState) -> None:
    model.show(states)


def entry_of(model: ContainerModel, state: ContainerState) -> ListRow:
    entry = model.entry(model.row_of(state.key))
    assert entry is not None
    return entry


def of_project(state: ContainerState, project: str, service: str = "") -> ContainerState:
    labels = [("com.docker.compose.project", project)]
    labels += [("com.docker.compose.service", service)] if service else []
    return replace(state, container=replace(state.container, labels=tuple(labels)))


def workers(count: int) -> list[ContainerState]:
    made = (sample.state(f"shop-worker-{number}", (E, W, E, E, E, E)) for number in range(1, count + 1))
    return [of_project(each, "shop", "worker") for each in made]


A = sample.state("a", (E, E, E, E, E, E))
B = sample.state("b", (E, E, E, E, E, X))
C = sample.state("c", (X, X, E, E, E, X))
D = sample.state("d", (E, W, E, E, E, E))
N = sample.state("n", (U, U, U, U, U, U))
S = sample.state("s", status=Status.EXITED)
TAKES_OVER = sample.state("ci-runner", (W, X, W, W, E, X))


def test_what_can_take_over_comes_first_then_groups_worst_first_and_the_rest_last(model: ContainerModel) -> None:
    in_shop, mild = of_project(replace(B), "shop"), of_project(sample.state("m", (E,) * 6), "mild")
    show(model, A, S, N, in_shop, D, mild, C, of_project(TAKES_OVER, "shop"))
    assert names(model) == [
        "Can take over this machine", "ci-runner", "shop", "b", "mild", "m", "Standalone", "c", "d", "a", "n", "s"
    ]  # fmt: skip


def test_by_project_by_engine_and_by_name(model: ContainerModel) -> None:
    odd = sample.state("A10", (X,) * 6, engine="podman")
    show(model, of_project(B, "shop"), of_project(TAKES_OVER, "shop"), odd, sample.state("a2"), of_project(C, "Blog 2"))
    model.set_view_by(ViewBy.PROJECT)
    assert names(model) == ["Blog 2", "c", "shop", "ci-runner", "b", "Standalone", "A10", "a2"]
    model.set_view_by(ViewBy.ENGINE)
    assert names(model) == ["docker", "ci-runner", "c", "b", "a2", "podman", "A10"]
    model.set_view_by(ViewBy.NAME)
    assert names(model) == ["All", "a2", "A10", "b", "c", "ci-runner"]


def test_a_pod_is_a_group_of_its_engine(model: ContainerModel) -> None:
    member = replace(B, container=replace(B.container, pod="5f2f" + "0" * 60))
    show(model, member, A)
    assert names(model) == ["5f2f00000000", "b", "Standalone", "a"]
    head = model.entry(0)
    assert head is not None
    assert spoken(head).splitlines()[0] == "Pod 5f2f00000000, 1 container"


def test_a_head_cannot_be_selected(model: ContainerModel) -> None:
    show(model, A)
    assert not model.flags(model.index(0)) & Qt.ItemFlag.ItemIsSelectable
    assert model.flags(model.index(1)) & Qt.ItemFlag.ItemIsSelectable


# -- replicas


def test_replicas_that_are_alike_share_a_row_and_one_that_differs_stands_alone(model: ContainerModel) -> None:
    states = workers(12)
    differs = replace(states[6], processes=(ProcessState(9, 9, "sh", ("capabilities.effective",), kind="exec"),))
    show(model, *states[:6], differs, *states[7:])
    assert sorted(names(model)) == ["shop", "shop-worker-7", "worker"]
    assert entry_of(model, differs).drift
    row = entry_of(model, states[0])
    assert row.count == 11
    assert "11 replicas, all alike; Right shows each" in spoken(row)
    assert alike_text(row) == "×11 ▸"
    assert model.row_of(states[11].key) == model.row_of(states[0].key)
    assert len(model.keys()) == 12


def test_they_are_opened_and_folded_in_natural_order(model: ContainerModel) -> None:
    states = workers(12)
    show(model, *reversed(states))
    model.open_replicas(replicas_key(states[0]), opened=True)
    assert names(model) == ["shop", *(f"shop-worker-{number}" for number in range(1, 13))]
    assert model.first_of(5) == states[0]
    assert [alike_text(entry_of(model, state)) for state in states[:2]] == ["×12 ▾", ""]
    model.open_replicas(replicas_key(states[0]), opened=False)
    assert names(model) == ["shop", "worker"]


def test_two_of_one_image_that_are_called_otherwise_are_no_replicas(model: ContainerModel) -> None:
    show(model, sample.state("blog"), sample.state("shop"), sample.state("web-1"), sample.state("web-2"))
    assert names(model) == ["Standalone", "blog", "shop", "web"]


def test_what_can_take_over_is_never_folded(model: ContainerModel) -> None:
    matrix = TAKES_OVER.matrix
    first, second = (
        replace(sample.state(f"ci-{number}", (W, X, W, W, E, X)), matrix=matrix) for number in (1, 2)
    )  # fmt: skip
    show(model, first, second)
    assert names(model) == ["Can take over this machine", "ci-1", "ci-2"]


def test_one_that_leaves_its_replicas_is_worth_a_row_and_no_other_moves(model: ContainerModel) -> None:
    states = workers(4)
    show(model, *states, A)
    worse = of_project(sample.state("shop-worker-2", (E, W, E, E, E, X)), "shop", "worker")
    show(model, states[0], worse, *states[2:], A)
    assert entry_of(model, states[0]).count == 3
    assert entry_of(model, worse).count == 1
    assert names(model)[-2:] == ["Standalone", "a"]


# -- folded groups, pins


def test_a_folded_group_is_its_head_until_it_is_asked_for(model: ContainerModel) -> None:
    show(model, of_project(B, "shop"), of_project(C, "shop"), A)
    model.fold("compose:docker:shop", folded=True)
    assert names(model) == ["shop", "Standalone", "a"]
    head = model.entry(0)
    assert head is not None
    assert (head.count, head.folded) == (2, True)
    assert len(model.keys()) == 3
    assert model.row_of(B.key) == -1
    model.set_filter("b")
    assert names(model) == ["shop", "b"]
    model.set_filter("")
    model.reveal(B.key)
    assert names(model) == ["shop", "c", "b", "Standalone", "a"]


def test_what_is_pinned_stands_above_the_groups_and_below_what_can_take_over(model: ContainerModel) -> None:
    show(model, A, of_project(B, "shop"), TAKES_OVER)
    model.set_pinned({("docker", "a")})
    assert names(model) == ["Can take over this machine", "ci-runner", "Pinned", "a", "shop", "b"]


# -- the filter


def test_the_filter_leaves_rows_and_says_why(model: ContainerModel) -> None:
    show(model, A, of_project(B, "shop"), C)
    model.set_filter("project:sho")
    assert names(model) == ["shop", "b"]
    assert entry_of(model, B).reason == "shop"
    model.set_filter("image:nginx a")
    assert names(model) == ["Standalone", "a"]
    model.set_filter("nothing-like-this")
    assert model.shown() == 0
    model.set_filter("  ")
    assert model.shown() == 3


def test_what_the_filter_cannot_say_is_counted(model: ContainerModel) -> None:
    show(model, N, S)
    model.set_filter("cap:sys_admin")
    assert (model.shown(), model.unknown) == (0, 1)


# -- updates


def test_an_update_changes_a_row_in_its_place_and_moves_it_when_the_order_has_stood(
    model: ContainerModel, qtbot: QtBot
) -> None:
    show(model, A, B, C)
    before, index = names(model), QPersistentModelIndex(model.index(model.row_of(A.key)))
    worse = sample.state("a", (X,) * 6)
    with qtbot.assertNotEmitted(model.modelReset):
        show(model, worse, B, C)
    assert names(model) == before
    state = entry_of(model, A).state
    assert state is not None
    assert state.worst is Verdict.OPEN  # its texts are updated at once
    assert model.patience.isActive()
    model.patience.timeout.emit()
    assert names(model) == ["Standalone", "a", "c", "b"]
    assert index.isValid()
    assert index.data() == "a"


def test_what_restarts_keeps_its_place(model: ContainerModel) -> None:
    show(model, A, B, C)
    before = names(model)
    show(model, A, sample.state("b", status=Status.EXITED), C)
    assert names(model) == before
    show(model, A, B, C)
    assert names(model) == before
    assert not model.patience.isActive()  # the order has not changed: nothing to move


def test_what_starts_leaves_the_stopped_ones_at_once(model: ContainerModel) -> None:
    stopped = sample.state("z", status=Status.EXITED)
    show(model, A, C, stopped)
    assert names(model)[-1] == "z"
    show(model, A, C, sample.state("z", (X,) * 6))
    assert names(model) == ["Standalone", "z", "c", "a"]


def test_an_order_that_never_stands_still_is_followed_all_the_same(
    model: ContainerModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    show(model, A, B, C)
    before = names(model)
    show(model, sample.state("a", (X,) * 6), B, C)
    monkeypatch.setattr(module, "LONGEST", module.PATIENCE)  # as if it had waited that long
    model.patience.start(60_000)
    show(model, sample.state("a", (X,) * 6), sample.state("b", status=Status.EXITED), C)
    assert names(model) == before
    assert model.patience.remainingTime() > module.PATIENCE, "the wait is not begun anew"


def test_the_worst_is_what_can_take_over_whatever_the_list_begins_with(model: ContainerModel) -> None:
    model.set_view_by(ViewBy.NAME)
    show(model, A, B, C, TAKES_OVER)
    assert model.worst() == TAKES_OVER.key
    model.set_filter("b")
    assert model.worst() == B.key
    model.set_filter("nothing")
    assert model.worst() is None


def test_whoever_uses_the_list_is_waited_for(model: ContainerModel) -> None:
    show(model, A, B)
    before = names(model)
    model.hold(True)
    show(model, sample.state("a", (X,) * 6), B)
    model.patience.timeout.emit()
    assert names(model) == before
    assert model.patience.isActive()
    model.hold(False)
    model.patience.timeout.emit()
    assert names(model) == ["Standalone", "a", "b"]


def test_what_is_new_or_read_for_the_first_time_goes_to_its_place_at_once(model: ContainerModel) -> None:
    unread = replace(sample.state("ci-runner", (W, X, W, W, E, X)), matrix=None, gap=None)
    show(model, A, B, unread)
    show(model, A, B, TAKES_OVER, C)
    assert names(model) == ["Can take over this machine", "ci-runner", "Standalone", "c", "b", "a"]
    show(model, A, TAKES_OVER, C)
    assert names(model) == ["Can take over this machine", "ci-runner", "Standalone", "c", "a"]


def test_an_equal_picture_emits_nothing(model: ContainerModel, qtbot: QtBot) -> None:
    states = (A, B, C)
    show(model, *states)
    with qtbot.assertNotEmitted(model.dataChanged), qtbot.assertNotEmitted(model.rowsInserted):
        show(model, *states)


def test_an_equal_reading_takes_the_row_unseen(model: ContainerModel, qtbot: QtBot) -> None:
    show(model, A, B)
    again = replace(A)  # another reading that says the same
    with qtbot.assertNotEmitted(model.dataChanged):
        show(model, again, B)
    assert entry_of(model, A).state is again


def test_many_random_pictures(model: ContainerModel) -> None:
    dice = random.Random(7)
    model.show(())
    for _ in range(80):
        chosen = [
            of_project(
                sample.state(f"c{number}", tuple(dice.choice((E, W, X, U)) for _ in range(6))),
                dice.choice(("", "one", "two")) if number % 3 else "",
            )
            for number in range(14)
            if dice.random() < 0.7
        ]
        if dice.random() < 0.3:
            model.fold("compose:docker:one", folded=dice.random() < 0.5)
        show(model, *chosen)
        if dice.random() < 0.3:
            model.patience.timeout.emit()
        assert {state.container.id for state in model.passed()} == {state.container.id for state in chosen}
        rows = [entry for row in range(model.rowCount()) if (entry := model.entry(row)) is not None]
        told = {state.key for state in model.passed()}
        hidden = {state.key for state in chosen if model.row_of(state.key) < 0}
        assert told - hidden == {key for entry in rows if entry.state for key in (entry.state.key, *entry.members)}
        for head in (entry for entry in rows if entry.state is None and not entry.folded):
            assert head.count == sum(entry.count for entry in rows if entry.section == head.section and entry.state)


# -- accessible and visible texts


def test_what_a_screen_reader_hears(model: ContainerModel) -> None:
    show(model, C)
    entry = model.entry(1)
    assert entry is not None
    assert "c, running" in spoken(entry)
    assert "Layer 2, Cgroup: Open, No limit on memory" in spoken(entry)


@pytest.mark.parametrize(
    ("image", "short"),
    [
        ("docker.io/library/nginx:1.27@sha256:abc", "nginx:1.27"),
        ("nginx", "nginx"),
        ("localhost:5000/a/b:2", "b:2"),
        ("", ""),
    ],
)
def test_short_image(image: str, short: str) -> None:
    assert short_image(image) == short


def called(state: ContainerState, name: str, status: Status) -> ContainerState:
    return replace(state, container=replace(state.container, name=name, status=status))


def test_names_for_a_moment_never_appear(model: ContainerModel) -> None:
    """As a relaunch goes on: created beside it, renamed, in its place, kept."""
    old, new = sample.state("web", (E, E, E, E, E, E)), sample.state("new", (E, E, E, E, E, E))
    show(model, old, A)
    marks = claim("0" * 64), guard("0" * 64)
    assert claim("0" * 64) in called(new, marks[0], Status.CREATED).container.name
    steps = (
        ((old, called(new, marks[0], Status.CREATED)), old),
        ((called(old, marks[1], Status.EXITED), called(new, marks[0], Status.CREATED)), old),
        ((called(old, marks[1], Status.EXITED), called(new, "web", Status.RUNNING)), new),
    )
    for states, shown in steps:
        show(model, *states, A)
        assert sorted(names(model)[1:]) == ["a", "web"]
        assert model.row_of(shown.key) > 0
    show(model, called(old, "web.old-0123abcd", Status.EXITED), called(new, "web", Status.RUNNING), A)
    assert {"web", "web.old-0123abcd"} <= set(names(model))


def test_what_runs_cant_hide_behind_such_a_name(model: ContainerModel) -> None:
    show(model, called(B, claim("0" * 64), Status.RUNNING), A)
    assert claim("0" * 64) in names(model)


def test_kept_originals_say_what_they_are(model: ContainerModel) -> None:
    old, new = called(B, "web.old-0123abcd", Status.EXITED), called(A, "web", Status.RUNNING)
    show(model, old, new)
    image = entry_of(model, old).second
    done = Transaction(
        id="0123456789abcdef", kind=TransactionKind.HARDEN, stage=Stage.DONE, engine=old.container.engine,
        endpoint="unix:///e", name="web", old=old.container.id, new=new.container.id, created=True,
        old_aside="web.old-0123abcd", new_aside="", restart=RestartPolicy(), new_restart=RestartPolicy(),
        was_running=True, stop_timeout=10, started_at=1.0,
    )  # fmt: skip
    model.set_kept((done,))
    assert entry_of(model, old).second == "Kept original"
    assert "Kept original" in spoken(entry_of(model, old))
    assert entry_of(model, new).second != "Kept original"
    back = replace(done, kind=TransactionKind.UNDO, old=new.container.id, new=old.container.id)
    model.set_kept((done, back))
    assert entry_of(model, old).second == image
    assert entry_of(model, new).second == "Kept hardened one"
    model.set_kept(())
    assert entry_of(model, old).second == image
