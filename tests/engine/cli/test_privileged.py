"""`report --privileged`: what only root can read, printed, saved and replayed; a refusal is exit 2 and no report."""

from __future__ import annotations

import json
import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from rig.cli.command_line import run
from rig.engine import Rig
from rig.ordinary import as_user
from stratascope.collector.filters import why_not
from stratascope.core.capture import Reading
from stratascope.layers import all_layers
from stratascope.state import capture_file

WANTED = tuple(dict.fromkeys(name for layer in all_layers() for name in layer.privileged_wants))
needs_root = pytest.mark.skipif(os.geteuid() != 0 or bool(why_not()), reason="needs root")


def readings(file: Path) -> dict[str, Reading]:
    """All readings of the first process of the one container in a saved capture, by name."""
    (container,) = capture_file.load(file).containers
    assert container.found is not None
    return {reading.name: reading for reading in container.found.first.readings}


@pytest.fixture
def no_root(monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder in front of the PATH, open to the ordinary user, with a pkexec whose dialog is sent away."""
    folder = Path(tempfile.mkdtemp(prefix="strata-no-root-"))
    folder.chmod(0o755)
    pkexec = folder / "pkexec"
    pkexec.write_text("#!/bin/sh\necho 'Error executing command as another user: Request dismissed' >&2\nexit 126\n")
    pkexec.chmod(0o755)
    monkeypatch.setenv("PATH", f"{folder}:{os.environ['PATH']}")
    yield folder
    shutil.rmtree(folder)


@needs_root
def test_it_is_printed_saved_and_replayed(each_api: Rig, tmp_path: Path) -> None:
    without, with_it = tmp_path / "without.json", tmp_path / "with.json"
    with each_api.container("--user", "1000") as name:
        for file, words in ((without, ()), (with_it, ("--privileged",))):
            done = run("report", "--json", "--save-capture", str(file), *words, engines=each_api.endpoint)
            assert (done.returncode, done.stderr) == (0, "")
        live = json.loads(done.stdout)
        assert [container["id"] for container in live["containers"]] == [name]
    plain = {each.partition(":")[0] for each in readings(without)}
    more = readings(with_it)
    assert not plain & {"seccomp", "owner", "netns"}
    for wanted in WANTED:
        names = [each for each in more if each == wanted or (wanted == "seccomp:*" and each.startswith("seccomp:"))]
        assert names, f"{wanted} was not read"
        assert all(more[each].text is not None or wanted.startswith("owner:") for each in names)
    replayed = json.loads(run("report", "--json", "--from-capture", str(with_it)).stdout)
    assert replayed["containers"] == live["containers"]


def test_a_refusal_is_told_and_nothing_is_printed(docker_rootless: Rig, no_root: Path) -> None:
    done = as_user("report", "--privileged", endpoint=docker_rootless.endpoint)
    assert (done.returncode, done.stdout) == (2, "")
    assert "Nothing was started as root" in done.stderr
    assert "Request dismissed" in done.stderr
    assert as_user("report", endpoint=docker_rootless.endpoint).returncode == 0


def test_a_capture_can_t_be_read_again(tmp_path: Path) -> None:
    done = run("report", "--privileged", "--from-capture", str(tmp_path / "any"))
    assert (done.returncode, done.stdout) == (2, "")
    assert "leave out --privileged" in done.stderr
