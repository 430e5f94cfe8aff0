"""What packet filters do with what a process sends: read from the kernel, with real rules in a network of their own."""

from __future__ import annotations

import ctypes
import errno
import os
import shutil
import struct
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from signal import SIGKILL

import pytest

from rig.collector.asking import needs_root
from stratascope.collector.bpf.calls import EGRESS, INGRESS, Bpf
from stratascope.collector.names import FIREWALL
from stratascope.core.capture import Gap
from stratascope.core.ports import Wish
from stratascope.linux.decode import DecodeError
from stratascope.linux.firewall import FORWARD, INPUT, OUTPUT, Fate, Firewall, Firewalls, Packet, parse_firewalls
from stratascope.probe.local import LocalProber

needs_nft = pytest.mark.skipif(shutil.which("nft") is None, reason="needs nftables")
V4, V6 = 2, 10
OUT, IN, BETWEEN = Packet(V4, "br-1", "eth0"), Packet(V4, "eth0", "br-1"), Packet(V4, "br-1", "br-2")
SITE = bytes((172, 17, 0, 2))
TO_SITE, TO_SSH = (Packet(V4, "eth0", "br-1", SITE, port) for port in (80, 22))
METADATA = Packet(V4, "br-1", "eth0", bytes((169, 254, 169, 254)))
# As Docker 28 has them for one bridge and a published port
DOCKER = """
iptables -P FORWARD DROP
for name in DOCKER DOCKER-BRIDGE DOCKER-CT DOCKER-FORWARD DOCKER-USER STAGE-1 STAGE-2; do iptables -N $name; done
iptables -A FORWARD -j DOCKER-USER
iptables -A FORWARD -j DOCKER-FORWARD
iptables -A DOCKER-FORWARD -j DOCKER-CT
iptables -A DOCKER-FORWARD -j STAGE-1
iptables -A DOCKER-FORWARD -j DOCKER-BRIDGE
iptables -A DOCKER-FORWARD -i br-1 -j ACCEPT
iptables -A DOCKER-CT -o br-1 -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
iptables -A STAGE-1 -i br-1 ! -o br-1 -j STAGE-2
iptables -A STAGE-2 -o br-2 -j DROP
iptables -A DOCKER-BRIDGE -o br-1 -j DOCKER
iptables -A DOCKER -d 172.17.0.2/32 ! -i br-1 -o br-1 -p tcp -m tcp --dport 80 -j ACCEPT
iptables -A DOCKER ! -i br-1 -o br-1 -j DROP
"""
NETAVARK = """
nft add table inet netavark
nft 'add chain inet netavark FORWARD { type filter hook forward priority 0; policy accept; }'
nft add rule inet netavark FORWARD ct state invalid drop
nft add rule inet netavark FORWARD ip saddr 10.88.0.0/16 accept
"""


@contextmanager
def network(script: str) -> Iterator[int]:
    """The process that runs that script in a network of its own, from when it has said something."""
    command = ["unshare", "-n", "sh", "-ec", script]
    with subprocess.Popen(command, stdout=subprocess.PIPE, start_new_session=True) as process:
        try:
            assert process.stdout is not None
            process.stdout.readline()
            yield process.pid
        finally:
            os.killpg(process.pid, SIGKILL)


def read(pid: int) -> Firewalls:
    """A process that waits in the kernel for a second, as on a busy machine, is asked once more."""
    for _ in range(2):
        (reply,) = LocalProber().capture((Wish(pid, (FIREWALL,), members=False),))
        found = reply.first.decoded(FIREWALL, parse_firewalls)
        if not (isinstance(found, Gap) and found.errno == errno.ETIMEDOUT):
            break
    assert not isinstance(found, Gap), found
    return found


@contextmanager
def filtered(script: str) -> Iterator[Firewalls]:
    with network(f"{script}\necho up; exec sleep 600") as pid:
        yield read(pid)


def own(script: str) -> Firewall:
    with filtered(script) as found:
        assert found.own is not None
        return found.own


@needs_root
@needs_nft
@pytest.mark.parametrize(
    ("script", "packet", "fate"),
    [
        ("", OUT, Fate.PASSES),
        ("iptables -P FORWARD DROP", OUT, Fate.DROPPED),
        ("iptables -P FORWARD DROP", Packet(V6, "br-1", "eth0"), Fate.PASSES),  # IPv6 has rules of its own
        ("iptables -A FORWARD -d 10.0.0.0/8 -j DROP", OUT, Fate.UNKNOWN),
        ("iptables -A FORWARD -d 169.254.169.254 -j REJECT", METADATA, Fate.DROPPED),
        ("iptables -A FORWARD -d 169.254.0.0/16 -j DROP", METADATA, Fate.DROPPED),
        ("iptables -A FORWARD -d 10.0.0.0/8 -j DROP", METADATA, Fate.PASSES),
        ("iptables -P FORWARD DROP; iptables -A FORWARD -m mark --mark 1 -j ACCEPT", OUT, Fate.UNKNOWN),
        (DOCKER, OUT, Fate.PASSES),
        (DOCKER, BETWEEN, Fate.DROPPED),
        (DOCKER, IN, Fate.UNKNOWN),  # the address is not said
        (DOCKER, TO_SITE, Fate.PASSES),
        (DOCKER, TO_SSH, Fate.DROPPED),
        (DOCKER, Packet(V4, "eth0", "br-1", SITE[::-1], 80), Fate.DROPPED),
        (DOCKER + "iptables -I DOCKER-USER -p tcp --dport 1:1024 -j DROP", TO_SITE, Fate.DROPPED),
        (DOCKER + "iptables -I DOCKER-USER -p tcp ! --dport 80 -j DROP", TO_SITE, Fate.PASSES),
        (DOCKER + "iptables -I DOCKER-USER -p tcp --sport 80 -j DROP", TO_SITE, Fate.UNKNOWN),
        (DOCKER + "iptables -I DOCKER-USER -p tcp -m tcp --syn -j DROP", TO_SITE, Fate.UNKNOWN),
        (DOCKER + "iptables -I DOCKER-USER -m conntrack --ctstate NEW -j DROP", TO_SITE, Fate.DROPPED),
        (DOCKER + "iptables -I DOCKER-USER -m conntrack --ctstate DNAT -j DROP", TO_SITE, Fate.UNKNOWN),
        (NETAVARK + "nft insert rule inet netavark FORWARD tcp dport 22 drop", TO_SSH, Fate.DROPPED),
        (NETAVARK + "nft insert rule inet netavark FORWARD tcp dport 22 drop", TO_SITE, Fate.PASSES),
        (DOCKER + "iptables -I DOCKER-USER -i br-1 -j DROP", OUT, Fate.DROPPED),
        (DOCKER + "iptables -I DOCKER-USER -i br-1 -d 192.168.0.0/16 -j DROP", OUT, Fate.UNKNOWN),
        (NETAVARK, OUT, Fate.PASSES),
        (NETAVARK + "nft insert rule inet netavark FORWARD oifname eth0 reject", OUT, Fate.DROPPED),
        (NETAVARK + "nft insert rule inet netavark FORWARD ip daddr { 10.0.0.1, 10.0.0.2 } drop", OUT, Fate.UNKNOWN),
    ],
)
def test_what_is_forwarded(script: str, packet: Packet, fate: Fate) -> None:
    assert own(script).fate(FORWARD, packet) is fate


class Attaching(Bpf):
    """Puts a program that lets everything pass before what a control group gets or sends."""

    def attach(self, group: int, kind: int) -> int:
        code = ctypes.create_string_buffer(bytes.fromhex("b700000001000000 9500000000000000"), 16)  # return 1
        licence = ctypes.create_string_buffer(b"GPL")
        attributes = struct.pack("<IIQQ", 8, 2, ctypes.addressof(code), ctypes.addressof(licence))  # CGROUP_SKB
        program = self._do(5, (attributes + bytes(44) + struct.pack("<I", kind)).ljust(120, b"\0"), "program")
        self._do(8, struct.pack("<IIII", group, program, kind, 2), "attach")  # BPF_F_ALLOW_MULTI
        return program


@needs_root
@pytest.mark.parametrize(("kind", "told"), [(INGRESS, (True, False)), (EGRESS, (False, True)), (None, (False, False))])
def test_programs_of_its_control_group(kind: int | None, told: tuple[bool, bool]) -> None:
    """IPAddressDeny= of a service, and of a slice that it is in."""
    mount = next((each for each in map(Path, ("/sys/fs/cgroup/unified", "/sys/fs/cgroup")) if is_v2(each)), None)
    if mount is None:
        pytest.skip("no cgroup v2 is mounted here")
    slice_ = mount / f"stratascope-{os.getpid()}"
    group = slice_ / "service"
    group.mkdir(parents=True)
    try:
        descriptor = os.open(slice_, os.O_RDONLY)
        if kind is not None:
            Attaching().attach(descriptor, kind)
        os.close(descriptor)
        with subprocess.Popen(("sleep", "600")) as process:
            (group / "cgroup.procs").write_text(str(process.pid))
            found = read(process.pid)
            process.kill()
        assert (found.gets, found.sends) == told
        assert found.own is None
        assert found.received(V4, 80) is (Fate.UNKNOWN if told[0] else found.host.fate(INPUT, Packet(V4, port=80)))
    finally:
        group.rmdir()
        slice_.rmdir()


def is_v2(folder: Path) -> bool:
    return (folder / "cgroup.procs").exists() and (folder / "cgroup.controllers").exists()


@needs_root
@needs_nft
@pytest.mark.parametrize(
    ("script", "fates"),
    [
        ("", (Fate.PASSES, Fate.PASSES)),
        ("iptables -P INPUT DROP", (Fate.DROPPED, Fate.PASSES)),
        ("iptables -t raw -A PREROUTING -d 172.17.0.2 ! -i br-1 -j DROP", (Fate.UNKNOWN, Fate.DROPPED)),
        ("iptables -A INPUT -i wg0 -j DROP", (Fate.PASSES, Fate.PASSES)),
        ("iptables -A INPUT -p tcp --dport 8080 -j REJECT", (Fate.DROPPED, Fate.PASSES)),
        ("iptables -P FORWARD DROP", (Fate.PASSES, Fate.DROPPED)),
    ],
)
def test_what_comes_in(script: str, fates: tuple[Fate, Fate]) -> None:
    """For a port of the machine, and for an address behind it."""
    there = Firewalls(Firewall({}, legacy=False), own(script), "br-1", "eth0", "eth0")
    handed = there.handed_on(V4, "eth0", "br-1", SITE, 80, (SITE, 80))
    assert (there.received(V4, 8080, "eth0"), handed) == fates


@needs_root
@needs_nft
def test_its_own_filter_counts_too() -> None:
    with filtered("iptables -P OUTPUT DROP; iptables -A OUTPUT -o lo -j ACCEPT") as found:
        assert found.own is not None
        assert found.own.fate(OUTPUT, Packet(V4, "", "eth0")) is Fate.DROPPED
        assert found.own.fate(OUTPUT, Packet(V4, "", "lo")) is Fate.PASSES


@needs_root
@needs_nft
def test_legacy_rules_are_not_taken_for_none() -> None:
    assert Firewall(own("").chains, legacy=True).fate(FORWARD, OUT) is Fate.UNKNOWN


CHAIN = "add chain inet t FORWARD { type filter hook forward priority 0; }"
CHANGING = f"add table inet t; add chain inet t other; {CHAIN}; add rule inet t FORWARD jump other"


@needs_root
@needs_nft
def test_rules_that_change_while_they_are_read() -> None:
    """Chains and rules are two listings: a rule is never told without its chain, nor a jump without where it leads."""
    lines = f"echo '{CHANGING}'; sleep 0.003; echo 'delete table inet t'; sleep 0.003"
    with network(f"echo up; while :; do {lines}; done | nft -i") as pid:
        seen = set[int]()
        for count in range(300):  # a busy machine may show the same moment many times
            own = read(pid).own
            seen |= set() if own is None else {len(own.chains)}
            if count > 13 and len(seen) > 1:
                break
    assert seen == {0, 2}


@pytest.mark.parametrize("bad", ["", "{}", '{"own":null,"host":["0011","",false],"in":"","out":""}', "[" * 100_000])
def test_what_is_not_understood(bad: str) -> None:
    with pytest.raises(DecodeError):
        parse_firewalls(bad)


UDP = "nft add table inet t; nft 'add chain inet t i { type filter hook input priority 0; }'; "


@needs_root
@needs_nft
@pytest.mark.parametrize(
    ("script", "fates"),
    [
        (UDP + "nft add rule inet t i udp dport 53 drop", (Fate.PASSES, Fate.DROPPED)),
        (UDP + "nft add rule inet t i tcp dport 53 drop", (Fate.DROPPED, Fate.PASSES)),
        (UDP + "nft add rule inet t i meta l4proto udp drop", (Fate.PASSES, Fate.DROPPED)),
        ("iptables -A INPUT -p udp -m udp --dport 53 -j DROP", (Fate.PASSES, Fate.DROPPED)),
        ("iptables -A INPUT -p udp -m udp --dport 54:60 -j DROP", (Fate.PASSES, Fate.PASSES)),
        ("iptables -A INPUT -p udp -m udp --sport 53 -j DROP", (Fate.PASSES, Fate.UNKNOWN)),
    ],
)
def test_udp_has_rules_of_its_own(script: str, fates: tuple[Fate, Fate]) -> None:
    with filtered(script) as found:
        assert tuple(found.let_in(V4, SITE, 53, way) for way in ("tcp", "udp")) == fates


@needs_root
@pytest.mark.parametrize(
    ("link", "beside"),
    [
        ("ip link add p type veth peer name q; ip link add link p name eth0 type macvlan mode bridge", True),
        ("ip link add eth0 type veth peer name macvlan", False),
    ],
)
def test_an_interface_beside_one_of_the_machines_is_told(link: str, beside: bool) -> None:
    with filtered(link) as found:
        assert found.beside is beside
