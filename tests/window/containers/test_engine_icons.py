"""The engine's icon before a name: in the list, the title and where a name stands alone."""

from __future__ import annotations

from itertools import combinations

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QApplication

from rig.window import sample
from stratascope.core.container import Engine, EngineKind
from stratascope.presentation.engine_signs import EngineSign
from stratascope.ui.kit.engine_icons import engine_pixmap
from stratascope.ui.kit.theme import Theme
from stratascope.ui.window.main_window import MainWindow
from stratascope.value import replace

ENGINES = (
    Engine("docker", EngineKind.DOCKER, "unix:///run/docker.sock"),
    Engine("podman-rootless", EngineKind.PODMAN, "unix:///run/user/1000/podman/podman.sock", rootless=True),
    Engine("podman-rootless-2", EngineKind.PODMAN, "unix:///run/user/1001/podman/podman.sock", rootless=True),
)
WEB = tuple(sample.state("web", engine=engine.id) for engine in ENGINES)


def test_icons_differ_in_shape(theme: Theme) -> None:
    """In what they cover, whatever the colour."""
    engines = (EngineKind.DOCKER, EngineKind.PODMAN)
    signs = [EngineSign(kind, rootless) for kind in engines for rootless in (False, True)]
    signs += [EngineSign(EngineKind.SANDBOXES), EngineSign(None)]
    covered = []
    for sign in signs:
        image = engine_pixmap(sign, theme, 4.0).toImage()
        points = ((x, y) for x in range(image.width()) for y in range(image.height()))
        covered.append({point for point in points if image.pixelColor(*point).alpha() > 100})
    assert all(len(each) > 300 for each in covered)
    assert all(len(one ^ two) > 300 for one, two in combinations(covered, 2))


def test_told_apart_in_list_and_title(window: MainWindow) -> None:
    window.show()
    window.selection.show_snapshot(replace(sample.snapshot(WEB), engines=ENGINES))
    model = window.containers.model
    apart = []
    for state, title in zip(WEB, ("Docker, rootful", "Podman, rootless", "Podman, rootless"), strict=True):
        whole, row = f"{title} ({state.container.engine})", model.row_of(state.key)
        entry = model.entry(row)
        assert entry is not None
        apart.append(entry.apart)
        assert whole in str(model.data(model.index(row), Qt.ItemDataRole.AccessibleTextRole))
        assert whole in str(model.data(model.index(row), Qt.ItemDataRole.ToolTipRole))
        window.selection.go_to(state.key)
        QApplication.processEvents()
        assert window.strata_page.header.icon.accessibleName() == whole
        assert whole in window.strata_page.header.icon.toolTip()
    assert apart == ["", "podman-rootless", "podman-rootless-2"]
    assert window.toolbar.pulls.name.text() == "web (podman-rootless-2)", "in a window of one column"
    assert "Podman, rootless (podman-rootless-2)" in window.toolbar.pulls.name.accessibleName()


def test_names_that_occur_once_have_no_suffix(window: MainWindow) -> None:
    window.selection.show_snapshot(sample.snapshot())
    entries = [window.containers.model.entry(row) for row in range(window.containers.model.rowCount())]
    assert entries
    assert all(each is not None and not each.apart for each in entries)
