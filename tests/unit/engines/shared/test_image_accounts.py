"""The users of an image in the folders of its layers: the topmost counts, and nothing there leads out."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from stratascope.core.accounts import MOST
from stratascope.engines.shared.image_accounts import accounts_of

LINE = "app:x:1000:1000::/:\n"


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


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root, for a node and trusted attributes")
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
