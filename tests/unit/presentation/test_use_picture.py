"""What the page "Use" shows, worked out: what was not seen is never told as not used."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rig.presentation import page_sample, use_sample
from rig.window import sample
from stratascope.core.container import Asked, AskedPort, Engine, EngineKind
from stratascope.core.observation.observation import Needs, Observation, Phase, Seen, UsedCall, UsedPort
from stratascope.core.relaunch.toggle import Subject
from stratascope.core.snapshot import ContainerState
from stratascope.i18n.translate import translate
from stratascope.layers.cgroup.facts import CgroupFacts
from stratascope.layers.cgroup.toggles import MEMORY, PIDS
from stratascope.linux.capability import CapabilitySet
from stratascope.linux.process import ProcessLimit
from stratascope.presentation.use_picture import (
    PEAKS,
    Folder,
    PeakRow,
    PortRow,
    PortUse,
    Standing,
    UsePicture,
    folders,
    use_picture,
)
from stratascope.value import replace

HELD = CapabilitySet.of(("CAP_CHOWN", "CAP_KILL", "CAP_SETGID", "CAP_SETUID", "CAP_NET_BIND_SERVICE"))
ENGINE = Engine("docker", EngineKind.DOCKER, "unix:///run/docker.sock")
WEB = sample.state("web")


def picture(
    seen: Observation | None = None, *, state: ContainerState = WEB, held: CapabilitySet | None = HELD
) -> UsePicture:
    needs = None if seen is None else Needs("nginx", "nginx", seen, ("web",), 1.0)
    return use_picture(state, needs, held, ENGINE)


def published(*ports: AskedPort) -> ContainerState:
    return replace(WEB, container=replace(WEB.container, asked=Asked(ports=ports)))


def standing(found: UsePicture, name: str) -> Standing:
    return next(each.standing for each in found.capabilities if each.name == name)


def test_capabilities_that_were_watched() -> None:
    found = picture(use_sample.web())
    assert len(found.capabilities) == 41
    assert standing(found, "CHOWN") is Standing.USED
    assert standing(found, "KILL") is Standing.NEVER
    assert standing(found, "SYS_ADMIN") is Standing.ABSENT
    assert next(each for each in found.capabilities if each.name == "SETUID").uses == 8


def test_unwatched_is_not_never_used() -> None:
    """Nothing observed at all, or not this part."""
    blind = replace(use_sample.web(), capabilities=(), unseen=(("capabilities", "no such event"), ("calls", "none")))
    for found in (picture(), picture(blind)):
        assert standing(found, "CHOWN") is Standing.HELD
        assert not any(each.standing is Standing.NEVER for each in found.capabilities)
        assert found.calls.used is None
        assert found.calls.never is None
        assert found.calls.dangerous is None
    assert picture(blind).unseen("calls", "ports") == (("calls", "none"),)


def test_held_is_what_the_engine_says_where_the_kernel_can_not_be_asked() -> None:
    asked = replace(WEB.container, asked=Asked(capabilities=("CAP_CHOWN",)))
    found = picture(state=replace(WEB, container=asked), held=None)
    assert standing(found, "CHOWN") is Standing.HELD
    assert standing(found, "KILL") is Standing.ABSENT
    assert {each.standing for each in picture(held=None).capabilities} == {Standing.UNKNOWN}


def test_a_capability_without_a_name_here() -> None:
    found = picture(use_sample.web(), held=CapabilitySet(1 << 45 | 1))
    assert len(found.capabilities) == 46
    assert standing(found, "45") is Standing.NEVER


def test_calls_beside_the_filter() -> None:
    state = page_sample.fleet(6).containers[2]
    found = picture(use_sample.web(), state=state).calls
    assert found.used == 10
    assert found.passing is not None
    assert found.never == found.passing - 10
    assert found.refused
    assert {call.name for call in found.notable} == {"setuid", "setgid", "chown", "socket"}
    assert [call.uses for call in found.notable] == sorted((call.uses for call in found.notable), reverse=True)
    assert found.growth[-1][1] == 10


def test_unwatched_calls_pass_and_no_more_is_said() -> None:
    found = picture(state=page_sample.fleet(6).containers[2]).calls
    assert found.passing
    assert (found.used, found.never, found.dangerous) == (None, None, None)


def test_the_entry_point_that_is_used_most_counts() -> None:
    state = page_sample.fleet(6).containers[2]
    calls = (UsedCall("i386", "read", 1, ()), UsedCall("i386", "write", 1, ()), UsedCall("x86_64", "read", 1, ()))
    assert picture(Observation(Seen(1.0), calls=calls), state=state).calls.used == 2


def test_calls_of_a_filter_that_is_not_known() -> None:
    found = picture(use_sample.web()).calls
    assert (found.used, found.passing, found.never, found.refused) == (10, None, None, None)


@pytest.mark.parametrize(
    ("paths", "told"),
    [
        ((), ()),
        (("/run", "/run/a.pid"), (Folder("/run", 1, "/run/a.pid"),)),
        (("/a/b/1", "/a/b/2", "/a/b/c/3"), (Folder("/a/b", 3, ""),)),
        (("/a/c/d/1", "/a/b/2"), (Folder("/a/b", 1, "/a/b/2"), Folder("/a/c/d", 1, "/a/c/d/1"))),
        (("/top", "/etc/x"), (Folder("/", 1, "/top"), Folder("/etc", 1, "/etc/x"))),
        (("/ab/1", "/a/2"), (Folder("/a", 1, "/a/2"), Folder("/ab", 1, "/ab/1"))),
        (("/dir/", "/dir/sub/"), (Folder("/dir", 1, "/dir/sub/"),)),
    ],
)
def test_written_places_by_folder(paths: tuple[str, ...], told: tuple[Folder, ...]) -> None:
    assert folders(paths) == told


@given(st.lists(st.text("/ab", max_size=9).map(lambda text: f"/{text}")))
def test_no_written_path_is_lost(paths: list[str]) -> None:
    """Each path that nothing was written below counts, once."""
    found = folders(tuple(paths))
    parents = {path.rstrip("/").rpartition("/")[0] for path in paths}
    assert sum(folder.count for folder in found) == len({path for path in paths if path.rstrip("/") not in parents})


def test_ports() -> None:
    asked = (AskedPort("80/tcp", "", "80"), AskedPort("8080/tcp", "127.0.0.1", "8080"), AskedPort("53/udp", "", "53"))
    found = picture(use_sample.web(), state=published(*asked)).ports
    assert found == (
        PortRow((443,), "tcp", PortUse.IN_USE, ""),
        PortRow((80,), "tcp", PortUse.IN_USE, "all"),
        PortRow((9000,), "tcp", PortUse.LOOPBACK, ""),
        PortRow((53,), "udp", PortUse.SILENT, "all"),
        PortRow((8080,), "tcp", PortUse.SILENT, "machine"),
    )


def test_a_port_on_both_is_open_to_all() -> None:
    both = (AskedPort("80/tcp", "", "80"), AskedPort("80/tcp", "127.0.0.1", "81"), AskedPort("80/tcp", "::1", "82"))
    for order in (both, both[::-1]):
        assert picture(state=published(*order)).ports == (PortRow((80,), "tcp", PortUse.PUBLISHED, "all"),)


def test_nobody_came() -> None:
    seen = Observation(Seen(1.0), ports=(UsedPort("tcp", 80, False, False),))
    assert picture(seen).ports == (PortRow((80,), "tcp", PortUse.SERVED, ""),)


def facts(**changed: object) -> CgroupFacts:
    values: dict[str, Any] = dict.fromkeys(CgroupFacts.__struct_fields__)
    values |= {"io": (), "unknown": (), "sources": (), "gaps": (), "processes_unread": False, "process": ""} | changed
    return CgroupFacts(**values)


def peaks(seen: Observation | None, limits: CgroupFacts) -> dict[str, PeakRow]:
    layers = tuple(replace(layer, facts=limits) if layer.id == "cgroup" else layer for layer in WEB.layers)
    return {row.name: row for row in picture(seen, state=replace(WEB, layers=layers)).peaks}


def test_peaks_beside_limits() -> None:
    found = peaks(use_sample.web(), facts(memory_max=512 << 20, memory_current=100 << 20, unknown=("pids_max",)))
    assert found["memory"] == PeakRow("memory", 212.0 * use_sample.MIB, 100 << 20, 512 << 20, True, 896 << 20)
    assert found["pids"].known is False
    assert found["pids"].proposal == 256
    assert (found["cpu"].limit, found["cpu"].known, found["cpu"].proposal) == (None, True, None)
    assert found["open_files"].known is False


def test_a_peak_is_the_most_that_is_known_as_in_the_plan() -> None:
    """Of what its control group counted and what was observed; the plan's evidence names the same number."""
    seen, mib = use_sample.web(), 1 << 20
    for own, most in ((900 * mib, 900), (3 * mib, 212)):
        limits = facts(memory_peak=own, pids_current=2, pids_peak=700 if own > 212 * mib else 3)
        found = peaks(seen, limits)
        assert (found["memory"].peak or 0) / mib == most
        assert found["pids"].peak == (700 if most == 900 else seen.peak("pids"))
        subject = Subject(WEB.container, ENGINE, (("cgroup", limits),), seen=seen)
        whys = [translate(toggle.evidence("1", subject).why) for toggle in (MEMORY, PIDS)]
        assert whys[0] == f"It used {most} MiB at most."
        assert whys[1] == f"It had {found['pids'].peak:.0f} processes and threads at most."
    assert peaks(None, facts(own=False, memory_peak=5))["memory"].peak is None, "others' use"


def test_all_that_hardening_limits_has_its_proposal() -> None:
    nofile = ProcessLimit("nofile", 1 << 20, 1 << 20)
    found = peaks(use_sample.web(), facts(cpuset_count=64, process_limits=(nofile,)))
    assert {name for name, row in found.items() if row.proposal is not None} == set(PEAKS)
    assert 1.0 <= (found["cpu"].proposal or 0.0) < 64.0


def test_use_of_others_is_not_its_own() -> None:
    assert peaks(None, facts(own=False, memory_current=5))["memory"].now is None


def test_no_proposal_without_an_observation() -> None:
    assert {row.proposal for row in peaks(None, facts()).values()} == {None}


def test_without_facts_no_limit_is_known() -> None:
    assert not any(row.known for row in picture(use_sample.web()).peaks)


def test_coverage_asks_the_kernel_for_reloads() -> None:
    assert picture(use_sample.web()).coverage.missing == (Phase.STOP,)
    assert picture().coverage.missing[0] is Phase.START


def test_the_hostile_one() -> None:
    found = picture(use_sample.hostile())
    assert len(found.written) == 2000
    assert found.calls.growth[-1] == (1999.0, 2000)
