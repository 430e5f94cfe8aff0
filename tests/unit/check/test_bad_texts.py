"""Texts that are wrong, or meant to do harm: a sentence with the line, nothing run, no secret told."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stratascope.formats.read import MOST, read
from stratascope.formats.text import NoFiles, Read
from stratascope.i18n.translate import translate

BOMB = "a: &a [x,x,x,x,x,x,x,x,x,x]\n" + "".join(
    f"{name}: &{name} [{','.join(f'*{before}' for _ in range(10))}]\n"
    for before, name in zip("abcdefgh", "bcdefghi", strict=True)
)
BAD = {
    # text: the line, and a word of the sentence
    BOMB: (5, "aliases"),
    "services: &a\n  x: *a\n": (2, "back to itself"),
    "services:\n  a:\n    image: *none\n": (3, "no anchor"),
    "services:\n\ta:\n": (2, "tab"),
    "services:\n  a: {image: a\n": (3, "not YAML"),
    "services:\n  a: {}\n  a: {}\n": (3, "twice"),
    "services:\n  {{ .Values.name }}:\n    image: a\n": (2, "template"),
    "services:\n  a:\n    image: {{ image }}\n": (3, "template"),
    "{% for a in b %}\nservices: {}\n": (1, "template"),
    "[" * 100: (1, "deep"),
    "services: {}\n": (0, "no service"),
    "hello\n": (0, "not recognised as a run command"),
    "": (0, "not recognised as a run command"),
    "docker run --name 'web nginx\n": (1, "never closed"),
    "docker run\n": (1, "no image"),
    "docker run -d \\\n  --memory\n": (1, "no image"),
    "x\0y\n": (1, "null bytes"),
    "apiVersion: v1\nkind: ConfigMap\n": (0, "no pod"),
    "[Container]\nImage=a\nnonsense\n": (3, "not a line of a unit"),
    "x" * (MOST + 1): (0, "too long"),
}


def told(found: Read) -> str:
    """All that is said of it."""
    return "\n".join(f"{problem.place} {translate(problem.text)}" for problem in found.problems)


@pytest.mark.parametrize("text", BAD, ids=lambda text: repr(text[:30]))
def test_it_is_refused_with_its_line(text: str) -> None:
    line, word = BAD[text]
    found = read(text, "file", NoFiles())
    assert found.failed
    fatal = next(problem for problem in found.problems if problem.fatal)
    assert fatal.place.line == line
    assert word in translate(fatal.text)


def test_what_is_only_odd_is_told_and_the_rest_judged() -> None:
    text = (
        "docker run \\\n  --no-such-option \\\n  --memory lots \\\n  --cap-add FLY \\\n  -v nowhere:relative \\\n"
        '  -v "$HOME/x:/x" \\\n  --privileged img\n'
    )
    found = read(text, "file", NoFiles())
    assert not found.failed
    assert [said.name for said in found.services[0].said] == ["memory", "cap-add", "volume", "volume", "privileged"]
    assert "file:2 " in told(found)
    assert "file:6 $HOME" in told(found)


def test_nothing_is_taken_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SECRET_USER", "taken")
    text = "services:\n  a:\n    image: a\n    user: ${SECRET_USER}\n    privileged: ${OTHER:-true}\n"
    found = read(text, "compose.yml", NoFiles())
    assert [(said.name, said.value) for said in found.services[0].said] == [("privileged", "true")]
    assert "compose.yml:4" in told(found)
    assert "taken" not in told(found)


def test_no_secret_is_told() -> None:
    texts = (
        "docker run -e PASSWORD=geheim --env TOKEN=geheim --oops=geheim img\n",
        "services:\n  a: {image: a, environment: {PASSWORD: geheim}, command: --password geheim, oops: geheim}\n",
        "[Container]\nImage=a\nEnvironment=PASSWORD=geheim\nOops=geheim\n",
        "apiVersion: v1\nkind: Pod\nspec: {containers: [{name: a, image: a, env: [{name: P, value: geheim}]}]}\n",
    )
    for text in texts:
        found = read(text, "file", NoFiles())
        assert found.services
        assert "geheim" not in told(found)


def test_several_documents() -> None:
    text = "services:\n  a: {image: a}\n---\nservices:\n  b: {image: b}\n"
    found = read(text, "file", NoFiles())
    assert [service.name for service in found.services] == ["a"]
    assert "file:4" in told(found)


def run(*words: str, text: bytes = b"") -> subprocess.CompletedProcess[bytes]:
    """`stratascope check` without an engine."""
    environ = {**os.environ, "PYTHONPATH": "app", "STRATASCOPE_ENGINES": "docker=unix:///nowhere/docker.sock"}
    return subprocess.run(
        (sys.executable, "-m", "stratascope", "check", *words),
        env=environ,
        input=text,
        capture_output=True,
        check=False,
    )


@pytest.mark.parametrize(
    ("text", "word"),
    [
        ("services: {}".encode("utf-16"), b"UTF-8"),
        ("# Gr\u00fc\u00dfe\nservices: {}".encode("latin-1"), b"line 1: this is not UTF-8"),
        (b"x" * (5 << 20), b"too long"),
        (b"nothing\n", b"not recognised as a run command"),
    ],
)
def test_the_command_ends_with_2(text: bytes, word: bytes, tmp_path: Path) -> None:
    file = tmp_path / "compose.yml"
    file.write_bytes(text)
    done = run(str(file))
    assert done.returncode == 2
    assert done.stdout == b""
    assert word in done.stderr
    assert b"Traceback" not in done.stderr


def test_a_huge_file_is_not_read(tmp_path: Path) -> None:
    file = tmp_path / "huge.yml"
    with file.open("wb") as made:
        made.truncate(100 << 20)
    assert run(str(file)).returncode == 2


def test_without_an_engine_it_is_judged_as_one_is_known_to_be() -> None:
    done = run("-", text=b"docker run --privileged --name box img\n")
    assert done.returncode == 0
    assert b"box" in done.stdout
    assert b"No engine answers here" in done.stdout
    assert run("--fail-above", "9", "--", "docker", "run", "--privileged", "img").returncode == 1
    # what nobody knows opens no gate
    text = b"services:\n  a: {image: a, user: '1', cap_drop: [ALL], privileged: '${X}'}\n"
    assert run("--fail-above", "9.9", "-", text=text).returncode == 2
    assert run("--fail-above", "9.9", "--env", "X=false", "-", text=text).returncode == 0
    assert run("--fail-above", "9", "--env", "X=true", "-", text=text.replace(b"user: '1', ", b"")).returncode == 1
    assert run("--service", "none", "-", text=b"docker run --name box img\n").returncode == 2
    assert run().returncode == 2
    rootless = run("--engine", "podman-rootless", "--json", "--", "podman", "run", "--name", "box", "img")
    assert (rootless.returncode, b'"id": "podman-rootless"' in rootless.stdout) == (0, True)
    assert run("--engine", "nonsense", "--", "podman", "run", "img").returncode == 2


@given(st.text(alphabet="abc:-{}[]&*!|>'\"#%@`$\\ \n\tdocker run=/.,", max_size=200))
def test_nothing_gets_through_as_a_fault(text: str) -> None:
    for file in ("x.yml", "x.container", "x.sh"):
        read(text, file, NoFiles())
        read(f"docker run {text}", file, NoFiles())
        read(f"services:\n  a:\n    image: a\n    {text}", file, NoFiles())


ENDLESS = {
    "docker ": ("x.sh", 140_000),
    "${": ("x.sh", 500_000),
    "docker run img;": ("x.sh", 60_000),
    "`": ("x.sh", 900_001),
    "docker run --x ": ("x.sh", 60_000),
    "A=\nB=x\n": ("x.container", 150_000),
    "[Container]\nImage=x\n": ("x.container", 45_000),
    "${A:-": ("x.yml", 200_000),
    "- ": ("x.yml", 500_000),
    "a: &a {<<: *a}\n": ("x.yml", 60_000),
    "{": ("x.yml", 1_000_000),
    "services:\n": ("x.yml", 90_000),
}


@pytest.mark.parametrize("piece", ENDLESS)
def test_no_text_costs_more_than_its_length(piece: str) -> None:
    """As much as is read, of what is hard to take apart; pytest's own limit ends what would go on."""
    file, count = ENDLESS[piece]
    found = read(piece * count, file, NoFiles())
    assert found.problems or found.services


class Project(NoFiles):
    """With a `.env` in which values hold each other."""

    def read(self, path: str) -> str | None:
        lines = ["A0=0123456789", *(f"A{number}=${{A{number - 1}}}${{A{number - 1}}}" for number in range(1, 60))]
        return "\n".join(lines) if path.endswith(".env") else None


def test_variables_that_hold_each_other_come_to_an_end() -> None:
    for count, length in ((1, 4000), (1000, 200_000)):
        text = "services:\n  a:\n    image: a\n    labels:\n      a: '" + "${A59}" * count + "'\n"
        found = read(text, "compose.yml", Project())
        assert len(found.services[0].labels[0][1]) < length + 1000


def test_of_many_services_some_are_read() -> None:
    services = "".join(f"  s{number}: {{image: a}}\n" for number in range(5000))
    found = read(f"services:\n{services}", "compose.yml", NoFiles())
    assert len(found.services) == 500
    assert "500" in told(found)
