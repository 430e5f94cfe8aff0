"""How Landlock rules on needs, beside the policy of the other module."""

from __future__ import annotations

import pytest

from stratascope.core.threats import needs
from stratascope.core.threats.needs import Access, Need
from stratascope.core.threats.threat import Ruling, Stance
from stratascope.layers.mac.landlock import Confinement, landlock_ruling, strictest
from stratascope.linux.landlock import File, Layer, Place, Scope

FOLDER, REGULAR, CHARACTER, BLOCK = 0o040000, 0o100000, 0o020000, 0o060000
ALL = 0xFFFF
CORE = needs.KernelFile("/proc/sys/kernel/core_pattern", Access.WRITE)
S, L, U = Stance.STOPS, Stance.LETS_THROUGH, Stance.UNKNOWN


def confined(
    *places: tuple[str, int, int],
    files: int = ALL,
    scopes: int = 0,
    hosts: tuple[str, ...] = ("/data",),
    lost: int = 0,
) -> Confinement:
    """One layer, with these places: path, mode, rights."""
    made = tuple(Place(path, mode == FOLDER, mode, ((1, rights),)) for path, mode, rights in places)
    return Confinement(
        (Layer(files, 0, scopes),), made, (), (lost,), hosts, hosts, ("/proc", "/sys"), ("/sys/fs/cgroup",)
    )


def stance(need: Need, *confinements: Confinement) -> Stance:
    """What it says; letting through is having nothing to say."""
    found = landlock_ruling(need, confinements)
    return L if found is None else found.stance


@pytest.mark.parametrize(
    ("need", "nothing_allowed", "all_allowed"),
    [
        (CORE, S, L),
        (needs.KernelFile("/proc/kcore", Access.READ), S, L),
        (needs.KernelFile("/proc/sys/kernel/core_pattern", Access.WRITE, fresh=True), S, S),
        (needs.KernelFile("/proc/sys/kernel/core_pattern", Access.WRITE, copied=True), S, S),
        *((needs.Mounting(each), S, S) for each in ("mount", "bind", "remount", "umount", "pivot_root", "move")),
        *((needs.Mounting(each), L, L) for each in ("new-api", "setattr", "open-tree")),
        (needs.Tracing("host"), S, S),
        (needs.Tracing("container"), S, S),
        (needs.Tracing("own"), L, L),
        (needs.Tracing("look"), L, L),
        (needs.Tracing("see"), S, L),
        (needs.SignalRoot(), L, L),
        (needs.AbstractSocket(), L, L),
        (needs.EngineSocket(), L, L),
        (needs.RootWritable(), S, L),
        (needs.GroupFile("pids", needs.GroupUse.AGENT), S, L),
        (needs.Device("b", 7, 0, "m"), S, L),
        (needs.Device("c", 1, 1, "r"), S, L),
        (needs.DeviceKind("console"), S, L),
        (needs.HostFiles(), S, L),
        (needs.HostFiles(system=True), S, L),
        (needs.HostFileSystem(), S, L),
        (needs.HostFileSystem(writable=True), L, L),
        (needs.Room(needs.Resource.DISK), S, L),
        (needs.Room(needs.Resource.MEMORY), L, L),
        (needs.SetUidExec(), S, L),
        (needs.OpenFiles(), S, L),
        (needs.NewUserNamespace(), L, L),
        (needs.LowPort(), L, L),
        (needs.HostRoot(), L, L),
    ],
    ids=str,
)
def test_a_domain_that_handles_all(need: Need, nothing_allowed: Stance, all_allowed: Stance) -> None:
    assert stance(need, confined()) is nothing_allowed
    assert stance(need, confined(("/", FOLDER, ALL))) is all_allowed
    nothing_handled = confined(files=0)
    assert stance(need, nothing_handled) is (S if need in (needs.Tracing("host"), needs.Tracing("container")) else L)
    assert stance(need) is L


@pytest.mark.parametrize(
    ("need", "places", "expected"),
    [
        pytest.param(CORE, (("/proc/sys", FOLDER, ALL),), L, id="a folder above"),
        pytest.param(CORE, (("/proc/sy", FOLDER, ALL),), S, id="no folder above"),
        pytest.param(CORE, (("/proc/sys/kernel/core_pattern", REGULAR, File.WRITE_FILE),), L, id="the file itself"),
        pytest.param(CORE, (("/proc/sys", FOLDER, File.READ_FILE),), S, id="another right"),
        pytest.param(needs.HostFiles(), (("/tmp", FOLDER, ALL),), S, id="none of the host's"),
        pytest.param(needs.HostFiles(), (("/data/sub", FOLDER, ALL),), L, id="a part of the host's"),
        pytest.param(needs.HostFiles(), (("/data/f", REGULAR, File.WRITE_FILE),), L, id="a file of the host's"),
        pytest.param(needs.HostFiles(), (("/data", FOLDER, File.REMOVE_FILE),), U, id="only removing"),
        pytest.param(needs.Device("b", None, None, "r"), (("/dev/null", CHARACTER, ALL),), S, id="null alone"),
        pytest.param(needs.Device("b", None, None, "r"), (("/dev/sda", BLOCK, ALL),), L, id="the disk alone"),
        pytest.param(needs.DeviceKind("console"), (("/dev/null", CHARACTER, ALL),), S, id="nothing but null"),
        pytest.param(needs.DeviceKind("console"), (("/dev/tty1", CHARACTER, ALL),), L, id="one of the kind"),
        pytest.param(needs.DeviceKind("console"), (("/dev/kvm", CHARACTER, ALL),), S, id="one of another kind"),
        pytest.param(needs.DeviceKind("console"), (("/a-tty", CHARACTER, ALL),), U, id="who knows what it is"),
        pytest.param(needs.DeviceKind("console"), (("/dev", FOLDER, File.READ_FILE),), L, id="to read is enough"),
        pytest.param(
            needs.DeviceKind("virtual machines"), (("/dev", FOLDER, File.READ_FILE),), S, id="without commands"
        ),
        pytest.param(needs.Device("c", 1, 1, "r"), (("/dev/mem", CHARACTER, ALL),), L, id="the memory alone"),
        pytest.param(needs.Device("b", 7, 0, "m"), (("/tmp", FOLDER, File.MAKE_CHAR),), S, id="other nodes"),
        pytest.param(needs.Device("b", 7, 0, "m"), (("/tmp", FOLDER, File.MAKE_BLOCK),), L, id="nodes anywhere"),
        pytest.param(needs.Device("b", 7, 0, "m"), (("/proc", FOLDER, ALL),), S, id="nodes where none can be made"),
        pytest.param(needs.OpenFiles(), (("/dev", FOLDER, ALL),), S, id="devices are no ordinary files"),
        pytest.param(needs.OpenFiles(), (("/srv", FOLDER, File.WRITE_FILE),), L, id="writing alone"),
        pytest.param(needs.Room(needs.Resource.DISK), (("/dev/null", CHARACTER, ALL),), S, id="no disk"),
        pytest.param(needs.RootWritable(), (("/tmp", FOLDER, ALL),), S, id="not in the root"),
        pytest.param(needs.SetUidExec(), (("/bin", FOLDER, File.EXECUTE),), S, id="without reading"),
    ],
)
def test_rules(need: Need, places: tuple[tuple[str, int, int], ...], expected: Stance) -> None:
    assert stance(need, confined(*places)) is expected


def test_what_is_not_known_is_neither() -> None:
    assert stance(CORE, confined(lost=File.WRITE_FILE)) is U
    assert stance(CORE, confined(lost=File.READ_FILE)) is S
    assert stance(CORE, confined(("/", FOLDER, ALL), lost=File.WRITE_FILE)) is L


def test_scopes() -> None:
    both = confined(scopes=Scope.SIGNAL | Scope.ABSTRACT_UNIX_SOCKET)
    assert stance(needs.SignalRoot(), both) is S
    assert stance(needs.AbstractSocket(), both) is S


def test_of_several_threads_the_weakest_counts_and_of_several_layers_the_strictest() -> None:
    everything, nothing = confined(("/", FOLDER, ALL)), confined()
    assert stance(CORE, everything, nothing) is L
    assert stance(CORE, nothing, nothing) is S
    place = Place("/", True, FOLDER, ((1, ALL),))
    layered = Confinement((Layer(ALL, 0, 0), Layer(ALL, 0, 0)), (place,), (), (0, 0), (), (), (), ())
    assert stance(CORE, layered) is S


def test_either_module_may_refuse() -> None:
    stops, lets, unknown = (Ruling(each, confined_reason, "@x") for each in (S, L, U))
    assert strictest(lets, stops) is stops
    assert strictest(stops, unknown) is stops
    assert strictest(unknown, stops) is stops
    assert strictest(lets, unknown) is unknown
    assert strictest(lets, None) is lets
    assert strictest(None, stops) is stops


_REASON = landlock_ruling(CORE, (confined(),))
assert _REASON is not None
confined_reason = _REASON.reason
