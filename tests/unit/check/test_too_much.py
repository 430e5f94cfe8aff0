"""Whatever a text and the files that it names say: a reader comes to an end, in bounded memory, with one sentence."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from stratascope.i18n.translate import translate
from stratascope.usecases.check.check import Checked
from stratascope.wiring.check import checker
from stratascope.wiring.engines import open_engines
from unit.check.limits import limit
from unit.check.too_much import CYCLE, TEXTS, VARIABLES

UNREADABLE = "can't be read"


def put(files: dict[str, str], folder: Path) -> Path:
    """The files in a folder, in which `here` is that folder again; the first of them."""
    (folder / "here").symlink_to(".")
    for name, text in files.items():
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_text(text)
    return folder / next(iter(files))


def judged(file: Path, monkeypatch: pytest.MonkeyPatch) -> Checked:
    """As without an engine."""
    monkeypatch.setenv("STRATASCOPE_ENGINES", "docker=unix:///nowhere/docker.sock")
    with open_engines() as engines:
        return checker(engines, variables=VARIABLES).text(file.read_text(), str(file), 0.0)


def told(found: Checked) -> list[str]:
    """Without what is said of each image that is not there."""
    said = [f"{problem.place} {translate(problem.text)}" for problem in found.problems]
    return [each for each in said if "The image" not in each]


def command(*words: str) -> subprocess.CompletedProcess[str]:
    """`stratascope check`, which is ended where it takes more than is allowed."""
    return subprocess.run(
        (sys.executable, "-m", "stratascope", "check", *words),
        env={**os.environ, "PYTHONPATH": "app", "STRATASCOPE_ENGINES": "docker=unix:///nowhere/docker.sock"},
        capture_output=True,
        text=True,
        check=False,
        stdin=subprocess.DEVNULL,
        preexec_fn=limit,
    )


@pytest.mark.parametrize("name", TEXTS)
def test_one_sentence_with_the_line(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    case = TEXTS[name]
    found = judged(put(case.files, tmp_path), monkeypatch)
    (said,) = (each for each in told(found) if case.word in each)
    assert said.partition(" ")[0].endswith(case.place), said
    assert found.failed == (case.word != CYCLE)
    assert found.failed or any(problem.unread for problem in found.problems)


def test_all_of_them_in_bounded_memory(tmp_path: Path) -> None:
    """One after the other in a process that may have a gigabyte."""
    files = []
    for number, case in enumerate(TEXTS.values()):
        (tmp_path / str(number)).mkdir()
        files.append(str(put(case.files, tmp_path / str(number))))
    script = (
        "import sys; from unit.check.too_much import VARIABLES; from pathlib import Path;"
        "from stratascope.wiring.check import checker; from stratascope.wiring.engines import open_engines\n"
        "with open_engines() as engines:\n"
        "    for file in sys.argv[1:]:\n"
        "        checker(engines, variables=VARIABLES).text(Path(file).read_text(), file, 0.0)\n"
        "        print(file)\n"
    )
    done = subprocess.run(
        (sys.executable, "-c", script, *files),
        env={**os.environ, "PYTHONPATH": "app:tests", "STRATASCOPE_ENGINES": "docker=unix:///nowhere/docker.sock"},
        capture_output=True,
        text=True,
        check=False,
        preexec_fn=limit,
    )
    assert (done.returncode, done.stdout.splitlines()) == (0, files), done.stderr[-2000:]


@pytest.mark.parametrize(
    "name", ["two include each other", "merges of merges", "drop-ins", "a path of thousands of folders"]
)
def test_the_command(name: str, tmp_path: Path) -> None:
    case = TEXTS[name]
    file = put(case.files, tmp_path)
    done = command(str(file))
    assert done.returncode == (0 if case.word == CYCLE else 2), done.stderr
    (said,) = (line for line in done.stderr.splitlines() if case.word in line)
    assert f"{case.place}: " in said
    assert command("--fail-above", "9.9", str(file)).returncode == 2, "what nobody knows opens no gate"


SPECIAL = (
    *("fifo", "socket", "folder", "large", "to-kmsg", "to-fifo"),
    *("/proc/kmsg", "/proc/self/environ", "/sys/kernel/uevent_seqnum", "/dev/zero", "/dev/full"),
)
NAMES = {
    # how each language names a file: the text, and the line
    "include": ("compose.yml", "services: {a: {image: a}}\ninclude:\n  - FILE\n", 3),
    "extends": ("compose.yml", "services:\n  a:\n    image: a\n    extends: {file: FILE, service: b}\n", 4),
    "seccomp": ("compose.yml", "services:\n  a:\n    image: a\n    security_opt: ['seccomp=FILE']\n", 4),
    "run": ("run.sh", "docker run \\\n --security-opt seccomp=FILE img\n", 2),
    "kube": ("x.kube", "[Kube]\nYaml=FILE\n", 2),
    "volume": ("x.container", "[Container]\nImage=a\nVolume=v.volume:/v\n", 3),
    "drop-in": ("x.container", "[Container]\nImage=a\n", 0),
}
PLACES = {"volume": "v.volume", "drop-in": "x.container.d/a.conf"}


@pytest.mark.parametrize("special", SPECIAL)
@pytest.mark.parametrize("how", NAMES)
def test_only_ordinary_files_are_read(how: str, special: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    name, text, line = NAMES[how]
    os.mkfifo(tmp_path / "fifo")
    (tmp_path / "folder").mkdir()
    (tmp_path / "to-kmsg").symlink_to("/proc/kmsg")
    (tmp_path / "to-fifo").symlink_to("fifo")
    with (tmp_path / "large").open("wb") as made:
        made.truncate(100 << 20)
    if how in PLACES:
        (tmp_path / PLACES[how]).parent.mkdir(exist_ok=True)
        (tmp_path / PLACES[how]).symlink_to(tmp_path / special)
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(str(tmp_path / "socket"))
        found = judged(put({name: text.replace("FILE", special)}, tmp_path), monkeypatch)
    (said,) = (each for each in told(found) if UNREADABLE in each)
    assert said.startswith(f"{tmp_path}/{name}:{line} " if line else f"{tmp_path}/{PLACES[how]} "), said


def test_the_command_reads_no_special_file(tmp_path: Path) -> None:
    for path in ("/proc/kmsg", "/dev/zero", str(tmp_path)):
        assert command(path).returncode == 2
    file = put({"compose.yml": "services: {a: {image: a}}\ninclude: [/dev/zero]\n"}, tmp_path)
    done = command("--fail-above", "9.9", str(file))
    assert done.returncode == 2
    assert f"{file}:2: The file /dev/zero can't be read" in done.stderr


def test_a_drop_in_linked_to_nothing_is_out_of_effect(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As systemd.unit(5) has it."""
    file = put(
        {"x.container": "[Container]\nImage=a\n", "x.container.d/a.conf": "[Container]\nReadOnly=true\n"}, tmp_path
    )
    (tmp_path / "x.container.d/b.conf").symlink_to("/dev/null")
    found = judged(file, monkeypatch)
    assert told(found) == []
    assert [(said.name, said.value) for said in found.read.services[0].said] == [("read-only", "true")]


ORDINARY = {
    "levels of extends": {"compose.yml": "services:\n" + "".join(
        f"  s{n}: {{cap_add: [CHOWN], extends: s{n + 1}}}\n" for n in range(8))
        + "  s8: {image: a, cap_add: [KILL]}\n"},
    "a diamond": {"compose.yml": "include: [b.yml, c.yml]\nservices: {a: {image: a}}\n",
                  "b.yml": "include: [d.yml]\nservices: {b: {image: a}}\n",
                  "c.yml": "include: [d.yml]\nservices: {c: {image: a}}\n", "d.yml": "services: {d: {image: a}}\n"},
    "many files": {"compose.yml": f"include: {[f'{n}.yml' for n in range(60)]}\nservices: {{a: {{image: a}}}}\n"}
    | {f"{n}.yml": f"services: {{s{n}: {{image: a}}}}\n" for n in range(60)},
    "anchors and merges": {"compose.yml": "x-a: &a {cap_drop: [ALL], restart: always}\nx-b: &b {read_only: true}\n"
                           "services:\n" + "".join(f"  s{n}: {{image: a, <<: [*a, *b]}}\n" for n in range(60))},
    "ports and mounts": {"compose.yml": "services:\n  a:\n    image: a\n    ports:\n"
                         + "".join(f"      - '{n}:{n}'\n" for n in range(8000, 8150)) + "    volumes:\n"
                         + "".join(f"      - /srv/{n}:/srv/{n}\n" for n in range(99))},
    "drop-ins": {"x.container": "[Container]\nImage=a\n"} | {
        f"x.container.d/{n:02}.conf": f"[Container]\nVolume=/srv/{n}:/{n}\n" for n in range(60)},
}  # fmt: skip


@pytest.mark.parametrize("name", ORDINARY)
def test_what_people_write_is_read_as_ever(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    found = judged(put(ORDINARY[name], tmp_path), monkeypatch)
    assert told(found) == []
    services = found.read.services
    counts = {"levels of extends": 9, "a diamond": 4, "many files": 61, "anchors and merges": 60}
    assert len(services) == counts.get(name, 1)
    said = services[0].said
    if name == "levels of extends":
        assert [each.value for each in said] == ["KILL", *["CHOWN"] * 8]
    if name == "drop-ins":
        assert len(said) == 60


def test_of_too_many_options_the_line_is_the_containers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each is left out in turn to see what it asked for, as long as there are few enough."""
    places = {}
    for count in (50, 300):
        text = "services:\n  a:\n    image: a\n    privileged: true\n    volumes:\n"
        text += "".join(f"      - v{number}:/srv/{number}\n" for number in range(count))
        (tmp_path / str(count)).mkdir()
        found = judged(put({"compose.yml": text}, tmp_path / str(count)), monkeypatch)
        assert found.snapshot is not None
        findings = found.snapshot.containers[0].findings
        places[count] = {finding.source.rpartition(":")[2] for finding in findings}
    assert "4" in places[50]
    assert places[300] == {"2"}
