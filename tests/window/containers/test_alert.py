"""The button that counts what could take over, and the sheet behind the exposure."""

from __future__ import annotations

import pytest
from PySide6.QtCore import QRect
from PySide6.QtGui import QFontMetrics, QScreen
from PySide6.QtWidgets import QPushButton, QWidget
from pytestqt.qtbot import QtBot

from rig.window import fake_matrix, sample
from rig.window.sample import E
from stratascope.core.container import EngineState, Status
from stratascope.core.layer import Finding
from stratascope.core.message import msg
from stratascope.core.severity import Severity
from stratascope.core.snapshot import ContainerState
from stratascope.core.threats.depth import Matrix
from stratascope.i18n.translate import translate
from stratascope.presentation.takeover import critical, takes_account, takes_machine, undecided, unseen_engines
from stratascope.ui.containers.alert import AlertButton
from stratascope.ui.containers.column import age_line
from stratascope.ui.containers.rows import Divider, Sorter, ViewBy, group_title
from stratascope.ui.harden.relaunch_draft import why_nothing
from stratascope.ui.kit.marks import Mark
from stratascope.ui.kit.theme import MEDIUM, Theme
from stratascope.ui.threats.exposure import ExposureSheet
from stratascope.ui.window.main_window import MainWindow
from stratascope.value import replace


@pytest.mark.parametrize(
    ("matrix", "first", "open_question"),
    [
        (fake_matrix.matrix("weak"), True, False),
        (fake_matrix.matrix("tight", (("fork-bomb", ".-...."),)), False, False),
        (fake_matrix.matrix("tight"), False, False),
        (fake_matrix.SOCKET_UNKNOWN, False, True),  # it may be 9.1: never called safe
        (None, False, True),
    ],
)
def test_what_comes_first_and_what_is_not_known(matrix: Matrix | None, first: bool, open_question: bool) -> None:
    assert critical(sample.with_matrix(matrix)) is first
    assert undecided(sample.with_matrix(matrix)) is open_question


def test_the_alert_counts_and_names(theme: Theme) -> None:
    alert = AlertButton(theme)
    bad = replace(sample.with_matrix(fake_matrix.matrix("weak")), container=sample.state("bad", (E,) * 6).container)
    alert.show_states((sample.with_matrix(fake_matrix.matrix("tight")), bad, sample.with_matrix(None)))
    assert alert.text() == "1 of 3 could take over"
    assert alert.accessibleDescription() == "bad; 1 not known"
    named = [
        replace(bad, container=replace(bad.container, id=name, name=name))
        for name in ("one", "second-one", "third-one")
    ]
    alert.show_states(tuple(named))
    metrics = QFontMetrics(theme.font(12, MEDIUM))
    assert alert.shown(metrics, metrics.horizontalAdvance("one, second-one, third-one")) == "one, second-one, third-one"
    assert alert.shown(metrics, metrics.horizontalAdvance("one and 2 more")) == "one and 2 more"
    alert.show_states((sample.with_matrix(fake_matrix.matrix("tight")), sample.with_matrix(fake_matrix.SOCKET_UNKNOWN)))
    assert alert.text() == "None of 1 could take over"
    assert alert.accessibleDescription() == "1 not known"


def with_socket(severity: Severity, matrix: Matrix) -> ContainerState:
    """A container with an engine's socket, of which the finding says how much it lends."""
    state = sample.with_matrix(matrix)
    found = Finding(
        "namespaces.engine-socket", "namespaces", severity, msg("Inside."), msg("Out."), "/proc/1/mountinfo"
    )
    return replace(state, findings=(found,))


def test_a_users_engine_lends_an_account_and_not_the_machine(theme: Theme) -> None:
    socket = fake_matrix.matrix("tight", (("use-engine-socket", "-....."),))
    account, machine = with_socket(Severity.HIGH, socket), with_socket(Severity.CRITICAL, socket)
    assert (takes_account(account), takes_machine(account)) == (True, False)
    assert (takes_account(machine), takes_machine(machine)) == (False, True)
    assert takes_machine(sample.with_matrix(socket)), "no finding says whose it is"
    both = fake_matrix.matrix("tight", (("use-engine-socket", "-....."), ("open-host-disk", "-.....")))
    assert takes_machine(with_socket(Severity.HIGH, both))
    alert = AlertButton(theme)
    alert.show_states((account, sample.with_matrix(fake_matrix.matrix("tight"))))
    assert alert.text() == "1 of 2 could take over a user's account"
    assert alert.mark is Mark.WEAKENED
    alert.resize(600, 46)
    high = alert.sizeHint().height()
    alert.resize(190, 46)
    assert alert.sizeHint().height() > high, "what is too long for a line takes two"
    (section,) = Divider().sections([Sorter().of(account)], ViewBy.WORST)
    assert group_title(section.group) == "Can take over a user's account"
    (section,) = Divider().sections([Sorter().of(machine)], ViewBy.WORST)
    assert group_title(section.group) == "Can take over this machine"


@pytest.mark.parametrize("state", EngineState)
def test_what_an_engine_keeps_to_itself_is_never_called_safe(state: EngineState, theme: Theme) -> None:
    silent = state in (EngineState.DENIED, EngineState.UNREACHABLE)
    docker, podman = sample.ENGINES[0], replace(sample.ENGINES[1], state=state)
    ours = replace(sample.snapshot((sample.with_matrix(fake_matrix.matrix("tight")),)), engines=(docker, podman))
    alert = AlertButton(theme)
    assert (alert.text(), alert.mark) == ("Looking for containers…", Mark.UNKNOWN)
    alert.show_states(ours.containers, unseen_engines(ours))
    assert alert.accessibleDescription().strip() == (f"{podman.id} not seen" if silent else "")
    assert alert.mark is (Mark.UNKNOWN if silent else Mark.ENFORCED)
    none = replace(ours, containers=())
    alert.show_states((), unseen_engines(none))
    assert alert.text() == ("No running container seen" if silent else "No container runs")
    assert alert.mark is (Mark.UNKNOWN if silent else Mark.NOT_RUNNING)
    assert unseen_engines(replace(ours, asking=("far",))) == (("far", podman.id) if silent else ("far",))
    stays = replace(ours.containers[0], container=replace(ours.containers[0].container, engine=podman.id))
    stale = replace(ours, containers=(stays,))
    assert unseen_engines(stale) == unseen_engines(ours), "what a hanging one ran before is on screen still, and is old"
    words = translate(age_line(stale, 0.0))
    assert words == (
        "1 container; no answer from podman-rootless" if state is EngineState.UNREACHABLE else "1 container, 0 s ago"
    )


def test_there_is_no_total_until_every_engine_has_told_its_containers(window: MainWindow) -> None:
    column, whole = window.containers, sample.snapshot()
    window.selection.show_snapshot(replace(whole, containers=(), asking=("docker",)))
    assert (column.alert.text(), column.alert.mark) == ("Looking for containers…", Mark.UNKNOWN)
    assert column.status.text() == "Looking for containers…"
    window.selection.show_snapshot(replace(whole, asking=("docker",)))
    assert column.alert.text().endswith(" could take over so far")
    known = (sample.with_matrix(fake_matrix.matrix("tight")),)
    window.selection.show_snapshot(replace(whole, containers=known, asking=("docker",)))
    assert (column.alert.text(), column.alert.mark) == ("None of 1 could take over so far", Mark.UNKNOWN)
    assert column.alert.accessibleDescription() == "docker-rootless not seen, still reading docker"
    window.selection.show_snapshot(whole)
    assert f" of {len(whole.containers) - 1} could" in column.alert.text()


def test_what_is_not_known_is_not_told_as_unread_or_as_not_running(theme: Theme) -> None:
    alert = AlertButton(theme)
    alert.show_states((sample.with_matrix(fake_matrix.SOCKET_UNKNOWN),))
    assert alert.text() == "Not known whether one could take over"
    alert.show_states((sample.with_matrix(None),))
    assert alert.text() == "Nothing could be read"
    odd = sample.with_matrix(None)
    odd = replace(odd, container=replace(odd.container, pid=None, status=Status.UNKNOWN, error="Memory: 'x'"))
    alert.show_states((odd, sample.with_matrix(fake_matrix.matrix("tight"))))
    assert (alert.text(), alert.accessibleDescription()) == ("None of 1 could take over", "1 not known")
    told = why_nothing(odd, None, (), running=False)
    assert told is not None
    assert "not understood" in translate(told)


def test_the_sheet_holds_each_family_and_opens_the_matrix(theme: Theme) -> None:
    parent = QWidget()
    parent.resize(900, 700)
    sheet = ExposureSheet(theme, parent)
    sheet.show_matrix(fake_matrix.matrix("weak"))
    assert sheet.table.rowCount() == 7
    row = [item.text() for column in range(5) if (item := sheet.table.item(0, column))]
    assert row == ["Host", "Use the engine's socket", "Critical", "nothing", "64%"]
    heard: list[str] = []
    sheet.threat_chosen.connect(heard.append)
    item = sheet.table.item(0, 1)
    assert item is not None
    sheet.table.itemActivated.emit(item)
    assert heard == ["use-engine-socket"]


@pytest.mark.parametrize("high", [260, 450, 900])
def test_the_sheet_is_whole_on_its_screen(
    high: int, qtbot: QtBot, theme: Theme, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As with 200 %, where half as much fits: it moves up, and then its table is scrolled."""
    parent = QWidget()
    qtbot.addWidget(parent)
    parent.resize(700, high - 20)
    anchor = QPushButton("10.0", parent)
    anchor.move(20, 140)
    parent.show()
    room = QRect(0, 0, 720, high)
    monkeypatch.setattr(QScreen, "availableGeometry", lambda _: room)
    sheet = ExposureSheet(theme, parent)
    sheet.open_below(anchor, fake_matrix.matrix("weak"), "10.0")
    assert room.contains(sheet.geometry())
    for label in (sheet.title, sheet.total, sheet.rule):
        assert sheet.rect().contains(label.geometry())
        assert label.height() >= label.heightForWidth(label.width())
    sheet.hide()


def test_what_is_stopped_is_counted_below_the_list() -> None:
    runs = sample.with_matrix(fake_matrix.matrix("tight"))
    stopped = replace(runs, container=replace(runs.container, id="0" * 64, pid=None, status=Status.EXITED))
    assert translate(age_line(sample.snapshot((runs, stopped)), 3.2)) == "1 running, 1 stopped, 3 s ago"
    assert translate(age_line(sample.snapshot((runs,)), 150.0)) == "1 container, unchanged for 2 min"
