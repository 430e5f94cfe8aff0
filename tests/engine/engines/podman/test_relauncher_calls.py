"""Every call that hardening makes, on real Podmans: what it does, and what refusals look like."""

from __future__ import annotations

import json
import socket
import time
from pathlib import Path
from typing import Any

import pytest

from engine.engines.podman.replaced import relauncher, replaced
from rig.engine import Rig
from stratascope.core.container import Asked, EngineState
from stratascope.core.ports import EngineError, NoSuchContainerError, RefusedError
from stratascope.core.relaunch.launch_spec import FileChange, Health, RestartPolicy
from stratascope.engines.podman.apply_options import with_image
from stratascope.engines.shared.rest_engine import RestEngine
from stratascope.value import replace

pytestmark = pytest.mark.slow  # on real engines; tests/engine/cli/test_hardening.py has one of each in make test

GONE = "0" * 64


@pytest.fixture(params=("podman_rootful", "podman_rootless"))
def podman(request: pytest.FixtureRequest) -> Rig:
    rig = request.getfixturevalue(request.param)
    assert isinstance(rig, Rig)
    return rig


def test_life(podman: Rig) -> None:
    with podman.container(name="strata-life") as container, relauncher(podman) as port:
        now = port.running(container)
        assert (now.id, now.name, now.status, now.exit_code) == (container, "strata-life", "running", None)
        assert now.pid == podman.pid(container)
        assert (now.restarts, now.health) == (0, Health.NONE)
        port.start(container)  # it runs: nothing to do
        port.stop(container, 0)
        port.stop(container, 0)
        assert (port.running(container).status, port.running(container).pid) == ("exited", None)
        assert port.running(container).exit_code == 137
        port.rename(container, "strata-life-2")
        found = port.named("strata-life-2")
        assert found is not None
        assert found.id == container
        assert port.named("strata-life") is None
        assert port.named(container[:12]) is None  # no name
        port.rename(container, "strata-life")
        port.start(container)
        assert port.running(container).status == "running"


def test_labelled(podman: Rig) -> None:
    with (
        podman.container("-l", "strata.a=1") as one,
        podman.container("-l", "strata.a=2", start=False) as two,
        relauncher(podman) as port,
    ):
        assert {each.id for each in port.labelled("strata.a", "")} == {one, two}
        assert [each.id for each in port.labelled("strata.a", "2")] == [two]
        assert dict(port.labelled("strata.a", "1")[0].labels)["strata.a"] == "1"
        assert port.labelled("strata.b", "") == ()
        port.stop(two, 0)  # was never started


def test_restart_policy(podman: Rig) -> None:
    with podman.container("--restart", "on-failure:4") as container, relauncher(podman) as port:
        assert port.plan(container).restart == RestartPolicy("on-failure", 4)
        port.restart_policy(container, RestartPolicy())
        assert podman.inspect(container)["HostConfig"]["RestartPolicy"]["Name"] == "no"
        port.stop(container, 0)
        port.restart_policy(container, RestartPolicy("on-failure", 4))
        policy = podman.inspect(container)["HostConfig"]["RestartPolicy"]
        assert policy == {"Name": "on-failure", "MaximumRetryCount": 4}
        with pytest.raises(RefusedError):
            port.restart_policy(container, RestartPolicy("sometimes"))


def test_live_limits(podman_rootful: Rig, podman_rootless: Rig) -> None:
    wanted = Asked(memory=1 << 26, pids=99, cpu_cores=0.25)
    with podman_rootful.container() as container, relauncher(podman_rootful) as port:
        pid = podman_rootful.pid(container)
        port.limit(container, Asked())
        port.limit(container, wanted)
        host = podman_rootful.inspect(container)["HostConfig"]
        assert (host["Memory"], host["MemorySwap"], host["PidsLimit"]) == (1 << 26, 1 << 27, 99)
        assert host["CpuQuota"] / host["CpuPeriod"] == 0.25
        assert podman_rootful.pid(container) == pid
        # What was changed so is part of the next plan
        resources = json.loads(port.plan(container).body)["resource_limits"]
        assert (resources["memory"]["limit"], resources["pids"]["limit"]) == (1 << 26, 99)
    with podman_rootless.container() as container, relauncher(podman_rootless) as port, pytest.raises(RefusedError):
        port.limit(container, wanted)


def test_the_writable_layer(podman: Rig) -> None:
    with podman.container("-v", "/vol") as container, relauncher(podman) as port:
        podman.run(
            "exec",
            container,
            "sh",
            "-c",
            "echo hello > /tmp/new; rm /etc/group; echo x >> /etc/passwd; echo v > /vol/f",
        )
        changes = port.changes(container)
        assert FileChange("/tmp/new", "added") in changes
        assert FileChange("/etc/group", "deleted") in changes
        assert FileChange("/etc/passwd", "changed") in changes
        assert (port.size(container) or 0) > 0
        image = port.commit(container, "localhost/strata-commit:kept")
        try:
            spec = port.plan(container)
            with replaced(podman, port, with_image(spec.body, image), spec) as new:
                assert podman.said(new, "cat", "/tmp/new") == "hello"
                assert podman.said(new, "cat", "/vol/f") == "v"
        finally:
            podman.run("rmi", "-f", image, check=False)


@pytest.mark.parametrize("args", [(), ("-t",)], ids=["streams", "terminal"])
def test_log(podman: Rig, args: tuple[str, ...]) -> None:
    command = ("sh", "-c", "echo one; echo two; echo three >&2; sleep 3600")
    with podman.container("--log-driver", "k8s-file", *args, command=command) as container, relauncher(podman) as port:
        while "three" not in (text := port.log(container, 2)):
            time.sleep(0.1)
        assert text.replace("\r", "").splitlines() == ["two", "three"]


def test_a_log_whose_last_line_is_being_written(podman_rootful: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    """Podman's reader refuses half a line: the rest is there when it is asked again."""
    exchange, answers = RestEngine.exchange, []
    with (
        podman_rootful.container("--log-driver", "k8s-file", command=("sh", "-c", "echo one; sleep 3600")) as container,
        relauncher(podman_rootful) as port,
    ):
        while "one" not in port.log(container, 2):
            time.sleep(0.1)
        log = Path(podman_rootful.inspect(container)["HostConfig"]["LogConfig"]["Path"])
        whole = log.read_bytes()

        def then_whole(*words: Any) -> tuple[int, bytes]:
            answers.append(exchange(*words))
            log.write_bytes(whole)
            return answers[-1]

        monkeypatch.setattr(RestEngine, "exchange", then_whole)
        log.write_bytes(whole + b"half of what it says\n")
        assert port.log(container, 2) == "one\n"
    assert [status for status, _ in answers] == [500, 200]


def test_health(podman: Rig) -> None:
    with (
        podman.container("--health-cmd", "true", "--health-interval", "disable") as container,
        relauncher(podman) as port,
    ):
        assert port.running(container).health is Health.STARTING
        podman.run("healthcheck", "run", container)
        assert port.running(container).health is Health.HEALTHY


def test_removal_keeps_volumes(podman: Rig) -> None:
    with podman.container("-v", "strata-kept:/named", "-v", "/nameless") as container, relauncher(podman) as port:
        nameless = next(
            mount["Name"] for mount in podman.inspect(container)["Mounts"] if mount["Destination"] == "/nameless"
        )
        port.remove(container)
        assert podman.run("volume", "ls", "-q", "--filter", f"name={nameless}") == nameless
        assert podman.run("volume", "ls", "-q", "--filter", "name=strata-kept") == "strata-kept"
        with pytest.raises(NoSuchContainerError):
            port.running(container)
        podman.run("volume", "rm", nameless, "strata-kept")


def test_volumes_are_those_of_the_original(podman: Rig) -> None:
    """Anonymous ones too, also where the original was started to vanish at its end."""
    with podman.container("--rm", "-v", "/nameless") as original, relauncher(podman) as port:
        podman.run("exec", original, "sh", "-c", "echo kept > /nameless/file")
        spec = port.plan(original)
        assert spec.auto_remove
        with replaced(podman, port, spec.body, spec) as new:
            assert podman.said(new, "cat", "/nameless/file") == "kept"


def test_refusals(podman: Rig) -> None:
    with podman.container(name="strata-taken") as container, relauncher(podman) as port:
        spec = port.plan(container)
        with pytest.raises(RefusedError) as refused:
            port.create(spec.body, "strata-taken", {})
        assert "name" in refused.value.message.id
        assert refused.value.state is EngineState.CONNECTED
        with podman.container(start=False) as other:
            with pytest.raises(RefusedError) as refused:
                port.rename(other, "strata-taken")
            assert "name" in refused.value.message.id
            port.start(other)  # it is as it was
            assert port.running(container).status == "running"
        bad = json.loads(spec.body)
        for changes in (
            {"image": "0" * 64},
            {"pidns": {"nsmode": "sideways"}},
            {"mounts": [{"type": "bind", "source": "/does/not/exist", "destination": "/x", "options": ["rbind"]}]},
            {"cap_add": ["CAP_NONSENSE"]},
        ):
            with pytest.raises(RefusedError) as refused:
                port.create(json.dumps({**bad, **changes}), "strata-bad", {})
            assert refused.value.words
        assert port.named("strata-bad") is None


def test_a_port_that_is_taken(podman: Rig) -> None:
    with socket.socket() as link:
        link.bind(("127.0.0.1", 0))
        link.listen()
        number = link.getsockname()[1]
        with podman.container("-p", f"127.0.0.1:{number}:80", start=False) as container, relauncher(podman) as port:
            with pytest.raises(RefusedError) as refused:
                port.start(container)
            assert "port" in refused.value.message.id
            assert port.running(container).status != "running"


def test_gone(podman: Rig) -> None:
    with relauncher(podman) as port:
        for call in (
            port.plan, port.start, port.remove, port.running, port.changes, port.size, port.oci_config,
            lambda name: port.stop(name, 1),
            lambda name: port.rename(name, "other"),
            lambda name: port.restart_policy(name, RestartPolicy()),
            lambda name: port.limit(name, Asked(pids=5)),
            lambda name: port.log(name, 5),
            lambda name: port.commit(name, "x"),
        ):  # fmt: skip
            with pytest.raises(NoSuchContainerError):
                call(GONE)
        assert port.named("strata-nobody") is None


def test_an_engine_that_hangs(podman_rootful: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(RestEngine, "timeout", (1.0, 1.0))
    monkeypatch.setattr("stratascope.engines.shared.command.QUICK", 1.0)
    with podman_rootful.container() as container, relauncher(podman_rootful) as port:
        podman_rootful.freeze()
        try:
            with pytest.raises(EngineError) as failed:
                port.plan(container)
            assert failed.value.state is EngineState.UNREACHABLE
        finally:
            podman_rootful.thaw()
        assert port.running(container).status == "running"


def test_the_configuration(podman: Rig) -> None:
    with podman.container() as container, relauncher(podman) as port:
        assert json.loads(port.oci_config(container)) == podman.config(container)
        spec = port.plan(container)
        assert spec.stop_timeout == 10
        assert replace(spec, body="").inspect == spec.inspect
        assert Path(json.loads(spec.inspect)["OCIConfigPath"]).exists()
