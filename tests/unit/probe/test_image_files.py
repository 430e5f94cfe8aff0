"""The users and programs of an image in the folders of its layers: as overlayfs shows them, and nothing leads out."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from stratascope.collector.giving_programs import Search
from stratascope.core.accounts import MOST
from stratascope.linux.giving_programs import GivingPrograms, parse_giving
from stratascope.probe.image_files import accounts_of, add_programs, rules

LINE = "app:x:1000:1000::/:\n"
ELF = b"\x7fELF" + bytes(60)
needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="needs root, for owners, nodes and trusted attributes")


def layer(folder: Path, name: str, **files: str) -> str:
    etc = folder / name / "etc"
    etc.mkdir(parents=True)
    for file, text in files.items():
        (etc / file).write_text(text)
    return str(folder / name)


def users(*layers: str) -> tuple[str, ...] | None:
    found = accounts_of(layers)
    return None if found is None else tuple(each[0] for each in found.users)


def test_the_topmost_counts(tmp_path: Path) -> None:
    upper = layer(tmp_path, "upper", passwd="new:x:1:1::/:\n")
    lower = layer(tmp_path, "lower", passwd=LINE, group="g:x:5:new\n")
    (tmp_path / "bare").mkdir()
    assert users(upper, lower) == ("new",)
    assert users(str(tmp_path / "bare"), lower) == ("app",)
    found = accounts_of((upper, lower))
    assert found is not None
    assert found.groups == (("g", 5, ("new",)),)
    assert users() is None, "none is told"
    assert users(str(tmp_path / "missing")) is None


@needs_root
def test_what_a_layer_hides(tmp_path: Path) -> None:
    lower = layer(tmp_path, "lower", passwd=LINE)
    removed = layer(tmp_path, "removed")
    os.mknod(f"{removed}/etc/passwd", 0o020000, 0)
    assert users(removed, lower) == ()
    opaque = layer(tmp_path, "opaque", group="")
    os.setxattr(f"{opaque}/etc", "trusted.overlay.opaque", b"y")
    assert users(opaque, lower) == ()


@pytest.mark.parametrize("what", ["link", "folder link", "pipe", "long", "directory"])
def test_nothing_leads_out(what: str, tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.write_text(LINE)
    top = tmp_path / "top"
    place = top / "etc" / "passwd"
    if what == "folder link":
        top.mkdir()
        (top / "etc").symlink_to("/etc")
    else:
        place.parent.mkdir(parents=True)
    match what:
        case "link":
            place.symlink_to(outside)
        case "pipe":
            os.mkfifo(place)
        case "long":
            place.write_text("x" * (MOST + 1))
        case "directory":
            place.mkdir()
    assert accounts_of((str(top),)) is None


def put(layer: Path, path: str, data: bytes = ELF, mode: int = 0o4755, owner: int = 0) -> None:
    place = layer / path
    place.parent.mkdir(parents=True, exist_ok=True)
    place.write_bytes(data)
    os.chown(place, owner, owner)
    place.chmod(mode)


def programs(*layers: Path, covered: tuple[str, ...] = ()) -> GivingPrograms:
    search = Search()
    names = [str(each) for each in layers]
    add_programs(names, covered, search)
    lines, sure = rules(names, covered, search.known)
    found = parse_giving("".join(f"{line}\n" for line in (*search.lines, *lines)))
    assert sure
    return found


def paths(*layers: Path, covered: tuple[str, ...] = ()) -> set[str]:
    return {each.path for each in programs(*layers, covered=covered).programs}


@needs_root
def test_programs_that_a_layer_above_hides_are_none(tmp_path: Path) -> None:
    low, middle, top = (tmp_path / name for name in ("low", "middle", "top"))
    for name in ("kept", "removed", "replaced", "made-harmless", "folder/in", "gone/in", "opaque/in", "marked/in"):
        put(low, f"bin/{name}")
    put(middle, "bin/replaced", owner=7)
    put(middle, "bin/made-harmless", mode=0o755)
    os.mknod(middle / "bin/removed", 0o020000, 0)
    os.mknod(middle / "bin/gone", 0o020000, 0)
    (middle / "bin/folder").mkdir()
    (middle / "bin/opaque").mkdir()
    os.setxattr(middle / "bin/opaque", "trusted.overlay.opaque", b"y")
    put(middle, "bin/.wh.marked", b"", 0o644)
    put(top, "bin/own")
    found = programs(top, middle, low)
    kept = {"/bin/kept", "/bin/replaced", "/bin/folder/in", "/bin/own"}
    assert {each.path for each in found.programs} == kept
    assert next(each.access.uid for each in found.programs if each.path == "/bin/replaced") == 7
    assert paths(top, middle, low, covered=("/bin/folder", "/bin/kept")) == {"/bin/replaced", "/bin/own"}


@needs_root
def test_folders_are_as_the_topmost_has_them(tmp_path: Path) -> None:
    low, top = tmp_path / "low", tmp_path / "top"
    put(low, "opt/tool")
    put(low, "srv/tool")
    for layer in (low, top):
        layer.mkdir(exist_ok=True)
        layer.chmod(0o755)
    for folder, mode in ((low / "opt", 0o755), (top / "opt", 0o750), (low / "srv", 0o700), (top / "srv", 0o755)):
        folder.mkdir(exist_ok=True)
        folder.chmod(mode)
    found = {each.path: [folder.mode for folder in each.folders] for each in programs(top, low).programs}
    assert found == {"/opt/tool": [0o750], "/srv/tool": []}


@needs_root
@pytest.mark.parametrize("where", ["low", "top", "link", "removed"])
def test_whom_its_own_rules_let_in(where: str, tmp_path: Path) -> None:
    low, top = tmp_path / "low", tmp_path / "top"
    put(low, "usr/bin/su", ELF + b"\0pam_authenticate\0")
    empty = b"root::0:0::/:/bin/sh\n"
    put(low, "etc/passwd", empty if where == "low" else b"root:*:0:0::/:/bin/sh\n", 0o644)
    if where == "top":
        put(top, "etc/passwd", empty, 0o644)
    elif where == "link":
        put(top, "usr/share/passwd", empty, 0o644)
        (top / "etc").mkdir()
        (top / "etc/passwd").symlink_to("../usr/share/passwd")
    elif where == "removed":
        (top / "etc").mkdir(parents=True)
        os.mknod(top / "etc/passwd", 0o020000, 0)
    top.mkdir(exist_ok=True)
    found = programs(top, low)
    assert [each.known for each in found.programs] == ["su"]
    assert [(each.program, each.kind) for each in found.admitted] == ([] if where == "removed" else [("su", "a")])


@needs_root
def test_rules_that_something_is_mounted_over_are_not_certain(tmp_path: Path) -> None:
    put(tmp_path, "usr/bin/su", ELF + b"\0pam_authenticate\0")
    assert rules([str(tmp_path)], ("/etc/hosts",), {"su"})[1]
    assert not rules([str(tmp_path)], ("/etc/pam.d/su",), {"su"})[1]
    assert rules([str(tmp_path)], ("/etc",), set())[1]
