"""A path that an engine told may lead to anything: only an ordinary file of a sensible size is read."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from stratascope.engines.shared import runtime_state


def test_an_ordinary_file(tmp_path: Path) -> None:
    path = tmp_path / "config.json"
    path.write_text('{"a": "ü"}', "utf-8")
    assert runtime_state.read_config_here(str(path)) == '{"a": "ü"}'


def test_nothing_but_the_filter_of_it(tmp_path: Path) -> None:
    """The environment has passwords in it."""
    path = tmp_path / "config.json"
    path.write_text('{"process": {"env": ["P=secret"]}, "linux": {"seccomp": {"a": 1}, "sysctl": {"b": "secret"}}}')
    assert runtime_state.seccomp_here(str(path)) == '{"linux": {"seccomp": {"a": 1}}}'
    path.write_text('{"linux": "secret"}')
    assert runtime_state.seccomp_here(str(path)) == '{"linux": {"seccomp": null}}'
    path.write_text("secret")
    with pytest.raises(ValueError, match=r"^(?!.*secret)"):
        runtime_state.seccomp_here(str(path))


def test_a_filter_longer_than_any_is_not_kept(tmp_path: Path) -> None:
    """An engine may name a thousand of them, and each reading keeps its own."""
    path = tmp_path / "config.json"
    path.write_text(f'{{"linux": {{"seccomp": {{"a": "{"x" * runtime_state.FILTER_MOST}"}}}}}}')
    with pytest.raises(ValueError, match="too long"):
        runtime_state.seccomp_here(str(path))


def test_what_is_no_ordinary_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    for path in (str(pipe), "/dev/zero", str(tmp_path), str(tmp_path / "nothing")):
        with pytest.raises(OSError, match=r"."):
            runtime_state.read_config_here(path)
    long = tmp_path / "long"
    long.write_text("x" * 11)
    monkeypatch.setattr(runtime_state, "CONFIG_MOST", 10)
    with pytest.raises(ValueError, match="too long"):
        runtime_state.read_config_here(str(long))
    long.write_bytes(b"\xff")
    with pytest.raises(ValueError, match="utf-8"):
        runtime_state.read_config_here(str(long))


@pytest.mark.parametrize("shell", [("sh", "-c"), ("fish", "-c"), ("zsh", "-fc")], ids="".join)
def test_a_path_is_no_command_of_the_shell_over_there(shell: tuple[str, ...], tmp_path: Path) -> None:
    """Behind ssh:// it is the shell of that user's login, which may be fish."""
    if shutil.which(shell[0]) is None:
        pytest.skip(f"{shell[0]} is not installed")
    made = tmp_path / "made"
    for name in ("-x", "it's \\", "\\'", "a\nb\x1b", "$(id)"):
        path = tmp_path / name
        path.write_text("{}")
        assert runtime_state.read_config(shell, str(path)) == "{}"
    with pytest.raises(subprocess.CalledProcessError):
        runtime_state.read_config(shell, f"a\\'; touch {made}; '")
    assert not made.exists()
    with pytest.raises(ValueError, match=r"."):
        runtime_state.read_config(shell, "/a\0b")


def test_a_path_is_no_option_of_the_program_over_there() -> None:
    for path in ("--version", "-v"):
        with pytest.raises(subprocess.CalledProcessError):
            runtime_state.read_config(("sh", "-c"), path)


def test_a_machine_that_answers_without_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(runtime_state, "CONFIG_MOST", 10)
    with pytest.raises(ValueError, match="more than 11 bytes"):
        runtime_state.read_config(("sh", "-c", "head -c 100000 /dev/zero"), "/x")
    with pytest.raises(ValueError, match="too long"):
        runtime_state.read_config(("sh", "-c"), "/dev/zero")
