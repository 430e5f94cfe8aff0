"""What processes say of themselves: read in time whatever they do, without the secrets that are handed on in it."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from stratascope.collector import own_words
from stratascope.collector.own_words import ARGUMENTS_MAX, Question, ask, without_values


@contextmanager
def running(*argv: str, **more: str) -> Iterator[Question]:
    with subprocess.Popen(argv, env={**os.environ, **more}, executable="/bin/sh", start_new_session=True) as process:
        try:
            stat = Path(f"/proc/{process.pid}/stat").read_text()
            start = int(stat.rsplit(")", 1)[1].split()[19])
            yield Question(process.pid, start, arguments=True, environment=True)
        finally:
            os.killpg(process.pid, signal.SIGKILL)


def test_arguments_and_only_the_names_of_variables_that_are_signs() -> None:
    with running("sh", "-c", "sleep 600; :", container="secret", CLAUDECODE="1", TOKEN="secret") as question:
        ((pid, said),) = ask([question])
    assert pid == question.pid
    assert said["argv"] == ["sh", "-c", "sleep 600; :"]
    assert {"container", "CLAUDECODE"} <= set(said["environment"])
    assert "TOKEN" not in said["environment"]
    assert "secret" not in str(said)


def test_a_long_line_and_control_characters_are_bounded() -> None:
    with running("\x1b[31m\n", "-c", "sleep 600; :", "x" * 100_000, "y" * 100_000) as question:
        ((_, said),) = ask([question])
    assert said["argv"][0] == "\x1b[31m\n"
    assert sum(map(len, said["argv"])) <= ARGUMENTS_MAX


def test_another_process_with_the_number_says_nothing() -> None:
    with running("sh", "-c", "sleep 600; :") as question:
        assert list(ask([Question(question.pid, question.start + 1, arguments=True)])) == []


def test_one_that_makes_a_read_wait_costs_the_others_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    # what only a FUSE can bring about: a read that does not return
    shell = ("sh", "-c", "sleep 600; :")
    real = own_words.answer_to
    with running(*shell) as one, running(*shell) as silent, running(*shell) as other:

        def answer(question: Question, sights: dict[Any, Any]) -> dict[str, Any]:
            if question.pid == silent.pid:
                time.sleep(600)
            return real(question, sights)

        monkeypatch.setattr(own_words, "answer_to", answer)
        told = dict(ask([one, silent, other]))
        assert [each.pid in told for each in (one, silent, other)] == [True, False, True]
        assert list(ask([silent] * 20)) == []


@pytest.mark.parametrize(
    ("words", "told"),
    [
        ("bwrap --setenv KEY secret --unsetenv X sh", "bwrap --setenv KEY ... --unsetenv X sh"),
        ("systemd-nspawn --setenv=KEY=secret -E A=secret", "systemd-nspawn --setenv=KEY=... -E A=..."),
        ("run --env KEY=secret x", "run --env KEY=... x"),
        ("curl http://me:secret@host/x", "curl http://...@host/x"),
        ("socat - PROXY:h:1,proxyauth=me:secret", "socat - PROXY:h:1,proxyauth=..."),
        ("ls -E /etc --setenv", "ls -E /etc --setenv"),
    ],
)
def test_values_that_are_handed_on_are_not_told(words: str, told: str) -> None:
    assert without_values(words.split()) == told.split()


def test_nor_those_in_a_script() -> None:
    script = "bwrap --setenv KEY 'sec ret'\"'\"'secret' --setenv A secret --ro-bind / / sh"
    assert without_values(["sh", "-c", script]) == [
        "sh",
        "-c",
        "bwrap --setenv KEY ... --setenv A ... --ro-bind / / sh",
    ]
