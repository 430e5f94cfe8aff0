"""`stratascope desktop` and `stratascope helper`, in a mount namespace where they can't touch this machine."""

from __future__ import annotations

import argparse
import json
import os
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from rig.cli.command_line import environ, run
from stratascope import resources, sandbox
from stratascope.cli import desktop_commands
from stratascope.probe.helper import elevated
from stratascope.probe.helper.install import HELPER, POLICY, helper_text, policy_text
from stratascope.wiring import desktop_files as wiring

needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="needs root")
ENTRY = f"applications/{resources.APPLICATION_ID}.desktop"
ME = f"{shlex.quote(sys.executable)} -B -m stratascope"


def in_own_system(*lines: str, polkit: bool = True, **more: str) -> subprocess.CompletedProcess[str]:
    """Shell lines where /usr/libexec, /usr/share and /usr/local/share are new and empty, but for polkit's folder."""
    script = [
        *(
            f"mount -t tmpfs -o mode=755 tmpfs {folder}"
            for folder in ("/usr/libexec", "/usr/share", "/usr/local/share")
        ),
        f"mkdir -p {Path(POLICY).parent}" if polkit else "",
        *lines,
    ]
    return subprocess.run(
        ("unshare", "--mount", "--propagation", "private", "sh", "-c", "\n".join(script)),
        env=environ(**more),
        capture_output=True,
        encoding="utf-8",
        check=False,
        stdin=subprocess.DEVNULL,
    )


def test_json_says_what_became_of_each_file(tmp_path: Path) -> None:
    data = {"XDG_DATA_HOME": str(tmp_path)}
    for words, states in (
        (("install", "--dry-run"), {"would-write"}),
        (("install",), {"written"}),
        (("install",), {"unchanged"}),
        (("remove", "--dry-run"), {"would-remove"}),
        (("remove",), {"removed"}),
    ):
        done = run("desktop", *words, "--json", **data)
        told = json.loads(done.stdout)
        assert (told["result"], told["dry_run"]) == ("done", "--dry-run" in words)
        assert {each["state"] for each in told["files"]} == states
        assert str(tmp_path / ENTRY) in [each["path"] for each in told["files"]]
    (tmp_path / ENTRY).parent.mkdir(parents=True, exist_ok=True)
    (tmp_path / ENTRY).write_text("mine")
    done = run("desktop", "install", "--json", **data)
    told = json.loads(done.stdout)
    assert (done.returncode, told["result"]) == (2, "failed")
    assert str(tmp_path / ENTRY) in told["said"][0]
    assert str(tmp_path / ENTRY) in done.stderr


def test_the_service_is_told_before_it_is_set_up(tmp_path: Path) -> None:
    here = {"XDG_DATA_HOME": str(tmp_path / "data"), "XDG_CONFIG_HOME": str(tmp_path / "config")}
    done = run("desktop", "install", "--background", "--notices", "--dry-run", **here)
    assert (done.returncode, done.stderr, list(tmp_path.iterdir())) == (0, "", [])
    assert "would be started now and at each login: systemctl --user enable --now stratascope-back" in done.stdout
    assert "Desktop notices would be switched on." in done.stdout


def test_into_the_menu_and_out_again(tmp_path: Path) -> None:
    data = {"XDG_DATA_HOME": str(tmp_path)}
    done = run("desktop", "install", "--dry-run", **data)
    assert (done.returncode, list(tmp_path.iterdir())) == (0, [])
    assert f"  {tmp_path}/{ENTRY} (" in done.stdout
    done = run("desktop", "install", **data)
    assert (done.returncode, done.stderr) == (0, "")
    assert f"Written: {tmp_path}/{ENTRY}\n" in done.stdout
    assert f"Its entry starts {sys.executable} -m stratascope" in done.stdout
    assert f"\nExec={sys.executable} -m stratascope\n" in (tmp_path / ENTRY).read_text()
    assert "Already there" in run("desktop", "install", "--user", "--dry-run", **data).stdout
    done = run("desktop", "remove", "--dry-run", **data)
    assert f"Would remove: {tmp_path}/{ENTRY}\n" in done.stdout
    assert (tmp_path / ENTRY).exists()
    done = run("desktop", "remove", **data)
    assert (done.returncode, done.stderr, list(tmp_path.iterdir())) == (0, "", [])
    assert f"Removed: {tmp_path}/{ENTRY}\n" in done.stdout
    done = run("desktop", "remove", **data)
    assert (done.returncode, done.stdout) == (0, "There was nothing to remove.\n")


def test_what_is_not_ours_is_named_and_left(tmp_path: Path) -> None:
    data = {"XDG_DATA_HOME": str(tmp_path)}
    (tmp_path / "applications").mkdir()
    (tmp_path / ENTRY).write_text("[Desktop Entry]\n")
    for words in (("install",), ("install", "--dry-run")):
        done = run("desktop", *words, **data)
        assert (done.returncode, done.stdout) == (2, "")
        assert f"{tmp_path}/{ENTRY} was not written by this command." in done.stderr
        assert "Nothing was changed." in done.stderr
    done = run("desktop", "remove", **data)
    assert done.returncode == 2
    assert f"Left alone, because Stratascope did not write it: {tmp_path}/{ENTRY}" in done.stderr
    assert sorted(path.name for path in tmp_path.rglob("*")) == ["applications", Path(ENTRY).name]


@needs_root
def test_a_home_that_can_t_be_written_is_told() -> None:
    for size, words in (("ro", "Read-only file system. Nothing was changed."), ("size=4k", "The disk is full")):
        done = in_own_system(
            "mount -t tmpfs -o mode=755,size=4k tmpfs /mnt",
            f"mount -o remount,{size} /mnt",
            f"XDG_DATA_HOME=/mnt {ME} desktop install",
            "echo $?; find /mnt",
        )
        assert done.stdout.split() == ["2", "/mnt"]
        assert words in done.stderr


@needs_root
def test_root_for_all_users_and_not_for_a_stranger(tmp_path: Path) -> None:
    """In the place of this checkout, which others may be able to change, a program that only root can."""
    code = (
        "import sys\n"
        "from stratascope.wiring import desktop_files as wiring\n"
        "from stratascope.cli import commands\n"
        "from stratascope.cli.arguments import parser\n"
        "from stratascope.desktop_files import Origin, Start\n"
        "wiring.how_started = lambda: Start(Origin.APPIMAGE, (sys.argv[1],))\n"
        "sys.exit(commands.run(parser().parse_args(sys.argv[2:])))\n"
    )
    as_if = f"{shlex.quote(sys.executable)} -B -c {shlex.quote(code)}"
    own = tmp_path / "own"
    own.mkdir()
    (own / "program").touch(mode=0o755)
    done = in_own_system(
        f"umask 077; {as_if} /usr/bin/env desktop install --system; cat /usr/local/share/{ENTRY}",
        f"stat -c %a $(dirname /usr/local/share/{ENTRY})",
        f"{as_if} /usr/bin/env desktop remove --system; find /usr/local/share",
        f"{as_if} {own}/program desktop install --system; echo $?",
        f"chown 12345 {own}; XDG_DATA_HOME={own}/share {ME} desktop install; echo $?",
    )
    assert "Written: /usr/local/share/icons/hicolor/scalable/apps/" in done.stdout
    assert "\nExec=/usr/bin/env\n" in done.stdout
    assert "\n755\n" in done.stdout
    assert done.stdout.endswith("/usr/local/share\n2\n2\n")
    assert " can be changed by users other than root" in done.stderr
    assert "belongs to a user other than root" in done.stderr
    assert [path.name for path in own.iterdir()] == ["program"]


@needs_root
def test_the_helper_is_installed_serves_and_is_removed() -> None:
    request = json.dumps({"ask": "host", "names": ["id:uid"]})
    done = in_own_system(
        f"{ME} helper install --dry-run; find /usr/libexec /usr/share/polkit-1 -type f",
        f"{ME} helper install",
        f"stat -c '%n %U:%G %a %h' {HELPER} {POLICY}",
        "mkdir /tmp/strata-lure && cd /tmp/strata-lure && echo 'raise SystemExit(9)' > json.py",
        f"echo {shlex.quote(request)} | PYTHONPATH=/tmp/strata-lure {HELPER} --some 'words' /etc/shadow",
        "cd /; rm -r /tmp/strata-lure",
        f"{ME} helper install",
        f"{ME} helper remove --dry-run; {ME} helper remove",
        "find /usr/libexec /usr/share/polkit-1",
    )
    assert done.stderr == ""
    dry, _, rest = done.stdout.partition("These files will be written as root:\n")
    told = [f"  {path} (owner root, mode {mode}, " for path, mode in ((HELPER, "0755"), (POLICY, "0644"))]
    assert [line[: len(start)] for line, start in zip(dry.splitlines()[1:], told, strict=True)] == told
    lines = rest.splitlines()
    assert [line[: len(start)] for line, start in zip(lines, told, strict=False)] == told
    assert lines[2:4] == [f"Written: {HELPER}", f"Written: {POLICY}"]
    assert lines[5:7] == [f"{HELPER} root:root 755 1", f"{POLICY} root:root 644 1"]
    assert json.loads(lines[7])["host"][0][2] == "0"
    assert lines[8] == "This version of the helper is already installed. Nothing was changed."
    assert lines[9:11] == [f"Would remove: {HELPER}", f"Would remove: {POLICY}"]
    assert lines[11:14] == ["These files will be removed as root:", f"  {HELPER}", f"  {POLICY}"]
    assert lines[14:] == [
        *(f"Removed: {HELPER}", f"Removed: {POLICY}"),
        *("/usr/libexec", "/usr/share/polkit-1", "/usr/share/polkit-1/actions"),
    ]


@pytest.mark.slow
@needs_root
def test_an_older_helper_is_renewed_and_a_stranger_s_kept(tmp_path: Path) -> None:
    """A package's own files have no seal: they are the package's to change."""
    packaged = tmp_path / "packaged"
    packaged.write_bytes(helper_text())
    old = tmp_path / "old.py"
    old.write_text(
        "from stratascope import sealed_files as files\n"
        f"old = ({HELPER!r}, 0o755, files.sealed(b'#!/usr/bin/python3 -SI\\n# of an older version\\n'))\n"
        "files.put([old], root=True)\n"
    )
    done = in_own_system(
        f"{shlex.quote(sys.executable)} {old} && {ME} helper install; wc -l < {HELPER}",
        f"echo '# more' >> {HELPER}; {ME} helper remove; echo $?; {ME} helper install; echo $?",
        f"cp {packaged} {HELPER}; {ME} helper install; echo $?; {ME} helper remove; echo $?; ls {HELPER}",
        f"rm {HELPER}; chmod 777 /usr/libexec; {ME} helper install; echo $?; ls /usr/libexec",
    )
    lines = [line for line in done.stdout.splitlines() if line.isdigit() or line == HELPER]
    assert int(lines[0]) > 1000
    assert lines[1:] == ["2", "2", "2", "2", HELPER, "2"]
    assert f"changed after Stratascope wrote it: {HELPER}" in done.stderr
    assert f"{HELPER} was changed after Stratascope wrote it." in done.stderr
    assert f"{HELPER} was not written by this command." in done.stderr
    assert f"because Stratascope did not write it: {HELPER}" in done.stderr
    assert "Users other than root can write to /usr/libexec" in done.stderr


@needs_root
def test_without_polkit_there_is_nobody_to_ask() -> None:
    done = in_own_system(f"{ME} helper install; echo $?; ls /usr/libexec", polkit=False)
    assert done.stdout.splitlines()[-1] == "2"
    assert "Install polkit (with pkexec) first." in done.stderr


@pytest.fixture
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A user who is not root, in a folder of root in the place of the system's; pkexec asks nobody."""
    home = Path("/opt") / f"stratascope-test-{os.getpid()}"
    (home / "actions").mkdir(parents=True, mode=0o755)
    programs = tmp_path / "programs"
    programs.mkdir()
    for name, text in (
        ("pkexec", f'echo asked >> {tmp_path}/asked; exec "$@"'),
        ("flatpak-spawn", f'[ "$1" = --host ] || exit 1; shift; echo spawned >> {tmp_path}/asked; exec "$@"'),
    ):
        (programs / name).write_text(f"#!/bin/sh\n{text}\n")
        (programs / name).chmod(0o755)
    monkeypatch.setenv("PATH", f"{programs}:/usr/bin:/bin")
    monkeypatch.setenv("DISPLAY", ":0")
    monkeypatch.setattr(elevated, "already_root", lambda: False)
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    monkeypatch.setattr(wiring, "HELPER", str(home / "helper"))
    monkeypatch.setattr(wiring, "POLICY", str(home / "actions" / "own.policy"))
    yield home
    shutil.rmtree(home)


def helper(act: str) -> int:
    return desktop_commands.run(argparse.Namespace(command="helper", act=act, dry_run=False, json=False))


@needs_root
@pytest.mark.parametrize("flatpak", [False, True])
def test_root_is_asked_once_and_only_where_there_is_something_to_do(
    elsewhere: Path, flatpak: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """In Flatpak's sandbox the host's folders can't be seen, so there root is asked each time."""
    if flatpak:
        (tmp_path / "info").write_text(f"[Session Bus Policy]\n{sandbox.NAME}=talk\n")
        monkeypatch.setattr(sandbox, "INFO", tmp_path / "info")
    for act in ("install", "remove"):
        (tmp_path / "asked").unlink(missing_ok=True)
        assert (helper(act), helper(act)) == (0, 0)
        lines = (tmp_path / "asked").read_text().split()
        assert lines.count("asked") == (2 if flatpak else 1)
        assert ("spawned" in lines) == flatpak
        said = capsys.readouterr().out
        assert "pkexec may now ask for a password." in said
    assert [path.name for path in elsewhere.rglob("*")] == ["actions"]


@needs_root
def test_what_root_says_is_not_believed_blindly(
    elsewhere: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Whatever stands in the place of pkexec and ends well."""
    for answer in ("", "[]", "{}", '{"stratascope":"placed"}', '{"stratascope":"placed","done":[1]}', '{"error":"x"}',
                   '{"done":[]}', '{"stratascope":"collector","done":[]}'):  # fmt: skip
        program = Path(os.environ["PATH"].partition(":")[0]) / "pkexec"
        program.write_text(f"#!/bin/sh\ncat > /dev/null\necho '{answer}'\n")
        assert helper("install") == 2
        assert "it is not known what it did" in capsys.readouterr().err
    program.write_text('#!/bin/sh\ncat > /dev/null\necho \'{"stratascope":"placed","error":[30,"/usr/x"]}\'\n')
    assert helper("install") == 2
    assert "/usr/x can't be written: Read-only file system. Nothing was changed." in capsys.readouterr().err
    assert not (elsewhere / "helper").exists()


def test_the_policy_is_what_is_installed() -> None:
    assert HELPER in policy_text()
    assert helper_text().startswith(b"#!/usr/bin/python3 -SI\n")


@pytest.mark.parametrize("words", [("desktop",), ("helper",), ("desktop", "install", "--user", "--system")])
def test_words_that_do_not_fit(words: tuple[str, ...]) -> None:
    done = run(*words)
    assert (done.returncode, done.stdout) == (2, "")
    assert "usage: stratascope" in done.stderr
