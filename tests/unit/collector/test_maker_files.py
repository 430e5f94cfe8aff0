"""Files of makers: fixed names, bounded, and nothing of what they hold beside what was asked."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from stratascope.collector import maker_files
from stratascope.collector.maker_files import FILE_MAX, files_of

SPEC = {
    "process": {"args": ["sh"], "env": ["TOKEN=secret"], "capabilities": {"bounding": ["CAP_KILL"], "x": 1}},
    "annotations": {"a": "secret"},
    "linux": {"namespaces": [{"type": "pid"}], "seccomp": {"defaultAction": "A", "syscalls": [1]}},
}


@pytest.fixture
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    if os.geteuid() != 0:
        pytest.skip("the files have to be root's")
    monkeypatch.setattr(maker_files, "STATES", (str(tmp_path),))
    monkeypatch.setattr(maker_files, "LXC", str(tmp_path))
    monkeypatch.setattr(maker_files, "NSPAWN", (str(tmp_path / "none"), str(tmp_path)))
    folder = tmp_path / "io.containerd.runtime.v2.task/k8s.io/web"
    folder.mkdir(parents=True)
    return folder / "config.json"


def shim(file: Path, name: str = "web") -> dict[str, str]:
    address = f"{file.parents[3]}/containerd.sock"
    return files_of("containerd-shim-runc-v2", ["shim", "-namespace", "k8s.io", "-id", name, "-address", address])


def test_of_a_task_only_what_was_asked_is_kept(file: Path) -> None:
    file.write_text(json.dumps(SPEC))
    assert json.loads(shim(file)[str(file)]) == {
        "process": {"args": ["sh"], "capabilities": {"bounding": ["CAP_KILL"]}},
        "linux": {"namespaces": [{"type": "pid"}], "seccomp": {"defaultAction": "A"}},
    }


@pytest.mark.parametrize("text", ["", "[]", "{", '{"process": 1}', "[" * 100000, " " * (FILE_MAX + 1)])
def test_what_is_none_is_left_out(file: Path, text: str) -> None:
    file.write_text(text)
    assert shim(file) == {}


def test_no_name_leads_elsewhere(file: Path, tmp_path: Path) -> None:
    file.write_text(json.dumps(SPEC))
    for name in ("../k8s.io/web", "", "web/../web", "-x", "w" * 200):
        assert shim(file, name) == {}
    assert (
        files_of("containerd-shim-runc-v2", ["shim", "-namespace", "k8s.io", "-id", "web", "-address", "/tmp/x"]) == {}
    )
    assert files_of("bash", ["shim"]) == {}
    file.rename(tmp_path / "elsewhere")
    file.symlink_to(tmp_path / "elsewhere")
    assert shim(file) == {}
    file.unlink()
    os.mkfifo(file)
    assert shim(file) == {}
    file.unlink()
    file.write_text(json.dumps(SPEC))
    os.chown(file, 1000, 1000)
    assert shim(file) == {}


def test_of_a_machine_of_lxc_its_own_lines_without_variables(file: Path, tmp_path: Path) -> None:
    (tmp_path / "box").mkdir()
    (tmp_path / "box/config").write_text("# secret\nlxc.uts.name = box\nlxc.environment = TOKEN=secret\nother = x\n")
    for words in (["-n", "box", "-F"], ["--name=box"], ["--name", "box"]):
        assert files_of("lxc-start", ["lxc-start", *words]) == {f"{tmp_path}/box/config": "lxc.uts.name = box"}
    assert files_of("lxc-start", ["lxc-start", "-n", "../box"]) == {}
    assert files_of("lxc-start", ["lxc-start", "-n"]) == {}


@pytest.mark.parametrize("line", ["-M box -D /srv/x", "--machine=box", "-D /srv/box/", "--image=/srv/box.raw"])
def test_settings_of_a_machine_of_nspawn(file: Path, tmp_path: Path, line: str) -> None:
    settings = tmp_path / "box.nspawn"
    settings.write_text("[Exec]\nEnvironment=TOKEN=secret\nPrivateUsers=yes\n")
    told = {str(settings): "[Exec]\nPrivateUsers=yes\n"}
    assert files_of("systemd-nspawn", ["systemd-nspawn", *line.split()]) == told
    assert files_of("systemd-nspawn", ["systemd-nspawn", "-M", "../box"]) == {}
