"""The list's model: sections, order, filter, updates without resets, under Qt's own model tester."""

from __future__ import annotations

import random
from collections.abc import Iterator

import pytest
from PySide6.QtCore import QPersistentModelIndex, Qt
from PySide6.QtTest import QAbstractItemModelTester
from pytestqt.qtbot import QtBot

from stratascope.core.container import Status
from stratascope.core.layer import Verdict
from stratascope.core.snapshot import ContainerState
from stratascope.ui.containers.model import ContainerModel, short_image, spoken
from stratascope.ui.containers.order import ViewBy
from ui import sample
from ui.sample import E, U, W, X


@pytest.fixture
def model(qtbot: QtBot) -> Iterator[ContainerModel]:
    made = ContainerModel()
    tester = QAbstractItemModelTester(made, QAbstractItemModelTester.FailureReportingMode.Fatal)
    yield made
    del tester


def names(model: ContainerModel) -> list[str]:
    return [str(model.index(row).data()) for row in range(model.rowCount())]


def show(model: ContainerModel, *states: ContainerState) -> None:
    model.show(states, many_engines=False)


A = sample.state("a", (E, E, E, E, E, E))
B = sample.state("b", (E, E, E, E, E, X))
C = sample.state("c", (X, X, E, E, E, X))
D = sample.state("d", (E, W, E, E, E, E))
N = sample.state("n", (U, U, U, U, U, U))
S = sample.state("s", status=Status.EXITED)


def test_sections_come_worst_first_and_so_do_rows(model: ContainerModel) -> None:
    show(model, A, S, N, B, D, C)
    assert names(model) == [
        "Exposed", "c", "b", "Defended", "d", "a", "Not known", "n", "Not running", "s"
    ]  # fmt: skip


def test_by_engine_and_by_name(model: ContainerModel) -> None:
    show(model, B, sample.state("A2", (X,) * 6, engine="podman"), A)
    model.set_view_by(ViewBy.ENGINE)
    assert names(model) == ["docker", "b", "a", "podman", "A2"]
    model.set_view_by(ViewBy.NAME)
    assert names(model) == ["All", "a", "A2", "b"]


def test_a_head_cannot_be_selected(model: ContainerModel) -> None:
    show(model, A)
    assert not model.flags(model.index(0)) & Qt.ItemFlag.ItemIsSelectable
    assert model.flags(model.index(1)) & Qt.ItemFlag.ItemIsSelectable


@pytest.mark.parametrize(
    ("needle", "found"),
    [
        ("b", {"b"}),
        ("NGINX", {"a", "b", "c", "d", "n", "s"}),
        ("docker memory", {"c"}),
        ("nothing-like-this", set()),
        ("  ", {"a", "b", "c", "d", "n", "s"}),
        ("exited", {"s"}),
    ],
)
def test_filter_looks_at_name_image_engine_status_and_findings(
    model: ContainerModel, needle: str, found: set[str]
) -> None:
    show(model, A, B, C, D, N, S)
    model.set_filter(needle)
    rows = {entry.title for row in range(model.rowCount()) if (entry := model.entry(row)) and entry.state}
    assert found <= rows if needle == "b" else rows == found


def test_filter_finds_an_id(model: ContainerModel) -> None:
    show(model, A, sample.state("x", ident="deadbeefcafe" + "0" * 52))
    model.set_filter("beefca")
    assert names(model) == ["Defended", "x"]


def test_an_update_moves_rows_and_keeps_persistent_indexes(model: ContainerModel, qtbot: QtBot) -> None:
    show(model, A, B, C)
    index = QPersistentModelIndex(model.index(model.row_of(A.key)))
    worse = sample.state("a", (X,) * 6)
    with qtbot.assertNotEmitted(model.modelReset):
        show(model, worse, B, C)
    assert index.isValid()
    assert index.data() == "a"
    assert model.row_of(A.key) == 1


def test_an_equal_picture_emits_nothing(model: ContainerModel, qtbot: QtBot) -> None:
    states = (A, B, C)
    show(model, *states)
    with qtbot.assertNotEmitted(model.dataChanged), qtbot.assertNotEmitted(model.rowsInserted):
        show(model, *states)


def test_while_held_rows_stay_and_move_afterwards(model: ContainerModel) -> None:
    show(model, A, B, D)
    before = names(model)
    model.hold(True)
    show(model, sample.state("a", (X,) * 6), B, D)
    assert names(model) == before
    entry = model.entry(model.row_of(A.key))
    assert entry is not None
    assert entry.state is not None
    assert entry.state.worst is Verdict.OPEN  # the content is new at once
    show(model, sample.state("a", (X,) * 6), B, D, C)
    assert [name for name in names(model) if name in before] == before
    assert "c" in names(model)
    show(model, sample.state("a", (X,) * 6), D, C)
    assert "b" not in names(model)
    model.hold(False)
    assert names(model) == ["Exposed", "a", "c", "Defended", "d"]


def test_many_random_pictures(model: ContainerModel) -> None:
    dice = random.Random(7)
    model.show((), many_engines=False)
    for _ in range(60):
        chosen = [
            sample.state(f"c{number}", tuple(dice.choice((E, W, X, U)) for _ in range(6)))
            for number in range(14)
            if dice.random() < 0.7
        ]
        model.hold(dice.random() < 0.3)
        show(model, *chosen)
        assert {entry.title for row in range(model.rowCount()) if (entry := model.entry(row)) and entry.state} == {
            state.container.name for state in chosen
        }
    model.hold(False)


def test_what_a_screen_reader_hears(model: ContainerModel) -> None:
    show(model, C)
    entry = model.entry(1)
    assert entry is not None
    assert "c, running" in spoken(entry)
    assert "Layer 2: Open, No limit on memory" in spoken(entry)


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
