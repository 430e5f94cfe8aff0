"""The program in the AppImage does what it does from the checkout, on real engines; and what it starts starts clean."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from machine.appimage.displays import x11
from machine.appimage.started import PATH, Person
from rig.engine import Rig
from rig.ordinary import as_user
from rig.places import APP
from rig.window.every_view import EVERY_VIEW
from stratascope import __version__, resources
from stratascope.probe import bundle

pytestmark = pytest.mark.appimage
HELPERS = ("docker", "flatpak-spawn", "pkexec", "podman", "ssh", "sudo", "systemctl", "xdg-open")
SHELLS = {"PWD", "OLDPWD", "SHLVL", "_"}  # what a shell adds by itself
# PySide6 says this to itself, in every installation
QTS = {"PYSIDE6_OPTION_PYTHON_ENUM"}


@pytest.fixture
def root() -> Person:
    return Person(0, 0, Path.home())


def told(done: subprocess.CompletedProcess[str]) -> Any:
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def lasting(report: Any) -> list[Any]:
    """Without what is another thing a second later: what only counts and times."""
    keep = []
    for each in sorted(report["containers"], key=lambda container: str(container["name"])):
        layers = {name: [layer["verdict"], sorted(layer["facts"])] for name, layer in each["layers"].items()}
        keep.append([each["name"], each["pid"], each["exposure"], each["exposure_at_best"], layers, each["threats"]])
    return keep


def test_it_reports_real_containers_as_the_checkout_does(any_engine: Rig, root: Person, appimage: Path) -> None:
    engines = f"{any_engine.kind}={any_engine.endpoint}"
    with (
        any_engine.container(name="plain"),
        any_engine.container("--cap-drop", "ALL", "--security-opt", "no-new-privileges", name="tight"),
    ):
        words = ("report", "--json", "--privileged")
        ours = told(root.run(appimage, *words, STRATASCOPE_ENGINES=engines))
        command = (sys.executable, "-m", "stratascope", *words)
        theirs = told(root.run(*command, STRATASCOPE_ENGINES=engines, PYTHONPATH=str(APP)))
    assert {each["name"] for each in ours["containers"]} == {"plain", "tight"}
    assert lasting(ours) == lasting(theirs)
    # read by the collector as text, on the standard input of the host's own Python
    for name in ("plain", "tight"):
        assert seccomp(ours, name) == seccomp(theirs, name)


def seccomp(report: Any, name: str) -> Any:
    return next(each for each in report["containers"] if each["name"] == name)["layers"]["seccomp"]["facts"]


def test_a_user_reports_his_own_containers(podman_rootless: Rig, appimage: Path) -> None:
    assert podman_rootless.user is not None
    user = Person(*podman_rootless.user)
    with podman_rootless.container(name="mine"):
        engines = f"podman={podman_rootless.endpoint}"
        ours = told(user.run(appimage, "report", "--json", STRATASCOPE_ENGINES=engines))
        theirs = told(as_user("report", "--json", endpoint=engines))
    assert [each["name"] for each in ours["containers"]] == ["mine"]
    assert lasting(ours) == lasting(theirs)


def test_hardened_proven_and_undone(docker_rootful: Rig, root: Person, appimage: Path, tmp_path: Path) -> None:
    person = root.having(
        {"STRATASCOPE_ENGINES": f"docker={docker_rootful.endpoint}", "XDG_STATE_HOME": str(tmp_path)},
    )
    command = ("sh", "-c", "trap 'exit 0' TERM; sleep 3600 & wait")
    with docker_rootful.container(name="web", command=command) as original:
        words = (
            "harden",
            "web",
            "--json",
            "--yes",
            "--watch",
            "1",
            "--enforced-is-enough",
            "--set",
            "no-new-privileges=on",
        )
        done = person.run(appimage, *words, "--set", "capabilities=none")
        last = json.loads(done.stdout.splitlines()[-1])
        assert (done.returncode, last["result"]) == (0, "enforced"), (last, done.stderr)
        status = Path(f"/proc/{docker_rootful.pid('web')}/status").read_text()
        assert "NoNewPrivs:\t1" in status
        assert "CapEff:\t0000000000000000" in status
        done = person.run(appimage, "undo", "web", "--watch", "1")
        assert done.returncode == 0, done.stderr
        assert docker_rootful.inspect("web")["Id"] == original
        assert docker_rootful.inspect("web")["State"]["Running"]
        assert person.run(appimage, "discard", "web").returncode == 0


@pytest.fixture
def dumps(tmp_path: Path) -> Path:
    """A folder of programs that write down their environment, and fail."""
    programs = tmp_path / "programs"
    programs.mkdir()
    for name in HELPERS:
        file = tmp_path / name  # moved there, so that nobody reads half of it
        (programs / name).write_text(f"#!/bin/sh\nenv -0 >'{file}.new' && mv '{file}.new' '{file}'\nexit 1\n")
        (programs / name).chmod(0o755)
    return tmp_path


def dumped(folder: Path, name: str) -> dict[str, str]:
    """The environment that this one was started with; it is forgotten then."""
    file = folder / name
    assert file.exists(), f"{name} was not started"
    pairs = [item.split("=", 1) for item in file.read_text().split("\0") if item]
    file.unlink()
    return {name: value for name, value in pairs if name not in SHELLS | QTS}


def test_what_is_started_has_the_environment_of_before(
    root: Person, appimage: Path, dumps: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """By Python, by Qt, and by the desktop's own way to open a page."""
    script = dumps / "starts.py"
    script.write_text(
        "import subprocess, sys\n"
        "from PySide6.QtCore import QProcess, QUrl\n"
        "from PySide6.QtGui import QDesktopServices\n"
        "from stratascope.ui.app.app import make_application\n"
        "app = make_application(['test'])\n"
        "print(app.platformName())\n"
        "how, name = sys.argv[1:]\n"
        "if how == 'python': subprocess.run([name])\n"
        "if how == 'qt': QProcess.execute(name)\n"
        "if how == 'desktop': QDesktopServices.openUrl(QUrl('https://localhost/page'))\n"
    )
    before = {
        "PATH": f"{dumps / 'programs'}:{PATH}",
        "LD_LIBRARY_PATH": "/opt/mine",
        "QT_PLUGIN_PATH": "/opt/other/plugins",
        "QT_QPA_PLATFORM_PLUGIN_PATH": "/opt/other/plugins/platforms",
        "PYTHONPATH": "/opt/python",
        "PYTHONHOME": "/opt/python",
        "ARGV0": "a terminal's",
        "XDG_DATA_DIRS": "/usr/share",
    }
    with x11(tmp_path_factory.mktemp("x11")) as display:
        person = root.having({**before, **display.variables})
        for how, name in [(how, name) for how in ("python", "qt") for name in HELPERS] + [("desktop", "xdg-open")]:
            done = person.run(appimage, "--bundled-python", script, how, name)
            assert (done.returncode, done.stdout) == (0, "xcb\n"), done.stderr
            assert dumped(dumps, name) == person.environ()


@pytest.mark.parametrize(
    ("name", "words", "engines"),
    [
        ("podman", ("engines",), None),
        ("ssh", ("report",), "podman=ssh://nobody@localhost/run/podman.sock"),
    ],
)
def test_engines_are_reached_with_a_clean_environment(
    root: Person, appimage: Path, dumps: Path, name: str, words: tuple[str, ...], engines: str | None
) -> None:
    """By the program's own ways: Podman's service is started, ssh makes a tunnel."""
    variables = {"PATH": f"{dumps / 'programs'}:{PATH}", "XDG_RUNTIME_DIR": str(dumps)}
    if engines:
        variables["STRATASCOPE_ENGINES"] = engines
    root.having(variables).run(appimage, *words)
    found = dumped(dumps, name)
    assert found["PATH"] == variables["PATH"]
    assert not [each for each in found if each.startswith(("_PYI", "LD_", "QT_", "PYTHON", "APP", "ARGV0", "OWD"))]
    assert ".mount_Strata" not in json.dumps(found)


def test_root_is_asked_for_with_a_clean_environment(appimage: Path, user: Person, dumps: Path) -> None:
    """A user's sudo gets the collector as text; nothing that it is given lies in the mount, which root can't read."""
    said = dumps / "said"
    program = dumps / "programs" / "sudo"
    program.write_text(
        f"#!/bin/sh\nenv -0 >'{dumps}/sudo'\nprintf '%s\\n' \"$@\" >'{said}'\n"
        'while [ "$1" != -- ]; do shift; done; shift; exec "$@"\n'
    )
    (dumps / "programs" / "pkexec").unlink()
    for each in (dumps, *dumps.parents):
        if each != Path("/tmp") and each.is_relative_to("/tmp"):
            each.chmod(0o777 if each == dumps else 0o755)
    person = user.having({"PATH": f"{dumps / 'programs'}:{PATH}", "STRATASCOPE_ENGINES": "unix:///nonexistent"})
    done = person.run(appimage, "report", "--privileged")
    assert "/usr/bin/python3\n-SI\n-c\n" in said.read_text(), done.stderr
    assert ".mount_Strata" not in said.read_text()
    assert not [each for each in dumped(dumps, "sudo") if each.startswith(("_PYI", "LD_", "APP", "ARGV0", "OWD"))]
    # it ran, and found that it is not root
    assert "can't read what only root can" in done.stdout + done.stderr


def test_two_hundred_thousand_void_calls_in_its_own_python(root: Person, appimage: Path) -> None:
    done = root.run(appimage, "--bundled-python", APP.parent / "tests/window/void_calls.py", timeout=120)
    assert (done.returncode, done.stdout) == (0, "200000\n"), done.stderr


def test_every_view_is_shown(root: Person, appimage: Path, tmp_path: Path) -> None:
    """Some libraries are loaded only then, by their name."""
    script = tmp_path / "seen.py"
    script.write_text(EVERY_VIEW)
    person = root.having({"QT_QPA_PLATFORM": "offscreen", "STRATASCOPE_ENGINES": "unix:///nonexistent"})
    done = person.run(appimage, "--bundled-python", script, timeout=120)
    assert done.returncode == 0, done.stderr
    assert "fleet" in done.stdout


def test_all_resources_come_along_and_all_modules_load(root: Person, appimage: Path, tmp_path: Path) -> None:
    script = tmp_path / "lists.py"
    script.write_text(
        "import importlib, json, pkgutil, sys\n"
        "import stratascope\n"
        "from stratascope import resources\n"
        "from stratascope.probe import bundle\n"
        "names = [each.name for each in pkgutil.walk_packages(stratascope.__path__, 'stratascope.')]\n"
        "for name in names: importlib.import_module(name)\n"
        "for name in ('jeepney', 'jeepney.io.blocking', 'pyqtgraph'): importlib.import_module(name)\n"
        "files = [str(each.relative_to(resources.root())) for each in resources.root().rglob('*') if each.is_file()]\n"
        "json.dump([names, files, bundle.program().decode(), sys.version], sys.stdout)\n"
    )
    beside = [f"packaging/{folder}" for folder in resources.PACKAGED]
    names, files, program, version = told(root.run(appimage, "--bundled-python", script))
    listed = subprocess.run(
        ("git", "ls-files", "--cached", "--others", "--exclude-standard", "resources", "app", *beside),
        cwd=APP.parent,
        capture_output=True,
        text=True,
        check=True,
    ).stdout.splitlines()
    files = [name for name in files if not name.startswith("licences/")]  # a bundle's own, see test_contents.py
    expected = [line.partition("/")[2] for line in listed if line.startswith(("resources/", "packaging/"))]
    unread = [name for name in expected if name.endswith(".po") or name.startswith("screenshots/")]
    assert len(unread) >= 3
    assert sorted(files) == sorted(set(expected) - set(unread))
    modules = {
        line.removeprefix("app/").removesuffix(".py").removesuffix("/__init__").replace("/", ".")
        for line in listed
        if line.startswith("app/") and line.endswith(".py")
    }
    assert {*names, "stratascope"} == modules
    assert program == bundle.program().decode()
    assert version.startswith("3.11.")


def test_the_exit_status_and_words_of_the_command_line(root: Person, appimage: Path) -> None:
    assert root.run(appimage, "--version").stdout == f"stratascope {__version__}\n"
    assert root.run(appimage, "report", "--nonsense").returncode == 2
    done = root.run(appimage, STRATASCOPE_ENGINES="unix:///nonexistent")
    assert "display" in done.stdout + done.stderr  # there is none: it says so, and prints the report


def test_it_can_start_itself_again(root: Person, appimage: Path, tmp_path: Path) -> None:
    """As for another language: the same process, the same mount, and clean again for what is started then."""
    script = tmp_path / "again.py"
    script.write_text(
        "import json, os, sys\n"
        "from stratascope import appimage_environment\n"
        "from stratascope.ui.app import start\n"
        "if sys.argv[1:] != ['again']:\n"
        "    sys.argv = ['stratascope', '--bundled-python', sys.argv[0], 'again']\n"
        "    start.start_again()\n"
        "json.dump([dict(os.environ), appimage_environment.image()], sys.stdout)\n"
    )
    environ, image = told(root.run(appimage, "--bundled-python", script, LD_LIBRARY_PATH="/opt/mine", OWD="/before"))
    assert {name: value for name, value in environ.items() if name not in QTS} == root.environ(
        LD_LIBRARY_PATH="/opt/mine", OWD="/before"
    )
    assert image == str(appimage)
