"""What a container is refused after its relaunch stands in its card, with what allowing it costs."""

from __future__ import annotations

import time

import pytest
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from rig.window.hardening import arrived, asked, card_of, over, relaunch
from rig.window.refused import GIVES, refusal
from rig.window.staged_hardening import StagedHardening
from stratascope.core.snapshot import ContainerState, Privilege, PrivilegeState, Snapshot
from stratascope.ui.kit.page import View
from stratascope.ui.relaunch.result_card import RefusedList
from stratascope.ui.window.main_window import MainWindow
from stratascope.usecases.refusals.service import RefusalList
from stratascope.value import replace
from window import walk

pytestmark = pytest.mark.qt_log_ignore("This plugin does not support", extend=True)


def hardened(qtbot: QtBot, window: MainWindow, picture: Snapshot) -> ContainerState:
    over(qtbot, relaunch(qtbot, window))
    return arrived(window, picture)


def test_what_is_refused_is_told_with_its_price_and_allowed_by_one_press(
    qtbot: QtBot, window: MainWindow, staged: StagedHardening, picture: Snapshot
) -> None:
    new, refused = hardened(qtbot, window, picture), card_of(window).refused
    assert not refused.isVisible(), "nobody watches it here"
    window.refused.show(new, RefusalList((refusal("clock", GIVES), refusal("other"))))
    assert refused.isVisible()
    assert refused.head.text() == "Refused since then: 2"
    clock, other = sorted((line for line in refused.lines), key=lambda line: line.row.key)
    assert (clock.row.process, clock.row.did, clock.row.layer) == ("ntpd", "set the clock", 3)
    assert clock.row.cost == "stays 10.0", "the staged replacement is as bad as its original"
    assert not other.allow.isVisible(), "nothing of ours would allow it"
    assert asked(staged, "run") == 1
    clock.allow.click()
    side = window.hardening
    assert side is not None
    qtbot.waitUntil(side.dialog.isVisible)
    assert side.dialog.title.text() == "Relaunch ci-runner with more permissions?"
    assert asked(staged, "run") == 1, "nothing is given back before that is confirmed"
    refused.all.click()
    assert window.pages.view is View.DENIED


def test_what_its_original_was_refused_too_or_long_ago_is_no_news(
    qtbot: QtBot, window: MainWindow, picture: Snapshot
) -> None:
    old = window.selection.current
    assert old is not None
    window.refused.show(old, RefusalList((refusal("before"),)))
    new = hardened(qtbot, window, picture)
    window.refused.show(new, RefusalList((refusal("before"), refusal("long ago", at=time.time() - 900))))
    assert not card_of(window).refused.isVisible()
    window.refused.show(new, RefusalList((refusal("before"), refusal("new"))))
    assert card_of(window).refused.head.text() == "Refused since then: 1"


def test_why_nobody_watches_is_told_whole(qtbot: QtBot, window: MainWindow, picture: Snapshot) -> None:
    hardened(qtbot, window, picture)
    refused = card_of(window).refused
    why = "Neither pkexec nor sudo was found. Install one of them, or start Stratascope as root."
    refused.show_refused(RefusedList(why=why, ask=True))
    refused.show()
    walk.settle()
    painted = " ".join(each.text for each in walk.drawn(refused.told))
    assert painted == why


def test_in_a_low_window_two_of_them_stand_below_one_line(qtbot: QtBot, window: MainWindow, picture: Snapshot) -> None:
    new, card = hardened(qtbot, window, picture), card_of(window)
    window.refused.show(new, RefusalList(tuple(refusal(each, GIVES) for each in ("one", "two", "three"))))
    for height, shown in ((900, 3), (700, 2), (600, 0), (900, 3)):
        window.resize(1440, height)
        QApplication.processEvents()
        assert sum(line.isVisible() for line in card.refused.lines) == shown


def test_once_it_is_kept_nothing_is_told_there(qtbot: QtBot, window: MainWindow, picture: Snapshot) -> None:
    new, card = hardened(qtbot, window, picture), card_of(window)
    window.refused.show(new, RefusalList((refusal("clock", GIVES),)))
    assert card.refused.isVisible()
    card.go.click()
    assert not card.refused.isVisible()
    window.feed.snapshot.emit(replace(picture, containers=()))
    assert card.isHidden()


@pytest.mark.parametrize("state", [PrivilegeState.ON, PrivilegeState.IDLE])
def test_it_is_watched_by_itself_only_where_that_asks_nobody(
    qtbot: QtBot, window: MainWindow, picture: Snapshot, monkeypatch: pytest.MonkeyPatch, state: PrivilegeState
) -> None:
    begun: list[str] = []
    monkeypatch.setattr(type(window.watching), "able", True)
    monkeypatch.setattr(window.watching, "begin", lambda state: begun.append(state.container.id))
    picture = replace(picture, privilege=Privilege(state, command="pkexec helper"))
    new = hardened(qtbot, window, picture)
    assert begun == ([new.container.id] if state is PrivilegeState.ON else [])
    refused = card_of(window).refused
    assert refused.head.text() == "Refused since then: not watched"
    assert refused.watch.isVisible() is (state is PrivilegeState.IDLE)
    if state is PrivilegeState.IDLE:
        refused.watch.click()
    assert begun == [new.container.id]
