"""What real containers' programs import, read through real engines, and what the presets make of it.

The programs are this machine's own sshd and su, in an image of their own; they are read and never started. What becomes
of real services under these presets is tried in `tests/machine/software`.
"""

from __future__ import annotations

import tarfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from rig.engine import Rig
from rig.image import add, write_image
from stratascope.core.observation.imports import Programs
from stratascope.core.ports import Relauncher
from stratascope.core.relaunch.toggle import Preset
from stratascope.usecases.plan.programs import programs_of
from stratascope.wiring.hardening import ConnectedHardening, open_hardening

SSHD, HELPERS, SU = Path("/usr/sbin/sshd"), Path("/usr/lib/openssh"), Path("/usr/bin/su")
START = "#!/bin/sh\n# gosu\nchown app /tmp\nsleep 3600\nexec sshd -D\n"


@pytest.fixture(scope="module")
def logins(each_api: Rig, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Rig]:
    """An engine with the image `logins`."""
    if not SSHD.exists():
        pytest.skip("openssh-server is not installed here")
    archive = tmp_path_factory.mktemp("logins") / "root.tar"
    write_image(archive)
    with tarfile.open(archive, "a") as root:
        for path, mode in ((SSHD, 0o755), (SU, 0o4755), *((each, 0o755) for each in sorted(HELPERS.glob("sshd-*")))):
            add(root, str(path)[1:], path.read_bytes(), mode)
        add(root, "start", START.encode(), 0o755)
    each_api.run("import", str(archive), "logins:latest")
    yield each_api
    each_api.run("rmi", "-f", "logins:latest", check=False)


@contextmanager
def hardening(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> Iterator[ConnectedHardening]:
    monkeypatch.setenv("STRATASCOPE_ENGINES", f"{rig.kind}={rig.endpoint}")
    with open_hardening() as found:
        yield found


def chosen(found: ConnectedHardening, name: str, preset: Preset) -> dict[str, str]:
    access, number = found.container(name)
    state = access.read(number)
    assert state is not None
    return {choice.id: choice.value for choice in found.hardening.preset(state, preset)}


def looked(found: ConnectedHardening, name: str) -> Programs:
    access, number = found.container(name)
    container = next(each for each in access.containers() if each.id == number)
    programs = programs_of(access, container, access.port.changes(number))
    assert programs is not None
    return programs


def test_a_login_service_behind_a_start_script(logins: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    with logins.container(image="logins", command=("/start",)) as name, hardening(logins, monkeypatch) as found:
        programs = looked(found, name)
        paths = {program.path: program for program in programs.found}
        assert paths["/start"].commands == ("chown",), "a comment is no command"
        assert "setgroups" in paths["/usr/sbin/sshd"].imports
        assert programs.whole
        assert programs.set_uid == (str(SU),)
        given = found.container(name)[0].engine.kind.value
        kept = set(chosen(found, name, Preset.RESTRICTED)["capabilities"].split(","))
        assert kept >= {"CAP_SETUID", "CAP_SETGID", "CAP_CHOWN"}
        assert ("CAP_AUDIT_WRITE" in kept) is (given == "docker"), "Podman gives none of that"
        assert not kept & {"CAP_MKNOD", "CAP_NET_RAW", "CAP_SETFCAP"}
        assert "no-new-privileges" not in chosen(found, name, Preset.RECOMMENDED)


def test_of_busybox_nothing_is_known(logins: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    with logins.container() as name, hardening(logins, monkeypatch) as found:
        assert all(program.opaque for program in looked(found, name).found)
        assert chosen(found, name, Preset.RESTRICTED)["capabilities"] == "CAP_NET_BIND_SERVICE"
        assert chosen(found, name, Preset.RECOMMENDED)["no-new-privileges"] == "on"


def test_docker_makes_no_folder_because_of_it(
    docker_rootful: Rig, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """For its archive call it mounts all anew."""
    place = tmp_path / "gone"
    place.mkdir()
    with (
        docker_rootful.container("-v", f"{place}:/data") as name,
        hardening(docker_rootful, monkeypatch) as found,
    ):
        place.rmdir()
        access, number = found.container(name)
        container = next(each for each in access.containers() if each.id == number)
        assert programs_of(access, container, ()) is None
        assert not place.exists()
        port: Relauncher = access.port
        port.file(number, "/etc/passwd", 1 << 20, 60.0)
        assert place.exists(), "else the rule has no reason"
