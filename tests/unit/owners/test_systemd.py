"""What systemd is asked, and what is made of answers that a real one does not give."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest

from stratascope.core.container import Asked, Container, Engine, EngineKind, Status
from stratascope.core.ports import OwnerError
from stratascope.core.relaunch.launch_spec import LaunchSpec
from stratascope.core.relaunch.owner import OwnerPlan, OwnerRefusal, OwnerText
from stratascope.owners import files
from stratascope.owners.systemd import Systemd
from stratascope.value import replace
from unit.owners.fakes import program, said

ROOTFUL = Engine("podman", EngineKind.PODMAN, "unix:///p.sock", version="5.4.2", daemon_uid=0)
ROOTLESS = replace(ROOTFUL, rootless=True, daemon_uid=1000)
SPEC = LaunchSpec("podman", EngineKind.PODMAN, "a" * 64, "web", "bb", "1", Asked(), "{}", "{}", stop_timeout=1)
TEXT = "[Container]\nNoNewPrivileges=true\n"


class Unit:
    def __init__(self, folder: Path) -> None:
        self.bin, self.folder = folder / "bin", folder / "units"
        for path in (self.bin, self.folder):
            path.mkdir()
        self.source = self.folder / "web.container"
        self.source.write_text("[Container]\nImage=bb\n")
        self.drop_in = self.folder / "web.container.d" / "50-stratascope.conf"
        self.show()
        self.image("null")

    def image(self, labels: str, status: int = 0) -> None:
        program(self.bin, "podman", f"echo '{labels}'; exit {status}")

    def show(self, **changed: str) -> None:
        found = {
            "LoadState": "loaded",
            "ActiveState": "active",
            "SourcePath": str(self.source),
            "NeedDaemonReload": "no",
            **changed,
        }
        lines = "\n".join(f"echo {name}={value}" for name, value in found.items())
        program(self.bin, "systemctl", f'case "$*" in *show*)\n{lines};; esac')

    def container(self, unit: str = "web.service") -> Container:
        made = time.time() + 1
        labels = (("PODMAN_SYSTEMD_UNIT", unit),)
        return Container("podman", "a" * 64, "web", "bb", Status.RUNNING, 7, made, made, labels=labels)

    def plan(
        self, engine: Engine = ROOTFUL, uid: int = 0, unit: str = "web.service", text: str = TEXT
    ) -> OwnerPlan | OwnerRefusal:
        manager = Systemd(engine, {"PATH": str(self.bin), "HOME": str(self.folder)}, uid)
        return manager.plan(self.container(unit), SPEC, lambda: OwnerText(text))

    def refused(self, engine: Engine = ROOTFUL, uid: int = 0, unit: str = "web.service") -> str:
        found = self.plan(engine, uid, unit)
        assert isinstance(found, OwnerRefusal), found
        return found.text.id


@pytest.fixture
def unit(tmp_path: Path) -> Unit:
    return Unit(tmp_path)


@pytest.mark.parametrize(
    ("engine", "uid", "words"),
    [(ROOTFUL, 0, "systemctl --no-ask-password"), (ROOTLESS, 1000, "systemctl --user --no-ask-password")],
    ids=["root", "user"],
)
def test_the_plan_names_file_and_commands(unit: Unit, engine: Engine, uid: int, words: str) -> None:
    plan = unit.plan(engine, uid)
    assert isinstance(plan, OwnerPlan)
    (file,) = plan.files
    assert (file.path, file.before) == (str(unit.drop_in), None)
    assert plan.commands == (f"{words} daemon-reload", f"{words} restart -- web.service")
    manager = Systemd(engine, {"PATH": str(unit.bin)}, uid)
    manager.recreate(plan.owned, 0)
    assert [f"systemctl {line}" for line in said(unit.bin)[-3:]] == [
        plan.commands[0],
        f"{words} reset-failed -- web.service",
        plan.commands[1],
    ]


@pytest.mark.parametrize(
    "name",
    ["*.service", "we?.service", "[a-z].service", "--now.service", "a b.service", "a\n[Service]\nExecStart=x.service",
     "a/b.service", "\0.service", "wéb.service", ".service", "web.timer", "web@one.service"],
)  # fmt: skip
def test_a_label_that_is_no_name_of_one_unit(unit: Unit, name: str) -> None:
    """A pattern would have systemctl restart all units that it fits."""
    assert "shares its file" in unit.refused(unit=name)
    assert said(unit.bin) == []


def test_an_image_is_no_option_of_podman(unit: Unit) -> None:
    manager = Systemd(ROOTFUL, {"PATH": str(unit.bin), "HOME": str(unit.folder)}, 0)
    manager.plan(unit.container(), replace(SPEC, image_id="--help"), lambda: OwnerText(TEXT))
    assert said(unit.bin)[0].endswith("image inspect --format {{json .Labels}} -- --help")


def test_what_stands_in_the_way(unit: Unit) -> None:
    assert "shares its file" in unit.refused(unit="web@one.service")
    assert "shares its file" in unit.refused(unit="--now.service")
    assert "Podman 5" in unit.refused(replace(ROOTFUL, version="4.9.3"))
    assert "only root" in unit.refused(uid=1000)
    assert "another user" in unit.refused(ROOTLESS, 0)
    assert "another engine" in unit.refused(replace(ROOTFUL, kind=EngineKind.DOCKER))
    assert "another" in unit.refused(replace(ROOTFUL, endpoint="ssh://somewhere"))


@pytest.mark.parametrize(
    ("labels", "words"),
    [
        ('{"PODMAN_SYSTEMD_UNIT": "ssh.service"}', "The image itself claims"),
        ('{"PODMAN_SYSTEMD_UNIT": ""}', "The image itself claims"),
        ("[]", "The image itself claims"),
        ("nonsense", "could not be determined"),
        ("", "could not be determined"),
    ],
)
def test_an_image_that_claims_to_be_of_a_unit_is_not_believed(unit: Unit, labels: str, words: str) -> None:
    unit.image(labels)
    assert words in unit.refused()
    assert not any("show" in line for line in said(unit.bin))  # systemd is not even asked
    unit.image("null", 125)
    assert "could not be determined" in unit.refused()
    unit.image('{"maintainer": "somebody"}')
    assert isinstance(unit.plan(), OwnerPlan)


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"LoadState": "not-found"}, "not generated from a Quadlet file"),
        ({"SourcePath": ""}, "not generated from a Quadlet file"),
        ({"SourcePath": "/etc/containers/systemd/web.kube"}, "not generated from a Quadlet file"),
        ({"SourcePath": "/nowhere/web.container"}, "no longer exists"),
        ({"NeedDaemonReload": "yes"}, "changed since"),
    ],
)
def test_units_that_no_drop_in_can_change(unit: Unit, changed: dict[str, str], words: str) -> None:
    unit.show(**changed)
    assert words in unit.refused()


def test_garbage_and_failures_of_systemctl(unit: Unit) -> None:
    for script in ("echo nonsense", "echo LoadState=loaded", "echo no bus >&2; exit 1", "printf '\\377\\376'"):
        program(unit.bin, "systemctl", script)
        assert "can't be asked" in unit.refused()
    (unit.bin / "systemctl").unlink()
    assert "not installed here" in unit.refused()


def test_a_file_that_is_younger_than_the_container(unit: Unit) -> None:
    later = time.time() + 60
    os.utime(unit.source, (later, later))
    assert "was changed since the container" in unit.refused()
    os.utime(unit.source, (1, 1))
    unit.drop_in.parent.mkdir()
    other = unit.drop_in.with_name("10-mine.conf")
    other.write_text("[Container]\n")
    assert isinstance(unit.plan(), OwnerPlan)
    os.utime(other, (later, later))
    assert "was changed since the container" in unit.refused()


def test_a_drop_in_that_is_there(unit: Unit) -> None:
    unit.drop_in.parent.mkdir()
    unit.drop_in.write_text("[Container]\nReadOnly=true\n")
    assert "already" in unit.refused()
    unit.drop_in.write_text(files.head("web.service") + TEXT)
    assert "already" in unit.refused()
    plan = unit.plan(text="[Container]\nReadOnly=true\n")
    assert isinstance(plan, OwnerPlan)
    assert plan.files[0].content.count("[Container]") == 2


def test_a_file_that_changes_between_plan_and_run(unit: Unit) -> None:
    plan = unit.plan()
    assert isinstance(plan, OwnerPlan)
    manager = Systemd(ROOTFUL, {"PATH": str(unit.bin)}, 0)
    manager.check(plan.owned)
    unit.source.write_text("[Container]\nImage=other\n")
    with pytest.raises(OwnerError):
        manager.check(plan.owned)
