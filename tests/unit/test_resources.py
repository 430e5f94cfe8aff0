"""The resources are found from a checkout, a wheel, a PyInstaller folder and a Flatpak; and nowhere by chance."""

from __future__ import annotations

import os
import subprocess
import sys
import sysconfig
import venv
from pathlib import Path

import pytest

from rig.places import CHECKOUT
from stratascope import __version__, resources


def package(folder: Path) -> Path:
    (folder / "stratascope").mkdir(parents=True)
    return folder / "stratascope"


def test_the_checkout_is_found_from_the_tests() -> None:
    assert resources.root() == CHECKOUT / "resources"


def test_wheel_and_pyinstaller_have_them_beside_the_package(tmp_path: Path) -> None:
    for place in ("lib/python3.13/site-packages", "Stratascope/_internal"):
        home = package(tmp_path / place)
        (home / "_resources").mkdir()
        assert resources.find(resources.homes(home, tmp_path / "prefix")) == home / "_resources"


def test_a_checkout_is_recognised_by_its_pyproject(tmp_path: Path) -> None:
    home = package(tmp_path / "app")
    (tmp_path / "resources").mkdir()
    assert tmp_path / "resources" not in resources.homes(home)
    (tmp_path / "pyproject.toml").touch()
    assert resources.find(resources.homes(home)) == tmp_path / "resources"


def test_flatpak_and_prefix_are_looked_into(tmp_path: Path) -> None:
    home = package(tmp_path / "site-packages")
    shared = tmp_path / "usr" / "share" / "stratascope"
    shared.mkdir(parents=True)
    candidates = resources.homes(home, tmp_path / "usr")
    assert Path("/app/share/stratascope") in candidates
    assert resources.find(tuple(folder for folder in candidates if folder.is_relative_to(tmp_path))) == shared


def test_a_missing_home_is_told_with_all_the_places(tmp_path: Path) -> None:
    candidates = resources.homes(package(tmp_path), tmp_path / "prefix")
    nowhere = tuple(folder for folder in candidates if folder.is_relative_to(tmp_path))
    with pytest.raises(resources.MissingResourceError) as caught:
        resources.find(nowhere)
    for folder in nowhere:
        assert str(folder) in str(caught.value)


def test_a_missing_file_is_told_by_name() -> None:
    with pytest.raises(resources.MissingResourceError, match="style/none-such\\.qss is missing from"):
        resources.path("style/none-such.qss")
    with pytest.raises(resources.MissingResourceError):
        resources.read_text("none-such")


def test_what_packagers_take_is_found_in_the_checkout_too() -> None:
    for name in (resources.DESKTOP_ENTRY, resources.METAINFO):
        assert resources.path(name) == CHECKOUT / "packaging" / name
    with pytest.raises(resources.MissingResourceError, match=r"desktop/none-such is missing from .*/packaging"):
        resources.path("desktop/none-such")


@pytest.mark.parametrize("name", ["", ".", "..", "../pyproject.toml", "style/../../LICENSE", "/etc/passwd"])
def test_only_names_below_the_root_are_taken(name: str) -> None:
    with pytest.raises(ValueError, match="not the name of a resource"):
        resources.path(name)


def run(*command: str, cwd: Path, **more: str) -> str:
    """Run it with nothing of this test's Python paths in the environment; its output, or a failure that shows it."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")} | more
    done = subprocess.run(
        command, cwd=cwd, env=environment, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False
    )
    if done.returncode:
        pytest.fail(f"{' '.join(command)}\n{done.stdout}{done.stderr}", pytrace=False)
    return done.stdout


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The Python of a new virtual environment with our wheel in it; the packages that it needs are borrowed."""
    folder = tmp_path_factory.mktemp("installed")
    run(
        *(sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--no-index", "--no-build-isolation"),
        *("--wheel-dir", str(folder), str(CHECKOUT)),
        cwd=folder,
    )
    (wheel,) = folder.glob("stratascope-*.whl")
    venv.create(folder / "venv", with_pip=False)
    python = folder / "venv" / "bin" / "python"
    run(
        *(sys.executable, "-m", "pip", "--python", str(python), "install", "--quiet", "--no-deps", "--no-index"),
        str(wheel),
        cwd=folder,
    )
    site = Path(run(str(python), "-c", "import sysconfig; print(sysconfig.get_path('purelib'))", cwd=folder).strip())
    # A .pth that is reached by a .pth is not read, so the checkout's own editable install is not borrowed with it.
    (site / "borrowed.pth").write_text(sysconfig.get_path("purelib") + "\n", encoding="utf-8")
    return python


def test_an_installed_wheel_finds_its_own(installed: Path) -> None:
    """Started outside the checkout, the wheel uses its own copy, and that holds every file of the checkout's."""
    code = "from stratascope import resources; print(resources.root())"
    root = Path(run(str(installed), "-c", code, cwd=Path("/")).strip())
    assert root.is_relative_to(installed.parent.parent)
    assert root.name == "_resources"
    ours = {file.relative_to(CHECKOUT / "resources") for file in (CHECKOUT / "resources").rglob("*") if file.is_file()}
    for folder in resources.PACKAGED:
        packaged = {file for file in (CHECKOUT / "packaging" / folder).rglob("*") if file.is_file()}
        assert packaged, folder
        ours |= {file.relative_to(CHECKOUT / "packaging") for file in packaged}
    assert {file.relative_to(root) for file in root.rglob("*") if file.is_file()} == ours


def test_an_installed_wheel_starts(installed: Path) -> None:
    assert __version__ in run(str(installed), "-m", "stratascope", "--version", cwd=Path("/"))
    assert __version__ in run(str(installed.with_name("stratascope")), "--version", cwd=Path("/"))


def test_an_installed_wheel_reports_and_goes_into_the_menu(installed: Path, tmp_path: Path) -> None:
    """Every file that these need is in it: the demo, the entry, the icons, and the program that root would run."""
    script = str(installed.with_name("stratascope"))
    site = Path(run(str(installed), "-c", "import stratascope; print(stratascope.__path__[0])", cwd=Path("/")).strip())
    demo = str(site / "_resources" / "demo" / "demo.json")
    assert "ci-runner" in run(script, "report", "--from-capture", demo, cwd=Path("/"))
    run(script, "desktop", "install", cwd=Path("/"), XDG_DATA_HOME=str(tmp_path))
    assert f"\nExec={script}\n" in (tmp_path / "applications" / Path(resources.DESKTOP_ENTRY).name).read_text("utf-8")
    prefix = installed.parent.parent
    for page in ("man1/stratascope.1", "ja/man1/stratascope.1"):
        assert (prefix / "share" / "man" / page).is_file()
    code = "from stratascope.probe.helper.install import writer; print(writer()[:32])"
    assert "Stratascope writes" in run(str(installed), "-c", code, cwd=Path("/"))
