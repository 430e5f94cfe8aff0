"""A Flatpak runtime and a base app made on this machine, and Stratascope built on them and installed.

The runtime is a Debian root with what Qt needs, laid out as Flatpak wants it; the base app is PySide6 and numpy in the
versions of Flathub's. Both are made on first use (a minute) and kept in ~/.cache/stratascope-flatpak, as long as their
recipe is the same (STRATASCOPE_FLATPAK names another folder). All of it lies in that folder, a home and an installation
of its own: the Flatpaks of this machine are not looked at. `python tests/machine/flatpak/local_runtime.py` makes all of
it and prints the folder of the installation.

Decided against Flathub's own runtime: it can't be fetched everywhere, and is ten times as large.
"""

from __future__ import annotations

import hashlib
import json
import os
import platform
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import manifest
import python_modules
from hashes import UnknownHashError
from wheels import FLATPAK

RUNTIME = "io.github.stratascope.LocalPlatform"
BASE = "io.github.stratascope.LocalBaseApp"
BRANCH = "local"
REMOTE = "stratascope-local"
PYTHON = FLATPAK[0].python
SUITE = "trixie"  # its Python is that of the runtime on Flathub
PACKAGES = (
    *("python3", "python3-pip", "fonts-dejavu-core", "fonts-noto-cjk", "flatpak-xdg-utils", "dbus-bin"),
    *("libegl1", "libgl1", "libdbus-1-3", "libfontconfig1", "libglib2.0-0t64", "libxkbcommon0", "libbrotli1"),
    *("libgssapi-krb5-2", "libxcb-cursor0", "libxcb-icccm4", "libxcb-image0", "libxcb-keysyms1", "libxcb-randr0"),
    *("libxcb-render-util0", "libxcb-shape0", "libxcb-xkb1", "libxkbcommon-x11-0", "libwayland-cursor0"),
    *("libwayland-egl1", "openssh-client", "procps", "gcc", "libc6-dev"),
)
WITHOUT = ("/usr/share/doc/*", "/usr/share/man/*", "/usr/share/locale/*", "/usr/lib/*/libLLVM*", "/usr/lib/*/libz3*")
# Debian's pip would install into /app/local and refuse to; the runtime on Flathub does neither, and knows /app's folder
PTH = f"/app/lib/python{PYTHON}/site-packages\n"
SPAWN = "usr/bin/flatpak-spawn"  # there on Flathub; Debian hides it
CLEANUP = "#!/bin/sh\nrm -rf ${FLATPAK_DEST}/bin/pyside6-*\n"
FIRST_SECONDS = 900
BASE_APP = manifest.FOLDER / "base-app.txt"


class NoFlatpakError(Exception):
    """Why it can't be made here."""


def cache() -> Path:
    """Where all of it is kept."""
    named = os.environ.get("STRATASCOPE_FLATPAK")
    return Path(named or Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "stratascope-flatpak")


def built() -> Path:
    """The folder of the installation with this checkout's program in it. Raises NoFlatpakError."""
    missing = [name for name in ("flatpak", "flatpak-builder", "ostree", "mmdebstrap") if shutil.which(name) is None]
    if missing:
        raise NoFlatpakError(f"not installed: {', '.join(missing)}")
    if os.geteuid() != 0:
        raise NoFlatpakError("making a root file system takes root")
    folder = cache()
    folder.mkdir(parents=True, exist_ok=True)
    recipe = repr((PACKAGES, WITHOUT, PTH, CLEANUP, BRANCH, BASE_APP.read_text(encoding="utf-8"), _DONE_TO_RUNTIME))
    repo = folder / f"repo-{hashlib.sha256(recipe.encode()).hexdigest()[:16]}"
    with _buses(folder) as env:
        if not repo.exists():
            for old in folder.glob("repo-*"):
                shutil.rmtree(old)
            shutil.rmtree(folder / "installed", ignore_errors=True)
            _make_repo(folder, repo, env)
        _install_runtime(repo, env)
        _build(folder, env)
    (folder / "installed").chmod(0o755)  # the tests run it as an ordinary user
    return folder / "installed"


@contextmanager
def _buses(folder: Path) -> Iterator[dict[str, str]]:
    """An environment with an installation, a home and a system bus of its own."""
    address = f"unix:path={folder / 'bus'}"
    for name in ("home", "run"):
        (folder / name).mkdir(mode=0o700, exist_ok=True)
    (folder / "bus").unlink(missing_ok=True)
    bus = subprocess.Popen(
        ("dbus-daemon", "--session", "--nofork", "--nopidfile", "--nosyslog", f"--address={address}"),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    env = {name: value for name, value in os.environ.items() if not name.startswith(("XDG_", "DBUS_", "PIP_"))}
    try:
        yield env | {
            "HOME": str(folder / "home"),
            "XDG_RUNTIME_DIR": str(folder / "run"),
            "FLATPAK_USER_DIR": str(folder / "installed"),
            "FLATPAK_SYSTEM_DIR": str(folder / "system"),
            "FLATPAK_CONFIG_DIR": str(folder / "config"),
            "DBUS_SYSTEM_BUS_ADDRESS": address,
            "LC_ALL": "C.UTF-8",
        }
    finally:
        bus.terminate()
        bus.wait()


def _run(*command: str | Path, env: dict[str, str], seconds: float = FIRST_SECONDS) -> str:
    done = subprocess.run(
        [str(word) for word in command],
        env=env,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
        check=False,
        timeout=seconds,
    )
    if done.returncode != 0:
        raise NoFlatpakError(f"{command[0]} {command[1]} ended with {done.returncode}:\n{done.stdout[-6000:]}")
    return done.stdout


_DONE_TO_RUNTIME = (
    f'rm "$1/usr/lib/python{PYTHON}/EXTERNALLY-MANAGED"',
    f"sed -i \"s/prefix_scheme = 'posix_local'/prefix_scheme = 'posix_prefix'/\" "
    f'"$1/usr/lib/python{PYTHON}/sysconfig/__init__.py"',
    f'ln -s ../libexec/flatpak-xdg-utils/flatpak-spawn "$1/{SPAWN}"',
    f'printf "%s" "{PTH}" >"$1/usr/lib/python3/dist-packages/app.pth"',
    'rm -rf "$1"/var/lib/apt/lists/* "$1"/var/cache/apt/*',
)


def _make_repo(folder: Path, repo: Path, env: dict[str, str]) -> None:
    """The runtime, which is its own SDK, and the base app, in a repository."""
    with tempfile.TemporaryDirectory(prefix="making-", dir=folder) as name:
        place, made = Path(name), Path(name) / "repo"
        root = place / "root"
        _run(
            *("mmdebstrap", "--quiet", "--mode=root", "--variant=minbase", "--skip=cleanup/run"),
            f"--include={','.join(PACKAGES)}",
            *(f"--dpkgopt=path-exclude={pattern}" for pattern in WITHOUT),
            *(f"--customize-hook={line}" for line in _DONE_TO_RUNTIME),
            SUITE,
            root,
            *_sources(),
            env=dict(os.environ),
        )
        runtime = place / "runtime"
        (runtime / "files").mkdir(parents=True)  # only looked for
        (root / "usr").rename(runtime / "usr")
        (root / "etc").rename(runtime / "usr" / "etc")
        (runtime / "metadata").write_text(_runtime_metadata(), encoding="utf-8")
        _run("ostree", "init", "--mode=archive-z2", f"--repo={made}", env=env)
        export = ("flatpak", "build-export", "--disable-sandbox", "--runtime", "--no-update-summary")
        _run(*export, made, runtime, BRANCH, env=env)
        _run("flatpak", "build-update-repo", made, env=env)
        _install_runtime(made, env)
        _make_base(place, made, env)
        _run("flatpak", "build-update-repo", made, env=env)
        made.rename(repo)


def _runtime_metadata() -> str:
    ref = f"{RUNTIME}/{platform.machine()}/{BRANCH}"
    return f"[Runtime]\nname={RUNTIME}\nruntime={ref}\nsdk={ref}\n"


def _make_base(place: Path, repo: Path, env: dict[str, str]) -> None:
    base = place / "base"
    _run("flatpak", "build-init", base, BASE, RUNTIME, RUNTIME, BRANCH, env=env)
    site = base / "files" / "lib" / f"python{PYTHON}" / "site-packages"
    platforms = [f"--platform=manylinux_2_{number}_{platform.machine()}" for number in (34, 28, 27, 17)]
    python = (f"--python-version={PYTHON}", *platforms)
    pip = (
        sys.executable,
        "-m",
        "pip",
        "install",
        "--quiet",
        "--no-deps",
        "--no-compile",
        "--only-binary=:all:",
        *python,
    )
    _run(*pip, f"--target={site}", "-r", BASE_APP, env=dict(os.environ))
    cleanup = base / "files" / "cleanup-BaseApp.sh"
    cleanup.write_text(CLEANUP, encoding="utf-8")
    cleanup.chmod(0o755)
    _run("flatpak", "build-finish", "--no-inherit-permissions", base, env=env)
    _run("flatpak", "build-export", "--disable-sandbox", "--no-update-summary", repo, base, BRANCH, env=env)


def _install_runtime(repo: Path, env: dict[str, str]) -> None:
    """The runtime, and the base app where it is there already."""
    known = _run("flatpak", "--user", "remotes", "--columns=name", env=env).split()
    if REMOTE not in known:
        _run("flatpak", "--user", "remote-add", "--no-gpg-verify", REMOTE, repo, env=env)
    else:
        _run("flatpak", "--user", "remote-modify", f"--url=file://{repo}", REMOTE, env=env)
    there = _run("flatpak", "--user", "list", "--columns=application", env=env).split()
    offered = _run("flatpak", "--user", "remote-ls", "--all", "--columns=application", REMOTE, env=env).split()
    for name in (RUNTIME, BASE):
        if name in offered and name not in there:
            _run("flatpak", "--user", "install", "--noninteractive", REMOTE, f"{name}//{BRANCH}", env=env)


def _build(folder: Path, env: dict[str, str]) -> None:
    """The program, from this checkout as it is; what is there already of the same files is left."""
    derived = derive(folder)
    stamp = folder / "stamp"
    now = _stamp(derived)
    if stamp.exists() and stamp.read_text() == now and (folder / "installed" / "app" / manifest.APP).exists():
        return
    stamp.unlink(missing_ok=True)
    _run(
        *("flatpak-builder", "--user", "--force-clean", "--disable-rofiles-fuse", "--install", "--ccache"),
        *(f"--state-dir={folder / 'state'}", folder / "build", derived),
        env=env,
    )
    stamp.write_text(now)


def derive(folder: Path) -> Path:
    """The variant of the manifest with its Python modules, as files. Raises NoFlatpakError."""
    place = folder / "manifest"
    try:
        python_modules.write(place, folder / "wheels")
    except subprocess.CalledProcessError as error:
        raise NoFlatpakError(f"pip can't fetch the packages: {error}") from error
    except UnknownHashError as error:
        raise NoFlatpakError(str(error)) from error
    path = place / manifest.PATH.name
    skip = (".mypy_cache", ".ruff_cache", ".pytest_cache", ".hypothesis", "tests")
    made = manifest.local(manifest.read(), RUNTIME, BASE, BRANCH, manifest.CHECKOUT, skip)
    path.write_text(manifest.text_of(made), encoding="utf-8")
    return path


def _stamp(derived: Path) -> str:
    """What the program is built from: the manifest, and every file that goes into it."""
    digest = hashlib.sha256(derived.read_bytes())
    for file in sorted(derived.parent.glob("*.json")):
        digest.update(file.read_bytes())
    for top in ("app", "resources", "packaging", "pyproject.toml"):
        found = manifest.CHECKOUT / top
        for path in sorted(found.rglob("*")) if found.is_dir() else [found]:
            if path.is_file() and "__pycache__" not in path.parts:
                digest.update(f"{path}\0".encode() + path.read_bytes())
    return digest.hexdigest()


def _sources() -> tuple[str, ...]:
    """Where this machine takes that suite from, as lines of a sources.list; none: mmdebstrap's own."""
    listing = ("apt-get", "indextargets", "--format", "$(CODENAME)|$(REPO_URI)|$(COMPONENT)", "Created-By: Packages")
    done = subprocess.run(listing, capture_output=True, text=True, check=False, timeout=60)
    lines = [line.split("|") for line in dict.fromkeys(done.stdout.split()) if line.count("|") == 2]
    return tuple(f"deb {uri} {SUITE} {part}" for name, uri, part in lines if name == SUITE and part == "main")[:1]


if __name__ == "__main__":
    begun = time.monotonic()
    try:
        print(built())  # noqa: T201
    except NoFlatpakError as error:
        sys.exit(str(error))
    print(json.dumps({"seconds": round(time.monotonic() - begun, 1)}))  # noqa: T201
