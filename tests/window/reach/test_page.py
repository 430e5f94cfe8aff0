"""The page "Reach": its rows, its rays, what is said while it is read, and what its buttons do."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from PySide6.QtCore import QRect, QRectF, Qt
from PySide6.QtGui import QFontMetrics, QGuiApplication, QImage, QPainter
from PySide6.QtTest import QAbstractItemModelTester, QTest
from pytestqt.qtbot import QtBot

from rig.window import reach, sample
from stratascope.core.message import msg
from stratascope.core.reach.row import Answer, Known, Reached, ReachRow
from stratascope.core.snapshot import Privilege, PrivilegeState
from stratascope.layers.toggles import parse
from stratascope.state import preferences
from stratascope.ui.app.app import make_window
from stratascope.ui.app.notifier import Notifications, Notifier
from stratascope.ui.kit.background import MemorySettings
from stratascope.ui.kit.page import View
from stratascope.ui.kit.theme import Theme
from stratascope.ui.reach import table
from stratascope.ui.reach.page import ReachPage
from stratascope.ui.reach.table import Folded, Heading, basis_word, key_of, paint_place, paint_ray, shown_rows, stations
from stratascope.ui.window.main_window import MainWindow, Services
from stratascope.usecases.live.alerts import Alert
from stratascope.usecases.plan.offers import Offer, Option
from stratascope.value import replace


@pytest.fixture
def reading() -> reach.Reading:
    return reach.Reading({"codex": reach.FOUND})


@pytest.fixture
def tries(request: pytest.FixtureRequest) -> reach.Reading | None:
    """Only where a test asks for it."""
    return reach.Reading({"codex": reach.TRIED}) if getattr(request, "param", False) else None


@pytest.fixture
def window(
    qtbot: QtBot, reading: reach.Reading, tries: reach.Reading | None, monkeypatch: pytest.MonkeyPatch
) -> Iterator[MainWindow]:
    monkeypatch.setenv("STRATASCOPE_THEME", "light")
    snapshot = sample.snapshot((reach.agent(), *sample.states()))
    made = make_window(sample.StillWatch(), Services(MemorySettings(), reach=reading, tries=tries))
    qtbot.addWidget(made)
    made.resize(1440, 900)
    made.show()
    made.selection.show_snapshot(snapshot)
    made.selection.go_to(reach.agent().key)
    made.pages.show_view(View.REACH)
    yield made
    reading.let.set()
    made.stop()
    made.clock.stop()


@pytest.fixture
def page(qtbot: QtBot, window: MainWindow) -> ReachPage:
    made = window.pages.of(ReachPage)
    qtbot.waitUntil(lambda: bool(made.table.model_.rows))
    return made


def test_a_group_has_a_heading_and_what_hurts_most_first(page: ReachPage, window: MainWindow) -> None:
    rows = page.table.model_.rows
    assert [key_of(each) for each in rows if not isinstance(each, Heading)] == [
        *("ssh-keys", "browser", "aws", "docker-socket", "internet", "project")
    ]
    assert [(each.open, each.count) for each in rows if isinstance(each, Heading)] == [(1, 3), (1, 1), (0, 1), (0, 0)]
    assert page.head.count.text() == "2 of 5"  # what it was given on purpose is not counted
    assert window.toolbar.views.count_of(View.REACH) == 2


def test_the_model_keeps_qts_rules(page: ReachPage) -> None:
    tester = QAbstractItemModelTester(page.table.model_, QAbstractItemModelTester.FailureReportingMode.Fatal)
    for found in (reach.OTHER, None, reach.LONG, reach.FOUND):
        page.table.show_rows(shown_rows(found))
    assert tester.model() is page.table.model_


def test_no_row_of_another_container_stands_under_a_name(
    qtbot: QtBot, page: ReachPage, window: MainWindow, reading: reach.Reading
) -> None:
    size = page.table.size()
    reading.let.clear()
    web = next(each.key for each in sample.states() if each.container.name == "web")
    window.selection.go_to(web)
    assert page.table.model_.rows == ()
    assert page.head.count.text() == ""
    assert page.table.size() == size  # the frame stands still
    assert window.toolbar.views.count_of(View.REACH) == 0
    reading.let.set()
    qtbot.waitUntil(lambda: [key_of(row) for row in page.table.model_.rows][1:] == ["gpg"])


def test_coming_back_to_one_whose_answer_was_dropped_asks_again(
    qtbot: QtBot, page: ReachPage, window: MainWindow, reading: reach.Reading
) -> None:
    reading.let.clear()
    keys = {each.container.name: each.key for each in sample.states()}
    for name in ("web", "redis-cache", "web"):
        window.selection.go_to(keys[name])
    reading.let.set()
    qtbot.waitUntil(lambda: bool(page.table.model_.rows))
    assert window.reach.of(keys["web"]) is not None


def test_a_row_unfolds_what_is_known_of_it(qtbot: QtBot, page: ReachPage, window: MainWindow) -> None:
    window.activateWindow()
    qtbot.waitUntil(window.isActiveWindow)
    page.table.setFocus()
    page.table.make_current(1)
    QTest.keyClick(page.table, Qt.Key.Key_Return)
    text = page.table.details.text.text()
    assert text.split("\n")[:2] == ["It can read your SSH keys.", "/srv/me/.ssh/id_ed25519 and 2 more"]
    assert "/proc/4211/mountinfo" in text
    assert page.table.details.code.text() == "--tmpfs /srv/me/.ssh"
    page.table.details.copy.click()
    assert QGuiApplication.clipboard().text() == "--tmpfs /srv/me/.ssh"
    QTest.keyClick(page.table, Qt.Key.Key_Down)
    QTest.keyClick(page.table, Qt.Key.Key_Down)  # the unfolded row goes along
    assert "Each of these layers closes it alone: user, namespaces." in page.table.details.text.text()
    QTest.keyClick(page.table, Qt.Key.Key_Escape)
    assert page.table.details.isHidden()


def test_its_buttons_are_there_however_many_rows_were_unfolded(
    qtbot: QtBot, page: ReachPage, window: MainWindow
) -> None:
    details, window_width = page.table.details, window.width()
    for row in [each for each in page.table.model_.rows if not isinstance(each, Heading)][:6]:
        page.table.unfold(key_of(row))
        qtbot.wait(30)  # what is deleted later is deleted by then
        assert details.copy.isVisible()
        window.resize(window_width - 40, window.height())
        window.resize(window_width, window.height())
    assert page.table.open


def test_what_no_switch_closes_is_there_to_be_copied(page: ReachPage) -> None:
    page.table.make_current(1)
    QTest.keyClick(page.table, Qt.Key.Key_F)
    assert page.table.open == "ssh-keys"
    assert not page.table.details.fix.isVisible()
    assert page.table.button_word(reach.CLOSED) == ""


def test_it_is_copied_as_text_and_as_json(page: ReachPage, window: MainWindow) -> None:
    state = window.selection.current
    assert state is not None
    page.copy_all(state, as_json=True)
    assert '"id": "ssh-keys"' in QGuiApplication.clipboard().text()
    page.copy_all(state, as_json=False)
    assert "It can read your SSH keys." in QGuiApplication.clipboard().text()


def test_closed_rows_of_a_long_page_are_one_until_they_are_wanted(
    qtbot: QtBot, page: ReachPage, window: MainWindow, reading: reach.Reading
) -> None:
    reading.found["codex"] = reach.LONG
    page.again.click()
    qtbot.waitUntil(lambda: any(isinstance(row, Folded) for row in page.table.model_.rows))
    place, folded = next((at, row) for at, row in enumerate(page.table.model_.rows) if isinstance(row, Folded))
    assert len(page.table.model_.rows) < len(reach.LONG.rows)
    page.table.make_current(place)
    QTest.keyClick(page.table, Qt.Key.Key_Return)
    assert page.table.chosen == folded.rows[0]


def test_what_root_could_know_is_said_to_an_ordinary_user(qtbot: QtBot, page: ReachPage, window: MainWindow) -> None:
    assert page.root.isHidden()  # nobody can be asked
    snapshot = window.selection.snapshot
    assert snapshot is not None
    window.selection.show_snapshot(replace(snapshot, privilege=Privilege(PrivilegeState.IDLE, "pkexec")))
    assert page.root.isVisible()
    assert "1 row needs root to be known." in page.note.text()


def test_one_that_does_not_run_says_so(qtbot: QtBot, page: ReachPage, window: MainWindow) -> None:
    window.selection.go_to(next(each.key for each in sample.states() if each.container.name == "old-job"))
    assert page.nothing.isVisible()
    assert "does not run" in page.nothing.text()
    assert not page.again.isEnabled()


@pytest.mark.parametrize(
    ("found", "filled", "empty"), [(reach.CLOSED, 0, 3), (reach.FOUND.rows[4], 2, 5), (reach.KEYS, None, 0)]
)
def test_a_ray_ends_in_a_square_where_it_is_closed(
    theme: Theme, found: ReachRow, filled: int | None, empty: int
) -> None:
    image = QImage(176, 22, QImage.Format.Format_RGB32)
    image.fill(theme.color("panel"))
    painter, box = QPainter(image), QRectF(0, 0, 176, 22)
    paint_ray(painter, box, found, theme)
    painter.end()
    places = [round(x) for x in stations(box)]
    full = [at for at, x in enumerate(places) if image.pixelColor(x + 3, 8) == theme.color("enf")]
    assert full == ([] if filled is None else [filled])
    assert image.pixelColor(places[empty] + 3, 8) != theme.color("enf")


def test_of_a_long_place_only_the_path_is_cut(monkeypatch: pytest.MonkeyPatch, theme: Theme) -> None:
    drawn: list[tuple[str, int]] = []
    monkeypatch.setattr(table, "draw_line", lambda _, room, text, *more, **_more: drawn.append((text, room.width())))
    found = replace(reach.FOUND.rows[0], where="/etc/ssh/ssh_host_rsa_key", more=2)
    wide = QFontMetrics(theme.font(11, fixed=True)).horizontalAdvance
    paint_place(QPainter(), QRect(0, 0, 600, 22), found, theme)
    assert drawn.pop() == (f"{found.where} and 2 more", 600)
    paint_place(QPainter(), QRect(0, 0, 150, 22), found, theme)
    assert drawn == [(found.where, 150 - wide(" +2")), (" +2", wide(" +2"))]
    drawn.clear()
    paint_place(QPainter(), QRect(0, 0, wide("/etc and 2 more") + 1, 22), replace(found, where="/etc"), theme)
    assert [text for text, _ in drawn] == ["/etc and 2 more"], "what fits stands there, however short"


def test_of_a_published_port_the_number_stays(monkeypatch: pytest.MonkeyPatch, theme: Theme) -> None:
    drawn: list[str] = []
    monkeypatch.setattr(table, "draw_line", lambda _, room, text, *more, **_more: drawn.append(text))
    found = reach.row("published-ports", Answer.OPEN, "198.51.100.1:18080 → 8080/tcp")
    for width in (600, 150):
        paint_place(QPainter(), QRect(0, 0, width, 22), found, theme)
    assert drawn == ["198.51.100.1:18080 → 8080/tcp", "198.51.100.1:18080"]


def test_where_nothing_was_found_that_is_said(
    page: ReachPage, reading: reach.Reading, window: MainWindow, qtbot: QtBot
) -> None:
    reading.found["codex"] = Reached(())
    window.reach.refresh()
    qtbot.waitUntil(lambda: page.stack.currentWidget() is page.nothing)
    assert page.nothing.text() == "Nothing was found on this machine that it might get at."


def test_what_is_not_known_is_not_called_enforced() -> None:
    row = reach.FOUND.rows[0]
    unread = replace(row, answer=Answer.UNKNOWN, known=Known.ENFORCED)
    assert basis_word(unread) == "–"
    assert basis_word(replace(unread, known=Known.TRIED)) == "tried"
    assert basis_word(replace(unread, answer=Answer.CLOSED)) == "enforced"


def test_a_toggle_goes_into_the_plan(page: ReachPage, window: MainWindow) -> None:
    wanted: list[str] = []
    page.fix_wanted.connect(wanted.append)
    choice = parse("engine-socket=remove")
    option = Option(choice.toggle, choice.value, already=False, why_not=None, gains=1)
    page.show_offer(Offer((option,)), frozenset())
    assert page.table.button_word(reach.SOCKET) == "Fix"
    page.table.make_current(page.table.model_.place_of("docker-socket"))
    QTest.keyClick(page.table, Qt.Key.Key_F)
    assert wanted == [option.key]
    assert not page.table.open
    page.show_offer(Offer((option,)), frozenset({option.key}))
    assert page.table.button_word(reach.SOCKET) == "✓"
    page.choose("docker-socket")
    assert page.table.details.fix.text() == "Show in the plan"
    page.show_offer(Offer((replace(option, why_not=msg("…")),)), frozenset())
    assert not page.table.details.fix.isVisible()


def test_the_list_and_the_header_say_the_worst_that_an_agent_reaches(page: ReachPage, window: MainWindow) -> None:
    state = window.selection.current
    assert state is not None
    header = window.pages.header
    assert header.reach.text() == "reaches SSH keys"
    row = window.containers.model.row_of(state.key)
    index = window.containers.model.index(row, 0)
    assert "It can read your SSH keys." in str(index.data(Qt.ItemDataRole.AccessibleTextRole))
    window.pages.show_view(View.STRATA)
    window.pages.strata_page.header.reach.click()
    assert window.pages.view is View.REACH


def test_a_container_has_no_such_chip(qtbot: QtBot, page: ReachPage, window: MainWindow) -> None:
    window.selection.go_to(next(each.key for each in sample.states() if each.container.name == "web"))
    qtbot.waitUntil(lambda: bool(page.table.model_.rows))
    assert window.pages.header.reach.empty


def test_a_hint_leads_from_an_agent_to_its_page_once(page: ReachPage, window: MainWindow) -> None:
    snapshot = window.selection.snapshot
    assert snapshot is not None
    window.pages.show_view(View.STRATA)
    window.greet()
    window.selection.snapshot_changed.emit(snapshot)
    assert window.agent_hint is None  # the first hints come first
    window.settings.set("hints", "seen")
    window.hints.end()
    before = window.focusWidget()
    window.selection.snapshot_changed.emit(snapshot)
    hint = window.agent_hint
    assert hint is not None
    assert hint.title.text() == "OpenAI Codex is running: what can it get at?"
    assert window.focusWidget() is before
    hint.go.click()
    assert window.pages.view is View.REACH
    assert window.settings.get("hint_agent") == "seen"


def test_an_agent_that_gets_at_more_is_notified_unless_that_is_off(
    page: ReachPage, window: MainWindow, monkeypatch: pytest.MonkeyPatch
) -> None:
    told: list[Alert] = []
    notifier = Notifier()
    monkeypatch.setattr(notifier, "tell", told.append)
    notices = Notifications(window, window.selection, window.settings, tuple, notifier, lambda: None)
    window.reach.grew.connect(notices.grew)
    monkeypatch.setattr(window, "isActiveWindow", lambda: False)
    alert = Alert(reach.agent().key, msg("…"), msg("…"))
    window.reach.grew.emit(alert)
    assert told == [alert]
    preferences.NOTIFY_REACH.choose(window.settings, value=False)
    window.reach.grew.emit(alert)
    assert told == [alert]


@pytest.mark.parametrize("tries", [True], indirect=True)
def test_the_button_tries_it_and_what_was_tried_stays(
    qtbot: QtBot, page: ReachPage, window: MainWindow, tries: reach.Reading
) -> None:
    assert page.again.text() == "Try it"
    tries.let.clear()
    page.again.click()
    assert page.again.text() == "Trying…"
    assert not page.again.isEnabled()
    assert page.table.model_.rows  # what was read stays meanwhile
    tries.let.set()
    qtbot.waitUntil(lambda: page.again.text() == "Try again")
    assert page.again.isEnabled()
    keys = page.table.model_.rows[page.table.model_.place_of("ssh-keys")]
    assert keys.known is Known.TRIED
    window.reach.refresh(old=0.001)  # its page is opened later
    assert not window.reach.busy(window.selection.key)
