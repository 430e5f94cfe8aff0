"""The real program where something of its surroundings is missing or broken: it starts, says so, and loses nothing."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from rig.places import APP, CHECKOUT

SLOW = pytest.mark.slow

# Starts the window as the command does, and tells after a moment what a person would see.
WINDOW = """
import json, sys
from PySide6.QtCore import QTimer
from stratascope import __main__
from stratascope.ui.app import app
made = app.make_application(["stratascope"])
def told():
    window = next(each for each in made.topLevelWidgets() if type(each).__name__ == "MainWindow")
    print(json.dumps({"containers": window.containers.model.rowCount(), "told": window.notices.settings.text.text(),
                      "shown": window.notices.settings.isVisible(), "title": window.toolbar.filter.placeholderText()}))
    window.settings.set("kept", "1")
    window.close()
def look(left=400):
    window = next((each for each in made.topLevelWidgets() if type(each).__name__ == "MainWindow"), None)
    if window is not None and window.containers.model.rowCount() or not left:
        told()
    else:
        QTimer.singleShot(25, lambda: look(left - 1))
QTimer.singleShot(0, look)
sys.exit(__main__.main([]))
"""


@pytest.fixture
def home(tmp_path: Path) -> Path:
    made = tmp_path / "home"
    made.mkdir()
    return made


def surroundings(home: Path, **changes: str) -> dict[str, str]:
    """A bare environment without engines (so that the demo is shown), display, bus or runtime folder."""
    kept = {name: os.environ[name] for name in ("PATH", "OPENBLAS_CORETYPE", "LD_LIBRARY_PATH") if name in os.environ}
    return {**kept, "HOME": str(home), "LANG": "C.UTF-8", "PYTHONPATH": str(APP), "PYTHONWARNINGS": "error",
            "STRATASCOPE_ENGINES": "/none", "QT_QPA_PLATFORM": "offscreen", **changes}  # fmt: skip


def window(environ: dict[str, str]) -> dict[str, object]:
    done = subprocess.run([sys.executable, "-c", WINDOW], env=environ, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "Traceback" not in done.stderr
    found: dict[str, object] = json.loads(done.stdout)
    assert found["containers"]
    return found


def program(environ: dict[str, str], *words: str) -> subprocess.CompletedProcess[str]:
    done = subprocess.run(
        [sys.executable, "-m", "stratascope", *words],
        env=environ,
        capture_output=True,
        text=True,
        check=False,
    )
    assert "Traceback" not in done.stderr
    return done


@pytest.fixture
def mounted(home: Path) -> Iterator[Path]:
    if os.getuid() != 0:
        pytest.skip("only root can mount a small disk")
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", str(home)], check=True)
    yield home
    subprocess.run(["umount", str(home)], check=True)


def test_nothing_at_all_but_a_home(home: Path) -> None:
    found = window(surroundings(home))
    assert (found["told"], found["shown"]) == ("", False)
    assert json.loads((home / ".config/stratascope/settings.json").read_text())["kept"] == "1"


def test_a_read_only_home(mounted: Path) -> None:
    subprocess.run(["mount", "-o", "remount,ro", str(mounted)], check=True)
    window(surroundings(mounted))
    assert program(surroundings(mounted), "report", "--json", "--from-capture", str(demo())).returncode == 0


def test_a_home_on_a_full_disk(mounted: Path) -> None:
    folder = mounted / ".config" / "stratascope"
    folder.mkdir(parents=True)
    before = json.dumps({"version": 1, "theme": "dark"})
    (folder / "settings.json").write_text(before)
    subprocess.run(["dd", "if=/dev/zero", f"of={mounted / 'all'}", "bs=4096"], check=False, stderr=subprocess.DEVNULL)
    assert os.statvfs(mounted).f_bavail == 0
    window(surroundings(mounted))
    assert (folder / "settings.json").read_text() == before
    assert [each.name for each in folder.iterdir()] == ["settings.json"]


def test_no_home_at_all(tmp_path: Path) -> None:
    window(surroundings(tmp_path / "missing" / "deep"))
    environ = surroundings(tmp_path)
    del environ["HOME"]
    assert program(environ, "report", "--json", "--from-capture", str(demo())).returncode == 0


def test_damaged_settings(home: Path) -> None:
    folder = home / ".config" / "stratascope"
    folder.mkdir(parents=True)
    (folder / "settings.json").write_text("{ nonsense")
    found = window(surroundings(home))
    assert found["shown"]
    assert "damaged" in str(found["told"])
    assert (folder / "settings.json.damaged").read_text() == "{ nonsense"
    assert program(surroundings(home), "report", "--from-capture", str(demo())).returncode == 0


def test_settings_of_a_newer_version(home: Path) -> None:
    folder = home / ".config" / "stratascope"
    folder.mkdir(parents=True)
    newer = {"version": 99, "theme": "midnight", "refresh": "fast", "engines": "carrier-pigeon://x", "more": [1]}
    (folder / "settings.json").write_text(json.dumps(newer))
    found = window(surroundings(home))
    assert "newer version" in str(found["told"])
    assert json.loads((folder / "settings.json").read_text()).items() >= newer.items()


@pytest.mark.parametrize(
    "asked", ["tlh", *(pytest.param(each, marks=SLOW) for each in ("de_DE.UTF-8", "\x1b[31m", "ja;rm"))]
)
def test_an_unknown_language(home: Path, asked: str) -> None:
    assert window(surroundings(home, LANG=asked, LANGUAGE=asked))["title"] == "Filter: name, cap:, user:"
    done = program(surroundings(home, STRATASCOPE_LANGUAGE=asked), "report", "--from-capture", str(demo()))
    assert done.returncode == 0
    assert "\x1b" not in done.stderr
    assert done.stderr.count("\n") == 1  # one sentence, since it was asked for


def test_japanese_by_the_desktop_and_by_choice(home: Path) -> None:
    japanese = window(surroundings(home, LANG="ja_JP.UTF-8"))["title"]
    assert japanese != "Filter: name, cap:, user:"
    folder = home / ".config" / "stratascope"
    (folder / "settings.json").write_text(json.dumps({"language": "ja"}))
    assert window(surroundings(home))["title"] == japanese
    (folder / "settings.json").write_text(json.dumps({"language": "en"}))
    assert window(surroundings(home, LANG="ja_JP.UTF-8"))["title"] == "Filter: name, cap:, user:"


@SLOW
@pytest.mark.parametrize(
    "changes",
    [
        {"DBUS_SESSION_BUS_ADDRESS": "unix:path=/nowhere"},
        {"XDG_RUNTIME_DIR": "/nowhere"},
        {"XDG_CONFIG_HOME": "relative", "XDG_STATE_HOME": "relative"},
        {"LANG": "", "LC_ALL": "POSIX"},
        {"QT_SCALE_FACTOR": "2"},
    ],
    ids=lambda changes: next(iter(changes)),
)
def test_other_gaps(home: Path, changes: dict[str, str]) -> None:
    window(surroundings(home, **changes))


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({}, "neither WAYLAND_DISPLAY nor DISPLAY is set"),
        ({"DISPLAY": ":4711"}, "the display :4711 can't be used: it does not answer"),
        ({"DISPLAY": "nonsense"}, "the display nonsense can't be used: that is not a display name"),
        ({"WAYLAND_DISPLAY": "wayland-4711", "XDG_RUNTIME_DIR": "/nowhere"}, "/nowhere/wayland-4711 can't be used"),
        ({"QT_QPA_PLATFORM": "xcb", "DISPLAY": ":4711"}, "the display :4711 can't be used"),
        ({"QT_QPA_PLATFORM": "wayland", "WAYLAND_DISPLAY": "/nowhere/w"}, "/nowhere/w can't be used"),
        ({"QT_QPA_PLATFORM": "wayland", "XDG_RUNTIME_DIR": "/nowhere"}, "/nowhere/wayland-0 can't be used"),
        ({"QT_QPA_PLATFORM": "wayland;xcb", "XDG_RUNTIME_DIR": "/nowhere", "DISPLAY": ":4711"}, "wayland-0 can't be"),
    ],
    ids=["none", "x11", "name", "wayland", "xcb", "wayland-only", "wayland-0", "list"],
)
def test_no_display(home: Path, changes: dict[str, str], why: str) -> None:
    """Qt would end the program with SIGABRT; it says what is missing, and does the main job all the same."""
    environ = surroundings(home)
    del environ["QT_QPA_PLATFORM"]
    done = program({**environ, **changes})
    assert done.returncode == 0
    assert why in done.stderr
    assert "Here is the report as text." in done.stderr
    assert "seccomp" in done.stdout


def test_only_one_of_two_displays_answers(home: Path) -> None:
    if os.environ.get("QT_QPA_PLATFORM") != "xcb" or "DISPLAY" not in os.environ:
        pytest.skip("no X server")
    environ = surroundings(home, DISPLAY=os.environ["DISPLAY"], WAYLAND_DISPLAY="gone", XDG_SESSION_TYPE="wayland")
    if "XAUTHORITY" in os.environ:
        environ["XAUTHORITY"] = os.environ["XAUTHORITY"]
    del environ["QT_QPA_PLATFORM"]
    window(environ)


def test_one_of_the_platforms_that_are_listed_answers(home: Path) -> None:
    """As Qt does: one after the other."""
    window(surroundings(home, QT_QPA_PLATFORM="wayland;offscreen", XDG_RUNTIME_DIR="/nowhere"))


@pytest.mark.parametrize(("missing", "says"), [("PySide6.QtWidgets", "Qt can't be loaded"), ("", "libnowhere.so.9")])
def test_qt_is_not_all_there(home: Path, missing: str, says: str) -> None:
    """As where one of its libraries is not installed: the loader's words are passed on."""
    code = (
        "import sys; from stratascope import __main__; from stratascope.cli import display;"
        "display._LIBXCB = 'libnowhere.so.9'; sys.argv[1] and sys.modules.update({sys.argv[1]: None});"
        "sys.exit(__main__.main([]))"
    )
    environ = surroundings(home) if missing else surroundings(home, QT_QPA_PLATFORM="xcb", DISPLAY=":4711")
    done = subprocess.run(
        [sys.executable, "-c", code, missing], env=environ, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert says in done.stderr
    assert "Install" in done.stderr
    assert "seccomp" in done.stdout


def demo() -> Path:
    """The demo capture."""
    return CHECKOUT / "resources" / "demo" / "demo.json"


def test_reach_imports_only_what_it_needs() -> None:
    """Most of its time is imports; what tries, relaunches, explains refusals or hashes is not among them."""
    program = "import sys; from stratascope.__main__ import main; main(['reach', '1']); print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", program], env=surroundings(Path("/")), capture_output=True, text=True,
                          check=True)  # fmt: skip
    needless = {"hashlib", "wcwidth", "stratascope.owners.host", "stratascope.usecases.reach.attempts",
                "stratascope.core.refusals.ended.ending", "stratascope.core.observation.imports"}  # fmt: skip
    assert not needless.intersection(done.stdout.split())
    assert "stratascope.usecases.reach.judge" in done.stdout.split()
