"""The page "Use" in the real window: each state of the strip, the cards, keys, accessible texts, and hostile
content.
"""

from __future__ import annotations

import pytest
from PySide6.QtCore import Qt
from PySide6.QtGui import QAccessible
from PySide6.QtTest import QAbstractItemModelTester, QTest
from PySide6.QtWidgets import QLabel
from pytestqt.qtbot import QtBot

from rig.presentation import use_sample
from rig.window import hardening, reach, sample
from stratascope.core.container import Asked, AskedPort
from stratascope.core.message import msg
from stratascope.core.observation.events import (
    Begin,
    Call,
    Lost,
    Process,
)
from stratascope.core.observation.observation import Needs, Observation, Seen
from stratascope.core.snapshot import Privilege, PrivilegeState
from stratascope.i18n.translate import translate
from stratascope.layers import all_layers
from stratascope.linux.capability import CapabilitySet
from stratascope.presentation.use_picture import use_picture
from stratascope.ui.kit.page import View
from stratascope.ui.use.observation_feed import Known, ObservationFeed, watched_text
from stratascope.ui.use.page import UsePage
from stratascope.ui.use.table import Row
from stratascope.ui.window.main_window import MainWindow
from stratascope.value import replace
from window.use.watched import Rig, buttons, named

pytestmark = pytest.mark.qt_log_ignore("This plugin does not support", extend=True)
START = (Begin(1.0, 1, "tracepoint"), Process(1.0, 7, 1, "there", "nginx", ""), Call(1.5, 7, "x86_64", 257, 3))


def learn(window: MainWindow, rig: Rig, seen: Observation, name: str = "web") -> None:
    rig.store.add(named(window, name).container, seen)


def reopen(window: MainWindow, qtbot: QtBot, name: str = "web") -> UsePage:
    """Return the page for that container, with what is known by now."""
    state = named(window, name)
    window.selection.go_to(state.key)
    window.pages.show_view(View.USE)
    page = window.pages.of(UsePage)
    qtbot.waitUntil(page.strip.isVisible)
    return page


def texts(rows: tuple[Row, ...]) -> list[str]:
    return [row[0].text for row in rows]


@pytest.mark.parametrize(
    ("containers", "told"),
    [
        (("web",), "watched 12 min, 2 starts"),
        (("web-2",), "another container of this image was watched 12 min"),
        (("web-2", "web"), "watched 12 min with others of this image, 2 starts"),
    ],
)
def test_whose_watching_the_plan_tells_of(containers: tuple[str, ...], told: str) -> None:
    known = Known(Needs("nginx", "nginx", Observation(Seen(720.0, 2)), containers))
    text = watched_text(known, "web")
    assert text is not None
    assert translate(text) == told


def test_not_observed_yet(page: UsePage) -> None:
    """What would be observed, one button, and nothing about unused settings."""
    assert page.strip.title.text() == "Not observed yet"
    assert "Nothing in it is changed" in page.strip.what.text()
    assert buttons(page) == ["Observe"]
    assert not page.strip.bar.isVisible()
    assert "never" not in page.capabilities.numbers.text()
    assert page.peaks.numbers.text() == "not observed"
    assert not any(label.isVisible() and "password" in label.text() for label in page.findChildren(QLabel))


def test_it_says_when_a_password_may_be_asked_for(window: MainWindow, page: UsePage) -> None:
    asked = Privilege(PrivilegeState.IDLE, "pkexec stratascope-collector")
    window.selection.show_snapshot(replace(sample.snapshot(), privilege=asked))
    assert "password" in page.strip.what.text()
    window.selection.show_snapshot(replace(sample.snapshot(), privilege=replace(asked, state=PrivilegeState.ON)))
    assert "password" not in page.strip.what.text()


def test_it_offers_nothing_where_nobody_could_be_asked(window: MainWindow, page: UsePage) -> None:
    none = Privilege(PrivilegeState.REFUSED, "", msg("Neither pkexec nor sudo was found."))
    window.selection.show_snapshot(replace(sample.snapshot(), privilege=none))
    assert not page.strip.observe.isVisible()
    assert page.strip.what.text() == "Neither pkexec nor sudo was found."
    assert "already runs as root" not in window.toolbar.root.toolTip()
    assert "Neither pkexec nor sudo" in window.toolbar.root.toolTip()
    refused = replace(none, command="pkexec stratascope-collector")
    window.selection.show_snapshot(replace(sample.snapshot(), privilege=refused))
    assert page.strip.observe.isVisible(), "it can be asked again"


def test_what_was_learned(window: MainWindow, rig: Rig, qtbot: QtBot) -> None:
    learn(window, rig, use_sample.web())
    page = reopen(window, qtbot)
    assert page.strip.title.text() == "Learned from 3 days, 3 starts"
    assert [word.text for word in page.strip.phases.words] == ["Start 3×", "Serving", "Reload 6×", "Stop not seen"]
    assert page.strip.share.text() == "75 %"
    assert buttons(page) == ["Forget…", "Observe"]
    assert texts(page.capabilities.used.model_.rows) == ["CHOWN", "SETGID", "SETUID", "NET_BIND_SERVICE"]
    qtbot.waitUntil(lambda: not page.capabilities.used.verticalScrollBar().isVisible())
    assert page.places.numbers.text() == "2 directories"
    assert texts(page.places.written.model_.rows) == ["/run/nginx.pid", "/var/cache/nginx/tmp"]
    assert page.places.port_numbers.text() == "3 served"
    assert texts(page.calls.notable.model_.rows)[0] == "socket"
    assert page.calls.quiet.text() == "10 calls known, none new for 2 days"
    assert [row[2].text for row in page.peaks.table.model_.rows] == ["212 MiB", "9", "0.40", "118"]


def test_published_and_never_opened(window: MainWindow, rig: Rig, qtbot: QtBot) -> None:
    learn(window, rig, use_sample.web())
    state = named(window, "web")
    asked = Asked(ports=(AskedPort("80/tcp", "", "80"), AskedPort("8080/tcp", "", "8080")))
    changed = replace(state, container=replace(state.container, asked=asked))
    window.selection.show_snapshot(sample.snapshot((changed,)))
    page = reopen(window, qtbot)
    assert [(row[0].text, row[2].text) for row in page.places.ports.model_.rows][-1] == ("8080 tcp", "nothing listens")


def test_observing_and_its_end(window: MainWindow, rig: Rig, page: UsePage, qtbot: QtBot) -> None:
    """By keyboard; events are shown as they come, and kept at the end."""
    page.strip.observe.setFocus()
    QTest.keyClick(page.strip.observe, Qt.Key.Key_Space)
    qtbot.waitUntil(page.strip.end.isVisible)
    assert rig.targets[0].container == named(window, "web").container.id
    assert page.strip.dot.isVisible()
    assert page.strip.end.hasFocus()
    for event in (*START, Lost(150.0, 3)):  # far from a whole minute, since time goes on meanwhile
        rig.line.events.put(event)
    qtbot.waitUntil(lambda: page.calls.numbers.text() == "1 used")
    assert page.strip.title.text() == "Observing for 2 minutes"
    assert page.strip.live.text() == "observing, new call 2 min ago"
    assert page.strip.what.text() == "3 events were lost: it may use more than is shown here."
    page.strip.end.click()
    qtbot.waitUntil(page.strip.observe.isVisible)
    assert page.strip.title.text() == "Learned from 2 minutes, 0 starts"
    assert rig.store.of(named(window, "web").container) is not None
    assert not page.strip.dot.isVisible()


def test_a_refusal_is_a_sentence_in_place(rig: Rig, page: UsePage, qtbot: QtBot) -> None:
    rig.refusal = (msg("It needs the helper."), "not <b>authorised</b>\x1b")
    page.strip.observe.click()
    qtbot.waitUntil(lambda: "It needs the helper." in page.strip.what.text())
    assert page.strip.what.text() == "It needs the helper. Its message: not <b>authorised</b>\\x1b"
    assert buttons(page) == ["Observe"]
    rig.refusal = None
    page.strip.observe.click()
    qtbot.waitUntil(page.strip.end.isVisible)
    assert "helper" not in page.strip.what.text()


def test_what_ends_by_itself_says_why(rig: Rig, page: UsePage, qtbot: QtBot) -> None:
    page.strip.observe.click()
    qtbot.waitUntil(page.strip.end.isVisible)
    for event in START:
        rig.line.events.put(event)
    rig.line.close()
    qtbot.waitUntil(page.strip.observe.isVisible)
    assert page.strip.title.text().startswith("Learned from")


def test_parts_that_could_not_be_seen(window: MainWindow, rig: Rig, qtbot: QtBot) -> None:
    blind = replace(use_sample.web(), capabilities=(), unseen=(("capabilities", "no <i>such</i> event"),))
    learn(window, rig, blind)
    page = reopen(window, qtbot)
    assert page.capabilities.why.text() == "Not observed: capabilities. no <i>such</i> event"
    assert page.capabilities.why.textFormat() is Qt.TextFormat.PlainText
    assert not page.calls.why.isVisible()
    assert not page.capabilities.none.isVisible()


def test_what_does_not_run_shows_what_was_learned(window: MainWindow, rig: Rig, qtbot: QtBot) -> None:
    learn(window, rig, use_sample.web(), "old-job")
    page = reopen(window, qtbot, "old-job")
    assert page.strip.title.text().startswith("Learned from")
    assert "not running" in page.strip.what.text()
    assert buttons(page) == ["Forget…"]


def test_the_demo_has_no_button(window: MainWindow, page: UsePage) -> None:
    window.selection.show_snapshot(sample.snapshot(demo=True))
    assert buttons(page) == []
    assert "recorded elsewhere" in page.strip.what.text()


def test_another_machine_s_is_not_watched_here(window: MainWindow, page: UsePage) -> None:
    far = tuple(replace(each, endpoint="ssh://there") for each in sample.ENGINES)
    window.selection.show_snapshot(replace(sample.snapshot(), engines=far))
    assert buttons(page) == []
    assert "another machine" in page.strip.what.text()


def test_a_sandbox_can_t_be_watched_and_says_why(window: MainWindow, page: UsePage, qtbot: QtBot) -> None:
    agent = reach.agent()
    window.selection.show_snapshot(sample.snapshot((*sample.states(), agent)))
    window.selection.choose(agent.key)
    qtbot.waitUntil(lambda: "A sandbox can't be watched" in page.strip.what.text())
    assert buttons(page) == []


def test_nothing_of_one_stands_under_the_name_of_another(window: MainWindow, rig: Rig, qtbot: QtBot) -> None:
    learn(window, rig, use_sample.web())
    page = reopen(window, qtbot)
    window.selection.go_to(named(window, "grafana").key)
    assert not page.strip.isVisible() or page.strip.title.text() == "Not observed yet"
    qtbot.waitUntil(page.strip.isVisible)
    assert page.strip.title.text() == "Not observed yet"


def test_forgetting_asks_first(window: MainWindow, rig: Rig, qtbot: QtBot) -> None:
    learn(window, rig, use_sample.web())
    page = reopen(window, qtbot)
    container = named(window, "web").container
    hardening.press(page.strip.forget.click, "")
    assert rig.store.of(container) is not None
    hardening.press(page.strip.forget.click, "forget")
    qtbot.waitUntil(lambda: page.strip.title.text() == "Not observed yet")
    assert rig.store.of(container) is None


def test_a_damaged_file_is_told_and_can_be_forgotten(window: MainWindow, rig: Rig, qtbot: QtBot) -> None:
    rig.damaged = "/state/needs/x.json: not of version 1"
    page = reopen(window, qtbot)
    assert "/state/needs/x.json" in page.strip.what.text()
    assert buttons(page) == ["Forget…", "Observe"]
    hardening.press(page.strip.forget.click, "forget")
    qtbot.waitUntil(lambda: "x.json" not in page.strip.what.text())


def test_a_window_without_a_service(window: MainWindow, qtbot: QtBot) -> None:
    bare = UsePage(window.theme, all_layers(), window.selection, ObservationFeed(None))
    qtbot.addWidget(bare)
    bare.show()
    bare.refresh()
    assert bare.strip.what.text() == "Nothing can be watched here."
    assert buttons(bare) == []


# -- hostile containers


def test_the_hostile_one(window: MainWindow, rig: Rig, qtbot: QtBot) -> None:
    """Two thousand paths, endless names, markup, numbers without end: plain text, and bounded in size."""
    learn(window, rig, use_sample.hostile())
    page = reopen(window, qtbot)
    assert page.places.written.model_.rowCount() == 2000
    assert page.places.nothing.isVisible()
    model = page.places.written.model_
    for row in (0, 1999):
        shown = str(model.index(row, 0).data())
        assert "\x1b" not in shown
        assert "\u202e" not in shown
        assert "&lt;img" in str(model.index(row, 0).data(Qt.ItemDataRole.ToolTipRole))
    assert len(page.calls.notable.model_.rows) == 2000
    assert page.strip.width() <= page.viewport().width()
    before = page.grab().size()
    window.resize(800, 700)
    assert page.grab().size() != before


def test_models(window: MainWindow, rig: Rig, qtbot: QtBot) -> None:
    """Under Qt's own model tester, while rows come, change and go."""
    page = reopen(window, qtbot)
    tables = (page.places.written, page.places.ports, page.calls.notable, page.peaks.table)
    models = [table.model_ for table in (*tables, page.capabilities.used, page.capabilities.never)]
    testers = [QAbstractItemModelTester(each, QAbstractItemModelTester.FailureReportingMode.Fatal) for each in models]
    for seen in (use_sample.web(), use_sample.hostile(), use_sample.web(), Observation()):
        picture = use_picture(named(window, "web"), Needs("i", "c", seen), CapabilitySet.full())
        for card in (page.places, page.calls, page.peaks, page.capabilities):
            card.show_picture(picture)
    assert models[0].rowCount() == models[-2].rowCount() == 0
    assert len(testers) == 6


def test_keys_and_ear(window: MainWindow, rig: Rig, qtbot: QtBot) -> None:
    learn(window, rig, use_sample.web())
    page = reopen(window, qtbot)
    table = page.calls.notable
    table.setFocus()
    assert table.currentIndex().row() == 0
    QTest.keyClick(table, Qt.Key.Key_Down)
    assert [index.row() for index in table.selectionModel().selectedRows()] == [1]
    chips = page.capabilities.used
    chips.setFocus()
    QTest.keyClick(chips, Qt.Key.Key_Right)
    assert chips.currentIndex().row() == 1
    spoken = str(chips.model_.index(1, 0).data(Qt.ItemDataRole.AccessibleTextRole))
    assert spoken == "SETGID, 8×, by nginx"
    told = QAccessible.queryAccessibleInterface(page.capabilities.cells).text(QAccessible.Text.Name)
    assert told == page.capabilities.numbers.text()
    for drawn in (page.strip.phases, page.calls.chart):
        assert QAccessible.queryAccessibleInterface(drawn).text(QAccessible.Text.Name)


def test_what_is_current_stays_so(window: MainWindow, rig: Rig, qtbot: QtBot) -> None:
    learn(window, rig, use_sample.web())
    table = reopen(window, qtbot).places.written
    table.setCurrentIndex(table.model_.index(1, 0))
    table.show_rows((table.model_.rows[1], table.model_.rows[0]))
    assert table.currentIndex().row() == 0


def test_two_columns_or_one(window: MainWindow, rig: Rig, qtbot: QtBot) -> None:
    learn(window, rig, use_sample.web())
    page = reopen(window, qtbot)
    assert page.capabilities.y() == page.calls.y()
    window.resize(600, 800)
    window.window_layout.bring_forward()
    qtbot.waitUntil(lambda: page.capabilities.y() < page.calls.y())
    assert page.calls.x() == page.capabilities.x()


def test_a_relaunch_is_followed(window: MainWindow, page: UsePage, rig: Rig, qtbot: QtBot) -> None:
    """A container recreated under that name, or restarted, is observed without asking; not once observation was
    stopped.
    """
    before = window.selection.snapshot
    assert before is not None

    def relaunched(pid: int, privilege: Privilege) -> None:
        container = replace(named(window, "web").container, id=f"another-{pid}", pid=pid)
        states = tuple(
            replace(state, container=container) if state.container.name == "web" else state
            for state in before.containers
        )
        window.selection.show_snapshot(replace(before, containers=states, privilege=privilege))
        window.selection.go_to(container.key)

    free, asking = Privilege(PrivilegeState.IDLE), Privilege(PrivilegeState.IDLE, "pkexec stratascope")
    page.strip.observe.click()
    qtbot.waitUntil(lambda: len(rig.targets) == 1)
    relaunched(71, asking)
    qtbot.wait(50)
    assert len(rig.targets) == 1, "somebody would be asked for a password"
    relaunched(72, free)
    qtbot.waitUntil(lambda: [target.pid for target in rig.targets[1:]] == [72])
    qtbot.waitUntil(page.strip.end.isVisible)
    page.strip.end.click()
    qtbot.waitUntil(page.strip.observe.isVisible)
    relaunched(73, free)
    qtbot.wait(50)
    assert len(rig.targets) == 2
