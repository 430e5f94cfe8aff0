"""Liveness from what was read: whose sockets count, which ports are wanted again, and what is not known."""

from __future__ import annotations

import pytest

from stratascope.core.capture import Capture, Gap, GapKind, Reading
from stratascope.core.container import Asked, AskedPort, Container, Status
from stratascope.core.ground import UNREAD
from stratascope.core.ports import ContainerCapture
from stratascope.core.relaunch.evidence import Liveness
from stratascope.usecases.evidence.readings import liveness_of
from stratascope.value import replace

ID = "ab" * 32
HEAD = "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n"
CONTAINER = Container("docker", ID, "web", "image", Status.RUNNING, 7, 0.0, 0.0)


def line(address: str, port: int, inode: int) -> str:
    return f" 0: {address}:{port:04X} 00000000:0000 0A 00000000:00000000 00:00000000 00000000 0 0 {inode} 1 0 100 0\n"


def capture(**texts: str | Gap) -> Capture:
    given: dict[str, str | Gap] = {
        "cgroup": f"0::/docker/{ID}\n",
        "ns/net": "net:[5]",
        "net/tcp": HEAD + line("00000000", 80, 1) + line("0B00007F", 9000, 2) + line("00000000", 40001, 3),
        "net/tcp6": HEAD,
        "fd:sockets": "socket:[1]",
        "cgroup:oom": "oom_kill_disable 0\nunder_oom 0\noom_kill 2\n",
        "cgroup:forks": "max 3\n",
    }
    given.update({name.replace("__", "/").replace("_oom", ":oom").replace("_sockets", ":sockets"): text
                  for name, text in texts.items()})  # fmt: skip
    return Capture(
        7,
        tuple(
            Reading(name, name, None, text) if isinstance(text, Gap) else Reading(name, name, text)
            for name, text in given.items()
        ),
    )


def of(first: Capture, *members: Capture, **asked: object) -> Liveness:
    container = replace(CONTAINER, asked=Asked(**asked))  # type: ignore[arg-type]
    return liveness_of(container, ContainerCapture(first, members), UNREAD)


def test_in_a_shared_network_a_process_that_was_not_read_may_listen() -> None:
    shared = replace(CONTAINER, asked=Asked(network_mode="host"))
    assert liveness_of(shared, ContainerCapture(capture()), UNREAD).listens is not None
    assert liveness_of(shared, ContainerCapture(capture(), unread=1), UNREAD).listens is None


def test_in_its_own_network_all_that_listens_is_its_own() -> None:
    """But for what the system chose by itself, and Docker's resolver."""
    assert of(capture(fd_sockets=Gap(GapKind.DENIED))) == Liveness((80,), 2, None, 3)


def test_udp_too_where_it_is_meant() -> None:
    """Also on a loopback address; not from where a resolver asks, unless that is published, nor Docker's own."""
    lines = (("0100007F", 53), ("00000000", 5353), ("00000000", 20001), ("0B00007F", 161))
    text = HEAD + "".join(line(address, port, 1).replace(" 0A ", " 07 ") for address, port in lines)
    assert of(capture(net__udp=text, net__udp6=HEAD)).udp == (53,)
    published = (AskedPort("5353/udp", "127.0.0.1", "5353"),)
    assert of(capture(net__udp=text, net__udp6=HEAD), ports=published).udp == (53, 5353)
    assert of(capture(net__udp=Gap(GapKind.DENIED))).udp is None


def test_a_published_port_counts_though_it_is_high() -> None:
    assert of(capture(), ports=(AskedPort("40001/tcp", "", "8080"),)).listens == (80, 40001)


@pytest.mark.parametrize("mode", ["host", "container:other", "pod"])
def test_in_a_shared_network_only_its_own_sockets_count(mode: str) -> None:
    both = HEAD + line("00000000", 80, 1) + line("00000000", 81, 9) + line("00000000", 82, 10)
    first = capture(net__tcp=both)
    assert of(first, network_mode=mode).listens == (80,)
    assert of(first, capture(fd_sockets="socket:[10]"), network_mode=mode).listens == (80, 82)
    assert of(first, capture(fd_sockets=Gap(GapKind.GONE)), network_mode=mode).listens == (80,)
    assert of(first, capture(fd_sockets=Gap(GapKind.DENIED)), network_mode=mode).listens is None


def test_the_hosts_network_is_known_by_its_number_too() -> None:
    ground = replace(UNREAD, namespaces=(("net", 5),))
    other = replace(UNREAD, namespaces=(("net", 6),))
    assert liveness_of(CONTAINER, ContainerCapture(capture(fd_sockets="")), other).listens == (80,)
    assert liveness_of(CONTAINER, ContainerCapture(capture(fd_sockets="")), ground).listens == ()
    assert of(capture(ns__net=Gap(GapKind.DENIED), fd_sockets="")).listens == ()


@pytest.mark.parametrize(
    ("texts", "listens"),
    [
        ({"net__tcp": Gap(GapKind.DENIED)}, None),
        ({"net__tcp": HEAD + " 0: no 0 0A\n"}, None),
        ({"net__tcp6": Gap(GapKind.DENIED, 13)}, None),
        ({"net__tcp6": Gap(GapKind.ABSENT, 2)}, (80,)),  # a kernel without IPv6
        ({"net__tcp6": Gap(GapKind.ABSENT)}, None),  # nobody asked for it
        ({"net__tcp6": HEAD + line("0" * 32, 443, 4)}, (80, 443)),
    ],
)
def test_what_is_not_known_is_not_none(texts: dict[str, str | Gap], listens: tuple[int, ...] | None) -> None:
    assert of(capture(**texts)).listens == listens


def test_kills_that_are_not_told() -> None:
    for text in (Gap(GapKind.DENIED), "", "oom_kill many\n", "oom 1\n"):
        assert of(capture(cgroup_oom=text)).kills is None


def test_a_process_of_somebody_else_tells_nothing() -> None:
    other = capture(cgroup=f"0::/docker/{'cd' * 32}\n")
    assert of(other) == Liveness() == liveness_of(CONTAINER, None, UNREAD)


def test_what_only_sessions_listen_on_passes() -> None:
    """A session's ancestor was started by exec: its parent is none of the container's processes."""
    sockets = HEAD + line("00000000", 80, 1) + line("00000000", 8080, 2) + line("00000000", 9000, 3)
    first = capture(net__tcp=sockets, fd_sockets="socket:[1]", status=process(7, 1))

    def beside(pid: int, parent: int, *inodes: int) -> Capture:
        text = "\n".join(f"socket:[{inode}]" for inode in inodes)
        return replace(capture(fd_sockets=text, status=process(pid, parent)), pid=pid)

    session, worker, child = beside(20, 1, 2), beside(21, 7, 3), beside(22, 20, 2, 3)
    found = of(first, session, worker, child)
    assert (found.listens, found.passing) == ((80, 8080, 9000), (8080,))
    assert of(first, beside(20, 1, 1), worker).passing == ()  # inherited from nobody, but the first has it too
    unread = replace(capture(fd_sockets=Gap(GapKind.DENIED)), pid=7)
    assert of(unread, session).passing == ()


def process(pid: int, parent: int) -> str:
    return f"Name:\tx\nState:\tS (sleeping)\nTgid:\t{pid}\nPid:\t{pid}\nPPid:\t{parent}\n"
