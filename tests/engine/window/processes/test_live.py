"""The page on real containers of real engines: sessions, threads, rights given up, a namespace of another's."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from pytestqt.qtbot import QtBot

from rig.engine import Rig
from stratascope.core.overview.processes import Process
from stratascope.ui.app import app as ui
from stratascope.ui.kit.page import View
from stratascope.ui.processes.page import ProcessesPage
from stratascope.ui.window.main_window import MainWindow
from stratascope.wiring.views import live_view

pytestmark = pytest.mark.qt_log_ignore("This plugin does not support")
HARDENED = ("--cap-drop", "ALL", "--security-opt", "no-new-privileges", "--user", "1000")


@contextmanager
def page_of(qtbot: QtBot, monkeypatch: pytest.MonkeyPatch, rig: Rig, state: Path, name: str) -> Iterator[ProcessesPage]:
    monkeypatch.setenv("STRATASCOPE_ENGINES", f"{rig.kind}={rig.endpoint}")
    monkeypatch.setenv("XDG_STATE_HOME", str(state))
    ui.make_application(["test"])
    window = ui.make_window(live_view())
    qtbot.addWidget(window)
    window.resize(1440, 900)
    window.show()
    window.start()

    def there() -> bool:
        states = () if window.selection.snapshot is None else window.selection.snapshot.containers
        found = next((each for each in states if each.container.name == name and each.matrix is not None), None)
        if found is not None:
            window.selection.go_to(found.key)
        return found is not None

    try:
        qtbot.waitUntil(there)
        window.pages.show_view(View.PROCESSES)
        yield window.pages.of(ProcessesPage)
    finally:
        window.stop()


def of_command(page: ProcessesPage, command: str) -> Process | None:
    """By its command line, which comes a moment after the process."""
    keys = {key for key, line in page.table.commands.items() if line == command}
    return next((each for each in page.processes if each.key in keys), None)


def test_a_session_with_more_is_seen_and_ended(
    qtbot: QtBot, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, any_engine: Rig
) -> None:
    with any_engine.container(*HARDENED, name="hardened") as container:
        with page_of(qtbot, monkeypatch, any_engine, tmp_path, "hardened") as page:
            qtbot.waitUntil(lambda: len(page.processes) == 1)
            any_engine.run("exec", "-d", "--privileged", "--user", "0", container, "sh", "-c", "sleep 1234; true")
            qtbot.waitUntil(lambda: of_command(page, "sleep 1234") is not None)
            process = of_command(page, "sleep 1234")
            assert process is not None
            assert process.more > 30
            assert (process.session != 0, process.depth, process.user_inside) == (True, 1, 0)
            window = page.window()
            assert isinstance(window, MainWindow)
            window.pages.show_view(View.STRATA)
            chip = window.strata_page.header.drift
            qtbot.waitUntil(chip.isVisible)
            assert chip.text().startswith("session open, ")
            assert "more privileges than the first process" in chip.toolTip()
            chip.click()
            assert window.pages.view is View.PROCESSES
            page.table.choose(process.key)
            beside = {each.first.id: each for each in page.card.beside}
            assert beside["capabilities"].more
            assert page.card.end.isEnabled()
            page.card.end.click()
            assert page.question is not None
            next(each for each in page.question.buttons() if each.objectName() == "end-session").click()
            qtbot.waitUntil(lambda: len(page.processes) == 1)
            assert page.processes[0].state is None
        assert any_engine.said(container, "echo", "alive") == "alive"  # the container goes on


def test_one_that_gave_its_rights_up_has_fewer(
    qtbot: QtBot, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, each_api: Rig
) -> None:
    command = ("sh", "-c", "su -s /bin/sh app -c 'exec sleep 1111' & exec sleep 3600")
    with (
        each_api.container(name="worker", command=command),
        page_of(qtbot, monkeypatch, each_api, tmp_path, "worker") as page,
    ):
        qtbot.waitUntil(lambda: of_command(page, "sleep 1111") is not None)
        process = of_command(page, "sleep 1111")
        assert process is not None
        first = page.processes[0]
        assert (first.user_inside, process.user_inside, process.effective) == (0, 1000, 0)
        assert process.less == (first.effective or 0).bit_count() > 0
        assert not process.beyond
        assert process.session == 0
        assert process.depth >= 1


def test_those_of_another_container_in_the_same_namespace_are_not_its_own(
    qtbot: QtBot, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, each_api: Rig
) -> None:
    with (
        each_api.container(name="main", command=("sleep", "3601")),
        each_api.container("--pid", "container:main", name="beside", command=("sleep", "3602")),
        page_of(qtbot, monkeypatch, each_api, tmp_path, "beside") as page,
    ):
        qtbot.waitUntil(lambda: of_command(page, "sleep 3602") is not None)
        assert len(page.processes) == 1
        assert page.processes[0].pid_inside != 1
        assert "exec sessions can't be told" in page.note.text()
