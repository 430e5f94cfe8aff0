"""From where a container's ports are said to be reached, against who really gets a connection: programs of the machine,
another machine that routes by way of it, and another container.

All in a network of its own, in which the engine runs: `another` is a network namespace at the other end of its cable.
"""

from __future__ import annotations

import ctypes
import json
import os
import subprocess
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest

from rig.collector.asking import needs_root
from rig.engine import KINDS, Rig, complete, launch
from rig.plan import NoEngineError
from stratascope.core.reach.row import Answer, ReachRow
from stratascope.core.reach.things import FROM_CONTAINERS, FROM_MACHINE, FROM_OUTSIDE
from stratascope.i18n.translate import translate
from stratascope.usecases.reach.judge import reached
from stratascope.value import Value
from stratascope.wiring.engines import open_engines
from stratascope.wiring.reach import subject_of

_NEWNET = 0x40000000
_LIBC = ctypes.CDLL(None, use_errno=True)
_SIDES = (FROM_MACHINE, FROM_OUTSIDE, FROM_CONTAINERS)
_ADDRESSES = ("127.0.0.1", "::1", "198.51.100.1", "2001:db8:5::1")  # of the machine
_TO_MACHINE = ("169.254.1.2", "10.0.2.2")  # for what is behind pasta or slirp4netns
_OUTSIDE, _INSIDE = 18080, 8080
# Tries all addresses and ports at once, and prints those that answered in time
_TRY = """
import select, socket, sys, time
waiting = {}
poll = select.poll()
for place in sys.argv[1:]:
    address, _, port = place.rpartition(" ")
    made = socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET)
    made.setblocking(False)
    try:
        made.connect_ex((address, int(port)))
    except OSError:
        continue
    waiting[made.fileno()] = made, place
    poll.register(made, select.POLLOUT)
end = time.monotonic() + 0.6
while waiting and time.monotonic() < end:
    for number, _ in poll.poll(100):
        made, place = waiting.pop(number)
        poll.unregister(number)
        if made.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR) == 0:
            # a program between takes the connection and then closes it if nobody listens behind
            made.settimeout(1.0)
            try:
                made.sendall(b"GET / HTTP/1.0\\r\\n\\r\\n")
                if made.recv(1):
                    print(place)
            except OSError:
                pass
"""


class Case(Value):
    """One container. `listen`: where its server does; `rule`: of iptables, on the machine; `near`: how its neighbour is
    started; `unsure`: from where it depends on what is not known.
    """

    name: str
    options: tuple[str, ...] = ()
    listen: str = f"0.0.0.0:{_INSIDE}"
    rule: str = ""
    only: str = ""  # part of the engine's kind
    near: tuple[str, ...] = ()
    unsure: str = ""


_WIDE = ("-p", f"{_OUTSIDE}:{_INSIDE}")
_BRIDGE = ("--network", "podman")
_LOCAL = f"127.0.0.1:{_INSIDE}"
CASES = (
    Case("plain"),
    Case("itself", listen=_LOCAL),
    Case("published", _WIDE),
    Case("published-local", ("-p", f"127.0.0.1:{_OUTSIDE}:{_INSIDE}")),
    Case("published-one", ("-p", f"198.51.100.1:{_OUTSIDE}:{_INSIDE}")),
    Case("published-itself", _WIDE, _LOCAL),
    Case("published-six", ("-p", f"[::]:{_OUTSIDE}:{_INSIDE}"), f"[::]:{_INSIDE}"),
    Case("beside", ("--network", "container:neighbour"), _LOCAL, only="rootful"),
    Case("host", ("--network", "host"), f"0.0.0.0:{_INSIDE}"),
    Case("host-itself", ("--network", "host"), _LOCAL),
    Case("none", ("--network", "none")),
    Case("received", _WIDE, rule=f"INPUT -p tcp --dport {_OUTSIDE} -j DROP"),
    Case("forwarded", _WIDE, rule=f"FORWARD -p tcp --dport {_INSIDE} -j DROP"),
    Case("pasta", ("--network", "pasta", *_WIDE), only="podman_rootless"),
    Case("pasta-itself", ("--network", "pasta", *_WIDE), _LOCAL, only="podman_rootless", unsure=FROM_MACHINE),
    Case("pasta-all", ("--network", "pasta:-t,auto"), _LOCAL, only="podman_rootless"),
    Case("slirp", ("--network", "slirp4netns", *_WIDE), only="podman_rootless"),
    Case("slirp-itself", ("--network", "slirp4netns", *_WIDE), _LOCAL, only="podman_rootless"),
    Case("bridge", (*_BRIDGE, *_WIDE), only="podman_rootless", near=_BRIDGE),
    Case("bridge-plain", _BRIDGE, only="podman_rootless", near=_BRIDGE),
)


class Place(Value):
    """Where is tried: PIDs in the network namespaces of the machine and of another one."""

    machine: int
    another: int


def _network(pid: int | str) -> int:
    return Path(f"/proc/{pid}/ns/net").stat().st_ino


def _ip(pid: int, *lines: str) -> None:
    for line in lines:
        subprocess.run(["nsenter", f"--net=/proc/{pid}/ns/net", "ip", *line.split()], check=True)


@contextmanager
def _in_network(pid: int | None) -> Iterator[None]:
    """This thread in that process's network namespace; None: in a new one."""
    before = os.open("/proc/thread-self/ns/net", os.O_RDONLY)
    try:
        if pid is None:
            assert _LIBC.unshare(_NEWNET) == 0
        else:
            wanted = os.open(f"/proc/{pid}/ns/net", os.O_RDONLY)
            assert _LIBC.setns(wanted, _NEWNET) == 0
            os.close(wanted)
        yield
    finally:
        assert _LIBC.setns(before, _NEWNET) == 0
        os.close(before)


@contextmanager
def _cabled(pid: int) -> Iterator[int]:
    """A network namespace on the same cable as that process's: a PID in it."""
    with _sleeping("unshare", "-n") as another:
        while _network(another) == _network("thread-self"):
            time.sleep(0.02)
        _ip(pid, "link set lo up", f"link add eth0 type veth peer name eth0 netns {another}", "link set eth0 up")
        _ip(pid, "addr add 198.51.100.1/24 dev eth0", "addr add 2001:db8:5::1/64 dev eth0 nodad")
        _ip(another, "link set eth0 up", "addr add 198.51.100.2/24 dev eth0", "route add default via 198.51.100.1")
        _ip(another, "addr add 2001:db8:5::2/64 dev eth0 nodad", "route add default via 2001:db8:5::1")
        _ip(pid, "route add default via 198.51.100.2", "route add default via 2001:db8:5::2")
        yield another


@pytest.fixture(params=KINDS)
def engine(request: pytest.FixtureRequest) -> Iterator[tuple[Rig, Place]]:
    """In a network of its own, with another machine beside it."""
    with ExitStack() as held:
        held.enter_context(_in_network(None))
        here = held.enter_context(_sleeping())
        cable = held.enter_context(_cabled(here))
        try:
            rig = complete(launch(request.param))
        except NoEngineError as error:
            pytest.skip(str(error))
        held.callback(rig.close)
        place = Place(here, cable)
        if request.param == "docker_rootful":  # it has a network namespace of its own
            place = Place(rig.keeper.pid, held.enter_context(_cabled(rig.keeper.pid)))
            held.enter_context(_in_network(rig.keeper.pid))
        yield rig, place


@contextmanager
def _sleeping(*before: str) -> Iterator[int]:
    with subprocess.Popen([*before, "sleep", "9999"]) as process:
        try:
            yield process.pid
        finally:
            process.kill()


def _answering(places: dict[int, list[str]]) -> Iterator[set[str]]:
    """Which places answer in each of these processes' network, in that order; all tried at once."""
    started = [
        subprocess.Popen(
            ["nsenter", f"--net=/proc/{pid}/ns/net", "python3", "-c", _TRY, *each], stdout=subprocess.PIPE, text=True
        )
        for pid, each in places.items()
    ]
    for process in started:
        yield set(process.communicate()[0].splitlines())
        assert process.returncode == 0


def _addresses(pid: int) -> list[str]:
    text = subprocess.run(
        ["nsenter", f"--net=/proc/{pid}/ns/net", "ip", "-j", "addr"], check=True, capture_output=True, text=True
    ).stdout
    every = [info["local"] for link in json.loads(text) for info in link["addr_info"]]
    return [each for each in every if not each.startswith(("127.", "fe80:")) and each != "::1"]


def _really(rig: Rig, place: Place, name: str, neighbour: str) -> dict[str, set[str]]:
    """Which addresses answered from each side."""
    own, near = rig.pid(name), rig.pid(neighbour)
    shared = _network(own) == _network(place.machine)
    theirs = [] if shared else _addresses(own)
    there = [f"{address} {port}" for address in _ADDRESSES for port in (_OUTSIDE, _INSIDE)]
    there += [f"{address} {_INSIDE}" for address in theirs]
    gateways = [f"{address} {port}" for address in _addresses(place.machine) for port in (_OUTSIDE, _INSIDE)]
    from_machine = [*there[4:], *gateways, *(f"{address} {_OUTSIDE}" for address in _TO_MACHINE)]
    if _network(near) == _network(own):
        from_machine.append(f"127.0.0.1 {_INSIDE}")
    places = {place.machine: there, place.another: there[4:], near: list(dict.fromkeys(from_machine))}
    return dict(zip(_SIDES, _answering(places), strict=True))


@needs_root
@pytest.mark.slow  # some twenty containers on each of four engines
def test_from_where_ports_are_reached(engine: tuple[Rig, Place], monkeypatch: pytest.MonkeyPatch) -> None:
    rig, place = engine
    monkeypatch.setenv("STRATASCOPE_ENGINES", rig.endpoint)
    lines, wrong, count = [], [], 0
    for case in CASES:
        if case.only in rig.name:
            with ExitStack() as held:
                held.enter_context(rig.container(*case.near, name="neighbour"))
                if case.rule:
                    chain, _, rest = case.rule.partition(" ")
                    subprocess.run(["iptables", "-I", chain, *rest.split()], check=True)
                    held.callback(subprocess.run, ["iptables", "-D", chain, *rest.split()], check=True)
                command = ("httpd", "-f", "-p", case.listen, "-h", "/etc")
                try:
                    held.enter_context(rig.container(*case.options, name=case.name, command=command))
                except AssertionError as error:
                    lines.append(f"{case.name}: {str(error)[-100:]}")
                    continue
                time.sleep(0.2)  # until it listens
                with open_engines() as opened:
                    judged, _ = subject_of(opened, case.name)
                rows = {row.thing.id: row for row in reached(judged).rows}
                tried = _really(rig, place, case.name, "neighbour")
            for side in _SIDES:
                count += 1
                text = _line(case, side, rows.get(side), tried[side])
                lines.append(text)
                answer = rows[side].answer if side in rows else Answer.CLOSED
                if (answer is Answer.UNKNOWN) != (side == case.unsure) or (answer is Answer.OPEN) != bool(tried[side]):
                    wrong.append(text)
    print("\n".join([rig.name, *lines, f"{count - len(wrong)} of {count}", *wrong]))  # noqa: T201
    assert [each for each in wrong if " closed " in each] == []
    assert wrong == []


def _line(case: Case, side: str, row: ReachRow | None, tried: set[str]) -> str:
    said = "none" if row is None else f"{row.answer.value} {row.where} {row.known.value}: {translate(row.why)}"
    return f"{case.name:16} {side:20} {said} | {' , '.join(sorted(tried)) or '-'}"
