"""What a row of the narrowest list says has room: what a group is, why a row matches, what is kept of another."""

from __future__ import annotations

import pytest
from PySide6.QtWidgets import QApplication

from rig.window import sample
from rig.window.sample import E
from stratascope.core.container import Status
from stratascope.core.relaunch.launch_spec import RestartPolicy
from stratascope.core.relaunch.transaction import Stage, Transaction, TransactionKind
from stratascope.core.snapshot import ContainerState
from stratascope.ui.containers import rows
from stratascope.ui.window.main_window import MainWindow
from window import walk


def painted(window: MainWindow, *states: ContainerState) -> list[str]:
    """Every text of the list, 240 px wide as in a window of 1024."""
    window.resize(1024, 640)
    window.show()
    window.selection.show_snapshot(sample.snapshot(states))
    QApplication.processEvents()
    walk.settle()
    view = window.containers.view
    assert view.width() <= 240
    return [each.text for each in walk.drawn(view.viewport())]


def test_what_a_group_is(window: MainWindow, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rows, "takes_account", lambda state: True)
    taking = sample.with_matrix(sample.matrix((E,) * 6, take_over=True))
    others = (sample.state(f"other-{number}", image=f"image-{number}") for number in range(15))  # so that it scrolls
    assert "Can take over a user's account" in painted(window, taking, *others)


def test_why_it_matches(window: MainWindow) -> None:
    """In the place of the marks where both have no room."""
    window.containers.model.set_filter("image:nginx")
    assert "registry/nginx:1.27" in painted(window, sample.state("web", image="registry/nginx:1.27"))


def test_what_is_kept(window: MainWindow) -> None:
    """Without how it ended: it was stopped to be kept."""
    old = sample.state("web", status=Status.EXITED)
    new = sample.state("web-2")
    undone = Transaction(
        id="0123456789abcdef", kind=TransactionKind.UNDO, stage=Stage.DONE, engine="docker",
        endpoint="unix:///e", name="web", old=old.container.id, new=new.container.id, created=True,
        old_aside="web.old-0123abcd", new_aside="", restart=RestartPolicy(), new_restart=RestartPolicy(),
        was_running=True, stop_timeout=10, started_at=1.0,
    )  # fmt: skip
    window.containers.model.set_kept((undone,))
    texts = painted(window, old, new)
    assert "Kept hardened one" in texts


def test_the_image_of_one_that_was_never_started(window: MainWindow) -> None:
    made = sample.state("nightly", status=Status.CREATED, image="registry/report:3")
    texts = painted(window, made)
    assert "report:3" in texts
    assert "not started" in texts
