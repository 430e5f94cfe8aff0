"""The unit of the background service: as systemd reads it, whatever the paths are, and taken away without a trace."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from stratascope import user_service
from stratascope.desktop_files import UnfitError
from stratascope.sealed_files import CHANGED, BlockedError

HOME = {"HOME": "/home/x"}


def verified(folder: Path, command: tuple[str, ...], environ: dict[str, str]) -> str:
    """What systemd objects to."""
    path = folder / user_service.NAME
    path.write_bytes(user_service.unit(command, environ))
    done = subprocess.run(
        ("systemd-analyze", "--user", "verify", "--man=no", "--recursive-errors=no", path),
        capture_output=True, text=True, check=False, env=os.environ | {"XDG_RUNTIME_DIR": str(folder)},
    )  # fmt: skip
    return "\n".join(line for line in done.stderr.splitlines() if user_service.NAME in line)


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="systemd is not installed")
@pytest.mark.parametrize("name", ["stratascope", "a b", "50% $HOME", "quo\"te's", "back\\slash", "日本", ";", "%h"])
def test_systemd_reads_what_was_meant(tmp_path: Path, name: str) -> None:
    program = tmp_path / name / "strata scope"
    program.parent.mkdir()
    program.write_text("#!/bin/sh\n")
    direct = not set(name) & set("\"'\\")  # else env(1) is what is started
    assert ("not executable" in verified(tmp_path, (str(program),), HOME)) is direct  # it was looked for by this name
    program.chmod(0o755)
    assert verified(tmp_path, (str(program),), {**HOME, "DOCKER_HOST": f"unix:///{name}"}) == ""


def test_what_is_carried_into_it() -> None:
    environ = {**HOME, "DOCKER_HOST": 'ssh://a b"%h$x', "PATH": "/bin", "SECRET": "x", "XDG_STATE_HOME": ""}
    text = user_service.unit(("/usr/bin/python3", "-m", "stratascope"), environ).decode()
    assert 'ExecStart="/usr/bin/python3" "-m" "stratascope" "background"\n' in text
    assert [line for line in text.splitlines() if line.startswith("Environment")] == [
        'Environment="DOCKER_HOST=ssh://a b\\"%%h$x"'
    ]


@pytest.mark.parametrize("path", ["/a\nExecStart=/bin/x", "/a\x1b[2J", "/\udcff"])
def test_what_no_unit_can_hold(path: str) -> None:
    with pytest.raises(UnfitError):
        user_service.unit((path,), HOME)
    with pytest.raises(UnfitError):
        user_service.unit(("/x",), {**HOME, "DOCKER_HOST": path})


def test_what_env_would_take_for_a_variable() -> None:
    with pytest.raises(UnfitError):
        user_service.unit(("/a'b=c/x",), HOME)


def test_it_leaves_without_a_trace_and_spares_what_was_changed(tmp_path: Path) -> None:
    path = user_service.unit_path({**HOME, "XDG_CONFIG_HOME": str(tmp_path)})
    assert path == tmp_path / "systemd" / "user" / user_service.NAME
    assert user_service.install(path, ("/opt/x",), HOME).written == (path,)
    assert user_service.install(path, ("/opt/x",), HOME).unchanged == (path,)
    link = path.parent / "default.target.wants" / user_service.NAME
    link.parent.mkdir()
    link.symlink_to(path)
    assert user_service.remove(path).removed == (path,)
    assert not link.is_symlink()
    user_service.install(path, ("/opt/x",), HOME)
    path.write_text(path.read_text().replace("Nice=10", "Nice=0"))
    with pytest.raises(BlockedError):
        user_service.install(path, ("/opt/y",), HOME)
    assert user_service.remove(path).kept == ((path, CHANGED),)
    assert "Nice=0" in path.read_text()
