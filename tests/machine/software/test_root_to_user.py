"""Servers that start as root and become another user: `tighten` starts them as that user, or says why it can't."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from machine.software.families import PROGRAMS
from machine.software.hardened import Shell, broken, engine_with_image, service
from machine.software.reach import up
from machine.software.table import held
from rig.fixtures import Engines

BY_NAME = {program.name: program for program in PROGRAMS}
# The exposure that is reached at least, and the program; as root it is above 4
BECOMES = (("nginx", 1.0), ("apache", 1.0), ("squid", 1.5), ("haproxy", 1.0))
STAYS = ("sshd", "cron", "postfix")  # whoever logs in, has jobs, or gets mail
CONFIGURATION = Path(__file__).parent / "roots" / "web" / "files" / "etc" / "haproxy" / "table.cfg"


def _tightened(name: str, kind: str, engines: Engines, folder: Path, *options: str) -> tuple[float, dict[str, str]]:
    """The exposure, and why what was left out was. All of it works."""
    program = replace(BY_NAME[name], options=(*BY_NAME[name].options, *options))
    rig = engine_with_image(engines, kind, program.family)
    with service(rig, program) as at:
        up(at, program.deep[0])
        code, told, said = Shell(rig, folder).run("tighten", at.name, "--yes", "--json", "--watch", "5")
        after = held(told.get("after"))
        assert code in (0, 1), said
        assert after is not None, said
        assert broken(program, at) == {}
        return after.exposure, {each["id"]: each["why"] for each in told["left_out"]}


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["docker_rootful", "podman_rootful", "podman_rootless"])
@pytest.mark.parametrize(("name", "most"), BECOMES, ids=[name for name, _ in BECOMES])
def test_as_the_user_that_it_becomes(name: str, most: float, kind: str, engines: Engines, tmp_path: Path) -> None:
    """Docker gives no capability to a user, so haproxy can't change its root directory there: the line is told."""
    if (name, kind) != ("haproxy", "docker_rootful"):
        assert _tightened(name, kind, engines, tmp_path)[0] <= most
        return
    _, left = _tightened(name, kind, engines, tmp_path)
    assert "/etc/haproxy/table.cfg:2: chroot /var/lib/haproxy" in left["user"]
    lines = CONFIGURATION.read_text().splitlines(keepends=True)
    without = tmp_path / "table.cfg"
    without.write_text("".join(line for line in lines if "chroot" not in line))
    options = ("-v", f"{without}:/etc/haproxy/table.cfg:ro")
    assert _tightened(name, kind, engines, tmp_path, *options)[0] <= most


@pytest.mark.slow
@pytest.mark.parametrize("name", STAYS)
def test_who_works_for_others_stays_root(name: str, engines: Engines, tmp_path: Path) -> None:
    exposure, left = _tightened(name, "docker_rootful", engines, tmp_path)
    assert exposure > 4
    assert left["user"]


@pytest.mark.slow
def test_low_ports_are_opened_in_its_own_network(engines: Engines, tmp_path: Path) -> None:
    """Where they are root's in that network, as in an older Docker's."""
    closed = ("--sysctl", "net.ipv4.ip_unprivileged_port_start=1024")
    exposure, left = _tightened("nginx", "docker_rootful", engines, tmp_path, *closed)
    assert "user" not in left
    assert exposure <= 1.0
