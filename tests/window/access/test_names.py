"""What a screen reader gets through Qt's accessibility interface: name, role and action of each control, the content of
each painted view. The test walks through everything that can be opened, and knows no widget by name.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator

import pytest
from PySide6.QtCore import Qt
from PySide6.QtGui import QAccessible, QAccessibleInterface
from PySide6.QtTest import QTest
from PySide6.QtWidgets import (
    QAbstractButton,
    QAbstractItemView,
    QAbstractSpinBox,
    QComboBox,
    QLabel,
    QLineEdit,
    QMenu,
    QWidget,
)

from rig.window.hardening import side_of
from stratascope.core.layer import RulerRange, Rulers, Tone
from stratascope.core.message import msg
from stratascope.ui.fleet.several import FleetPages
from stratascope.ui.kit import accessibility
from stratascope.ui.kit.labels import Line, give_tip
from stratascope.ui.kit.page import View
from stratascope.ui.kit.theme import Theme
from stratascope.ui.panel.rulers import RulersBlock
from stratascope.ui.relaunch.confirm_page import ConfirmPage
from stratascope.ui.threats.page import MatrixPage
from stratascope.ui.window.main_window import MainWindow
from window.access import scenes

pytestmark = pytest.mark.qt_log_ignore("This plugin does not support", extend=True)
Role = QAccessible.Role
Text = QAccessible.Text
MARKUP = re.compile(r"</?\w+/?>|&(amp|lt|gt|quot|#x27);")
BUTTONS = {Role.Button, Role.CheckBox, Role.RadioButton, Role.ButtonMenu, Role.PageTab}
MANY = 60  # children checked of a list or table, spread over all of it


@pytest.fixture(scope="module")
def whole(qapp: object) -> Iterator[MainWindow]:
    QAccessible.setActive(True)  # as if a screen reader ran: only then does Qt send changes
    with scenes.opened() as made:
        yield made
    QAccessible.setActive(False)


@pytest.fixture
def window(whole: MainWindow) -> MainWindow:
    whole.activateWindow()
    scenes.until(whole.isActiveWindow)
    return whole


def interface(widget: QWidget) -> QAccessibleInterface:
    found = QAccessible.queryAccessibleInterface(widget)
    assert found is not None
    return found


def told(found: QAccessibleInterface, kind: QAccessible.Text = Text.Name) -> str:
    return found.text(kind)


def shown(top: QWidget) -> Iterator[QAccessibleInterface]:
    """Yield what a screen reader finds in it, from the top down."""
    waiting = [interface(top)]
    while waiting:
        found = waiting.pop()
        yield found
        count = found.childCount()
        step = max(1, count // MANY) if found.role() in (Role.List, Role.Table, Role.Tree) else 1
        for place in range(0, count, step):
            child = found.child(place)
            if child is not None and not child.state().invisible:
                waiting.append(child)


def problems(top: QWidget) -> Iterator[str]:
    """Yield the faults of one window."""
    for found in shown(top):
        name, more, role, made = told(found), told(found, Text.Description), found.role(), found.object()
        who = f"{type(made).__name__ if made is not None else role.name} {name[:60]!r}"
        if MARKUP.search(name) or MARKUP.search(more):
            yield f"{who}: markup is read out: {more[:80]!r}"
        if name and more.strip() == name.strip():
            yield f"{who}: is said twice"
        if made is None and role in (Role.ListItem, Role.Cell, Role.MenuItem, Role.ColumnHeader) and not name:
            yield f"{role.name} without a name in {told(found.parent())!r}"
        if role in BUTTONS and not found.state().disabled:
            action = found.actionInterface()
            if action is None or not {"Press", "Toggle", "ShowMenu", "Check"} & set(action.actionNames()):
                yield f"{who}: can't be pressed"
            if not name.strip():
                yield f"{who}: a button without a name"
    for widget in scenes.keyboard_stops(top):
        found = interface(widget)
        who = f"{type(widget).__name__} {told(found)[:60]!r}"
        if not told(found).strip():
            yield f"{who}: is reached by Tab and has no name"
        if not role_fits(widget, found.role()):
            yield f"{who}: has the role {found.role().name}"
    for widget in top.findChildren(QWidget):
        if widget.isVisible() and widget.window() is top and nameless(widget):
            yield f"{type(widget).__name__}: draws something that is not told"
    for widget in top.findChildren(QComboBox):
        if widget.isVisible() and not interface(widget).relations(QAccessible.RelationFlag.Label):
            yield f"{widget.currentText()!r} is in a box without a label: Qt tells its text for its name"
    names = Counter((interface(each).role(), known_by(each)) for each in scenes.keyboard_stops(top))
    yield from (f"{count} times {name!r}" for (_, name), count in names.items() if count > 1)


def known_by(widget: QWidget) -> str:
    """Return its name; for a combo box Qt gives the current item, and the name by its label."""
    return widget.accessibleName() if isinstance(widget, QComboBox) else told(interface(widget))


def role_fits(widget: QWidget, role: QAccessible.Role) -> bool:
    """Whether the role fits its class."""
    if isinstance(widget, QAbstractButton):
        if widget.isCheckable() and (widget.autoExclusive() or _exclusive(widget)):
            return role in (Role.RadioButton, Role.PageTab)
        return role in BUTTONS
    if isinstance(widget, QLineEdit):
        return role is Role.EditableText
    if isinstance(widget, QAbstractSpinBox | QComboBox):
        return role in (Role.SpinBox, Role.ComboBox)
    if isinstance(widget, QAbstractItemView):
        return role in (Role.List, Role.Table, Role.Tree)
    return role not in (Role.NoRole, Role.Client) or bool(interface(widget).childCount())


def _exclusive(button: QAbstractButton) -> bool:
    group = button.group()
    return group is not None and group.exclusive()


def nameless(widget: QWidget) -> bool:
    """Whether it paints in our own code, and neither exposes that nor is declared as decoration."""
    if not accessibility.drawn(widget) or accessibility.decoration(widget):
        return False
    if any(isinstance(child, QWidget) for child in widget.children()):
        return False  # a background for others
    if isinstance(widget, QLabel) and not widget.text():
        return False
    found = interface(widget)
    return not told(found).strip() and not found.childCount()


def check(walk: Iterator[scenes.Scene]) -> int:
    """Check these scenes; return their number."""
    count, found = 0, dict[str, str]()
    for name, top in walk:
        count += 1
        for problem in problems(top):
            found.setdefault(problem, name)
    assert not found, "\n".join(f"{where}: {problem}" for problem, where in found.items())
    return count


def test_each_view(window: MainWindow) -> None:
    seen = list[str]()

    def noted() -> Iterator[scenes.Scene]:
        for name, top in scenes.views(window):
            seen.append(name)
            yield name, top

    assert check(noted()) >= len(View)
    assert {f"view {view}" for view in View if view is not View.PLAN} <= set(
        seen
    )  # each page, and on some what unfolds


def test_each_layer_and_tab(window: MainWindow) -> None:
    assert check(scenes.layers(window)) > 40


def test_what_comes_and_goes(window: MainWindow) -> None:
    assert check(scenes.states(window)) > 7


def test_what_the_menu_brings_up(window: MainWindow) -> None:
    assert check(scenes.from_menu(window)) > 3


def test_what_buttons_bring_up(window: MainWindow) -> None:
    assert check(scenes.from_buttons(window)) > 8


def test_values_of_toggles(window: MainWindow) -> None:
    assert check(scenes.values(window)) >= 4


def test_a_relaunch(qapp: object) -> None:
    with scenes.opened() as fresh:
        assert check(scenes.relaunch(fresh)) > 4


@pytest.mark.slow
def test_narrow_windows(window: MainWindow) -> None:
    assert check(scenes.narrow(window)) > 20


# -- single widgets


def child_named(found: QAccessibleInterface, part: str) -> QAccessibleInterface:
    children = (found.child(place) for place in range(found.childCount()))
    return next(each for each in children if each is not None and part in each.text(Text.Name))


def test_a_ray_is_taken_and_opened_without_mouse_or_keys(window: MainWindow) -> None:
    window.pages.show_view(View.STRATA)
    rays = window.strata_page.strata.rays
    ray = child_named(interface(rays), "engine's socket")
    assert told(ray).endswith("open, critical")
    assert not ray.rect().isEmpty()
    action = ray.actionInterface()
    assert action is not None
    action.doAction("SetFocus")
    assert rays.taken == "use-engine-socket"
    assert rays.hasFocus()
    assert ray.state().focused
    action.doAction("Press")
    assert window.pages.view is View.MATRIX
    window.pages.show_view(View.STRATA)


def test_the_fleet_has_a_child_for_each_cell(window: MainWindow) -> None:
    window.pages.show_view(View.FLEET)
    scenes.settle()
    fleet = window.pages.of(FleetPages).containers
    table, canvas = fleet.table, fleet.grid.canvas
    found = interface(canvas)
    assert found.childCount() == len(table.rows) * len(table.columns) > 1000
    canvas.setFocus()
    for key in (Qt.Key.Key_Down, Qt.Key.Key_Right, Qt.Key.Key_Down):
        QTest.keyClick(canvas, key)
    row, column = fleet.grid.lit
    cell = found.child(row * len(table.columns) + column)
    assert cell is not None
    assert told(cell).startswith(f"{table.rows[row].name}, {table.columns[column].title}")
    assert cell.state().focused
    assert found.focusChild() is cell
    assert canvas.rect().contains(canvas.mapFromGlobal(cell.rect().center()))
    window.pages.show_view(View.STRATA)


def test_a_cell_of_the_matrix_says_who_says_what(window: MainWindow) -> None:
    window.pages.show_view(View.MATRIX)
    table = window.pages.of(MatrixPage).table
    found = interface(table)
    names = [told(child) for place in range(13, 60) if (child := found.child(place)) is not None]
    assert any(name.startswith("Access control: lets it through") for name in names), names
    window.pages.show_view(View.STRATA)


def test_an_id_map_has_a_child_for_each_range(qapp: object) -> None:
    ranges = (
        RulerRange(0, 1000, 1, Tone.WARN, msg("your own ID")),
        RulerRange(1, 100000, 65536, Tone.PLAIN, msg("of its own")),
    )
    rulers = Rulers(msg("User ids"), msg("inside"), msg("outside"), ranges, "/proc/1/uid_map")
    block = RulersBlock(Theme(), rulers)
    block.show()
    block.drawing.setFocus()
    found = interface(block.drawing)
    assert [told(found.child(place)) for place in range(2)] == [
        "ID 0 is ID 1000 on the host",
        "IDs 1 to 65536 are IDs 100000 to 165535 on the host",
    ]
    QTest.keyClick(block.drawing, Qt.Key.Key_Right)
    assert found.child(1).state().selected
    block.close()


def test_a_fold_says_whether_it_is_unfolded_and_can_be_pressed(window: MainWindow) -> None:
    fold = side_of(window).column.changes.in_place.head
    found = interface(fold)
    assert found.state().expandable
    assert not found.state().expanded
    action = found.actionInterface()
    assert action is not None
    action.doAction("Press")
    assert found.state().expanded
    assert fold.isChecked()
    action.doAction("Press")
    assert not found.state().expanded


def test_a_toggle_says_its_state_and_can_be_switched(window: MainWindow) -> None:
    row = next(each for each in side_of(window).column.changes.rows.values() if each.isChecked())
    found = interface(row)
    assert found.role() is Role.CheckBox
    assert found.state().checked
    action = found.actionInterface()
    assert action is not None
    action.doAction("Toggle" if "Toggle" in action.actionNames() else action.actionNames()[0])
    assert not found.state().checked
    row.click()


def test_a_label_is_tied_to_its_field(qapp: object) -> None:
    page = ConfirmPage(Theme())
    page.show()
    related = interface(page.watch).relations(QAccessible.RelationFlag.Label)
    page.close()
    assert [told(label) for label, _ in related] == ["Watch it before accepting it, for"]


def test_a_tooltip_is_no_markup_for_the_ear(qapp: object) -> None:
    label = QLabel("name")
    give_tip(label, "name\nmore <b>of</b> it & all")
    assert told(interface(label), Text.Description) == "more <b>of</b> it & all"
    give_tip(label, "other")
    assert label.accessibleDescription() == "other"
    label.setAccessibleDescription("of its own")
    give_tip(label, "a third one")
    assert label.accessibleDescription() == "of its own"


def test_a_cut_line_is_not_said_twice(qapp: object) -> None:
    line = Line(Theme())
    line.resize(40, 20)
    line.say("a text that is far too long for it")
    assert line.toolTip()
    assert told(interface(line)) == "a text that is far too long for it"
    assert not told(interface(line), Text.Description).strip()


def test_menus_have_words(window: MainWindow) -> None:
    for menu in window.findChildren(QMenu):
        for action in menu.actions():
            assert action.isSeparator() or action.text().strip()
