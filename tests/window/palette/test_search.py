"""What the palette finds for given words."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from stratascope.ui.window.palette import MOST, PaletteEntry, found, spans


def place(title: str, kind: str = "Threat", words: str = "") -> PaletteEntry:
    return PaletteEntry(title, kind, lambda: None, words=words)


PLACES = (
    place("Settings…", "Action"),
    place("Mount a filesystem", words="mount filesystem"),
    place("mount", "System call"),
    place("umount2", "System call"),
    place("fsmount", "System call"),
    place("SYS_ADMIN", "Capability", "CAP_SYS_ADMIN"),
    place("web", "Container", "ab12"),
)


def titles(text: str) -> list[str]:
    return [each.title for each in found(PLACES, text)]


def test_the_very_name_comes_first() -> None:
    assert titles("mount") == ["mount", "Mount a filesystem", "umount2", "fsmount"]


def test_an_action_that_begins_so_comes_before_a_system_call_of_that_name() -> None:
    call, act = place("open", "System call"), PaletteEntry("Open a capture…", "Action", print, action=True)
    dead = PaletteEntry("Open it", "Action", print, why="not now", action=True)
    assert found((dead, call, act), "open") == (act, call, dead)


def test_what_can_be_done_now_comes_first_without_a_text() -> None:
    undo = PaletteEntry("Undo the relaunch…", "Action", lambda: None, why="There is none.")
    assert found((undo, *PLACES), "") == (*PLACES, undo)
    assert found((undo, *PLACES), "undo") == (undo,)


def test_a_word_of_a_name_an_id_and_the_kind_count() -> None:
    assert titles("admin") == ["SYS_ADMIN"]
    assert titles("cap_sys_admin") == ["SYS_ADMIN"]
    assert titles("ab1") == ["web"]
    assert titles("system call mount") == ["mount", "umount2", "fsmount"]
    assert titles("no such thing") == []


def test_a_name_that_is_translated_is_found_in_english_too() -> None:
    """The very name comes first in either language."""
    undo = PaletteEntry("再作成を元に戻す…", "操作", lambda: None, english="Undo the relaunch… Action")
    keep = PaletteEntry("名前をコピー", "操作", lambda: None, english="Copy name Action")
    assert found((keep, undo), "undo rel") == found((keep, undo), "元に") == (undo,)
    assert found((keep, undo), "action") == (keep, undo)


def test_the_letters_that_were_searched_for() -> None:
    assert spans("Undo the relaunch", ("re", "UN")) == [(0, 2), (9, 11), (13, 15)]
    assert spans("🐋 web (1)", ("web", "(1")) == [(3, 6), (7, 9)]  # a whale has two units in Qt
    assert spans("web", ()) == []


def test_nothing_typed_is_all_in_order() -> None:
    assert titles("  ") == [each.title for each in PLACES]
    many = tuple(place(str(number)) for number in range(500))
    assert len(found(many, "")) == len(found(many, "1")) == MOST


@given(st.text(max_size=60))
def test_any_text_finds_a_part_of_all(text: str) -> None:
    assert set(titles(text)) <= {each.title for each in PLACES}
