"""The entry starts this installation, whatever its folder is called; the desktop's own launcher is the judge."""

from __future__ import annotations

import os
import subprocess
import time
from pathlib import Path

import pytest

from stratascope import resources
from stratascope.desktop_files import Origin, Start, UnfitError, entry, folders_of, start

TEMPLATE = resources.read_text(resources.DESKTOP_ENTRY)


def values(text: bytes) -> dict[str, str]:
    lines = text.decode().splitlines()
    assert lines[0] == "[Desktop Entry]"
    return dict(line.split("=", 1) for line in lines[1:])


@pytest.mark.parametrize(
    "folder",
    [
        "plain",
        "with space",
        " first and last ",
        "日本語 と 空白",
        "100% of $HOME, `id` & \"quotes\" 'n' such; (all) #1 ~ *?",
        "back\\slash\\\\twice\\s\\n",
        "%f %U %%",
    ],
)
def test_the_launcher_of_the_desktop_starts_it(tmp_path: Path, folder: str) -> None:
    program = tmp_path / folder / "Strata $1.AppImage"
    program.parent.mkdir()
    program.write_text(
        f'#!/bin/sh\nprintf "%s\\n" "$0" "$@" > "{tmp_path}/said.part"\nmv "{tmp_path}/said.part" "{tmp_path}/said"\n'
    )
    program.chmod(0o755)
    menu = tmp_path / "own.desktop"
    menu.write_bytes(entry(TEMPLATE, (str(program), "-m", "a b")))
    judge = subprocess.run(("desktop-file-validate", menu), capture_output=True, text=True, check=False)
    assert (judge.returncode, judge.stdout) == (0, "")
    subprocess.run(("gio", "launch", menu), check=True, env={**os.environ, "DISPLAY": ""})
    while not (tmp_path / "said").exists():
        time.sleep(0.01)
    assert (tmp_path / "said").read_text().splitlines() == [str(program), "-m", "a b"]


def test_only_what_starts_it_is_another(tmp_path: Path) -> None:
    packaged, ours = values(TEMPLATE.encode()), values(entry(TEMPLATE, ("/opt/s t",)))
    assert ours.pop("TryExec") == "/opt/s t"
    assert ours.pop("Exec") == '"/opt/s t"'
    assert packaged.pop("Exec") == "stratascope"
    assert ours == packaged


@pytest.mark.parametrize("path", ["/a=b/x", "/a\nb", "/a\x7fb", "/\udcff"])
def test_what_no_entry_can_hold_is_refused(path: str) -> None:
    with pytest.raises(UnfitError):
        entry(TEMPLATE, (path,))


def test_the_folders_are_remembered_and_none_leads_out() -> None:
    made = ("applications", "icons/hicolor")
    assert folders_of(entry(TEMPLATE, ("/x",), made).decode()) == made
    assert folders_of(entry(TEMPLATE, ("/x",)).decode()) == ()
    assert folders_of("X-Stratascope-Folders=a;../b;/c;d/../../e;;a b;\n") == ("a", "a b")


def test_each_way_is_started_by_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    script = tmp_path / "stratascope"
    script.write_text("")
    there = str(script)
    assert start(script=there, python="/p").origin is Origin.MODULE, "can't be run"
    script.chmod(0o755)
    link = tmp_path / "bin" / "stratascope"
    link.parent.mkdir()
    link.symlink_to(script)  # as pipx does: the link stays where it is, the folder behind it may not
    assert start(script=str(link), python="/p") == Start(Origin.PROGRAM, (str(link),))
    monkeypatch.chdir(tmp_path)
    assert start(script="./stratascope", python="/p").command == (there,)
    other = start(script="/x/stratascope/__main__.py", python="/p")
    assert other == Start(Origin.MODULE, ("/p", "-m", "stratascope"))
    assert start(frozen=True, python="/f/S", script=there).command == ("/f/S",)
    image = start(image="./Some App.AppImage", frozen=True, python="/f/S", script=there)
    assert image == Start(Origin.APPIMAGE, (f"{tmp_path}/Some App.AppImage",))
    assert start(flatpak=True, script=there) == Start(Origin.FLATPAK, ())
