"""Who is in whose namespaces: by inodes, by the file that everybody may see, and by what the engine was asked for."""

from __future__ import annotations

from rig.recorded import recorded, with_text
from stratascope.collector.names import NETWORK_INODE
from stratascope.core.capture import Capture
from stratascope.core.container import Asked, Container, Status
from stratascope.core.overview.shared_parts import Sharer, Sharing, peers_of, sharing_of
from stratascope.value import replace
from unit.layers.surroundings import GROUND


def sharer(name: str, asked: Asked | None = None, engine: str = "docker", sharing: Sharing | None = None) -> Sharer:
    letters = name.encode().hex()
    container = Container(
        engine, letters + "0" * (64 - len(letters)), name, "img", Status.RUNNING, 7, 0.0, 0.0, asked=asked or Asked()
    )
    return Sharer(container, sharing or Sharing(), GROUND)


def with_file(inode: str) -> Capture:
    return with_text(recorded("lsm/apparmor/docker-default"), NETWORK_INODE, inode)


def test_networks_by_the_file_that_everybody_may_see() -> None:
    same, other = (sharing_of(with_file(inode)) for inode in ("4026539001", "4026539002"))
    hosts = replace(GROUND, network_inode=4026539003)
    of_host = replace(sharer("e", sharing=sharing_of(with_file("4026539003"))), ground=hosts)
    also = replace(sharer("f", sharing=sharing_of(with_file("4026539003"))), ground=hosts)
    found = peers_of((sharer("a", sharing=same), sharer("b", sharing=same), sharer("c", sharing=other), of_host, also))
    assert [each.of("net") for each in found] == [("b",), ("a",), (), (), ()]


def test_by_what_was_asked_for() -> None:
    """By name or by the start of an id; whoever else is in there; never across engines."""
    db = sharer("db")
    found = peers_of(
        (
            db,
            sharer("web", Asked(pid_mode="container:db", network_mode=f"container:{db.container.id[:12]}")),
            sharer("log", Asked(pid_mode=f"container:{db.container.id}")),
            sharer("else", Asked(pid_mode="container:db"), engine="podman"),
            sharer("lost", Asked(ipc_mode="container:gone")),
        )
    )
    assert [each.requested_of("net") for each in found] == [("web",), ("db",), (), (), ()]
    of_pid = [set(each.requested_of("pid")) for each in found]
    # by its name and by its id are two words for one container: each group knows the owner
    assert of_pid[0] == {"web", "log"}
    assert of_pid[1] == {"db", "log"}
    assert of_pid[2] == {"db", "web"}
    assert of_pid[3:] == [set(), set()]
    assert all(each.requested_of("ipc") == () for each in found)
