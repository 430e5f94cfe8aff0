"""A sandbox in a container that does not start: why, as told inside, and the least, found on copies from outside."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import tarfile
from pathlib import Path
from typing import Any

import pytest

from rig.engine import Rig
from rig.image import add, write_image
from rig.places import APP

BWRAP = ("/usr/bin/bwrap", "--ro-bind", "/", "/")
ALONE = (*BWRAP, "--unshare-user", "--unshare-pid", "--unshare-net")
CALLS = ("clone", "mount", "umount2", "pivot_root")
USER = ("--user", "1000")
IMAGE = "sandbox:latest"


def import_image(rig: Rig) -> None:
    """Busybox with bubblewrap and its libraries."""
    program = shutil.which("bwrap")
    assert program is not None
    linked = subprocess.run(("ldd", program), capture_output=True, text=True, check=True).stdout.split()
    tar = rig.folder / "sandbox.tar"
    write_image(tar)
    with tarfile.open(tar, "a") as archive:
        for path in (program, *dict.fromkeys(word for word in linked if word.startswith("/"))):
            add(archive, path.lstrip("/"), Path(path).read_bytes(), 0o755)
    rig.run("import", str(tar), IMAGE)
    tar.unlink()


def starts(rig: Rig, options: tuple[str, ...], command: tuple[str, ...]) -> bool:
    """Whether it starts in a container with these options."""
    name = "starts"
    try:
        rig.run("run", "--rm", "--name", name, *options, IMAGE, *command)
    except AssertionError:  # it ended with another status than 0
        return False
    return True


def said(rig: Rig, options: tuple[str, ...], command: tuple[str, ...], *more: str) -> dict[str, Any]:
    """What `denials -- COMMAND` says in a container with this machine's programs, as its user."""
    prefix, base = Path(sys.prefix), Path(sys.base_prefix)
    places = {"/usr": "/usr", "/usr/lib": "/lib", "/usr/lib64": "/lib64", str(APP): str(APP), str(prefix): str(prefix),
              str(base): str(base), str(APP.parent / "resources"): str(APP.parent / "resources")}  # fmt: skip
    binds = [word for source, target in places.items() for word in ("-v", f"{source}:{target}:ro")]
    variables = (f"PYTHONPATH={APP}", "PYTHONDONTWRITEBYTECODE=1", "PATH=/usr/bin:/bin")
    words = (*variables, sys.executable, "-m", "stratascope", "denials", "--for", "20", "--json", *more, "--", *command)
    quiet = ("/usr/bin/env", "busybox", "sh", "-c", '"$@" 2>/dev/null; true', "sh", "/usr/bin/env")
    text = rig.run("run", "--rm", "--name", "said", "--tmpfs", "/root:mode=755", *binds, *options, "--entrypoint",
                   *quiet, *words)  # fmt: skip
    found: dict[str, Any] = json.loads(text)
    return found


def first(found: dict[str, Any]) -> str:
    return next((str(each["id"]) for each in found["causes"]), "")


@pytest.mark.slow  # some fifteen containers
def test_the_least_of_docker_is_needed_in_each_part(docker_rootful: Rig, tmp_path: Path) -> None:
    rig = docker_rootful
    import_image(rig)
    tmp_path.chmod(0o777)
    written = ("-v", f"{tmp_path}:/out")
    found = said(rig, (*USER, *written), (*ALONE, "/usr/bin/true"), "--filter", "/out/filter.json")
    assert first(found) == "filter"
    assert found["causes"][0]["calls"] == list(CALLS)
    text = json.loads((tmp_path / "filter.json").read_text())
    filtered = ("--security-opt", f"seccomp={tmp_path}/filter.json")
    command = (*ALONE, "/bin/true")
    assert not starts(rig, USER, command)
    assert starts(rig, (*USER, *filtered), command)
    for call in CALLS:
        kept = [{**rule, "names": [name for name in rule["names"] if name != call]} for rule in text["syscalls"]]
        less = tmp_path / f"{call}.json"
        less.write_text(json.dumps({**text, "syscalls": [rule for rule in kept if rule["names"]]}))
        without = ("--security-opt", f"seccomp={less}")
        assert not starts(rig, (*USER, *without), command)

    proc = (*ALONE, "--proc", "/proc")
    found = said(rig, (*USER, *filtered), (*proc, "/usr/bin/true"))
    assert first(found) == "proc-covered"
    assert found["causes"][0]["docker"] == [["--security-opt", "systempaths=unconfined"]]
    paths = ("--security-opt", "systempaths=unconfined")
    assert starts(rig, (*USER, *filtered, *paths), (*proc, "/bin/true"))
    assert not starts(rig, (*USER, *paths), (*proc, "/bin/true"))

    admin, net, shared = ("--cap-add", "SYS_ADMIN"), ("--cap-add", "NET_ADMIN"), (*BWRAP, "--unshare-net")
    found = said(rig, admin, (*shared, "/usr/bin/true"))
    assert first(found) == "loopback"
    assert found["causes"][0]["docker"] == [["--cap-add", "NET_ADMIN"]]
    found = said(rig, (*admin, *net, *written), (*shared, "/usr/bin/true"), "--filter", "/out/admin.json")
    assert (first(found), found["causes"][0]["calls"]) == ("filter", ["pivot_root"])  # that Docker gives to nobody
    of_admin = (*admin, "--security-opt", f"seccomp={tmp_path}/admin.json")
    assert starts(rig, (*of_admin, *net), (*shared, "/bin/true"))
    assert not starts(rig, of_admin, (*shared, "/bin/true"))

    found = said(rig, written, (*shared, "/usr/bin/true"), "--filter", "/out/root.json")
    assert first(found) == "filter-and-rights"  # it is told to make a user namespace, not given SYS_ADMIN
    of_root = ("--security-opt", f"seccomp={tmp_path}/root.json")
    assert starts(rig, of_root, (*shared, "--unshare-user", "/bin/true"))
    assert not starts(rig, of_root, (*shared, "/bin/true"))

    fuse = ("/bin/sh", "-c", "exec 3</dev/fuse")
    found = said(rig, (), fuse)
    assert (first(found), found["causes"][0]["docker"]) == ("no-device", [["--device", "/dev/fuse"]])
    assert starts(rig, ("--device", "/dev/fuse"), fuse)


@pytest.mark.slow  # a dozen copies
@pytest.mark.parametrize("kind", ["docker_rootful", "podman_rootful"])
def test_the_least_is_found_and_proven_on_copies(kind: str, request: pytest.FixtureRequest) -> None:
    rig: Rig = request.getfixturevalue(kind)
    import_image(rig)
    command = (*ALONE, "--proc", "/proc", "/bin/true")
    try:
        rig.run("run", "-d", "--name", "dev", *USER, IMAGE, "sleep", "3600")
        done = subprocess.run((sys.executable, "-m", "stratascope", "denials", "dev", "--json", "--", *command),
                              env={**rig.environ, "PYTHONPATH": str(APP)}, capture_output=True, text=True, check=False,
                              stdin=subprocess.DEVNULL)  # fmt: skip
        assert done.returncode == 0, done.stderr
        found = json.loads(done.stdout.splitlines()[-1])["start"]
        assert found["proven"], found
        assert {"toggle": "masked-paths", "value": "off"} in found["choices"]
        assert [each["id"] for each in found["causes"]][-1] == "proc-covered"
        assert found["exposure"]["before"] < found["exposure"]["after"]
        assert not {each["toggle"] for each in found["choices"]} - {"masked-paths", "seccomp"}
        assert not [name for name in rig.run("ps", "-a", "--format", "{{.Names}}").split() if name.startswith("dev.")]
    finally:
        rig.run("rm", "-f", "dev")
