"""The page "Denied" in the real window: each state, rows, actions, keys, accessible texts, and hostile content."""

from __future__ import annotations

import time
from collections.abc import Callable

import pytest
from PySide6.QtCore import QPoint, QRect, Qt
from PySide6.QtGui import QFontMetrics
from PySide6.QtTest import QAbstractItemModelTester, QTest
from PySide6.QtWidgets import QApplication, QMenu, QPushButton, QWidget
from pytestqt.qtbot import QtBot

from rig.window import hardening
from rig.window.hardening import named, side_of
from stratascope.core.container import EngineState
from stratascope.core.message import msg
from stratascope.core.ports import EngineError
from stratascope.core.refusals.refusal import Refusal
from stratascope.core.snapshot import ContainerState, Privilege, PrivilegeState
from stratascope.layers import all_layers
from stratascope.presentation.refusals_report import Layers
from stratascope.ui.denied.page import ALL, DeniedPage
from stratascope.ui.denied.table import Column, DenialModel
from stratascope.ui.kit.buttons import Segment
from stratascope.ui.kit.labels import breakable
from stratascope.ui.kit.page import Group, View
from stratascope.ui.kit.theme import Theme
from stratascope.ui.use.page import UsePage
from stratascope.ui.window.main_window import MainWindow
from stratascope.value import replace
from window.denied import denied_sample as sample
from window.denied.denied_sample import Teller
from window.use.watched import Rig

pytestmark = pytest.mark.qt_log_ignore("This plugin does not support", extend=True)


def keys(page: DeniedPage) -> list[str]:
    return [each.key for each in page.table.model_.rows]


def spoken(page: DeniedPage, key: str) -> dict[Column, str]:
    """Return the accessible texts of that row."""
    model = page.table.model_
    row = model.place_of(key)
    return {column: str(model.data(model.index(row, column), Qt.ItemDataRole.AccessibleTextRole)) for column in Column}


def shown(widget: QWidget) -> list[str]:
    """Return the visible buttons in it."""
    return [each.text() for each in widget.findChildren(QPushButton) if each.isVisible()]


def press(widget: QWidget, word: str) -> None:
    next(each for each in widget.findChildren(QPushButton) if each.isVisible() and each.text().startswith(word)).click()


def count_of(window: MainWindow) -> int:
    switch = window.toolbar.views.groups[Group.DOES]
    button = switch.segments.buttons[switch.views.index(View.DENIED)]
    assert isinstance(button, Segment)
    return button.count


def tell(qtbot: QtBot, window: MainWindow, rig: Rig, until: Callable[[], bool]) -> None:
    """Emit news of the container in view."""
    state = window.selection.current
    assert state is not None
    rig.learning.changed(state.container)
    qtbot.waitUntil(until)


# -- states


def test_not_observed_yet(window: MainWindow, page: DeniedPage) -> None:
    assert page.nothing.title.text() == "Not observed yet"
    assert shown(page) == ["Observe"]
    assert not page.probing.isVisible()
    assert count_of(window) == 0
    picture = hardening.picture()
    asked = Privilege(PrivilegeState.IDLE, "pkexec stratascope-collector")
    window.selection.show_snapshot(replace(picture, privilege=asked))
    assert "password" in page.nothing.why.text()
    window.selection.show_snapshot(replace(picture, privilege=replace(asked, state=PrivilegeState.ON)))
    assert "password" not in page.nothing.why.text()


def test_the_demo_and_what_does_not_run_have_no_button(window: MainWindow, page: DeniedPage, qtbot: QtBot) -> None:
    wanted: list[ContainerState | None] = []
    page.ending_wanted.connect(wanted.append)
    window.selection.go_to(named(hardening.picture(), "nightly-report").key)
    qtbot.waitUntil(lambda: page.ready)
    assert page.nothing.why.text() == "It is not running, so it can't be watched."
    assert shown(page) == []
    window.selection.go_to(named(hardening.picture(), "web").key)
    qtbot.waitUntil(lambda: page.ready)
    assert [each and each.container.name for each in wanted] == ["nightly-report", "web"]
    window.selection.show_snapshot(replace(hardening.picture(), demo=True))
    assert page.nothing.why.text().startswith("This was recorded elsewhere")
    assert shown(page) == []
    assert wanted[2:] == [None]


def test_observing_and_its_end_serve_both_pages(
    window: MainWindow, rig: Rig, page: DeniedPage, teller: Teller, qtbot: QtBot
) -> None:
    teller.put()
    page.nothing.observe.setFocus()
    QTest.keyClick(page.nothing.observe, Qt.Key.Key_Space)
    qtbot.waitUntil(page.end.isVisible)
    assert rig.targets[0].container == named(hardening.picture(), "legacy-vpn").container.id
    assert page.end.hasFocus()
    assert page.nothing.title.text() == "Nothing has been refused so far"
    assert page.dot.isVisible()
    window.pages.show_view(View.USE)
    use = window.pages.of(UsePage)
    qtbot.waitUntil(use.strip.end.isVisible)
    use.strip.end.click()
    qtbot.waitUntil(use.strip.observe.isVisible)
    window.pages.show_view(View.DENIED)
    qtbot.waitUntil(page.nothing.observe.isVisible)
    assert page.nothing.title.text() == "Nothing was refused"


def test_why_it_can_t_be_observed_is_a_sentence_in_place(rig: Rig, page: DeniedPage, qtbot: QtBot) -> None:
    rig.refusal = (msg("It needs the helper."), "not <b>authorised</b>\x1b")
    page.nothing.observe.click()
    qtbot.waitUntil(page.nothing.trouble.isVisible)  # below the pressed button
    assert page.nothing.trouble.text() == page.trouble.text()
    assert page.trouble.text() == "It needs the helper. Its message: not <b>authorised</b>\\x1b"
    assert page.nothing.observe.isVisible()


def test_what_can_t_be_explained_leaves_what_was(
    window: MainWindow, rig: Rig, observed: DeniedPage, teller: Teller, qtbot: QtBot
) -> None:
    teller.fails = EngineError(EngineState.UNREACHABLE, msg("The engine does not answer."), "timeout")
    tell(qtbot, window, rig, observed.trouble.isVisible)
    assert "The engine does not answer." in observed.trouble.text()
    assert len(keys(observed)) == len(sample.VPN)
    teller.fails = None
    tell(qtbot, window, rig, lambda: not observed.trouble.isVisible())


# -- rows


def test_what_was_refused(window: MainWindow, observed: DeniedPage) -> None:
    """Fatal refusals first, then the newest; harmless probing is one line below."""
    assert keys(observed) == ["trace", "tun", "module", "forward", "mount", "owner"]
    assert count_of(window) == 11
    tun = spoken(observed, "tun")
    assert tun[Column.PROCESS] == "openvpn, PID 118"
    assert tun[Column.TRIED] == 'Open the tunnel device, 3×, openat(AT_FDCWD, "/dev/net/tun", O_RDWR) = EPERM'
    assert tun[Column.LAYER].startswith("Cgroup, The device rules")
    assert tun[Column.ALLOWED] == "--device /dev/net/tun, opens no threat"
    trace = spoken(observed, "trace")
    assert trace[Column.PROCESS] == "sh, PID 160, ended"
    assert trace[Column.LAYER].startswith("Access control, By exclusion: ")
    assert trace[Column.ALLOWED] == "Only the host can change it."
    assert spoken(observed, "module")[Column.ALLOWED] == "--cap-add SYS_MODULE, opens 1 critical"
    assert spoken(observed, "owner")[Column.LAYER].startswith("Owner and mode of files, /data belongs to user 1000")
    assert spoken(observed, "owner")[Column.ALLOWED] == "No setting of the container"
    assert observed.source.text().startswith("11 refusals of 6 kinds.")
    assert observed.probing.head.accessibleName() == "Harmless probing: 312"
    assert observed.probing.calls.text().startswith("clone3 188×   io_uring_setup 96×")


def test_harmless_probing_is_shown_on_request_below_all_others(observed: DeniedPage) -> None:
    QTest.keyClick(observed.probing.head, Qt.Key.Key_Space)
    assert keys(observed)[:6] == ["trace", "tun", "module", "forward", "mount", "owner"]
    assert set(keys(observed)[6:]) == {each.key for each in sample.PROBES}
    observed.probing.head.click()
    assert len(keys(observed)) == 6


def test_one_layer_by_its_chip_and_by_keys(observed: DeniedPage) -> None:
    chips = observed.chips.chips
    assert [chip.accessibleName() for chip in chips.values() if chip.isVisible()] == [
        "All: 11", "Namespaces: 2", "Cgroup: 3", "Capabilities: 3", "Seccomp: 1", "Access control: 1",
        "Owner and mode of files: 1",
    ]  # fmt: skip
    chips[""].setFocus()
    QTest.keyClick(chips[""], Qt.Key.Key_Right)
    assert keys(observed) == ["forward"]
    QTest.keyClick(chips["namespaces"], Qt.Key.Key_Right)
    assert keys(observed) == ["tun"]
    assert chips["cgroup"].hasFocus()
    chips[""].click()
    assert len(keys(observed)) == 6


def test_what_is_older_than_a_day_is_not_told(
    window: MainWindow, rig: Rig, observed: DeniedPage, teller: Teller, qtbot: QtBot
) -> None:
    day = 24 * 3600
    teller.put(sample.TUN, replace(sample.MODULE, at=time.time() - day - 5, last=time.time() - day - 1))
    tell(qtbot, window, rig, lambda: keys(observed) == ["tun"])
    assert count_of(window) == 3


def show(
    model: DenialModel, shown: tuple[Refusal, ...], harmless: tuple[Refusal, ...] = (), hold: bool = False
) -> bool:
    return model.show(model.placed(shown, harmless, hold=hold))


def test_the_model_keeps_the_rules_of_models(qtbot: QtBot) -> None:
    model = DenialModel(Layers(all_layers()))
    tester = QAbstractItemModelTester(model, QAbstractItemModelTester.FailureReportingMode.Fatal)
    show(model, sample.VPN)
    show(model, sample.VPN[:3], sample.PROBES)
    show(model, (replace(sample.TUN, count=9),), hold=True)
    show(model, ())
    assert tester.model() is model


def test_rows_that_are_refused_all_the_time_do_not_change_places() -> None:
    """A row moves up only after a quiet minute."""
    model = DenialModel(Layers(all_layers()))
    one, two = (replace(sample.TUN, key=key, at=at, last=at) for key, at in (("one", 1000.0), ("two", 1001.0)))
    show(model, (one, two))
    assert [each.key for each in model.rows] == ["two", "one"]
    assert not show(model, (replace(one, last=1002.0, count=2), two))
    assert model.rows[1].count == 2
    show(model, (replace(one, last=1100.0, count=3), two))
    assert [each.key for each in model.rows] == ["one", "two"]


# -- the unfolded row


def test_enter_unfolds_and_what_is_unfolded_goes_along(observed: DeniedPage) -> None:
    table = observed.table
    table.setFocus()
    QTest.keyClick(table, Qt.Key.Key_Down)
    assert table.chosen is not None
    assert table.chosen.key == "tun"
    assert not table.details.isVisible()
    QTest.keyClick(table, Qt.Key.Key_Return)
    assert table.details.isVisible()
    assert (
        table.details.why.text()
        == "The device rules of this container do not name the character device 10:200, /dev/net/tun."
    )
    assert shown(table.details) == ["Allow: --device /dev/net/tun", "Copy", "Treat such refusals as harmless"]
    high = table.rowHeight(1)
    assert high > table.height_of(1)
    QTest.keyClick(table, Qt.Key.Key_Down)
    assert table.open == "module"
    assert (table.rowHeight(1), table.rowHeight(2) > table.height_of(2)) == (table.height_of(1), True)
    assert "Allowing it opens: " in table.details.why.text()
    assert table.details.geometry().top() > table.rowViewportPosition(2)
    QTest.keyClick(table, Qt.Key.Key_Escape)
    assert not table.details.isVisible()
    assert table.rowHeight(2) == table.height_of(2)


def test_a_click_unfolds_and_the_next_one_folds(observed: DeniedPage) -> None:
    table = observed.table

    def click(row: int) -> None:
        place = QPoint(200, table.rowViewportPosition(row) + 10)
        QTest.mouseClick(table.viewport(), Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier, place)

    click(1)
    assert table.open == "tun"
    click(3)
    assert table.open == "forward"
    inside = table.details.mapTo(table.viewport(), QPoint(table.details.width() - 5, table.details.height() - 3))
    QTest.mouseClick(table.details, Qt.MouseButton.LeftButton, pos=table.details.mapFrom(table.viewport(), inside))
    assert table.open == "forward"
    click(3)
    assert not table.open


def test_several_ways_and_what_is_not_certain(observed: DeniedPage) -> None:
    observed.table.unfold("mount")
    assert shown(observed.table.details)[:2] == ["Allow: --cap-add SYS_ADMIN", "Or: --privileged"]
    observed.table.unfold("trace")
    assert "Concluded by exclusion: nothing else is left." in observed.table.details.why.text()
    assert "The process ended right after it." in observed.table.details.why.text()
    assert shown(observed.table.details) == ["Copy", "Treat such refusals as harmless"]


def test_the_keyboard_stays_at_a_button_while_news_come(
    window: MainWindow, rig: Rig, observed: DeniedPage, teller: Teller, qtbot: QtBot
) -> None:
    observed.table.unfold("tun")
    allow = next(each for each in observed.table.details.findChildren(QPushButton) if each.isVisible())
    allow.setFocus()
    teller.put(*(replace(each, count=each.count + 1000) for each in sample.ALL))
    tell(qtbot, window, rig, lambda: observed.table.model_.rows[1].count == 1003)
    assert allow.hasFocus()
    assert spoken(observed, "tun")[Column.TRIED].startswith("Open the tunnel device, 1003×")


# -- new rows


def test_new_rows_stand_last_while_the_list_is_read(
    window: MainWindow, rig: Rig, observed: DeniedPage, teller: Teller, qtbot: QtBot
) -> None:
    observed.table.unfold("tun")
    new = tuple(replace(sample.TUN, key=f"new {each}", last=time.time() + each) for each in range(3))
    teller.put(*new, *sample.ALL)
    tell(qtbot, window, rig, observed.news.isVisible)
    assert observed.news.text() == "3 new"
    assert keys(observed)[6:] == ["new 0", "new 1", "new 2"]  # nothing that is being read has moved
    assert observed.table.open == "tun"
    rows = sum(each.count for each in observed.table.model_.rows)
    assert observed.chips.chips[ALL].accessibleName().endswith(f" {rows}"), "what is counted above is what stands below"
    observed.news.click()
    qtbot.waitUntil(lambda: len(keys(observed)) == 9)
    assert keys(observed)[1:4] == ["new 2", "new 1", "new 0"]
    assert not observed.news.isVisible()
    assert observed.table.hasFocus()


def test_new_rows_find_their_place_at_the_top_and_only_there(
    window: MainWindow, rig: Rig, observed: DeniedPage, teller: Teller, qtbot: QtBot
) -> None:
    many = tuple(replace(sample.TUN, key=f"{each:03}", last=time.time() - each) for each in range(60))
    teller.put(*many)
    tell(qtbot, window, rig, lambda: len(keys(observed)) == 60)
    observed.table.verticalScrollBar().setValue(400)
    teller.put(replace(sample.TUN, key="new", last=time.time() + 100), *many)
    tell(qtbot, window, rig, observed.news.isVisible)
    assert keys(observed).index("new") == 60
    assert observed.table.verticalScrollBar().value() == 400
    observed.table.verticalScrollBar().setValue(0)
    qtbot.waitUntil(lambda: keys(observed)[0] == "new")


def test_ten_thousand_news_are_one_question(
    window: MainWindow, rig: Rig, observed: DeniedPage, teller: Teller, qtbot: QtBot
) -> None:
    state = window.selection.current
    assert state is not None
    asked = len(teller.asked)
    teller.put(*(replace(each, count=each.count + 10_000) for each in sample.ALL))
    for _ in range(10_000):
        rig.learning.changed(state.container)
    qtbot.waitUntil(lambda: spoken(observed, "tun")[Column.TRIED].startswith("Open the tunnel device, 10k×"))
    assert len(teller.asked) - asked <= 3


# -- actions


def test_allow_asks_for_a_relaunch_with_just_that(window: MainWindow, observed: DeniedPage, qtbot: QtBot) -> None:
    """And nothing of the plan."""
    side = side_of(window)
    choices = side.draft.choices
    observed.table.unfold("tun")
    press(observed.table.details, "Allow: ")
    qtbot.waitUntil(side.dialog.isVisible)
    assert "with more permissions" in side.dialog.title.text()
    assert side.dialog.before.differences.count() == 1
    assert side.draft.choices == choices
    side.dialog.back.click()


def test_what_is_folded_as_harmless_stays_so_for_that_image(
    window: MainWindow, observed: DeniedPage, qtbot: QtBot
) -> None:
    observed.table.unfold("owner")
    press(observed.table.details, "Treat such")
    assert "owner" not in keys(observed)
    assert observed.probing.head.accessibleName() == "Harmless probing: 313"
    assert count_of(window) == 10
    kept = window.settings.get("denied_harmless")
    assert kept is not None
    assert "owner" not in kept
    observed.probing.head.click()
    observed.table.unfold("owner")
    observed.table.verticalScrollBar().setValue(0)  # while it is scrolled, rows keep their places
    press(observed.table.details, "Show such refusals again")
    assert "owner" in keys(observed)[:6]
    assert window.settings.get("denied_harmless") == ""


def test_copy_by_the_button_by_keys_and_by_the_menu(observed: DeniedPage) -> None:
    clipboard, table = QApplication.clipboard(), observed.table
    table.setFocus()
    QTest.keyClick(table, Qt.Key.Key_Down)
    clipboard.clear()
    QTest.keyClick(table, Qt.Key.Key_C, Qt.KeyboardModifier.ControlModifier)
    copied = clipboard.text()
    assert copied.startswith('Open the tunnel device, 3×: openat(AT_FDCWD, "/dev/net/tun", O_RDWR) = EPERM\n')
    assert "Refused by Cgroup: The device rules" in copied
    assert "To allow it: --device /dev/net/tun (opens no threat)" in copied
    table.unfold("tun")
    clipboard.clear()
    press(table.details, "Copy")
    assert clipboard.text() == copied
    QTest.keyClick(table, Qt.Key.Key_Menu)
    table.menu_wanted.emit(table.mapToGlobal(QPoint(5, 5)))
    menu = next(each for each in observed.findChildren(QMenu) if each.isVisible())
    assert [each.text() for each in menu.actions() if each.text()] == [
        "Collapse", "Allow: --device /dev/net/tun", "Copy", "Treat such refusals as harmless",
    ]  # fmt: skip
    clipboard.clear()
    next(each for each in menu.actions() if each.text() == "Copy").trigger()
    assert clipboard.text() == copied
    menu.close()


# -- what a container controls


def test_hostile_text_is_harmless(
    window: MainWindow, rig: Rig, observed: DeniedPage, teller: Teller, qtbot: QtBot
) -> None:
    evil = "<b>x</b>\u202e\n\x1b[31m" + "/a" * 3000
    bad = replace(
        sample.TUN,
        process=evil,
        raw=f'openat("{evil}")',
        did=msg("Open {path}", path=evil),
        claim=sample.claim("cgroup", msg("{path} is not there.", path=evil)),
        remedies=(sample.remedy(evil, "devices", "remove"),),
        key=evil,
    )
    teller.put(bad)
    tell(qtbot, window, rig, lambda: keys(observed) == [evil])
    table = observed.table
    table.unfold(evil)
    QApplication.processEvents()
    QTest.keyClick(table, Qt.Key.Key_C, Qt.KeyboardModifier.ControlModifier)
    texts = [*spoken(observed, evil).values(), table.details.why.text(), *shown(table.details)]
    assert not any(sign in text for text in texts for sign in "\u202e\x1b")
    assert not any("\n" in text for text in texts)
    tips = [str(table.model_.data(table.model_.index(0, each), Qt.ItemDataRole.ToolTipRole)) for each in Column]
    assert not any("<b>" in text for text in tips)
    assert table.details.width() <= table.viewport().width()


@pytest.mark.parametrize("width", [480, 620])
def test_no_word_loses_its_end_in_a_narrow_table(qtbot: QtBot, theme: Theme, width: int) -> None:
    metrics = QFontMetrics(theme.font(13))
    long = "--sysctl net.ipv4.ip_forward=1"
    room = width // 6
    broken = breakable(long, metrics, room)
    assert broken.replace("\u200b", "") == long
    box = metrics.boundingRect(QRect(0, 0, room, 10000), int(Qt.TextFlag.TextWordWrap.value), broken)
    assert box.width() <= room
    assert breakable("It does not hold it", metrics, room) == "It does not hold it"
    japanese = "新しい名前空間の作成、unshareの呼び出し、--sysctl=net.ipv4.ip_forward=1を許可"
    kept = breakable(japanese, metrics, room)
    assert kept.replace("\u200b", "") == japanese
    assert kept.startswith("新しい名前空間の作成、unshareの呼び出し、-\u200b"), "no line begins with a comma"
    assert kept.endswith("1を許可")
