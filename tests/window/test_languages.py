"""The real window in other languages: nothing stays English, and everything fits.

In the pseudo-locale all translated text has accents, so plain letters on screen must be foreign text: names, paths, the
kernel's words. It is two fifths longer than English, so what does not fit is found. The same walk runs in Japanese.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache

import pytest
from PySide6.QtCore import QLocale
from PySide6.QtGui import QFontDatabase
from PySide6.QtWidgets import QApplication, QLabel, QPushButton, QWidget
from pytestqt.qtbot import QtBot

from rig.translations import extracted
from rig.usecases.listing import many_machines
from rig.window import reach
from rig.window.history import remembered
from stratascope.core.message import msg
from stratascope.core.severity import FLAWS
from stratascope.core.threats.catalogue import all_threats
from stratascope.i18n.language import LANGUAGES, VARIABLE, start
from stratascope.i18n.translate import translate
from stratascope.layers.toggles import all_toggles
from stratascope.linux.capability import NAMES
from stratascope.linux.syscalls import known_names
from stratascope.resources import read_text
from stratascope.state.shipped import parts
from stratascope.ui.app import app
from window import not_started, tour, walk, whole_walk
from window.denied import ending_sample
from window.denied.denied_sample import FOREIGN

pytestmark = pytest.mark.qt_log_ignore("This plugin does not support", extend=True)
WORD = re.compile(r"[A-Za-z]{2,}")
HEX = re.compile("0x[0-9a-f]+")
GROUP = re.compile("⟦[^⟦⟧]*⟧")
# Headers of /proc and units, the same in all languages; a command; and the parts that this file's calls consist of
KNOWN = """Inh Prm Eff Bnd Amb CapInh CapPrm CapEff CapBnd CapAmb NoNewPrivs Seccomp Uid Gid PID GiB MiB KiB info
    Max core file size BPF cred security
    PER LINUX UNAME kernel filter run name with dockerd CAP Stratascope tcp udp Alt Ctrl Shift
    stratascope desktop install background Podman podman rootless"""
ASKED = ("private", "host", "bridge", "Stratascope", "sleep", "Docker")  # values in the engine's spelling, and programs
# The grid's headers scroll, and show the full name on hover
MOVED = ("ColumnHeads", "RowHeads")


@pytest.fixture(params=["xx", "ja"])
def speech(request: pytest.FixtureRequest, qapp: QApplication, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """The program in that language."""
    monkeypatch.setenv("STRATASCOPE_THEME", "light")
    if request.param == "ja" and not QFontDatabase.families(QFontDatabase.WritingSystem.Japanese):
        pytest.fail("no font with Japanese letters is installed; packaging/debian-test.txt names one")
    assert start({VARIABLE: request.param}, None) is None
    app.speak(qapp)
    yield request.param
    start({VARIABLE: "en"}, None)
    app.speak(qapp)


@cache
def foreign() -> frozenset[str]:
    """Return the words that are never translated: what the demo's kernel and engines wrote, names of calls and
    capabilities.
    """
    texts = [
        KNOWN,
        *LANGUAGES.values(),
        read_text("demo/demo.json"),
        *NAMES,
        *known_names(),
        *(word for each in all_toggles() for word in (each.id, *each.words)),
        FOREIGN,
        ending_sample.FOREIGN,
        remembered.FOREIGN,
        many_machines.FOREIGN,
        reach.FOREIGN,
        not_started.FOREIGN,
    ]
    # days and months: Qt has them in all real languages, and so not in the pseudo-locale
    texts += [QLocale.c().dayName(day, QLocale.FormatType.ShortFormat) for day in range(1, 8)]
    texts += [QLocale.c().monthName(month, QLocale.FormatType.ShortFormat) for month in range(1, 13)]
    texts += [flaw.id for flaw in FLAWS]
    for threat in all_threats():
        texts += [threat.id, *threat.refs, *(step.text for route in threat.routes for step in route.steps)]
    texts += [word for part in parts() for word in (part.name, part.version, part.licence)]
    return frozenset(word for text in texts for word in WORD.findall(text))


def english(text: str) -> list[str]:
    """Return a text's untranslated words, except for foreign names."""
    whole = HEX.sub("", text.replace("\u200b", ""))
    strange = [word for word in WORD.findall(whole) if word not in foreign()]
    if "…" in whole or "\u200b" in text:  # a word may have lost its beginning, or its end, to the next line too
        return [word for word in strange if not any(each.startswith(word) or each.endswith(word) for each in foreign())]
    return strange


@cache
def names() -> frozenset[str]:
    """Return whole texts that are names, even if a message has the same text."""
    packages = {part.name for part in parts()}
    return known_names() | {name.removeprefix("CAP_") for name in NAMES} | frozenset(ASKED) | packages


@cache
def messages() -> frozenset[str]:
    """Return all English messages of the program, without fields."""
    ids = (message.id if isinstance(message.id, str) else message.id[0] for message in extracted() if message.id)
    return frozenset(each for each in ids if "{" not in each and WORD.search(each))


def outside(text: str) -> str:
    """Return what is outside all brackets of the pseudo-locale."""
    while (shorter := GROUP.sub("", text)) != text:
        text = shorter
    return text.strip()


class Findings:
    """The faults found on the walk, each once, with its place."""

    def __init__(self, spoken: str) -> None:
        self._pseudo = spoken == "xx"
        self.left: dict[str, str] = {}
        self.misfits: dict[str, str] = {}
        self.seen = 0

    def theme(self, stop: tour.Stop) -> None:
        """Check all texts at that stop."""
        place, part = stop
        for widget in walk.visible(part):
            texts = walk.drawn(widget)
            self.seen += len(texts)
            for each in walk.told(widget, texts) if self._pseudo else ():
                alone = outside(each.text)
                if english(each.text) or (alone in messages() and alone not in names()):
                    self.left.setdefault(each.text, f"{place}: {each.widget}, {each.kind}: {each.text!r}")
            for misfit in walk.misfits(widget, texts):
                if type(widget).__name__ not in MOVED:
                    self.misfits.setdefault(misfit, f"{place}: {misfit}")

    def check(self) -> None:
        """Fail with all faults."""
        assert not self.left, "not translated:\n" + "\n".join(self.left.values())
        assert not self.misfits, "does not fit:\n" + "\n".join(self.misfits.values())


def walked(qtbot: QtBot, speech: str, width: int, height: int = 900) -> Findings:
    found = Findings(speech)
    for stop in whole_walk.stops(qtbot, width, height):
        found.theme(stop)
    return found


@pytest.mark.parametrize("speech", ["xx", pytest.param("ja", marks=pytest.mark.slow)], indirect=True)
def test_everything_is_translated_and_fits(qtbot: QtBot, speech: str) -> None:
    found = walked(qtbot, speech, 1440)
    assert found.seen > 1500
    found.check()


@pytest.mark.slow
@pytest.mark.parametrize(("width", "height"), [(1100, 720), (960, 900), (640, 800)])
def test_it_fits_in_a_narrow_window(qtbot: QtBot, speech: str, width: int, height: int) -> None:
    walked(qtbot, speech, width, height).check()


@pytest.mark.parametrize("speech", ["xx"], indirect=True)
def test_what_is_left_over_or_cut_is_found(qtbot: QtBot, speech: str) -> None:
    """The check itself: a window with one fault of each kind."""
    window = QWidget()
    qtbot.addWidget(window)
    window.resize(400, 300)
    good, left, half, narrow, low = (QLabel(window) for _ in range(5))
    button = QPushButton(translate(msg("Copy all")), window)
    button.setGeometry(0, 200, 30, 30)
    for place, (label, text) in enumerate(
        (
            (good, translate(msg("Open {what}", what="ci-runner"))),
            (left, "Roll back"),
            (half, translate(msg("Open")) + " anyway"),
            (narrow, translate(msg("No weakness was found."))),
            (low, translate(msg("No weakness was found."))),
        )
    ):
        label.setText(text)
        label.setGeometry(0, 30 * place, 390, 24)
    narrow.setFixedWidth(60)
    low.setWordWrap(True)
    low.setFixedWidth(100)
    window.show()
    walk.settle(5)
    found = Findings(speech)
    found.theme(("here", window))
    assert set(found.left) == {left.text(), half.text()}
    cut = " ".join(found.misfits)
    assert narrow.text() in cut
    assert "above or below" in cut
    assert len([each for each in found.misfits if "QPushButton" in each]) == 1
    assert good.text() not in cut
