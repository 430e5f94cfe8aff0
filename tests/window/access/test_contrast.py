"""Contrast of each scene in both themes, and of the table of tokens."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from rig.window.contrast import contrast
from stratascope.ui.kit.theme import ThemeMode, load_tokens
from stratascope.ui.window.main_window import MainWindow
from window.access import scenes
from window.access.faint import LEAST, LEAST_LARGE, too_faint

pytestmark = pytest.mark.qt_log_ignore("This plugin does not support", extend=True)


def check(window: MainWindow, mode: ThemeMode, *walks: Iterator[scenes.Scene]) -> int:
    tried: set[tuple[str, str, str]] = set()
    wrong: dict[str, str] = {}
    window.theme.set_mode(mode)
    try:
        for walk in walks:
            for what, top in walk:
                for problem in too_faint(top, tried):
                    wrong.setdefault(problem, what)
    finally:
        window.theme.set_mode(ThemeMode.LIGHT)
    assert not wrong, "\n".join(f"{where}: {problem}" for problem, where in wrong.items())
    return len(tried)


def strata_alone(window: MainWindow) -> Iterator[scenes.Scene]:
    yield "strata", window


@pytest.mark.parametrize("mode", [pytest.param(ThemeMode.LIGHT, marks=pytest.mark.slow), ThemeMode.DARK])
def test_the_text_of_the_window(qapp: object, mode: ThemeMode) -> None:
    with scenes.opened() as window:
        assert check(window, mode, strata_alone(window)) > 100


@pytest.mark.slow
@pytest.mark.parametrize("mode", [ThemeMode.LIGHT, ThemeMode.DARK])
def test_every_text_that_can_be_shown(qapp: object, mode: ThemeMode) -> None:
    with scenes.opened() as window:
        assert check(window, mode, scenes.everything(window), scenes.narrow(window)) > 800


def test_a_faint_text_is_found(qapp: object) -> None:
    from PySide6.QtWidgets import QLabel

    label = QLabel("hardly to be seen")
    label.setStyleSheet("color: #AAAAAA; background: #FFFFFF; font-size: 12px")
    label.resize(200, 30)
    assert len(list(too_faint(label, set()))) == 1
    label.setStyleSheet("color: #555555; background: #FFFFFF; font-size: 12px")
    assert not list(too_faint(label, set()))


# -- other than text, and backgrounds of hover and selection: from the table of tokens


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("ground", ["sunk", "sel", "accent_soft", "panel", "window"])
@pytest.mark.parametrize("ink", ["text", "text2"])
def test_text_stays_readable_under_the_pointer_and_when_chosen(theme: str, ground: str, ink: str) -> None:
    tokens = load_tokens()[theme]
    assert contrast(tokens[ink], tokens[ground]) >= LEAST


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize(
    "ground", ["panel", "window", "sunk", "sel", "accent_soft", "enf_soft", "weak_soft", "unk_soft"]
)
def test_the_outline_of_the_keyboard_is_seen_on_every_ground(theme: str, ground: str) -> None:
    tokens = load_tokens()[theme]
    assert contrast(tokens["accent"], tokens[ground]) >= LEAST_LARGE


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("mark", ["enf", "weak", "open", "unk", "text3"])
@pytest.mark.parametrize("ground", ["panel", "window", "sunk", "sel"])
def test_a_mark_is_seen_on_every_ground(theme: str, mark: str, ground: str) -> None:
    tokens = load_tokens()[theme]
    assert contrast(tokens[mark], tokens[ground]) >= LEAST_LARGE


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("ray", ["ray", "rayopen", "raywarn", "raylow"])
@pytest.mark.parametrize("band", ["window", "enf_soft", "weak_soft", "unk_soft", "sunk", "panel"])
def test_a_ray_is_seen_over_every_band(theme: str, ray: str, band: str) -> None:
    tokens = load_tokens()[theme]
    assert contrast(tokens[ray], tokens[band]) >= LEAST_LARGE


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_tooltips_menus_and_selections(theme: str) -> None:
    tokens = load_tokens()[theme]
    for ink, below in (("text", "panel"), ("text3", "panel"), ("text3", "sunk"), ("on_accent", "accent"),
                       ("accent", "panel"), ("accent", "window"), ("text", "accent_soft")):  # fmt: skip
        assert contrast(tokens[ink], tokens[below]) >= LEAST, (ink, below)
