"""packaging/hashes/: all of a release stands there in the pinned version, and nothing else is installed."""

from __future__ import annotations

import base64
import hashlib
import re
import shlex
import subprocess
import sys
import zipfile
from collections.abc import Iterable
from pathlib import Path

import hashes
import pytest
import wheels
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from wheels import APPIMAGE, FLATPAK, Wheel

CHECKOUT = wheels.CHECKOUT
OTHER = "0" * 64


def pinned() -> dict[str, str]:
    lines = (line.split("#")[0].strip() for line in wheels.CONSTRAINTS.read_text(encoding="utf-8").splitlines())
    return {canonicalize_name(name): version for name, _, version in (line.partition("==") for line in lines if line)}


def test_the_versions_are_the_pinned_ones() -> None:
    for line in hashes.read():
        assert pinned().get(line.name) == line.version, f"{line.name}: make hashes"
        assert re.fullmatch(r"[0-9a-f]{64}", line.sha256)


def test_all_that_is_asked_for_is_there_once_for_each_release() -> None:
    for name, targets in hashes.TARGETS.items():
        for target in targets:
            fitting = [line.name for line in hashes.read(name) if line.fits(target.environment())]
            assert len(fitting) == len(set(fitting)), "one file is accepted, not a choice"
            asked = {canonicalize_name(Requirement(text).name) for text in wheels.requirements()[name]}
            assert asked - target.has <= {*fitting}, f"{target} lacks some of {name}: make hashes"


def test_no_address_is_committed() -> None:
    for name in hashes.TARGETS:
        text = (hashes.FOLDER / f"{name}.txt").read_text(encoding="utf-8")
        assert "://" not in text
        assert " @ " not in text
    assert {path.stem for path in hashes.FOLDER.iterdir()} == {*hashes.TARGETS}


def test_what_makes_the_wheel_fits_every_python() -> None:
    assert [str(line.requirement) for line in hashes.read("build") if line.requirement.marker] == []


def test_markers_are_judged_for_the_target() -> None:
    """pip judges them by the Python that it runs on."""

    def item(name: str, *needed: str) -> dict[str, object]:
        source = {"url": f"a/{name}.whl", "archive_info": {"hashes": {"sha256": OTHER}}}
        about = {"name": name, "version": "1", "requires_dist": [*needed]}
        return {"metadata": about, "download_info": source}

    found = {
        "one": item("one", "old; python_version < '3.12'", "arm; platform_machine == 'aarch64'", "more; extra == 'x'"),
        "old": item("old"),
        "arm": item("arm"),
        "more": item("more", "further"),
    }
    assert wheels.needs(["one"], found, APPIMAGE) == {"one", "old"}
    assert [wheels.needs(["one"], found, target) for target in FLATPAK] == [{"one"}, {"one", "arm"}]
    assert wheels.needs(["one[x]"], found, FLATPAK[0]) == {"one", "more", "further"}  # one that was not found is named
    assert [wheel.name for wheel in wheels.wheels_of(["one"], found, APPIMAGE)] == ["old", "one"]


def test_a_line_for_each_file_and_whom_it_fits() -> None:
    pure = Wheel("Pure", "1", "a/pure-1-py3-none-any.whl", "aa")
    one, two = (Wheel("one", "2", f"a/one-2-{machine}.whl", machine) for machine in ("x", "arm"))
    made = [*hashes.lines({APPIMAGE: (pure, one), FLATPAK[0]: (pure, one), FLATPAK[1]: (pure, two)})]
    assert made == [
        'one==2 ; python_version == "3.13" and platform_machine == "aarch64" --hash=sha256:arm\n',
        'one==2 ; python_version == "3.11" and platform_machine == "x86_64" or '
        'python_version == "3.13" and platform_machine == "x86_64" --hash=sha256:x\n',
        "Pure==1 --hash=sha256:aa\n",
    ]


def test_a_file_with_another_hash_comes_into_no_flatpak() -> None:
    line = hashes.read("program")[0]
    wheel = Wheel(
        line.name, line.version, "anywhere", hashes.sha256_of(line.name, line.version, APPIMAGE.environment())
    )
    hashes.check([wheel], APPIMAGE)
    with pytest.raises(hashes.UnknownHashError, match=f"{line.name} {line.version} for Python 3.11 on x86_64 has"):
        hashes.check([Wheel(line.name, line.version, "anywhere", OTHER)], APPIMAGE)
    with pytest.raises(hashes.UnknownHashError, match="has none"):
        hashes.check([Wheel(line.name, "0", "anywhere", line.sha256)], APPIMAGE)


def made(folder: Path, name: str, needs: Iterable[str] = (), text: str = "") -> Wheel:
    """A wheel with one module."""
    about = f"Metadata-Version: 2.1\nName: {name}\nVersion: 1\n" + "".join(f"Requires-Dist: {one}\n" for one in needs)
    files = {
        f"{name}.py": f"# {text}\n",
        f"{name}-1.dist-info/METADATA": about,
        f"{name}-1.dist-info/WHEEL": "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    record = ""
    for path, content in files.items():
        digest = base64.urlsafe_b64encode(hashlib.sha256(content.encode()).digest()).rstrip(b"=").decode()
        record += f"{path},sha256={digest},{len(content.encode())}\n"
    target = folder / f"{name}-1-py3-none-any.whl"
    with zipfile.ZipFile(target, "w") as archive:
        for path, content in {**files, f"{name}-1.dist-info/RECORD": f"{record}{name}-1.dist-info/RECORD,,\n"}.items():
            archive.writestr(path, content)
    return Wheel(name, "1", str(target), hashlib.sha256(target.read_bytes()).hexdigest())


def options() -> list[str]:
    """With which the AppImage's build calls pip, but for the lists of packages."""
    text = (CHECKOUT / "packaging/appimage/inside.sh").read_text(encoding="utf-8").replace("\\\n", " ")
    (line,) = (line for line in text.splitlines() if "-r packaging/hashes/" in line)
    words = shlex.split(line.partition("pip install")[2])
    assert [words[place + 1] for place, word in enumerate(words) if word == "-r"] == [
        *("packaging/hashes/build.txt", "packaging/hashes/program.txt", "packaging/hashes/appimage.txt")
    ]
    return [word for place, word in enumerate(words) if word != "-r" and words[place - 1] != "-r"]


def test_pip_refuses_what_was_exchanged_or_is_not_listed(tmp_path: Path) -> None:
    """The options of the AppImage's build, on real files."""
    source, listed = tmp_path / "source", tmp_path / "listed.txt"
    source.mkdir()
    needed = made(source, "needed")
    asked = made(source, "asked", ["needed"])

    def install() -> subprocess.CompletedProcess[str]:
        pip = (sys.executable, "-m", "pip", "install", *options(), "--no-index", f"--find-links={source}")
        command = (*pip, f"--target={tmp_path / 'target'}", "--upgrade", "-r", str(listed), "-r", str(listed))
        return subprocess.run(command, capture_output=True, text=True, check=False)

    listed.write_text("".join(hashes.lines({APPIMAGE: (asked, needed)})))
    done = install()  # a package that stands in two lists is no trouble
    assert done.returncode == 0, done.stderr
    made(source, "needed", text="exchanged")
    done = install()
    assert done.returncode == 1
    assert "THESE PACKAGES DO NOT MATCH THE HASHES" in done.stderr
    listed.write_text("".join(hashes.lines({APPIMAGE: (asked,)})))
    done = install()
    assert done.returncode == 1
    assert "needed" in done.stderr


def test_no_release_is_made_with_a_package_without_a_hash() -> None:
    """Each call of pip in the builds takes files of a list, or asks nobody."""
    calls = 0
    for name in ("appimage/inside.sh", "release/wheel.sh", "flatpak/io.github.stratascope.Stratascope.yml"):
        text = (CHECKOUT / "packaging" / name).read_text(encoding="utf-8").replace("\\\n", " ")
        for line in text.splitlines():
            if re.search(r"pip3? (install|wheel|download) ", line) and "grep" not in line:
                calls += 1
                assert "--require-hashes" in line or "--no-index" in line, f"{name}: {line.strip()}"
    assert calls == 5
