"""The calls of a relaunch, one by one, on real Docker engines: what they do, and what comes of errors."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from rig.engine import Rig
from stratascope.core.container import Asked, EngineKind, EngineState
from stratascope.core.ports import EngineError, NoSuchContainerError, RefusedError
from stratascope.core.relaunch.launch_spec import FileChange, Health, RestartPolicy
from stratascope.engines.docker.engine import DockerEngine
from stratascope.engines.docker.relauncher import DockerRelauncher
from stratascope.engines.open import relauncher_of
from stratascope.engines.shared.endpoint import Endpoint
from stratascope.value import replace

pytestmark = pytest.mark.slow  # on real engines; tests/engine/cli/test_hardening.py has one of each in make test

NOBODY = "f" * 64


@contextmanager
def opened(rig: Rig) -> Iterator[DockerEngine]:
    engine = DockerEngine(Endpoint(rig.id, EngineKind.DOCKER, rig.endpoint, "test", rig.rootless))
    try:
        yield engine
    finally:
        engine.close()


@pytest.fixture
def port(docker_rootful: Rig) -> Iterator[DockerRelauncher]:
    with opened(docker_rootful) as engine:
        yield DockerRelauncher(engine)


def test_names_states_and_the_end(docker_rootful: Rig, port: DockerRelauncher) -> None:
    with docker_rootful.container("--label", "mark=one", name="strata-a.b") as container:
        now = port.running(container)
        assert (now.id, now.name, now.status, now.restarts) == (container, "strata-a.b", "running", 0)
        assert (now.exit_code, now.health) == (None, Health.NONE)
        assert now.pid == docker_rootful.pid(container)
        assert port.labelled("mark", "one") == (now,)
        assert port.labelled("mark", "") == (now,)
        assert port.labelled("mark", "two") == ()
        assert port.named("strata-a.b") == now
        assert port.named("strata-a") is None
        assert port.named("strata-aXb") is None
        assert port.named(container[:12]) is None
        port.rename(container, "strata-other")
        found = port.named("strata-other")
        assert found is not None
        assert found.id == container
        port.stop(container, 0)
        port.stop(container, 0)
        ended = port.running(container)
        assert (ended.status, ended.exit_code, ended.pid) == ("exited", 137, None)
        port.start(container)
        port.start(container)
        assert port.running(container).status == "running"
        port.remove(container)
        with pytest.raises(NoSuchContainerError):
            port.running(container)


def test_stop_gives_the_time_that_was_asked_for(docker_rootful: Rig, port: DockerRelauncher) -> None:
    command = ("sh", "-c", 'trap "sleep 2; exit 7" TERM; while :; do sleep 0.1; done')
    with docker_rootful.container(command=command) as container:
        port.stop(container, 3600)
        assert port.running(container).exit_code == 7  # 137 where it was killed


def test_restart_policy(docker_rootful: Rig, port: DockerRelauncher) -> None:
    with docker_rootful.container("--restart", "on-failure:4") as container:
        assert port.plan(container).restart == RestartPolicy("on-failure", 4)
        port.restart_policy(container, RestartPolicy())
        assert port.plan(container).restart == RestartPolicy("no", 0)
        port.restart_policy(container, RestartPolicy("unless-stopped"))
        assert port.plan(container).restart == RestartPolicy("unless-stopped", 0)
    with docker_rootful.container("--rm") as container:
        assert port.plan(container).auto_remove
        with pytest.raises(RefusedError) as refused:
            port.restart_policy(container, RestartPolicy("always"))
        assert "AutoRemove" in refused.value.words


def test_limits_change_while_it_runs(docker_rootful: Rig, port: DockerRelauncher) -> None:
    with docker_rootful.container("--memory", "64m") as container:
        pid = docker_rootful.pid(container)
        port.limit(container, Asked())
        port.limit(container, Asked(memory=32 << 20, pids=20, cpu_cores=0.5))
        asked = port.plan(container).asked
        assert (asked.memory, asked.memory_swap, asked.pids, asked.cpu_cores) == (32 << 20, 64 << 20, 20, 0.5)
        port.limit(container, Asked(memory=256 << 20))
        assert port.plan(container).asked.memory_swap == 512 << 20
        assert docker_rootful.pid(container) == pid
        with pytest.raises(RefusedError) as refused:
            port.limit(container, Asked(memory=1000))
        assert "memory" in refused.value.words.lower()
    with docker_rootful.container("--cpu-period", "50000", "--cpu-quota", "25000") as container:
        port.limit(container, Asked(cpu_cores=0.2))
        assert port.plan(container).asked.cpu_cores == 0.2


def test_limits_that_rootless_docker_ignores_are_refused(docker_rootless: Rig) -> None:
    with opened(docker_rootless) as engine, docker_rootless.container() as container, pytest.raises(RefusedError):
        relauncher_of(engine).limit(container, Asked(memory=64 << 20))


def test_changes_size_and_commit(docker_rootful: Rig, port: DockerRelauncher) -> None:
    command = ("sh", "-c", "echo data > /new; rm /etc/group; echo x >> /etc/passwd; sleep 3600")
    with docker_rootful.container("--env", "SECRET=1", command=command) as container:
        while FileChange("/etc/group", "deleted") not in port.changes(container):
            time.sleep(0.05)
        time.sleep(0.2)
        assert set(port.changes(container)) >= {
            FileChange("/new", "added"),
            FileChange("/etc/group", "deleted"),
            FileChange("/etc/passwd", "changed"),
        }
        size = port.size(container)
        assert size is not None
        assert 5 < size < 4096
        image = port.commit(container, "strata-committed")
        try:
            assert image.startswith("sha256:")
            assert docker_rootful.run("run", "--rm", image, "cat", "/new") == "data"
            assert docker_rootful.run("image", "inspect", "-f", "{{.Id}}", "strata-committed") == image
        finally:
            docker_rootful.run("rmi", "-f", image, check=False)
    with docker_rootful.container(start=False) as container:
        assert port.changes(container) == ()


def test_log(docker_rootful: Rig, port: DockerRelauncher) -> None:
    command = ("sh", "-c", "for i in 1 2 3; do echo out $i; done; sleep 0.1; echo err å >&2")
    for args, last in (((), "out 3\nerr å\n"), (("-t",), "out 3\r\nerr å\r\n")):
        with docker_rootful.container(*args, command=command) as container:
            docker_rootful.run("wait", container)
            assert port.log(container, 2) == last
    with docker_rootful.container("--log-driver", "none") as container, pytest.raises(RefusedError) as refused:
        port.log(container, 2)
    assert "does not support reading" in refused.value.words


def test_health_and_exit(docker_rootful: Rig, port: DockerRelauncher) -> None:
    args = ("--health-cmd", "test -e /fine", "--health-interval", "100ms", "--health-retries", "1")
    with docker_rootful.container(*args) as container:
        assert port.running(container).health in (Health.STARTING, Health.UNHEALTHY)
        docker_rootful.run("exec", container, "touch", "/fine")
        while port.running(container).health is not Health.HEALTHY:
            time.sleep(0.1)
        assert port.running(container).health is Health.HEALTHY
    with docker_rootful.container("--restart", "always", command=("sh", "-c", "exit 3")) as container:
        while port.running(container).restarts < 2:
            time.sleep(0.05)
        now = port.running(container)
        assert now.restarts >= 2
        assert now.exit_code == 3


def test_a_command_that_is_not_there_is_refused_in_dockers_words(docker_rootful: Rig, port: DockerRelauncher) -> None:
    with docker_rootful.container(command=("/no/such",), start=False) as container:
        with pytest.raises(RefusedError) as refused:
            port.start(container)
        assert "/no/such" in refused.value.words
        assert "/no/such" in port.running(container).error


def test_removing_keeps_the_volumes(docker_rootful: Rig, port: DockerRelauncher) -> None:
    with docker_rootful.container("-v", "/anonymous", "-v", "strata-named:/named") as container:
        names = [mount["Name"] for mount in docker_rootful.inspect(container)["Mounts"]]
        assert len(names) == 2
        spec = port.plan(container)
        made = port.create(spec.body, "strata-kept-new", {})
        port.remove(made.id)
        port.remove(container)
        left = docker_rootful.run("volume", "ls", "-q").split()
        docker_rootful.run("volume", "rm", *names)
        assert set(names) <= set(left)


def test_a_volume_that_was_emptied_stays_empty(docker_rootful: Rig, port: DockerRelauncher) -> None:
    with docker_rootful.container("-v", "/etc", "-v", "strata-etc:/var") as container:
        docker_rootful.run("exec", container, "sh", "-c", "rm -rf /etc/group /etc/passwd; touch /var/mine")
        spec = port.plan(container)
        made = port.create(spec.body, "strata-empty-new", {})
        try:
            port.start(made.id)
            listed = docker_rootful.run("exec", made.id, "sh", "-c", "ls /etc /var")
            assert "passwd" not in listed
            assert "mine" in listed
        finally:
            docker_rootful.remove(made.id)
    docker_rootful.run("volume", "rm", "strata-etc")


def test_refusals(docker_rootful: Rig, port: DockerRelauncher) -> None:
    with docker_rootful.container("-p", "127.0.0.1:18066:66", name="strata-taken") as container:
        spec = port.plan(container)
        with pytest.raises(RefusedError) as refused:
            port.create(spec.body, "strata-taken", {})
        assert "already in use" in refused.value.words
        assert "name" in refused.value.message.id
        assert refused.value.state is EngineState.CONNECTED
        made = port.create(spec.body, "strata-second", {})
        try:
            with pytest.raises(RefusedError, match="already allocated") as refused:
                port.start(made.id)
            assert refused.value.message.id.startswith("A port")
            with pytest.raises(RefusedError, match="already in use"):
                port.rename(made.id, "strata-taken")
        finally:
            port.remove(made.id)
        bad = json.loads(spec.body)
        bad["HostConfig"]["CapAdd"] = ["NO_SUCH"]
        with pytest.raises(RefusedError, match="NO_SUCH"):
            port.create(json.dumps(bad), "strata-bad", {})
        assert port.named("strata-bad") is None
        bad = json.loads(spec.body) | {"Image": "no-such-image"}
        with pytest.raises(RefusedError) as refused:
            port.create(json.dumps(bad), "strata-bad", {})
        assert "no longer has the image" in refused.value.message.id
        bad = json.loads(spec.body)
        bad["HostConfig"]["NetworkMode"] = f"container:{NOBODY}"
        bad.pop("NetworkingConfig")
        with pytest.raises(RefusedError):
            port.create(json.dumps(bad), "strata-bad", {})


def test_a_tmpfs_on_a_binds_target_is_refused(docker_rootful: Rig, port: DockerRelauncher) -> None:
    with docker_rootful.container("-v", "/etc:/both") as container:
        bad = json.loads(port.plan(container).body)
        bad["HostConfig"]["Tmpfs"] = {"/both": ""}
        with pytest.raises(RefusedError, match="Duplicate mount point"):
            port.create(json.dumps(bad), "strata-bad", {})


def test_a_container_that_is_gone(port: DockerRelauncher) -> None:
    for call in (
        lambda: port.plan(NOBODY),
        lambda: port.start(NOBODY),
        lambda: port.stop(NOBODY, 1),
        lambda: port.rename(NOBODY, "strata-x"),
        lambda: port.remove(NOBODY),
        lambda: port.restart_policy(NOBODY, RestartPolicy()),
        lambda: port.limit(NOBODY, Asked(pids=3)),
        lambda: port.running(NOBODY),
        lambda: port.changes(NOBODY),
        lambda: port.size(NOBODY),
        lambda: port.log(NOBODY, 1),
        lambda: port.commit(NOBODY, "strata-x"),
        lambda: port.oci_config(NOBODY),
    ):
        with pytest.raises(NoSuchContainerError):
            call()


def test_a_tag_that_moved(docker_rootful: Rig, port: DockerRelauncher) -> None:
    rig = docker_rootful
    rig.run("tag", "busybox", "strata-moving")
    with rig.container(image="strata-moving", name="strata-tagged") as container:
        spec = port.plan(container)
        assert json.loads(spec.body)["Image"] == "strata-moving"
        other = port.commit(container, "strata-moving")
        try:
            with pytest.raises(RefusedError, match="strata-moving"):
                port.create(spec.body, "strata-tagged-new", {"io.github.stratascope.original": container})
            assert port.named("strata-tagged-new") is None
            again = port.plan(container)
            assert json.loads(again.body)["Image"] == spec.image_id
            assert any("another image" in message.id for message in again.differs)
            made = port.create(again.body, "strata-tagged-new", {"io.github.stratascope.original": container})
            assert rig.inspect(made.id)["Image"] == spec.image_id
            port.remove(made.id)
        finally:
            rig.run("rmi", "-f", other, check=False)


def test_an_image_that_was_deleted_is_lost(docker_rootful: Rig, port: DockerRelauncher) -> None:
    rig = docker_rootful
    with rig.container() as first:
        image = port.commit(first, "strata-deleted")
        with rig.container(image=image) as container:
            assert port.plan(container).lost == ()
            port.stop(container, 0)
            port.remove(first)
            rig.run("rmi", "-f", image)
            lost = port.plan(container).lost
            assert [message.id for message in lost] == [
                "Its image {image} was deleted, so no container can be created from it."
            ]


def test_networks_are_connected_one_by_one_on_an_old_api(docker_rootful: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    rig = docker_rootful
    with opened(rig) as engine:
        names = ("strata-net-1", "strata-net-2")
        for place, name in enumerate(names):
            rig.run("network", "create", "--subnet", f"10.202.{place}.0/24", name)
        try:
            args = ("--network", names[0], "--ip", "10.202.0.9", "--network-alias", "first")
            with rig.container(*args) as container:
                rig.run("network", "connect", "--ip", "10.202.1.9", "--alias", "second", names[1], container)
                port = relauncher_of(engine)
                spec = port.plan(container)
                port.stop(container, 0)
                for old in (False, True):
                    if old:
                        monkeypatch.setattr(DockerEngine, "api", lambda _: (1, 43))
                    made = port.create(spec.body, "strata-networks", {})
                    port.start(made.id)
                    networks = rig.inspect(made.id)["NetworkSettings"]["Networks"]
                    assert {name: said["IPAddress"] for name, said in networks.items()} == {
                        "strata-net-1": "10.202.0.9",
                        "strata-net-2": "10.202.1.9",
                    }
                    assert [said["Aliases"] for _, said in sorted(networks.items())] == [["first"], ["second"]]
                    port.remove(made.id)
        finally:
            rig.run("network", "rm", *names, check=False)


def test_an_engine_that_hangs_ends_in_time(docker_rootful: Rig) -> None:
    with opened(docker_rootful) as engine, docker_rootful.container() as container:
        port = relauncher_of(engine)
        engine.exchange("GET", "/version", {}, None, 5)
        docker_rootful.freeze()
        try:
            with pytest.raises(EngineError) as error:
                engine.exchange("POST", f"/containers/{container}/rename", {"name": "strata-y"}, None, 0.5)
            assert error.value.state is EngineState.UNREACHABLE
        finally:
            docker_rootful.thaw()
        assert port.running(container).status == "running"


def test_an_engine_that_is_not_there(docker_rootful: Rig) -> None:
    endpoint = Endpoint("docker", EngineKind.DOCKER, f"unix://{docker_rootful.folder}/none.sock", "test")
    engine = DockerEngine(endpoint)
    try:
        port = relauncher_of(engine)
        for call in (lambda: port.plan(NOBODY), lambda: port.stop(NOBODY, 0), lambda: port.labelled("a", "")):
            with pytest.raises(EngineError) as error:
                call()
            assert not isinstance(error.value, RefusedError)
            assert error.value.state is EngineState.STOPPED
    finally:
        engine.close()


def test_the_runtimes_config_of_a_stopped_container_can_not_be_read(
    docker_rootful: Rig, port: DockerRelauncher
) -> None:
    with docker_rootful.container(start=False) as container, pytest.raises(EngineError) as error:
        port.oci_config(container)
    assert not isinstance(error.value, RefusedError)


def test_secrets_stay_out_of_texts(docker_rootful: Rig, port: DockerRelauncher) -> None:
    with docker_rootful.container("--env", "PASSWORD=hunter22") as container:
        spec = port.plan(container)
        assert "hunter22" in spec.body
        assert "hunter22" in spec.inspect
        assert "hunter22" not in repr(spec)
        assert "hunter22" not in repr(replace(spec, id="x"))
