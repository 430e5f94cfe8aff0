"""Who shares what: by inode, by the engine's word where that can't be read, by name of volumes and networks."""

from __future__ import annotations

from stratascope.core.capture import Capture, Gap, GapKind, Reading
from stratascope.core.container import Asked, AskedMount, Container, Engine, EngineKind, EngineState, Status
from stratascope.core.ground import UNREAD
from stratascope.core.overview.shared_parts import Shared, SharedKind, shared_parts
from stratascope.core.snapshot import ContainerState, Snapshot
from stratascope.value import replace

GROUND = replace(UNREAD, namespaces=(("pid", 1), ("net", 2), ("ipc", 3), ("uts", 4), ("cgroup", 5), ("user", 6)))
ENGINE = Engine("docker", EngineKind.DOCKER, "unix:///run/docker.sock", state=EngineState.CONNECTED)


def state(name: str, uid_map: str = "", engine: str = "docker", networks: tuple[str, ...] = (), *,
          asked: Asked | None = None, **inodes: int) -> ContainerState:  # fmt: skip
    container = Container(engine, name * 4, name, "image", Status.RUNNING, 7, 0.0, 0.0, networks=networks,
                          asked=asked or Asked())  # fmt: skip
    readings = [Reading(f"ns/{kind}", f"/proc/7/ns/{kind}", f"{kind}:[{inode}]") for kind, inode in inodes.items()]
    readings.append(Reading("uid_map", "/proc/7/uid_map", uid_map))
    return ContainerState(container, (), capture=Capture(7, tuple(readings)))


def shared(*states: ContainerState) -> dict[tuple[SharedKind, str], Shared]:
    found = shared_parts(Snapshot(0.0, GROUND, (ENGINE,), states))
    assert len({(each.kind, each.name, each.engine) for each in found}) == len(found)
    return {(each.kind, each.name): each for each in found}


def who(found: Shared) -> list[str]:
    return [number[:1] for _, number in found.containers]


def test_namespaces_by_inode() -> None:
    found = shared(state("a", pid=100, net=7), state("b", pid=100, net=8), state("c", pid=101, net=2))
    assert who(found[SharedKind.NAMESPACE, "pid"]) == ["a", "b"]
    assert who(found[SharedKind.HOST, "net"]) == ["c"]
    assert set(found) == {(SharedKind.NAMESPACE, "pid"), (SharedKind.HOST, "net")}


def test_the_engines_word_where_it_can_not_be_read() -> None:
    asked = Asked(network_mode="container:a")
    unread = state("b", asked=asked)
    found = shared(state("a", net=7), unread)
    assert (who(found[SharedKind.NAMESPACE, "net"]), found[SharedKind.NAMESPACE, "net"].asked) == (["a", "b"], True)
    read = shared(state("a", net=7), state("b", net=7, asked=asked))
    assert read[SharedKind.NAMESPACE, "net"].asked is False
    other = shared(state("a", net=7), state("b", net=8, asked=asked))
    assert other == {}  # what was read decides


def test_volumes_and_paths_and_who_writes_there() -> None:
    def mounts(*, writable: bool) -> Asked:
        return Asked(
            mounts=(
                AskedMount("volume", "/var/lib/docker/volumes/data", "/data", writable, volume="data"),
                AskedMount("bind", "/srv", "/srv", writable),
                AskedMount("tmpfs", "", "/tmp", writable=True),
            )
        )

    found = shared(
        state("a", asked=mounts(writable=True)),
        state("b", asked=mounts(writable=False)),
        state("c", engine="podman", asked=mounts(writable=True)),
    )
    assert who(found[SharedKind.VOLUME, "data"]) == ["a", "b"]  # podman's is another one
    assert [number[:1] for _, number in found[SharedKind.VOLUME, "data"].writers] == ["a"]
    assert who(found[SharedKind.PATH, "/srv"]) == ["a", "b", "c"]
    assert {kind for kind, _ in found} == {SharedKind.VOLUME, SharedKind.PATH}


def test_ids_networks_and_control_groups() -> None:
    ids = "0 100000 65536\n"
    found = shared(
        state("a", ids, networks=("web",), asked=Asked(cgroup_parent="/batch")),
        state("b", ids, networks=("web", "db"), asked=Asked(cgroup_parent="/batch")),
        state("c", "0 0 4294967295\n", networks=("db",)),
    )
    assert who(found[SharedKind.IDS, "100000-165535"]) == ["a", "b"]
    assert who(found[SharedKind.NETWORK, "web"]) == ["a", "b"]
    assert who(found[SharedKind.NETWORK, "db"]) == ["b", "c"]
    assert who(found[SharedKind.CGROUP, "/batch"]) == ["a", "b"]


def test_what_is_not_this_container_s_is_not_counted() -> None:
    foreign = replace(state("b", pid=100), gap=Gap(GapKind.FOREIGN))
    assert shared(state("a", pid=100), foreign) == {}


def test_machines_are_kept_apart() -> None:
    far = replace(GROUND, kernel="other")
    both = (state("a", pid=100), state("b", engine="far", pid=100))
    assert shared_parts(Snapshot(0.0, GROUND, (ENGINE,), both, elsewhere=(("far", far),))) == ()


def test_the_gravest_comes_first() -> None:
    states = [state(chr(97 + at), pid=1, cgroup=5, net=9, networks=("n",)) for at in range(4)]
    found = shared_parts(Snapshot(0.0, GROUND, (ENGINE,), tuple(states)))
    assert [(each.kind, each.name) for each in found] == [
        (SharedKind.HOST, "pid"),
        (SharedKind.HOST, "cgroup"),
        (SharedKind.NAMESPACE, "net"),
        (SharedKind.NETWORK, "n"),
    ]
