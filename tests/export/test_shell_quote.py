"""Words for a shell: bash gives back what went in, and nothing of it reaches the terminal as an act."""

from __future__ import annotations

import shlex
import subprocess

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from export.everything import EVERYTHING
from stratascope.core.sanitize import plain
from stratascope.export.export import ExportKind, export
from stratascope.export.shell_quote import word, words
from stratascope.value import replace

HOSTILE = "\x1b]0;owned\x07\x1b[2J\u202etxt.exe\u200b\x9b31m"
TEXTS = ("", "plain", "two words", "it's", "a\nb\tc", "日本語", HOSTILE, "\x1b'\\", "\udcff\udc80", "$'x'", "`id`$(id)")

_TEXT = st.binary().map(lambda raw: raw.replace(b"\0", b"").decode("utf-8", "surrogateescape"))


def through_bash(texts: tuple[str, ...]) -> list[bytes]:
    done = subprocess.run(
        ["bash", "-c", f"printf '%s\\0' {words(texts)}".encode("utf-8", "surrogateescape")],
        check=True,
        capture_output=True,
        env={"LC_ALL": "C", "PATH": "/usr/bin:/bin"},
    )
    return done.stdout.split(b"\0")[:-1]


def test_bash_gives_back_what_went_in() -> None:
    assert through_bash(TEXTS) == [text.encode("utf-8", "surrogateescape") for text in TEXTS]


@settings(max_examples=40, deadline=None)
@given(st.lists(_TEXT, min_size=1, max_size=5))
def test_any_text(texts: list[str]) -> None:
    assert through_bash(tuple(texts)) == [text.encode("utf-8", "surrogateescape") for text in texts]
    bare = words(texts).replace("\n", "").replace("\t", "")
    assert plain(bare) == bare


@pytest.mark.parametrize("text", [text for text in TEXTS if "\x1b" not in text and "\udcff" not in text])
def test_what_is_harmless_is_written_as_ever(text: str) -> None:
    assert word(text) == shlex.quote(text)


@pytest.mark.parametrize("kind", [each for each in ExportKind if each is not ExportKind.SECCOMP])
def test_no_export_acts_on_the_terminal_that_shows_it(kind: ExportKind) -> None:
    """A label of an image, a command, a name: whoever made the container chose them."""
    options = replace(
        EVERYTHING,
        name=f"web{HOSTILE}",
        labels=(("note", HOSTILE), (HOSTILE, "x")),
        command=("sh", "-c", HOSTILE),
        environment=(("A", HOSTILE),),
        user=f"1000{HOSTILE}",
        hostname=HOSTILE,
    )
    for secrets in (False, True):
        text = export(kind, options, secrets=secrets).replace("\n", "").replace("\t", "")
        assert plain(text) == text
