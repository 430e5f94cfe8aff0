"""What a process has of the machine's credentials and sockets: the right file and place, bounded, no content."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from rig.collector.asking import needs_root
from stratascope.collector.chroot import Files
from stratascope.collector.names import REACH, VARIABLES
from stratascope.collector.reach import FOUND_MAX, homes, read_reach
from stratascope.collector.reach_places import FILES
from stratascope.collector.serve import Collector
from stratascope.collector.variables import secret_names
from stratascope.linux.reach import Found, FoundFile, Seen, parse_reach

SECRET = "s3cr3t-that-nobody-may-see"


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home with a key, a token that everybody may read, and an agent's socket."""
    made = tmp_path / "home"
    for path in (".ssh/id_ed25519", ".npmrc", ".config/gh/hosts.yml"):
        file = made / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(SECRET)
        file.chmod(0o600)
    (made / ".ssh" / "id_ed25519.pub").write_text("public")
    monkeypatch.setenv("HOME", str(made))
    return made


def found_by(pid: int) -> Found:
    directory = os.open(f"/proc/{pid}", os.O_RDONLY | os.O_DIRECTORY)
    try:
        text = Path(f"/proc/{pid}/mountinfo").read_text(errors="surrogateescape")
        entry = read_reach(Files(directory, pid, text, False))
    finally:
        os.close(directory)
    assert entry[2] is not None, entry
    return parse_reach(str(entry[2]))


def of(found: Found, kind: str, home: Path) -> list[FoundFile]:
    return [file for file in found.files if file.kind == kind and file.path.startswith(str(home))]


@pytest.fixture
def elsewhere(home: Path, tmp_path: Path) -> Iterator[tuple[int, Path]]:
    """A process that has the folder of keys at another place, and an empty one at its own."""
    keys = tmp_path / "keys"
    keys.mkdir()
    script = f"mount --bind {home}/.ssh {keys} && mount -t tmpfs none {home}/.ssh && echo up && exec sleep 60"
    with subprocess.Popen(["unshare", "-m", "sh", "-c", script], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "up\n"
        try:
            yield process.pid, keys
        finally:
            process.kill()


def test_the_own_files_are_there(home: Path) -> None:
    found = found_by(os.getpid())
    (key,) = of(found, "ssh-keys", home)
    assert key.path == f"{home}/.ssh/id_ed25519"
    (place,) = [each for each in key.places if each.seen is Seen.SAME]
    assert (place.path, place.item.mode, place.item.uid) == (key.path, 0o600, os.getuid())
    assert len(place.way) == len(Path(key.path).parts) - 1
    assert found.seen
    assert not found.cut


def test_sockets_and_folders_are_told_as_such(home: Path) -> None:
    folder = home / ".docker" / "run"
    folder.mkdir(parents=True)
    with socket.socket(socket.AF_UNIX) as listening:
        before = Path.cwd()
        os.chdir(folder)  # a path of tmp_path may be too long for a socket
        listening.bind("docker.sock")
        os.chdir(before)
        found = found_by(os.getpid())
    (one,) = of(found, "docker-socket", home)
    assert one.what == "s"
    assert [each.path for each in of(found, "home", home)] == [str(home)]


@needs_root
def test_a_file_at_another_path_is_found_and_a_hidden_one_is_not(elsewhere: tuple[int, Path], home: Path) -> None:
    pid, keys = elsewhere
    (key,) = of(found_by(pid), "ssh-keys", home)
    assert [(place.path, place.seen) for place in key.places] == [(f"{keys}/id_ed25519", Seen.SAME)]


@needs_root
def test_a_link_that_the_process_made_is_not_followed(home: Path) -> None:
    script = f"mount -t tmpfs none {home}/.ssh && ln -s /etc/passwd {home}/.ssh/id_ed25519 && echo up && exec sleep 60"
    with subprocess.Popen(["unshare", "-m", "sh", "-c", script], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "up\n"
        (key,) = of(found_by(process.pid), "ssh-keys", home)
        process.kill()
    assert key.places == ()


def test_a_link_out_of_the_home_leads_to_the_file_behind_it(home: Path, tmp_path: Path) -> None:
    vault = tmp_path / "vault"
    vault.write_text(SECRET)
    (home / ".netrc").symlink_to(vault)
    (one,) = of(found_by(os.getpid()), "netrc", home)
    assert str(vault) in [place.path for place in one.places if place.seen is Seen.SAME]


def test_ten_thousand_keys_are_not_walked(home: Path) -> None:
    for number in range(10_000):
        (home / ".ssh" / f"key{number}").touch()
    began = time.thread_time()
    found = of(found_by(os.getpid()), "ssh-keys", home)
    assert time.thread_time() - began < 5.0
    assert len(found) <= FOUND_MAX + 2
    assert any(file.stands == "…" for file in found)


def test_no_byte_of_content_and_no_value_is_told(home: Path) -> None:
    environment = {"PATH": os.environ["PATH"], "API_TOKEN": SECRET, "PLAIN": "x", "DB_PASSWORD_FILE": "/run/x"}
    with subprocess.Popen(["sleep", "60"], env=environment) as process:
        try:
            (_, entries, _), *_ = Collector().capture([(process.pid, (REACH, VARIABLES), (), False, "")])[0]
        finally:
            process.kill()
    texts: dict[str, Any] = {entry[0]: entry[2] for entry in entries}
    assert SECRET not in json.dumps(texts)
    assert texts[VARIABLES] == "API_TOKEN\n"
    assert ".ssh/id_ed25519" in texts[REACH]


@pytest.mark.parametrize(
    ("text", "names"),
    [
        (b"", []),
        (b"AWS_SECRET_ACCESS_KEY=x\0", ["AWS_SECRET_ACCESS_KEY"]),
        (b"GITHUB_TOKEN=x\0OPENAI_API_KEY=y\0", ["GITHUB_TOKEN", "OPENAI_API_KEY"]),
        (b"PGPASSWORD=x\0", ["PGPASSWORD"]),
        (b"TOKEN=\0", []),  # no value
        (b"PWD=/\0OLDPWD=/\0SSH_AUTH_SOCK=/x\0MONKEY=1\0KEYBOARD=us\0PASSENGER=1\0", []),
        (b"MY_SECRET_FILE=/run/secrets/x\0", []),
        (b"BAD NAME_TOKEN=x\0\xff_TOKEN=x\0NO_EQUALS_TOKEN\0", []),
    ],
)
def test_names_that_look_like_a_secrets(text: bytes, names: list[str]) -> None:
    assert secret_names(text) == names


def test_the_own_home_comes_first(home: Path) -> None:
    assert homes()[0] == (os.geteuid(), str(home))


def test_each_kind_has_one_row() -> None:
    ids = [place.id for place in FILES]
    assert len(ids) == len(set(ids))
    assert {place.what for place in FILES} == {"f", "s", "d"}
