"""Foreign text in run commands: every shell calls with the words that were meant."""

from __future__ import annotations

import itertools
import shutil
import subprocess
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from rig.formats.everywhere import TEXTS, TRAPS, rotated
from stratascope.core.container import EngineKind
from stratascope.core.options.request import RunOptions
from stratascope.formats.export import ExportError, ExportKind, export
from stratascope.value import replace
from unit.formats.everything import EVERYTHING

_SHELLS = (("sh",), ("bash",), ("zsh", "-f"), ("zsh", "-fi"), ("fish", "--no-config"))
_TOOL = """#!/bin/sh
printf '%s\\0' "$#" "$@"
"""
_LISTS = st.lists(TEXTS, min_size=12, max_size=16)


def _called(shell: tuple[str, ...], texts: list[str], folder: Path) -> list[list[bytes]]:
    """The words of each call that a script of these commands makes."""
    if shutil.which(shell[0]) is None:
        pytest.skip(f"{shell[0]} is not installed")
    for tool in ("docker", "podman"):
        (folder / tool).write_text(_TOOL)
        (folder / tool).chmod(0o755)
    script = folder / "script"
    script.write_text("".join(texts), encoding="utf-8")
    pasted = shell[-1] == "-fi"
    with script.open("rb") as typed:
        done = subprocess.run(
            (*shell, *(() if pasted else (str(script),))),
            stdin=typed if pasted else subprocess.DEVNULL,
            capture_output=True,
            env={"PATH": f"{folder}:/usr/bin:/bin", "HOME": "/nonexistent", "TERM": "dumb"},
            cwd=folder,
            check=False,
        )
    calls, words = [], iter(done.stdout.split(b"\0")[:-1])
    for count in words:
        calls.append(list(itertools.islice(words, int(count))))
    assert len(calls) == len(texts), done.stderr
    assert not (folder / "made").exists()
    return calls


def _check_calls(texts: list[str], folder: Path) -> None:
    for kind, tool in ((EngineKind.DOCKER, ExportKind.DOCKER_RUN), (EngineKind.PODMAN, ExportKind.PODMAN_RUN)):
        made = rotated(kind, texts)[:: 1 if kind is EngineKind.DOCKER else 5]
        scripts = [export(tool, each, secrets=True) for each in made]
        scripts += [export(tool, each) for each in made[::5]]
        calls = _called(_SHELLS[0], scripts, folder)
        for options, call in zip(made, calls, strict=False):
            words = [word.decode() for word in call]
            for option, value in _meant(options):
                assert f"--{option}={value}" in words or _follows(words, f"--{option}", value), (option, value, words)
            assert words[-2:] == list(options.command)
        for shell in _SHELLS[1:]:
            assert _called(shell, scripts, folder) == calls, shell


def _meant(options: RunOptions) -> list[tuple[str, str]]:
    return [
        ("name", options.name),
        *(("label", f"{name}={value}") for name, value in options.labels),
        *(("env", f"{name}={value}") for name, value in options.environment),
        *(("group-add", group) for group in options.asked.groups),
        *(("health-cmd", test) for test in (options.health.test[1:] if options.health is not None else ()) if test),
        ("security-opt", f"seccomp={options.seccomp}"),
        *(("sysctl", f"{name}={value}") for name, value in options.sysctls),
    ]


def _follows(words: list[str], option: str, value: str) -> bool:
    return (option, value) in itertools.pairwise(words)


def test_every_shell_calls_with_the_words_that_were_meant(tmp_path: Path) -> None:
    _check_calls([text for text in TRAPS if "\0" not in text], tmp_path)


@settings(max_examples=6, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(_LISTS)
def test_any_text(tmp_path: Path, texts: list[str]) -> None:
    _check_calls(texts, tmp_path)


@pytest.mark.parametrize("kind", [ExportKind.DOCKER_RUN, ExportKind.PODMAN_RUN])
def test_an_image_is_no_option(kind: ExportKind, tmp_path: Path) -> None:
    options = replace(rotated(EngineKind.DOCKER, ["a"])[0], image="--privileged", entrypoint=None, command=("x",))
    (words,) = _called(("sh",), [export(kind, options)], tmp_path)
    assert words[-3:] == [b"--", b"--privileged", b"x"]


def test_a_variable_takes_no_others_with_it() -> None:
    """podman-run(1): `--env X*` is all of the caller's variables that begin so."""
    options = replace(EVERYTHING, kind=EngineKind.PODMAN, environment=(("*", "x"), ("A*", "y")))
    text = export(ExportKind.PODMAN_RUN, options)
    assert [line for line in text.splitlines() if "--env" in line and not line.startswith("#")] == []
    assert "--env *" in text


@pytest.mark.parametrize("text", ["\0", "a\0b", "\ud800"])
@pytest.mark.parametrize("kind", [ExportKind.DOCKER_RUN, ExportKind.PODMAN_RUN])
def test_what_no_shell_can_say_is_refused(kind: ExportKind, text: str) -> None:
    with pytest.raises(ExportError) as caught:
        export(kind, replace(EVERYTHING, labels=(("a", text),)))
    assert "can't express" in caught.value.message.id
