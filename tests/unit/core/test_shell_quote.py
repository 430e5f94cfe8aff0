"""Words for a shell: every shell gives back what went in, and nothing of it reaches the terminal as an act."""

from __future__ import annotations

import shlex
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from stratascope.core.sanitize import plain
from stratascope.core.shell_quote import NoNotationError, comment, word, words

HOSTILE = "\x1b]0;owned\x07\x1b[2J\u202etxt.exe\u200b\x9b31m"
TEXTS = ("", "plain", "two words", "it's", "a\nb\tc", "日本語", HOSTILE, "\x1b'\\", "\udcff\udc80", "$'x'", "`id`$(id)")
# What one of the shells reads in another way than the others
ODD = ("'; reboot; '\x1b", "\\", "\\'", "\\\\", "a\\\nb", "=ls", "%self", "%1", "~", "~root", "!!", "'!ls", "!'",
       "{a,b}", "*", "?", "[a]", "*(e:'touch /tmp/x':)", "-", "--", ";", "#", "^a^b", "$HOME", "${HOME}", "\\x41",
       "a\\", "''", "\"", "\r\n", "\n", "\n\n", "\x1b\n", "\x7f", "\x80", "\xad", "\ufeff", "\U000e0001", "👩\u200d🚀",
       "a=~", "<(id)", "=(id)", "\\(id)", "(id)", "&", "|", "\x01" * 3)  # fmt: skip
SHELLS = (("sh",), ("dash",), ("bash",), ("zsh", "-f"), ("zsh", "-fi"), ("fish", "--no-config"), ("busybox", "sh"))
_ENVIRON = {"PATH": "/usr/bin:/bin", "HOME": "/nonexistent", "XDG_CONFIG_HOME": "/nonexistent", "TERM": "dumb"}

_TEXT = st.binary().map(lambda raw: raw.replace(b"\0", b"").decode("utf-8", "surrogateescape"))
_LETTERS = st.text(st.sampled_from("\\'\"$`!\n\t\x1b\u202ea =%~#;&|<>(){}[]*?^-\x80\r\udcfféx0"), max_size=12)


def raw(text: str) -> bytes:
    return text.encode("utf-8", "surrogateescape")


def read_by(shell: Sequence[str], texts: Sequence[str], folder: Path, head: str = "") -> list[bytes]:
    """What a program gets that a script of this shell calls with these words."""
    if shutil.which(shell[0]) is None:
        pytest.skip(f"{shell[0]} is not installed")
    script = folder / "script"
    script.write_bytes(raw(f"{head}/usr/bin/printf '%s\\0' {words(texts)}\n"))
    interactive = shell[-1] == "-fi"  # what is pasted comes by the standard input
    with script.open("rb") as given_by_hand:
        done = subprocess.run(
            (*shell, *(() if interactive else (str(script),))),
            stdin=given_by_hand if interactive else subprocess.DEVNULL,
            capture_output=True,
            env=_ENVIRON,
            cwd=folder,
            check=False,
        )
    assert done.returncode == 0, done.stderr
    return done.stdout.split(b"\0")[:-1]


@pytest.mark.parametrize("shell", SHELLS, ids="-".join)
@pytest.mark.parametrize("locale", ["C", "C.UTF-8"])
def test_every_shell_reads_the_same_words(
    shell: tuple[str, ...], locale: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(_ENVIRON, "LC_ALL", locale)
    texts = (*TEXTS, *ODD)
    assert read_by(shell, texts, tmp_path) == [raw(text) for text in texts]
    assert [path.name for path in tmp_path.iterdir()] == ["script"]


@pytest.mark.parametrize("shell", SHELLS, ids="-".join)
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(_TEXT | _LETTERS, min_size=8, max_size=60))
def test_any_text(shell: tuple[str, ...], tmp_path: Path, texts: list[str]) -> None:
    assert read_by(shell, texts, tmp_path) == [raw(text) for text in texts]
    bare = words(texts).replace("\n", "").replace("\t", "")
    assert plain(bare) == bare


@pytest.mark.parametrize("shell", SHELLS, ids="-".join)
def test_a_comment_is_nothing_but_a_comment(shell: tuple[str, ...], tmp_path: Path) -> None:
    """Pasted into zsh `#` is a command: `$(…)` is run, and an apostrophe turns all quotes after it inside out."""
    hostile = ("it's; touch made", "$(touch made)", "`touch made`", "a\ntouch made", "> made", "a & touch made #", "\\")
    head = "".join(f"{comment(text)}\n" for text in hostile)
    assert read_by(shell, ("it's", "x"), tmp_path, head) == [b"it's", b"x"]
    assert not (tmp_path / "made").exists()


@pytest.mark.parametrize("text", ["Not included: the option --link a:b.", "日本語、です"])
def test_a_comment_of_plain_words_needs_no_quotes(text: str) -> None:
    assert comment(text).removeprefix("# ").strip("'") == text
    assert comment("Save it as a-b.json: export it.") == "# Save it as a-b.json: export it."


@pytest.mark.parametrize("text", [text for text in TEXTS if "\x1b" not in text and "\udcff" not in text])
def test_what_is_harmless_is_written_as_ever(text: str) -> None:
    assert word(text) == shlex.quote(text)


@pytest.mark.parametrize("text", ["\0", "a\0b", "\x1b\0", "\ud800", "a\udfff"])
def test_what_no_word_can_hold_is_refused(text: str) -> None:
    with pytest.raises(NoNotationError):
        word(text)
