"""The exposure in words, its breakdown, and where a container is listed because of it."""

from __future__ import annotations

import pytest
from PySide6.QtWidgets import QWidget

from rig.window import fake_matrix, sample
from rig.window.sample import E
from stratascope.core.container import EngineState, Status
from stratascope.core.snapshot import ContainerState
from stratascope.core.threats.depth import Matrix
from stratascope.core.threats.threat import Family
from stratascope.i18n.translate import translate
from stratascope.presentation.exposure import (
    best_text,
    breakdown,
    exposure_sentence,
    held_by_words,
    level_ink,
    level_word,
    number_text,
    why,
    worst_open,
)
from stratascope.presentation.takeover import unseen_engines
from stratascope.ui.containers.alert import AlertButton
from stratascope.ui.containers.column import age_line
from stratascope.ui.containers.rows import critical, undecided
from stratascope.ui.harden.status_note import why_nothing
from stratascope.ui.kit.marks import Mark
from stratascope.ui.kit.theme import Theme
from stratascope.ui.threats.exposure import ExposureSheet, total_line
from stratascope.value import replace

# a critical threat of which nothing is known; nothing else is
SOCKET_UNKNOWN = fake_matrix.matrix("tight", (("use-engine-socket", "?....."),))


def with_matrix(matrix: Matrix | None) -> ContainerState:
    return replace(sample.state("c", (E,) * 6), matrix=matrix)


@pytest.mark.parametrize(
    ("kind", "number", "word", "ink"),
    [("open", "10.0", "Critical", "open"), ("weak", "9.9", "Critical", "open"), ("tight", "0.5", "Low", "enf")],
)
def test_number_and_word(kind: str, number: str, word: str, ink: str) -> None:
    matrix = fake_matrix.matrix(kind)
    assert (number_text(matrix), level_word(matrix), level_ink(matrix)) == (number, word, ink)


def test_where_something_is_unknown_the_worst_is_written_and_what_it_is_at_best() -> None:
    worst, best = SOCKET_UNKNOWN.exposure.worst, SOCKET_UNKNOWN.exposure.best
    assert worst >= 9.0 > 4.0 > best
    assert number_text(SOCKET_UNKNOWN) == f"{worst:.1f}"
    assert best_text(SOCKET_UNKNOWN) == f"best {best:.1f}"
    assert best_text(fake_matrix.matrix("tight")) == ""
    assert exposure_sentence(SOCKET_UNKNOWN) == f"Exposure {worst:.1f}, Critical (at best {best:.1f})"


def test_what_may_be_more_than_low_is_neither_green_nor_red() -> None:
    assert (level_word(SOCKET_UNKNOWN), level_ink(SOCKET_UNKNOWN)) == ("Critical", "text2")


def test_where_nothing_is_known_there_is_a_dash() -> None:
    assert (number_text(None), best_text(None), level_word(None)) == ("–", "", "")
    assert exposure_sentence(None) == "Exposure not known"


@pytest.mark.parametrize("kind", ["open", "weak", "tight", "unknown"])
def test_the_parts_are_the_whole(kind: str) -> None:
    parts = breakdown(fake_matrix.matrix(kind)).families
    assert sum(each.part for each in parts) == pytest.approx(1.0)
    assert [each.part for each in parts] == sorted((each.part for each in parts), reverse=True)
    assert {each.family for each in parts} == set(Family)
    assert all(each.state.threat.family is each.family for each in parts)


def test_the_band_and_its_reason_are_told() -> None:
    fork = fake_matrix.matrix("tight", (("fork-bomb", ".-...."),))
    assert total_line(fork) == "The worst open threat puts it between 4.0 and 8.9: Start processes without end."
    assert total_line(fake_matrix.matrix("tight")) == (
        "Nothing critical or high is open: that puts it between 0.0 and 3.9."
    )
    unknown = total_line(SOCKET_UNKNOWN)
    assert unknown.startswith(
        "The worst threat that may be open puts it between 9.0 and 10.0: Use the engine's socket."
    )
    assert unknown.endswith(f"at best it is {SOCKET_UNKNOWN.exposure.best:.1f}.")


def test_depth_in_words() -> None:
    matrix = fake_matrix.matrix("weak")
    words = {
        threat: held_by_words(state)
        for threat in ("fork-bomb", "bpf", "change-root", "reboot")
        if (state := matrix.of(threat))
    }
    assert words == {
        "fork-bomb": "nothing",
        "bpf": "the host's settings",
        "change-root": "nothing",
        "reboot": "4 layers",
    }
    unknown = SOCKET_UNKNOWN.of("use-engine-socket")
    assert unknown is not None
    assert held_by_words(unknown) == "0 to 1 layers"


def test_the_sentence_is_of_the_worst_open_threat() -> None:
    state = with_matrix(fake_matrix.matrix("weak"))
    worst = worst_open(state)
    assert worst is not None
    assert worst.threat.id == "use-engine-socket"
    assert why(state).startswith("A process could use the engine's socket")


def test_the_sentence_where_nothing_is_open() -> None:
    nothing = tuple((threat.id, "SSSSSS") for threat in fake_matrix.THREATS)
    assert (
        why(with_matrix(fake_matrix.matrix("tight", nothing)))
        == "Everything that a process in it could try is stopped."
    )
    assert "59 things are not known" in why(
        with_matrix(fake_matrix.matrix("tight", tuple((name, "??????") for name, _ in nothing)))
    )


@pytest.mark.parametrize(
    ("matrix", "first", "open_question"),
    [
        (fake_matrix.matrix("weak"), True, False),
        (fake_matrix.matrix("tight", (("fork-bomb", ".-...."),)), False, False),
        (fake_matrix.matrix("tight"), False, False),
        (SOCKET_UNKNOWN, False, True),  # it may be 9.1: never called safe
        (None, False, True),
    ],
)
def test_what_comes_first_and_what_is_not_known(matrix: Matrix | None, first: bool, open_question: bool) -> None:
    assert critical(with_matrix(matrix)) is first
    assert undecided(with_matrix(matrix)) is open_question


def test_the_alert_counts_and_names(theme: Theme) -> None:
    alert = AlertButton(theme)
    bad = replace(with_matrix(fake_matrix.matrix("weak")), container=sample.state("bad", (E,) * 6).container)
    alert.show_states((with_matrix(fake_matrix.matrix("tight")), bad, with_matrix(None)))
    assert alert.text() == "1 of 3 could take over"
    assert alert.accessibleDescription() == "bad; 1 not known"
    alert.show_states((with_matrix(fake_matrix.matrix("tight")), with_matrix(SOCKET_UNKNOWN)))
    assert alert.text() == "None of 1 could take over"
    assert alert.accessibleDescription() == "1 not known"


@pytest.mark.parametrize("state", EngineState)
def test_what_an_engine_keeps_to_itself_is_never_called_safe(state: EngineState, theme: Theme) -> None:
    silent = state in (EngineState.DENIED, EngineState.UNREACHABLE)
    docker, podman = sample.ENGINES[0], replace(sample.ENGINES[1], state=state)
    ours = replace(sample.snapshot((with_matrix(fake_matrix.matrix("tight")),)), engines=(docker, podman))
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
    words = translate(age_line(stale, ours.taken_at))
    assert words == (
        "1 container; no answer from podman-rootless"
        if state is EngineState.UNREACHABLE
        else f"1 container on {1 + (state is EngineState.CONNECTED)} engine"
        f"{'s' * (state is EngineState.CONNECTED)}, read 0 s ago"
    )


def test_what_is_not_known_is_not_told_as_unread_or_as_not_running(theme: Theme) -> None:
    alert = AlertButton(theme)
    alert.show_states((with_matrix(SOCKET_UNKNOWN),))
    assert alert.text() == "Not known whether one could take over"
    alert.show_states((with_matrix(None),))
    assert alert.text() == "Nothing could be read"
    odd = with_matrix(None)
    odd = replace(odd, container=replace(odd.container, pid=None, status=Status.UNKNOWN, error="Memory: 'x'"))
    alert.show_states((odd, with_matrix(fake_matrix.matrix("tight"))))
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
