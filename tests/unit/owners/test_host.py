"""Owners from inside a Flatpak: commands on the host, and refusals with the way out."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from stratascope import sandbox
from stratascope.core.container import Engine, EngineKind
from stratascope.core.ports import OwnerError
from stratascope.core.relaunch.owner import Owned, OwnerFile, OwnerKind
from stratascope.owners import host
from stratascope.owners.host import alone, run
from stratascope.owners.local import LocalOwners
from stratascope.value import replace
from unit.owners.fakes import program

CLOSED = "[Context]\nsockets=x11;\n"
OPEN = f"{CLOSED}[Session Bus Policy]\n{sandbox.NAME}=talk\n"
# flatpak-spawn: what is carried over, the descriptor, and the command, in nothing of our own environment
SPAWN = """
[ "$1" = --host ] || exit 9
shift
keep=
while :; do
    case $1 in
    --env=*) keep="$keep ${1#--env=}" ;;
    --forward-fd=*) [ -e /proc/self/fd/${1#--forward-fd=} ] || exit 8 ;;
    *) break ;;
    esac
    shift
done
exec env -i PATH=/usr/bin:/bin $keep "$@"
"""


@pytest.fixture
def inside(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The file that says what the sandbox may do; a stand-in for flatpak-spawn is found."""
    info = tmp_path / "info"
    info.write_text(OPEN)
    monkeypatch.setattr(sandbox, "INFO", info)
    program(tmp_path, "flatpak-spawn", SPAWN)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    return info


def test_outside_nothing_changes(tmp_path: Path) -> None:
    assert host.on_host(("docker", "x"), {"LC_ALL": "C"}, 3) == ("docker", "x")
    assert host.barred(OwnerKind.COMPOSE) is None
    assert host.unreachable(OwnerKind.COMPOSE, str(tmp_path / "none")) is None
    assert host.there(Path(sys.executable).name, {"PATH": str(Path(sys.executable).parent)})
    assert not host.there("docker", {"PATH": str(tmp_path)})
    assert host.config_home({"XDG_CONFIG_HOME": "/c", "HOME": "/h"}) == Path("/c")


def test_commands_run_on_the_host_without_the_sandbox_s_environment(inside: Path, tmp_path: Path) -> None:
    environ = {**os.environ, "LC_ALL": "C.UTF-8", "XDG_DATA_HOME": "/of/the/sandbox"}
    said = run(("env",), environ, limit=3600)
    assert "LC_ALL=C.UTF-8" in said
    assert "/of/the/sandbox" not in said
    file = tmp_path / "compose.yaml"
    file.touch()
    with alone(str(file), 1.0) as lock:
        assert run(("cat",), environ, limit=3600, lock=lock, given="through") == "through"
    assert host.there("env", environ)
    assert not host.there("no-such-command", environ)


def test_where_it_is_closed_no_command_is_tried(inside: Path, tmp_path: Path) -> None:
    inside.write_text(CLOSED)
    refusal = host.barred(OwnerKind.SYSTEMD)
    assert refusal is not None
    assert dict(refusal.instead.args)["command"] == sandbox.GRANT
    assert not host.there("env", dict(os.environ))
    assert not (tmp_path / "said").exists()


def test_a_file_that_was_not_given_names_its_folder(inside: Path, tmp_path: Path) -> None:
    here = tmp_path / "here"
    here.touch()
    assert host.unreachable(OwnerKind.COMPOSE, str(here)) is None
    refusal = host.unreachable(OwnerKind.COMPOSE, str(here), "/not given/compose.yaml")
    assert refusal is not None
    assert dict(refusal.text.args)["path"] == "/not given/compose.yaml"
    command = "flatpak override --user --filesystem='/not given' io.github.stratascope.Stratascope"
    assert dict(refusal.instead.args)["command"] == command


def test_the_host_s_own_configuration_folder(inside: Path) -> None:
    assert host.config_home({"XDG_CONFIG_HOME": "/sandbox", "HOME": "/h"}) == Path("/h/.config")
    assert host.config_home({"HOST_XDG_CONFIG_HOME": "/c", "HOME": "/h"}) == Path("/c")


def test_nothing_of_an_owner_is_touched_where_it_cannot_be_done(inside: Path, tmp_path: Path) -> None:
    """Neither is a file that can't be seen taken for one that somebody changed."""
    engine = Engine("docker", EngineKind.DOCKER, "unix:///run/docker.sock")
    source = tmp_path / "compose.yaml"
    source.write_text("services: {}\n")
    override = tmp_path / "compose.override.yaml"
    text = "# io.github.stratascope: shop 1\n"
    owned = Owned(OwnerKind.COMPOSE, "shop", (("a", "b"),), (str(source),), (OwnerFile(str(override), text),), 1.0)
    owners = LocalOwners(engine)
    owners.put(owned)
    assert owners.holds(owned)
    for access, sources in ((CLOSED, (str(source),)), (OPEN, ("/not/given/compose.yaml",))):
        inside.write_text(access)
        out = replace(owned, sources=sources)
        for act in (owners.check, owners.holds, owners.put, owners.take, owners.recreate):
            with pytest.raises(OwnerError) as caught:
                act(out)
            assert caught.value.words.startswith("flatpak override --user ")
    assert override.read_text() == text
