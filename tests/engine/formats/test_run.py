"""`docker run` and `podman run` as they are exported, carried out on real engines and compared with the original."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from rig.engine import Rig
from rig.formats.exported import carried_out, exported, hardened
from rig.torture import TORTURES, Places, Torture, differences, surroundings
from stratascope.core.container import EngineKind
from stratascope.core.options.request import RunOptions
from stratascope.formats.run import write as run
from stratascope.formats.shared import has_profile

pytestmark = pytest.mark.slow  # on real engines; tests/engine/cli/test_hardening.py has one of each in make test

_NETNS = "linux.namespaces"  # Podman's path of the network namespace, made anew for each
_OWN_INIT = "process-podman"  # needs a program that is not installed everywhere
_FIXED = ("network", "network-rootless", "everything")
# Options of Podman alone
_PODMAN = (
    Torture(
        "own-process",
        (
            *("--tz", "UTC", "--umask", "0077", "--timeout", "5000", "--unsetenv", "container", "--no-hosts"),
            *("--log-opt", "max-size=1m", "--sdnotify", "ignore", "--passwd-entry", "own:x:1234:1234::/:/bin/sh"),
        ),
        (),
    ),
    Torture(
        "own-security",
        (
            *("--security-opt", "mask=/sys/fs:/proc/loadavg", "--security-opt", "unmask=/proc/kcore", "--read-only"),
            *("--security-opt", "proc-opts=nosuid,hidepid=2", "--security-opt", "label=type:spc_t"),
        ),
        (),
    ),
    Torture("own-loose", ("--security-opt", "unmask=ALL", "--security-opt", "seccomp=unconfined"), ()),
    Torture(
        "own-storage",
        (
            *("--volume", "{folder}/deep:/over:O", "--mount", "type=image,source=busybox,target=/img"),
            *("--mount", "type=devpts,target=/dp", "--volume", "{folder}/shared:/slave:rslave,noexec"),
        ),
        (),
    ),
    Torture("own-health", ("--health-cmd", "CMD true", "--health-startup-cmd", "true"), ()),
    Torture("own-no-limit", ("--ulimit", "data=-1:-1", "--ulimit", "core=0:-1"), ()),
    Torture(
        "own-health-words",
        ("--health-cmd", '["test", "a b", "=", "a b"]', "--health-startup-cmd", '["test", "a b", "=", "a b"]'),
        (),
    ),
    Torture("own-network", ("--network", "{first}:interface_name=eth7,alias=al", "--network", "{second}"), ()),
    Torture("own-uidmap", ("--uidmap", "0:200000:5000", "--gidmap", "0:300000:5000"), ()),
)
_SECRET = "not for everybody"


@pytest.fixture(scope="module")
def docker_places(docker_rootful: Rig) -> Iterator[Places]:
    with surroundings(docker_rootful) as places:
        yield places


@pytest.fixture(scope="module")
def podman_places(podman_rootful: Rig) -> Iterator[Places]:
    with surroundings(podman_rootful) as places:
        yield places


@contextmanager
def set_aside(rig: Rig, container: str, name: str) -> Iterator[None]:
    """Stopped and under another name, so that its own is free, and its ports and addresses are."""
    rig.run("stop", "-t", "0", container, check=False)
    rig.run("rename", container, f"{name}-aside", check=False)
    try:
        yield
    finally:
        rig.remove(name, f"{name}-aside")


def _same(rig: Rig, places: Places, torture: Torture, folder: Path, tool: EngineKind) -> None:
    folder.chmod(0o755)
    with rig.container(*torture.filled(places), image=torture.image, command=torture.command) as old:
        config, health = rig.config(old), _health(rig, old)
        with exported(rig, old) as options:
            text = run.render(options, tool, True)
        if has_profile(options):
            (folder / run.profile_path(options)).write_text(options.seccomp)
        with set_aside(rig, old, options.name):
            new = carried_out(rig, text, folder)
            found = differences(config, rig.config(new), old, new)
            assert _health(rig, new) == health
    assert {path: what for path, what in found.items() if not path.startswith(_NETNS)} == {}


def _health(rig: Rig, container: str) -> tuple[Any, ...]:
    config = rig.inspect(container)["Config"]
    return config.get("Healthcheck"), config.get("StartupHealthCheck")


@pytest.mark.parametrize(
    "torture", [each for each in TORTURES if "docker_rootful" in each.kinds], ids=lambda each: each.name
)
def test_docker_command_gives_the_same_config(
    docker_rootful: Rig, docker_places: Places, torture: Torture, tmp_path: Path
) -> None:
    _same(docker_rootful, docker_places, torture, tmp_path, EngineKind.DOCKER)


@pytest.mark.parametrize(
    "torture",
    [
        *(each for each in TORTURES if "podman_rootful" in each.kinds and each.name not in (_OWN_INIT, *_FIXED)),
        *_PODMAN,
    ],
    ids=lambda each: each.name,
)
def test_podman_command_gives_the_same_config(
    podman_rootful: Rig, podman_places: Places, torture: Torture, tmp_path: Path
) -> None:
    _same(podman_rootful, podman_places, torture, tmp_path, EngineKind.PODMAN)


def test_rootless_user_namespaces(podman_rootless: Rig, tmp_path: Path) -> None:
    for word in ("nomap", "keep-id"):
        with podman_rootless.container("--userns", word) as old:
            config = podman_rootless.config(old)
            with exported(podman_rootless, old) as options:
                text = run.render(options, EngineKind.PODMAN, True)
            assert f"--userns {word}" in text
            with set_aside(podman_rootless, old, options.name):
                new = carried_out(podman_rootless, text, tmp_path)
                found = differences(config, podman_rootless.config(new), old, new)
        assert [path for path in found if not path.startswith(_NETNS)] == []


def test_hardened_command_is_as_hard(any_engine: Rig, tmp_path: Path) -> None:
    tmp_path.chmod(0o755)
    with any_engine.container("--privileged", "-p", "18077:80") as old:
        with exported(any_engine, old, hardened) as options:
            text = run.render(options, options.kind, True)
        with set_aside(any_engine, old, options.name):
            new = carried_out(any_engine, text, tmp_path)
            config = any_engine.config(new)
            status = Path(f"/proc/{any_engine.pid(new)}/status").read_text()
            published = str(any_engine.inspect(new)["HostConfig"]["PortBindings"])
    process = config["process"]
    assert process["noNewPrivileges"]
    assert process["capabilities"]["bounding"] == ["CAP_CHOWN"]
    assert (process["user"]["uid"], process["user"]["gid"]) == (1000, 1000)
    assert config["root"]["readonly"]
    assert config["linux"]["maskedPaths"]
    assert "/scratch" in {mount["destination"] for mount in config["mounts"]}
    assert "CapBnd:\t0000000000000001" in status
    assert "Seccomp:\t2" in status
    assert "127.0.0.1" in published


@pytest.mark.parametrize("pair", [("docker_rootful", EngineKind.PODMAN), ("podman_rootful", EngineKind.DOCKER)])
def test_other_engine_takes_the_command(
    request: pytest.FixtureRequest, pair: tuple[str, EngineKind], tmp_path: Path
) -> None:
    rig: Rig = request.getfixturevalue(pair[0])
    other: Rig = request.getfixturevalue({"docker_rootful": "podman_rootful"}.get(pair[0], "docker_rootful"))
    args = ("-p", "18078:80", "--tmpfs", "/t:size=1m", "-e", "A=b c", "--cap-drop", "NET_RAW", "-v", "data:/data:ro")
    with rig.container(*args, "--read-only", "--memory", "64m", "--pids-limit", "60") as old:
        with exported(rig, old, hardened) as options:
            text = run.render(options, pair[1], True)
        one = rig.config(old)
    text = text.replace("localhost/busybox", "busybox")
    try:
        new = carried_out(other, text, tmp_path)
        two = other.config(new)
    finally:
        other.remove(options.name)
    assert two["process"]["capabilities"]["bounding"] == ["CAP_CHOWN"]
    assert two["process"]["noNewPrivileges"]
    assert two["root"]["readonly"]
    assert "A=b c" in two["process"]["env"]
    assert two["process"]["args"] == one["process"]["args"]
    assert two["linux"]["resources"]["memory"]["limit"] == 64 << 20
    assert two["linux"]["resources"]["pids"]["limit"] == 50
    assert {"/t", "/data", "/scratch"} <= {mount["destination"] for mount in two["mounts"]}


def test_secrets_stay_out_unless_asked_for(docker_rootful: Rig) -> None:
    with docker_rootful.container("-e", f"PASSWORD={_SECRET}") as container, exported(docker_rootful, container) as it:
        kept = run.render(it, EngineKind.DOCKER, False)
        told = run.render(it, EngineKind.DOCKER, True)
    assert _SECRET not in kept
    assert "--env PASSWORD \\" in kept
    assert "may be secrets" in kept
    assert f"--env 'PASSWORD={_SECRET}'" in told


@pytest.mark.parametrize(
    "word", ["$(touch {mark})", "`touch {mark}`", "a'b\"c", "-x", "", "two\nlines", "; touch {mark}", "\\", "#no"]
)
def test_foreign_words_do_not_act(docker_rootful: Rig, word: str, tmp_path: Path) -> None:
    # An option's words, an environment's and a command's, through a real shell and a real engine
    mark = tmp_path / "acted"
    word = word.format(mark=mark)
    args = ("--label", f"note={word}", "--env", f"WORD={word}")
    with docker_rootful.container(*args, command=("sh", "-c", "sleep 3600; :", word)) as old:
        config = docker_rootful.config(old)
        with exported(docker_rootful, old) as options:
            text = run.render(options, EngineKind.DOCKER, True)
        with set_aside(docker_rootful, old, options.name):
            new = carried_out(docker_rootful, text, tmp_path)
            found = differences(config, docker_rootful.config(new), old, new)
            labels = docker_rootful.inspect(new)["Config"]["Labels"]
    assert found == {}
    assert labels["note"] == word
    assert not mark.exists()


def test_comments_stay_on_their_lines(docker_rootful: Rig) -> None:
    with docker_rootful.container() as container, exported(docker_rootful, container) as options:
        odd = RunOptions(
            kind=EngineKind.PODMAN,
            name=options.name,
            image="busybox",
            before=options.before,
            asked=options.asked,
            own=(("tz", "x\nrm -rf /"),),
        )
        text = run.render(odd, EngineKind.DOCKER, False)
    assert "\\x0arm -rf /" in text
    assert "\nrm" not in text
