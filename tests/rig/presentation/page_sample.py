"""Snapshots for the reports' tests and pictures: real layers, made-up matrices, filters and names."""

from __future__ import annotations

from functools import cache

from rig.places import GOLDEN
from rig.window import fake_matrix
from stratascope.core.layer import CallMap, CallSource, CallState, CallTable, CallVerdict, Tab
from stratascope.core.message import msg
from stratascope.core.snapshot import ContainerState, LayerState, Snapshot
from stratascope.core.threats.depth import Matrix
from stratascope.linux.syscalls import Abi, numbers
from stratascope.state import capture_file
from stratascope.value import replace
from stratascope.wiring.engines import assembler

GOLDEN = GOLDEN / "capture.json"
NASTY = "<script>alert('x')</script>\x1b[31m&amp;\u202e\udc80\"><img src=x onerror=alert(1)>"
DENIED = frozenset(
    [
        "acct",
        "add_key",
        "bpf",
        "clock_adjtime",
        "clock_settime",
        "create_module",
        "delete_module",
        "finit_module",
        "fsconfig",
        "fsmount",
        "fsopen",
        "fspick",
        "get_kernel_syms",
        "init_module",
        "io_uring_enter",
        "io_uring_register",
        "io_uring_setup",
        "ioperm",
        "iopl",
        "kcmp",
        "kexec_file_load",
        "kexec_load",
        "keyctl",
        "lookup_dcookie",
        "mount",
        "mount_setattr",
        "move_mount",
        "move_pages",
        "nfsservctl",
        "open_by_handle_at",
        "open_tree",
        "perf_event_open",
        "pivot_root",
        "process_madvise",
        "query_module",
        "quotactl",
        "quotactl_fd",
        "reboot",
        "request_key",
        "set_mempolicy",
        "setdomainname",
        "sethostname",
        "setns",
        "settimeofday",
        "stime",
        "swapoff",
        "swapon",
        "_sysctl",
        "sysfs",
        "syslog",
        "umount",
        "umount2",
        "unshare",
        "uselib",
        "userfaultfd",
        "ustat",
        "vm86",
        "vm86old",
        "clone3",
    ]
)
DEPENDS = {
    "clone": "denied with CLONE_NEWUSER and other new namespaces",
    "socket": "denied with AF_VSOCK",
    "personality": "allowed with a few personas only",
}


@cache
def table(abi: str = "x86_64", let: frozenset[str] = frozenset(), *, free: bool = False) -> CallTable:
    """Docker's default, without the denial of the calls in `let`; `free`: no filter."""
    calls = []
    for name, number in numbers(Abi(abi)).items():
        if free or name in let:
            calls.append(CallState(name, number, CallVerdict.ALLOWED, "ALLOW"))
        elif name in DEPENDS:
            condition = msg("{text}", text=DEPENDS[name])
            calls.append(CallState(name, number, CallVerdict.DEPENDS, "ALLOW or ERRNO(1)", condition))
        elif name in DENIED:
            calls.append(CallState(name, number, CallVerdict.DENIED, "ERRNO(1)"))
        else:
            calls.append(CallState(name, number, CallVerdict.ALLOWED, "ALLOW"))
    if free:
        return CallTable(abi, CallSource.KERNEL, msg("No filter"), tuple(calls))
    title = msg("Docker's default, as measured on Docker 26.1")
    return CallTable(abi, CallSource.MEASURED, title, tuple(calls))


def call_map(let: frozenset[str] = frozenset(), *, free: bool = False) -> CallMap:
    """All three entry points of a machine."""
    abis = ("x86_64", "i386", "x32")
    return CallMap(
        msg("System calls"),
        tuple(table(abi, let, free=free) for abi in abis),
        tuple(table(abi) for abi in abis),
    )


def with_calls(state: ContainerState, calls: CallMap) -> ContainerState:
    """The container, with this map in an additional tab of its seccomp layer."""

    def drawn(layer: LayerState) -> LayerState:
        before = layer.assessment.draw
        tab = Tab(msg("System calls"), (calls,))
        return replace(layer, assessment=replace(layer.assessment, draw=lambda: (tab, *before())))

    layers = tuple(drawn(layer) if layer.id == "seccomp" else layer for layer in state.layers)
    return replace(state, layers=layers)


@cache
def golden() -> Snapshot:
    """The golden capture as it is."""
    return assembler().snapshot(capture_file.load(GOLDEN), demo=True)


def named(state: ContainerState, name: str, pid: int, matrix: Matrix) -> ContainerState:
    """A running container under another name."""
    container = replace(state.container, name=name, id=f"{pid:064x}", pid=pid)
    return replace(state, container=container, matrix=matrix)


def fleet(count: int = 40, *, distinct: bool = False) -> Snapshot:
    """That many containers; one has a hostile name, some do not run."""
    running = [state for state in golden().containers if state.matrix is not None]
    resting = [state for state in golden().containers if state.matrix is None]
    found: list[ContainerState] = []
    kinds = (
        fake_matrix.matrix("weak"),
        fake_matrix.matrix("tight"),
        fake_matrix.matrix("open"),
        fake_matrix.matrix("unknown"),
    )
    for place in range(count):
        matrix = fake_matrix.varied(place) if distinct else kinds[(1, 0, 1, 1, 2, 1, 3)[place % 7]]
        state = named(running[place % len(running)], NASTY if place == 3 else f"service-{place}", 4000 + place, matrix)
        let = frozenset(("mount", "bpf", "setns", "clone3")[: place % 5])
        found.append(with_calls(state, call_map(let, free=place % 7 == 4)))
    return replace(golden(), containers=(*found, *resting[:2]))
