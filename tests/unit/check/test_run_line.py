"""Run commands taken apart: as a real shell makes words of them, and by the options that the real programs have."""

from __future__ import annotations

import re
import shutil
import subprocess

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stratascope.core.container import ENGINES, EngineKind
from stratascope.core.options.meaning import Options
from stratascope.core.options.table import ALIASES, UNPREDICTABLE, lettered, named
from stratascope.core.options.values import FLAG
from stratascope.formats.read import read
from stratascope.formats.run.read import ShellError, commands, read_words
from stratascope.formats.run.read import read as read_line
from stratascope.formats.text import NoFiles
from unit.check.shapes import FILES, engine, plain, told

_OPTION = re.compile(r"^\s+(?:-(\w), )?--([a-z0-9][a-z0-9-]*)(?: (\S+))?", re.M)


def said(text: str) -> list[tuple[str, str | None]]:
    """The options of the first command."""
    return [(each.name, each.value) for each in read_line(text, "x").services[0].said]


@pytest.mark.parametrize("kind", list(ENGINES))
def test_all_options_of_the_program_are_known(kind: EngineKind) -> None:
    """Those of `run --help`, with whether they take a value; and what each of them means, or that it means nothing."""
    if shutil.which(kind.value) is None:
        pytest.skip(f"there is no {kind}")
    text = subprocess.run((kind.value, "run", "--help"), capture_output=True, text=True, check=True).stdout
    found = {name: (short, value) for short, name, value in _OPTION.findall(text)}
    assert len(found) > 80
    options = Options(engine(kind), plain(kind).asked, "")
    for name, (short, value) in found.items():
        option = named(name, kind)
        assert option is not None, name
        assert (option.form is FLAG) is not bool(value), name
        assert not short or lettered(short, kind) == option, name
        assert (options.handler(option.name) is not None) is (option.touches and option.name not in UNPREDICTABLE), name


@pytest.mark.parametrize("kind", list(ENGINES))
def test_other_names_are_those_of_the_program(kind: EngineKind) -> None:
    if shutil.which(kind.value) is None:
        pytest.skip(f"there is no {kind}")
    others = dict.fromkeys(name for names in ALIASES.values() for name in (*names, "security-opts"))
    for name in others:
        done = subprocess.run((kind.value, "run", f"--{name}=1", "--help"), capture_output=True, check=False)
        assert (done.returncode == 0) is (named(name, kind) is not None), name


@settings(max_examples=60, deadline=None)
@given(st.lists(st.text(alphabet="ab-='\"\\ \t\n#", max_size=8), max_size=5).map(" ".join))
def test_words_are_those_of_a_shell(text: str) -> None:
    """dash, or whatever `sh` is here: the same words, or the same refusal."""
    line = f"printf '%s\\0' x {text}\n"
    done = subprocess.run(("sh", "-c", f"set -f\n{line}"), capture_output=True, check=False)
    try:
        ours = commands(line)
    except ShellError:
        assert done.returncode == 2
        return
    if done.returncode == 0 and len(ours) == 1:  # else a line of it is a command of its own
        assert [word.text for word in ours[0][2:]] == done.stdout.decode().split("\0")[:-1]


def test_options_in_all_their_forms() -> None:
    text = "docker run -itv /a:/b --pid=host -u1000 --cap-add SYS_ADMIN -m=64m --privileged=false --net host img -v x"
    assert said(text) == [
        ("interactive", None),
        ("tty", None),
        ("volume", "/a:/b"),
        ("pid", "host"),
        ("user", "1000"),
        ("cap-add", "SYS_ADMIN"),
        ("memory", "64m"),
        ("privileged", "false"),
        ("network", "host"),
    ]


def test_what_stands_before_the_command() -> None:
    for before in ("sudo -E docker", "FOO=1 podman --log-level debug", "/usr/bin/docker -H unix:///x container"):
        assert said(f"{before} run --pid host img") == [("pid", "host")]
    assert read_line("docker ps; docker rm run", "x").failed


def test_several_commands_and_their_lines() -> None:
    text = (FILES / "shell" / "several.sh").read_text()
    found = read(text, "several.sh", NoFiles())
    assert told(found) == [
        "several.sh:4 web = nginx:1.27",
        "  several.sh:4 detach",
        "  several.sh:4 name web",
        "  several.sh:5 publish 80:80",
        "  several.sh:6 cap-drop ALL",
        "  several.sh:6 cap-add NET_BIND_SERVICE",
        "  several.sh:7 env PASSWORD=very-secret-word",
        "several.sh:10 alpine-2 = alpine",
        "  several.sh:10 rm",
        "  several.sh:10 interactive",
        "  several.sh:10 tty",
        "  several.sh:10 volume $PWD:/work",
        "  several.sh:10 privileged",
        "! several.sh:10 {what} is left as it is: nothing is taken from the environment. {'what': '$PWD'}",
    ]


def test_words_of_a_command_line() -> None:
    found = read_words(["podman", "create", "--volume", "/a b:/c", "--", "img", "--privileged"])
    assert [(each.name, each.value) for each in found.services[0].said] == [("volume", "/a b:/c")]
    assert found.services[0].words == ("--privileged",)
