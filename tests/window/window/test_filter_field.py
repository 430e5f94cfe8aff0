"""Suggestions below the filter, and what was taken as chips."""

from __future__ import annotations

import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from rig.window import sample
from stratascope.ui.kit import accessibility
from stratascope.ui.kit.page import View
from stratascope.ui.window.filter_field import FilterField, spoken
from stratascope.ui.window.main_window import MainWindow
from stratascope.value import replace


@pytest.fixture
def field(window: MainWindow) -> FilterField:
    window.show()
    window.activateWindow()
    window.toolbar.filter.setFocus()
    return window.toolbar.filter


def typed(field: FilterField, text: str, qtbot: QtBot, *, opens: bool = True) -> list[tuple[str, int | None]]:
    QTest.keyClicks(field, text)
    qtbot.waitUntil(lambda: not field.pause.isActive() and field.open is opens)
    return [(row.word, row.count) for row in field.suggestions.model.rows] if opens else []


def test_typing_suggests_with_counts_and_tab_takes_one_as_a_chip(
    window: MainWindow, field: FilterField, qtbot: QtBot
) -> None:
    rows = typed(field, "eng", qtbot)
    assert rows == [("engine:docker", 9), ("engine:podman-rootless", 3)]
    assert field.suggestions.chosen() == "engine:docker"
    box, below = field.suggestions.geometry(), field.mapTo(window, QPoint(0, field.height()))
    assert box.top() >= below.y()
    assert box.top() - below.y() < window.theme.px(8)
    assert window.rect().contains(box)
    assert "Esc shows all 12" in field.suggestions.foot.text()
    QTest.keyClick(field, Qt.Key.Key_Tab)
    assert (field.chips, field.text(), field.words) == (("engine:docker",), "", "engine:docker ")
    assert field.hasFocus()
    assert not field.open
    assert window.containers.model.shown() == 9
    typed(field, "grafana", qtbot)
    assert window.containers.model.shown() == 0, "it is at the other engine"
    assert "Nothing matches grafana" in field.suggestions.head.text()


def test_a_pointer_alone_can_filter(window: MainWindow, field: FilterField, qtbot: QtBot) -> None:
    def press(word: str) -> None:
        rows = field.suggestions
        index = rows.model.index(next(at for at, row in enumerate(rows.model.rows) if row.word == word), 0)
        QApplication.processEvents()  # it is laid out
        rows.list.scrollTo(index)
        QTest.mouseClick(rows.list.viewport(), Qt.MouseButton.LeftButton, pos=rows.list.visualRect(index).center())

    QTest.mouseClick(field, Qt.MouseButton.LeftButton)
    assert field.open
    press("engine:")
    qtbot.waitUntil(lambda: field.suggestions.model.rows[0].word == "engine:docker")
    assert window.rect().contains(field.suggestions.geometry())
    press("engine:podman-rootless")
    assert field.chips == ("engine:podman-rootless",)
    assert window.containers.model.shown() == 3


def test_arrows_enter_and_escape(window: MainWindow, field: FilterField, qtbot: QtBot) -> None:
    typed(field, "eng", qtbot)
    QTest.keyClick(field, Qt.Key.Key_Down)
    assert field.suggestions.chosen() == "engine:podman-rootless"
    QTest.keyClick(field, Qt.Key.Key_Up)
    QTest.keyClick(field, Qt.Key.Key_Down)
    QTest.keyClick(field, Qt.Key.Key_Return)
    assert field.chips == ("engine:podman-rootless",)
    assert window.containers.model.shown() == 3
    typed(field, "gra", qtbot)
    QTest.keyClick(field, Qt.Key.Key_Escape)
    assert (field.words, field.open) == ("", False)
    assert window.containers.model.shown() == 12


def test_enter_without_a_step_and_down_beyond_the_last_go_to_the_list(
    window: MainWindow, field: FilterField, qtbot: QtBot
) -> None:
    for keys in ((Qt.Key.Key_Return,), (Qt.Key.Key_Down,) * 9):
        field.clear()
        field.setFocus()
        typed(field, "grafana", qtbot)
        for key in keys:
            if field.hasFocus():
                QTest.keyClick(field, key)
        assert window.containers.view.hasFocus()
        assert not field.open
        assert (field.chips, field.text()) == ((), "grafana")


def test_a_key_goes_on_with_its_values(field: FilterField, qtbot: QtBot) -> None:
    typed(field, "zzz", qtbot)
    assert "Nothing matches zzz" in field.suggestions.head.text()
    assert [row.word for row in field.suggestions.model.rows][:3] == ["name:", "cap:", "user:"]
    assert field.suggestions.chosen() == ""
    for _ in field.suggestions.model.rows:
        QTest.keyClick(field, Qt.Key.Key_Down)
    QTest.keyClick(field, Qt.Key.Key_Return)
    assert (field.text(), field.chips) == ("engine:", ())
    qtbot.waitUntil(lambda: field.open and field.suggestions.chosen() == "engine:docker")
    assert field.suggestions.model.rows[0].count


def test_a_click_takes_and_a_click_removes(window: MainWindow, field: FilterField, qtbot: QtBot) -> None:
    typed(field, "eng", qtbot)
    view = field.suggestions.list
    where = view.visualRect(field.suggestions.model.index(1, 0)).center()
    QTest.mouseClick(view.viewport(), Qt.MouseButton.LeftButton, pos=where)
    assert field.chips == ("engine:podman-rootless",)
    assert field.hasFocus()
    typed(field, "gra", qtbot)
    QTest.keyClick(field, Qt.Key.Key_Tab)
    assert len(field.chips) == 2
    QTest.keyClick(field, Qt.Key.Key_Backspace)
    assert field.chips == ("engine:podman-rootless",)
    QTest.mouseClick(field, Qt.MouseButton.LeftButton, pos=field.boxes[0][1].center().toPoint())
    assert (field.chips, field.words) == ((), "")
    assert window.containers.model.shown() == 12


def test_a_screen_reader_hears_it(field: FilterField, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch) -> None:
    said: list[str] = []
    monkeypatch.setattr(accessibility, "announce", lambda widget, text: said.append(text))
    typed(field, "eng", qtbot)
    assert spoken(field.suggestions.model.rows[0]) == "engine:docker, engine: 9 containers"
    QTest.keyClick(field, Qt.Key.Key_Down)
    QTest.keyClick(field, Qt.Key.Key_Tab)
    QTest.keyClick(field, Qt.Key.Key_Backspace)
    assert [each for each in said if ":" in each and "Try" not in each] == [
        "engine:docker, engine: 9 containers",
        "engine:podman-rootless, engine: 3 containers",
        "engine:podman-rootless taken",
        "engine:podman-rootless removed",
    ]
    assert field.accessibleName() == "Filter containers"


@pytest.mark.parametrize(("width", "height"), [(560, 480), (900, 700), (1440, 900)])
def test_in_windows_of_any_size(window: MainWindow, qtbot: QtBot, width: int, height: int) -> None:
    window.show()
    window.activateWindow()
    window.resize(width, height)
    QApplication.processEvents()
    if window.toolbar.search.isVisible():
        QTest.mouseClick(window.toolbar.search, Qt.MouseButton.LeftButton)
    field = window.toolbar.filter
    assert field.isVisible()
    field.setFocus()
    typed(field, "engine:", qtbot)
    assert window.rect().contains(field.suggestions.geometry())
    for word in ("cap:net_admin", "user:root", "image:nginx:1.27"):
        field.take(word)
    assert field.chips[-1] == "image:nginx:1.27"
    right = max((box.right() for _, box in field.boxes), default=0.0)
    assert right <= field.width() - window.theme.px(30), "there is room to type"
    assert len(field.boxes) + field.folded == 3


def test_tab_without_a_word_moves_the_focus(field: FilterField) -> None:
    QTest.keyClick(field, Qt.Key.Key_Tab)
    assert not field.hasFocus()


def test_enter_leads_from_a_page_of_the_machine_to_what_was_found(
    window: MainWindow, field: FilterField, qtbot: QtBot
) -> None:
    seen = list[View]()
    window.pages.turned.connect(lambda: seen.append(window.pages.view))
    window.pages.show_view(View.FLEET)
    field.setFocus()
    QTest.keyClicks(field, "no_such_one")
    qtbot.waitUntil(lambda: not field.pause.isActive())
    QTest.keyClick(field, Qt.Key.Key_Return)
    assert seen == [View.FLEET], "nothing was found"
    field.setFocus()
    field.clear()
    QTest.keyClicks(field, "portaine")
    qtbot.waitUntil(lambda: not field.pause.isActive())
    QTest.keyClick(field, Qt.Key.Key_Return)
    assert seen == [View.FLEET, View.STRATA]
    assert window.selection.current is not None
    assert window.selection.current.container.name == "portainer"


def test_enter_goes_to_the_container_of_that_very_name(window: MainWindow, field: FilterField, qtbot: QtBot) -> None:
    """Also where another that has the word in its name is in view."""
    whole, name, longer = sample.snapshot(), "web", "web-proxy"
    twin = replace(whole.containers[0].container, name=longer, id="f" * 64)
    states = (replace(whole.containers[0], container=twin), *whole.containers)
    window.selection.show_snapshot(replace(whole, containers=states))
    found = {state.container.name: state.key for state in states}
    window.selection.choose(found[longer])
    typed(field, name, qtbot)
    assert window.selection.key == found[longer]
    QTest.keyClick(field, Qt.Key.Key_Return)
    assert window.selection.key == found[name]
    window.selection.choose(found[longer])
    field.clear()
    typed(field, name[:-1], qtbot, opens=False)
    QTest.keyClick(field, Qt.Key.Key_Return)
    assert window.selection.key == found[longer], "a part of a name leaves in view what is"
