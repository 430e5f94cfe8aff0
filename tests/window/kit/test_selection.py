"""The selection alone: which container is in view as snapshots, choices and filters come, and which signals it
emits.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest
from PySide6.QtCore import QEvent, Qt
from PySide6.QtGui import QGuiApplication, QKeyEvent, QRasterWindow
from pytestqt.qtbot import QtBot

from rig.window import sample
from stratascope.core.container import EngineState
from stratascope.core.snapshot import ContainerState, Privilege, PrivilegeState
from stratascope.ui.kit.selection import FirstUse, Key, Selection
from stratascope.value import replace

A, B, C = (sample.state(name) for name in ("a", "b", "c"))


@pytest.fixture
def selection(qtbot: QtBot) -> Selection:
    made = Selection()
    made.show_snapshot(sample.snapshot((A, B)))
    return made


@contextmanager
def heard(selection: Selection) -> Iterator[list[str]]:
    """Collect the names of the emitted signals."""
    found: list[str] = []
    for name in ("chosen", "container_changed", "snapshot_changed", "supposed", "front_wanted", "filter_changed"):
        getattr(selection, name).connect(lambda *_, name=name: found.append(name))
    yield found


def test_the_worst_of_the_list_is_in_view_until_something_is_used(selection: Selection) -> None:
    assert selection.key == A.key
    selection.worst = lambda: C.key
    selection.show_snapshot(sample.snapshot((A, B, C)))
    assert selection.key == C.key
    selection.worst = lambda: B.key
    selection.show_snapshot(sample.snapshot((A, B, C)))
    assert selection.key == B.key


def test_since_when_an_engine_does_not_answer(selection: Selection) -> None:
    before = sample.snapshot((A, B))
    engine = next(each for each in before.engines if each.id == A.container.engine)
    gone = replace(before, taken_at=100.0, engines=(replace(engine, state=EngineState.UNREACHABLE),))
    assert selection.silent_since is None
    selection.show_snapshot(gone)
    selection.show_snapshot(replace(gone, taken_at=200.0))
    assert selection.silent_since == 100.0
    selection.show_snapshot(before)
    assert selection.silent_since is None


USES: dict[str, Callable[[Selection], object]] = {
    "the same row chosen": lambda selection: selection.choose(A.key),
    "asked for": lambda selection: selection.go_to(A.key),
    "a layer": lambda selection: selection.open_layer(2),
    "a filter": lambda selection: selection.set_filter("a"),
    "a key or button": lambda selection: selection.touch(),
}


@pytest.mark.parametrize("use", USES)
def test_once_it_is_used_it_stays_where_it_is(selection: Selection, use: str) -> None:
    USES[use](selection)
    selection.worst = lambda: C.key
    selection.show_snapshot(sample.snapshot((A, B, C)))
    assert selection.key == A.key


def test_a_press_in_the_window_is_use_and_the_pointer_alone_is_none(selection: Selection, qtbot: QtBot) -> None:
    window = QRasterWindow()
    use = FirstUse(selection)
    use.begin(window)
    QGuiApplication.sendEvent(window, QEvent(QEvent.Type.Enter))
    assert not selection.touched
    QGuiApplication.sendEvent(window, QKeyEvent(QEvent.Type.KeyPress, Qt.Key.Key_Down, Qt.KeyboardModifier.NoModifier))
    assert selection.touched


def test_each_reading_is_told_once_when_all_is_settled(selection: Selection) -> None:
    selection.choose(B.key)
    with heard(selection) as found:
        selection.show_snapshot(sample.snapshot((A, replace(B))))
    assert found == ["container_changed", "snapshot_changed"]


def test_what_was_not_read_anew_is_not_told_again_until_it_is_asked_for(selection: Selection) -> None:
    selection.choose(B.key)
    with heard(selection) as found:
        selection.show_snapshot(sample.snapshot((replace(A), B)))
        assert found == ["snapshot_changed"]
        selection.look_again()
        assert found == ["snapshot_changed", "container_changed"]
        with_root = replace(sample.snapshot((A, B)), privilege=Privilege(PrivilegeState.ON))
        selection.show_snapshot(with_root)
    assert found[2:] == ["container_changed", "snapshot_changed"], "what panes show of it depends on more than it"


def test_what_the_list_calls_current_while_its_rows_go_is_no_choice(selection: Selection) -> None:
    selection.choose(B.key)
    selection.arrived.connect(lambda _: selection.choose(A.key))  # as Qt does when the current row is removed
    with heard(selection) as found:
        selection.show_snapshot(sample.snapshot((A,)))
    assert selection.key == A.key
    assert found == ["chosen", "container_changed", "snapshot_changed"]
    selection.show_snapshot(sample.snapshot((A, B)))
    assert selection.key == B.key, "it is back, and nobody has chosen another one"


def test_without_containers_nothing_is_in_view(selection: Selection) -> None:
    with heard(selection) as found:
        selection.show_snapshot(sample.snapshot(()))
    assert selection.current is None
    assert selection.empty
    assert selection.what_if.result() is None
    assert found == ["container_changed", "snapshot_changed"]


def test_the_same_again_tells_nobody(selection: Selection) -> None:
    with heard(selection) as found:
        selection.choose(A.key)
        selection.set_filter("")
    assert found == []


def test_going_to_one_that_the_filter_leaves_out_empties_it(selection: Selection) -> None:
    keys: dict[str, tuple[Key, ...]] = {"": (A.key, B.key), "b": (B.key,)}
    selection.listed = lambda: keys[selection.filter]
    selection.set_filter("b")
    selection.choose(B.key)
    with heard(selection) as found:
        selection.go_to(A.key)
    assert (selection.key, selection.filter) == (A.key, "")
    assert found == ["filter_changed", "chosen", "container_changed", "front_wanted"]
    selection.go_to(("docker", "gone"))
    assert selection.key == A.key


def test_another_container_has_all_its_layers(selection: Selection) -> None:
    selection.suppose_fails(3)
    assert selection.what_if.away == {"capabilities"}
    selection.choose(B.key)
    assert not selection.what_if.away


def test_a_demos_engine_is_not_one_of_this_machine(selection: Selection) -> None:
    assert selection.engine is not None
    assert selection.now is None
    shown = sample.snapshot((A, B), demo=True)
    selection.show_snapshot(shown)
    assert selection.engine is None
    assert selection.now == shown.taken_at


def test_it_follows_a_name_to_the_replacement_and_back(selection: Selection) -> None:
    def called(state: ContainerState, name: str) -> ContainerState:
        return replace(state, container=replace(state.container, name=name))

    selection.choose(B.key)
    selection.show_snapshot(
        sample.snapshot((A, called(B, "stratascope-0123456789ab.old"), called(C, "stratascope-ba9876543210")))
    )
    assert selection.key == B.key
    assert selection.current == B, "as it was: a passing name is nobody's"
    with heard(selection) as found:
        selection.show_snapshot(sample.snapshot((A, called(B, "stratascope-0123456789ab.old"), called(C, "b"))))
    assert selection.key == C.key
    assert found == ["chosen", "container_changed", "snapshot_changed"]
    selection.show_snapshot(sample.snapshot((A, called(B, "b.old-1"), called(C, "b"))))
    assert selection.key == C.key
    selection.show_snapshot(sample.snapshot((A, called(B, "stratascope-0123456789ab.old"))))
    selection.show_snapshot(sample.snapshot((A, B)))
    assert selection.key == B.key, "rolled back"
    selection.show_snapshot(sample.snapshot((A, called(B, "elsewhere"))))
    selection.show_snapshot(sample.snapshot((A, called(B, "elsewhere"), called(C, "b"))))
    assert selection.key == B.key, "renamed by hand, and another one made long after"


@pytest.mark.parametrize("told", ["before", "after"])
def test_what_is_removed_gives_way_to_what_took_its_place(selection: Selection, told: str) -> None:
    selection.show_snapshot(sample.snapshot((A, B, C)))
    selection.choose(C.key)
    selection.give_way(A.key, B.key)
    assert selection.key == C.key, "nobody looked at that one"
    if told == "before":
        selection.give_way(C.key, B.key)
    selection.show_snapshot(sample.snapshot((A, B)))
    if told == "after":
        selection.give_way(C.key, B.key)
    assert selection.key == B.key
