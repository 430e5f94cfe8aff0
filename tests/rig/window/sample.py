"""Snapshots made by hand for the window's tests and pictures: open, enforced, unknown, not running, nasty names."""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import cache

from rig.window import fake_matrix
from stratascope.core.capture import Capture, Gap, GapKind, Reading
from stratascope.core.container import Container, Engine, EngineKind, EngineState, Status
from stratascope.core.ground import UNREAD, Ground
from stratascope.core.layer import (
    Assessment,
    Bar,
    Bars,
    BitGrid,
    BitRow,
    BitSet,
    Finding,
    NamedGap,
    Row,
    RulerRange,
    Rulers,
    Tab,
    Table,
    Tone,
    Verdict,
)
from stratascope.core.message import msg
from stratascope.core.severity import Severity
from stratascope.core.snapshot import ContainerState, LayerState, ProcessState, Snapshot
from stratascope.core.threats.depth import Matrix
from stratascope.value import replace

E, W, X, U = Verdict.ENFORCED, Verdict.WEAKENED, Verdict.OPEN, Verdict.UNKNOWN
LAYERS = fake_matrix.LAYERS
GROUND: Ground = replace(UNREAD, kernel="6.12.48", lsms=("capability", "landlock", "yama", "apparmor"), cap_last_cap=40)
NAMES = [
    "CHOWN",
    "DAC_OVERRIDE",
    "DAC_READ_SEARCH",
    "FOWNER",
    "FSETID",
    "KILL",
    "SETGID",
    "SETUID",
    "SETPCAP",
    "LINUX_IMMUTABLE",
    "NET_BIND_SERVICE",
    "NET_BROADCAST",
    "NET_ADMIN",
    "NET_RAW",
    "IPC_LOCK",
    "IPC_OWNER",
    "SYS_MODULE",
    "SYS_RAWIO",
    "SYS_CHROOT",
    "SYS_PTRACE",
    "SYS_PACCT",
    "SYS_ADMIN",
    "SYS_BOOT",
    "SYS_NICE",
    "SYS_RESOURCE",
    "SYS_TIME",
    "SYS_TTY_CONFIG",
    "MKNOD",
    "LEASE",
    "AUDIT_WRITE",
    "AUDIT_CONTROL",
    "SETFCAP",
    "MAC_OVERRIDE",
    "MAC_ADMIN",
    "SYSLOG",
    "WAKE_ALARM",
    "BLOCK_SUSPEND",
    "AUDIT_READ",
    "PERFMON",
    "BPF",
    "CHECKPOINT_RESTORE",
]
DEFAULT = {0, 1, 3, 4, 5, 6, 7, 8, 10, 13, 18, 27, 29, 31}
NASTY = "<img src=x onerror=1>\x1b[31mred\u202eevil\udcff&amp;"
LONG = "n" * 10_000


def grid(extra: frozenset[int] = frozenset(), count: int = 41) -> BitGrid:
    """A grid of capabilities: the default and `extra`."""
    held = DEFAULT | extra
    rows = []
    for number in range(count):
        name = NAMES[number] if number < len(NAMES) else f"CAP_{number}"
        on = number in held
        added = number in extra
        rows.append(
            BitRow(
                number, name, (False, on, on, on, False), msg("Lets it do what {name} stands for.", name=name),
                Tone.BAD if added else Tone.PLAIN, msg("added") if added else None,
                msg("The default leaves it out.") if added else msg("The default keeps it."),
            )
        )  # fmt: skip
    mask = sum(1 << number for number in held)
    sets = tuple(
        BitSet(head, name, f"0x{0 if head in ('Inh', 'Amb') else mask:016x}", f"/proc/4211/status:{field}")
        for head, name, field in (
            ("Inh", "CapInh", "CapInh"),
            ("Prm", "CapPrm", "CapPrm"),
            ("Eff", "CapEff", "CapEff"),
            ("Bnd", "CapBnd", "CapBnd"),
            ("Amb", "CapAmb", "CapAmb"),
        )
    )
    return BitGrid(sets, 2, tuple(rows))


def rulers(lines: int = 2) -> Rulers:
    """The usual rootless map: one id, then 65536; or many lines."""
    ranges: tuple[RulerRange, ...]
    if lines == 2:
        ranges = (
            RulerRange(0, 1000, 1, Tone.WARN, msg("your own ID")),
            RulerRange(1, 100000, 65536, Tone.GOOD, msg("IDs that nobody else has")),
        )
    else:
        ranges = tuple(RulerRange(i * 10, 100000 + i * 50, 5, Tone.PLAIN, msg("mapped")) for i in range(lines))
    title, inside, outside = msg("User ids"), msg("In the container"), msg("On the host")
    return Rulers(title, inside, outside, ranges, "/proc/4211/uid_map")


def bars() -> Bars:
    """A limit in use, one that is nearly reached, and one that is missing."""
    mib = 1024.0 * 1024
    return Bars(
        msg("Limits"),
        (
            Bar(msg("Memory"), 212 * mib, 512 * mib, 16000 * mib, msg("212 MiB of 512 MiB"), "memory.max", Tone.GOOD),
            Bar(msg("Processes"), 250, 256, 32768, msg("250 of 256"), "pids.max", Tone.WARN, msg("Nearly all used")),
            Bar(msg("CPU"), None, None, 4, msg("no limit"), "cpu.max", Tone.BAD, msg("It may use the whole machine")),
        ),
    )  # fmt: skip


def table() -> Table:
    """Facts with every tone."""
    return Table(
        msg("Own or shared"),
        (
            Row(msg("Processes (pid)"), msg("own"), "/proc/4211/ns/pid", Tone.GOOD, msg("private")),
            Row(msg("Network (net)"), msg("the host's"), "/proc/4211/ns/net", Tone.BAD, msg("host"),
                msg("It sees and can open every port of this machine.")),
            Row(msg("Mounts (mnt)"), msg("not readable"), "/proc/4211/ns/mnt", Tone.UNKNOWN),
            Row(msg("Root file system"), msg("writable"), "/proc/4211/mountinfo", Tone.WARN, msg("writable")),
            Row(msg("Host name (uts)"), msg("web-1"), "/proc/4211/ns/uts"),
        ),
    )  # fmt: skip


def layer_state(
    number: int, verdict: Verdict, fact: str, *, extra: frozenset[int] = frozenset(), name: str = ""
) -> LayerState:
    """One layer with the views that fit it."""
    layer = LAYERS[number - 1]
    findings: tuple[Finding, ...] = ()
    if verdict in (X, W):
        severity = Severity.CRITICAL if name in ("ci-runner", "portainer") and number == 1 else (
            Severity.HIGH if verdict is X else Severity.MEDIUM
        )  # fmt: skip
        text = (
            msg("A process in it can become root on this machine: through the engine's socket.")
            if severity is Severity.CRITICAL
            else msg("{fact}.", fact=fact)
        )
        findings = (
            Finding(f"{layer}.sample", layer, severity, text, msg("Leave it out, and start the container again."),
                    "/proc/4211/status:CapEff", ("CIS-Docker-1.6.0:5.4", "PSS:baseline", "capabilities(7)")),
        )  # fmt: skip
    tabs = {
        1: (Tab(msg("Namespaces"), (table(),)), Tab(msg("Mounts"), (table(),))),
        2: (Tab(msg("Limits"), (bars(),)),),
        3: (Tab(msg("Bits"), (grid(extra),)),),
        4: (Tab(msg("Filter"), (table(),)),),
        5: (Tab(msg("Label"), (table(),)),),
        6: (Tab(msg("Id map"), (rulers(), table())),),
    }[number]
    gaps = (NamedGap(layer, Gap(GapKind.DENIED, 13), "/proc/4211/ns/pid"),) if verdict is U else ()
    assessment = Assessment(verdict, msg("{fact}", fact=fact), findings, (lambda: () if verdict is U else tabs), gaps)
    return LayerState(layer, number, None, None, assessment)


FACTS = {
    1: {E: "Own eight, masks in place", W: "Own eight; engine socket inside", X: "Shares the host's processes"},
    2: {E: "512 MiB, 256 processes", W: "No limit on processes", X: "No limit on memory, processes, CPU"},
    3: {E: "14 of 41, the default", W: "15 of 41, SYS_ADMIN added", X: "All 41"},
    4: {E: "One filter, the default profile", W: "A filter of its own", X: "No filter"},
    5: {E: "AppArmor docker-default, enforcing", W: "AppArmor, complain only", X: "Unconfined"},
    6: {E: "Root inside is id 100000 outside", W: "Range shared", X: "Root inside is root on this machine"},
}  # fmt: skip


HIGH = ("fork-bomb", "reach-host-network", "trace-kernel", "write-host-files", "mount-file-system", "bpf")
MEDIUM = ("packet-socket", "set-uid-file", "io-uring", "new-mount-api", "create-char-device", "set-clock")


@cache
def matrix(verdicts: tuple[Verdict, ...], *, take_over: bool = False) -> Matrix | None:
    """Threats that match the verdicts: a high one for each open layer, a medium one for each weakened layer; with
    `take_over`, those of a container that has the engine's socket. None if nothing is known."""
    if all(verdict is U for verdict in verdicts):
        return None
    if take_over:
        return fake_matrix.matrix("weak")
    names = HIGH[: verdicts.count(X)] + MEDIUM[: verdicts.count(W)]
    return fake_matrix.matrix("tight", tuple((name, "------") for name in names))


def state(
    name: str,
    verdicts: tuple[Verdict, ...] = (E, E, E, E, E, E),
    *,
    engine: str = "docker",
    image: str = "docker.io/library/nginx:1.27",
    status: Status = Status.RUNNING,
    ident: str = "",
) -> ContainerState:
    """A container with these verdicts, layer 1 first."""
    running = status in (Status.RUNNING, Status.PAUSED)
    container = Container(
        engine, ident or f"{abs(hash(name)):064x}"[:64], name, image, status, 4211 if running else None,
        time.time() - 300000, time.time() - 3 * 86400 - 500 if running else 0.0, command="sh -c run",
    )  # fmt: skip
    if not running:
        verdicts = (U,) * 6
    layers = tuple(
        layer_state(number, verdict, FACTS[number].get(verdict, "Not readable") if running else "Not running",
                    extra=frozenset({21}) if verdict in (W, X) else frozenset(), name=name)
        for number, verdict in enumerate(verdicts, 1)
    )  # fmt: skip
    order = list(Severity)
    findings = sorted((f for layer in layers for f in layer.assessment.findings), key=lambda f: order.index(f.severity))
    readings = (
        Reading("comm", "/proc/4211/comm", "sh\n"),
        Reading("status", "/proc/4211/status", "Name:\tsh\nCapEff:\t00000000a82425fb\n"),
        Reading("ns/pid", "/proc/4211/ns/pid", gap=Gap(GapKind.DENIED, 13)),
    )
    unknown = all(verdict is U for verdict in verdicts)
    return ContainerState(
        container,
        layers,
        tuple(ProcessState(4300 + i, i + 2, "worker", ()) for i in range(11)) if running else (),
        tuple(findings),
        (Gap(GapKind.DENIED, 13) if running else Gap(GapKind.GONE)) if unknown else None,
        Capture(4211, readings) if running else None,
        "cgroup" if running else "",
        None if unknown else matrix(verdicts, take_over=name in ("ci-runner", "portainer")),
    )


ENGINES = (
    Engine("docker", EngineKind.DOCKER, "unix:///run/docker.sock", False, EngineState.CONNECTED, "27.3.1",
           daemon_uid=0),
    Engine("podman-rootless", EngineKind.PODMAN, "unix:///run/user/1000/podman.sock", True, EngineState.CONNECTED,
           "5.4.2", daemon_uid=1000),
    Engine("docker-rootless", EngineKind.DOCKER, "unix:///run/user/1000/docker.sock", True, EngineState.DENIED,
           message=msg("Join the group docker, which is the same as being root."), error="permission denied <b>x</b>"),
)  # fmt: skip


def with_matrix(matrix: Matrix | None) -> ContainerState:
    """A container whose layers are enforced, with that judgement of its threats."""
    return replace(state("c", (E,) * 6), matrix=matrix)


def states() -> tuple[ContainerState, ...]:
    """The containers of the picture."""
    return (
        state("ci-runner", (W, X, W, W, E, X), image="docker.io/moby/buildkit:0.16"),
        state("portainer", (W, X, E, E, E, X), image="portainer/portainer-ce:2.21"),
        state("legacy-vpn", (W, X, W, E, E, X), image="openvpn:2.6"),
        state("node-exporter", (X, W, E, E, E, X), image="quay.io/prometheus/node-exporter:v1.8"),
        state("customer-portal-integration-postgres-replica-2", (E, W, E, E, X, X), image="postgres:16"),
        state("web", (E, W, E, E, E, X)),
        state("redis-cache", (E, E, E, E, E, X), image="redis:7.4"),
        state("api-gateway", (E, W, E, E, W, E), engine="podman-rootless", image="envoy:1.32"),
        state("grafana", (E, E, E, E, W, E), engine="podman-rootless", image="grafana:11"),
        state("thumbnailer", (E, E, E, E, E, E), engine="podman-rootless", image="imgproxy:3"),
        state("staging-api", (U, U, U, U, U, U), image="api:2.3"),
        state("old-job", status=Status.EXITED, image="busybox:1.36"),
    )


def snapshot(containers: tuple[ContainerState, ...] | None = None, *, demo: bool = False) -> Snapshot:
    """A snapshot taken now."""
    listed = frozenset(engine.id for engine in ENGINES)
    return Snapshot(time.time(), GROUND, ENGINES, states() if containers is None else containers, demo, listed=listed)


class StillWatch:
    """A watch that publishes what it is given, and counts the calls."""

    def __init__(self, first: Snapshot | None = None) -> None:
        self.first, self.started, self.refreshed, self.stopped, self.elevated = first, 0, 0, 0, 0

    def start(self, publish: Callable[[Snapshot], None]) -> None:
        self.publish = publish
        self.started += 1
        if self.first is not None:
            publish(self.first)

    def refresh(self, key: tuple[str, str] | None = None) -> None:
        self.refreshed += 1

    def elevate(self) -> None:
        self.elevated += 1

    def focus(self, key: tuple[str, str] | None) -> None:
        self.focused = key

    def pace(self, seconds: float) -> None:
        self.paced = seconds

    def stop(self) -> None:
        self.stopped += 1
