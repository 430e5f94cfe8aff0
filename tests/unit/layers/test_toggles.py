"""All toggles together: their ids, choices as typed, folding, and presets on recorded containers."""

from __future__ import annotations

from typing import Any

import pytest

from rig.recorded import recorded
from stratascope.core.container import Asked, AskedMount, AskedPort, Engine, ProfileKind
from stratascope.core.ground import Surroundings
from stratascope.core.observation.imports import Programs
from stratascope.core.observation.observation import Observation, Seen, UsedCapability, UsedPort
from stratascope.core.relaunch.toggle import GRADES, Choice, Preset, Subject, ToggleError
from stratascope.core.snapshot import ContainerState
from stratascope.core.threats.catalogue import all_threats
from stratascope.core.threats.depth import judge
from stratascope.i18n.translate import translate
from stratascope.layers import all_layers
from stratascope.layers.toggles import all_toggles, choice_of, choices, fold, parse, toggle
from stratascope.linux.capability import CapabilitySet
from stratascope.value import replace
from stratascope.wiring.engines import demo_snapshot
from unit.layers.toggle_subjects import DOCKER, PODMAN, made, subject

# The contract of the command line: REPORT, section Harden
VALUES = {
    "hide": "PATH,PATH",
    "lock": "PATH,PATH",
    "capabilities": "default|none|CAP,CAP",
    "drop": "CAP,CAP",
    "no-new-privileges": "on",
    "privileged": "off",
    "seccomp": "default|FILE",
    "apparmor": "default|NAME",
    "selinux": "default",
    "pid": "private",
    "ipc": "private",
    "uts": "private",
    "network": "private",
    "cgroupns": "private",
    "read-only-root": "on",
    "tmpfs": "PATH,PATH",
    "volume": "PATH,PATH",
    "masked-paths": "default",
    "host-paths": "read-only|PATH,PATH",
    "unmount": "PATH,PATH",
    "engine-socket": "remove",
    "devices": "remove",
    "publish": "loopback",
    "memory": "BYTES",
    "pids": "N",
    "cpus": "X",
    "oom-score-adj": "N",
    "ulimit-nofile": "N",
    "ulimit-nproc": "N",
    "ulimit-core": "N",
    "user": "UID[:GID]",
    "volume-owner": "change",
    "userns": "auto|keep-id|nomap|MAP",
}
DEMO = tuple(state for state in demo_snapshot().containers if state.matrix is not None)


# What gives back what it has not: never chosen by a preset, never offered unless something was refused
GIVES = {
    "user": "0",
    "userns": "host",
    "apparmor": "unconfined",
    "selinux": "disable",
    "seccomp": "+CALL,CALL:ARGUMENT",
    "capabilities": "+CAP,CAP",
    "no-new-privileges": "off",
    "memory": "unlimited",
    "pids": "unlimited",
    "cpus": "unlimited",
    "ulimit-memlock": "BYTES|unlimited",
    "ulimit-fsize": "BYTES|unlimited",
    "ulimit-stack": "BYTES|unlimited",
    "ulimit-msgqueue": "BYTES|unlimited",
    "ulimit-rtprio": "N|unlimited",
    "ulimit-nice": "N|unlimited",
    "ulimit-sigpending": "N|unlimited",
    "shm-size": "BYTES",
    "masked-paths": "off|+PATH,PATH",
    "host-paths": "writable|+PATH,PATH",
    "devices": "+DEVICE,DEVICE",
    "pid": "host",
    "ipc": "host",
    "uts": "host",
    "network": "bridge|host",
    "cgroupns": "host",
    "read-only-root": "off",
    "tmpfs": "PATH:exec|PATH:suid|PATH:dev|PATH:size=BYTES",
    "sysctl": "NAME=VALUE,NAME=VALUE",
}


def test_ids_and_values_are_the_contract() -> None:
    assert {each.id: each.values for each in all_toggles() if not each.only_gives} == VALUES
    assert {each.id: each.gives for each in all_toggles() if each.gives} == GIVES
    numbers = {layer.id: layer.number for layer in all_layers()}
    order = [numbers[each.layer] for each in all_toggles()]
    assert order == sorted(order, reverse=True)
    assert {each.id for each in all_toggles() if each.live} == {"memory", "pids", "cpus"}


def test_each_has_a_value_to_offer_and_to_type() -> None:
    for each in all_toggles():
        assert each.words or each.default, f"{each.id}: no value to offer"
        assert each.offered in each.words or each.placeholder or each.only_gives
        offered = Choice(each, each.offered)
        typed = Choice(each, offered.typed)
        assert parse(str(typed)) == typed
        assert offered.readable
        assert Choice(each, "/etc/profile.json").file == ("/etc/profile.json" if each.id == "seccomp" else "")


def test_what_gives_is_not_called_by_what_takes() -> None:
    takes, gives = choice_of("capabilities", "none"), choice_of("capabilities", "+CAP_CHOWN")
    assert translate(takes.named) == "Drop unused capabilities"
    assert translate(gives.named) == "Capabilities"
    assert "Fewer" not in translate(gives.told)


def test_parsing() -> None:
    assert parse("memory=512m") == choice_of("memory", "512m")
    assert parse(" userns = 0:200000:65536") == choice_of("userns", "0:200000:65536")
    assert str(parse(" userns = 0:200000:65536")) == "userns=0:200000:65536"


def test_a_choice_is_told_by_toggle_and_value() -> None:
    """It is a key of dictionaries and a member of sets."""
    one, same, other = (choice_of("memory", value) for value in ("1g", "1g", "2g"))
    assert one == same
    assert len({one, same, other, choice_of("pids", "1g")}) == 3
    assert repr(one) == "Choice(toggle=Toggle('memory'), value='1g')"
    assert choice_of("drop", "NET_RAW,SYS_TIME").pieces == (choice_of("drop", "NET_RAW"), choice_of("drop", "SYS_TIME"))
    assert choice_of("tmpfs", "/a,/b").pieces == (choice_of("tmpfs", "/a,/b"),)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("speed=9", "There is no change speed"),
        ("memory", "Give a value, as in memory=BYTES"),
        ("memory=", "Give a value"),
        ("", "There is no change"),
    ],
)
def test_parsing_what_is_no_choice(text: str, words: str) -> None:
    with pytest.raises(ToggleError) as error:
        parse(text)
    assert words in translate(error.value.message)


def test_folding() -> None:
    asked = Asked(privileged=True, seccomp=ProfileKind.UNCONFINED)
    known = subject(asked)
    chosen = [
        choice_of("capabilities", "chown"),
        choice_of("pids", "10"),
        choice_of("privileged", "off"),
        choice_of("pids", "20"),
    ]
    after = fold(asked, chosen, known)
    assert (after.privileged, after.pids, after.cap_add) == (False, 20, ("CAP_CHOWN",))
    assert after.capabilities == ("CAP_CHOWN",)
    assert fold(asked, [], known) == asked
    with pytest.raises(ToggleError) as error:
        fold(asked, [choice_of("capabilities", "none")], known)
    assert "privileged=off" in translate(error.value.message)


def of(state: ContainerState) -> Subject:
    engines = {engine.id: engine for engine in demo_snapshot().engines}
    facts = tuple((layer.id, layer.facts) for layer in state.layers)
    return Subject(state.container, engines[state.container.engine], facts)


def chosen(name: str, preset: Preset) -> dict[str, str]:
    state = next(state for state in DEMO if state.container.name == name)
    return {choice.id: choice.value for choice in choices(preset, of(state))}


@pytest.mark.parametrize("state", DEMO, ids=lambda state: state.container.name)
def test_each_preset_is_possible_and_holds_the_one_before(state: ContainerState) -> None:
    known, ground = of(state), demo_snapshot().ground
    around = Surroundings(ground, known.engine)
    assert state.matrix is not None
    before, names = state.matrix.exposure.worst, set[str]()
    for preset in GRADES:
        found = choices(preset, known)
        ids = {choice.id for choice in found}
        assert names <= ids
        names = ids
        after = fold(state.container.asked, found, known)
        for choice in found:
            one = choice.toggle
            assert one.check(choice.value, known) == choice.value
            by_name = choice.id == "capabilities" and preset is Preset.RECOMMENDED and state.container.asked.cap_add
            assert one.on(after, known) or by_name
        wanted = made(after)
        again = replace(known, container=replace(known.container, asked=after))
        assert choices(preset, again) == (), "a preset never holds what is in effect"
        postures = []
        for layer in all_layers():
            facts = layer.predict(known.of(layer.id), state.container.asked, after, around)
            layer.assess(facts, layer.asked(wanted), around)
            postures.append((layer, layer.posture(facts, layer.asked(wanted), around)))
        exposure = judge(all_threats(), tuple(postures), ground).exposure.worst
        assert exposure <= before
        before = exposure


def test_recommended_leaves_alone_what_it_may_need() -> None:
    assert "engine-socket" not in chosen("portainer", Preset.RECOMMENDED)
    assert "pid" not in chosen("node-exporter", Preset.RECOMMENDED)
    assert chosen("node-exporter", Preset.RECOMMENDED)["capabilities"] == "none"
    assert "CAP_NET_ADMIN" in chosen("legacy-vpn", Preset.RECOMMENDED)["capabilities"], "given by name"
    assert "CAP_NET_RAW" in chosen("legacy-vpn", Preset.RECOMMENDED)["capabilities"], "as network tools need it"
    assert chosen("legacy-vpn", Preset.RESTRICTED)["capabilities"] == "CAP_NET_BIND_SERVICE"
    assert "devices" not in chosen("legacy-vpn", Preset.RESTRICTED)
    assert "privileged" not in chosen("backup", Preset.RECOMMENDED)


def test_restricted_and_strict() -> None:
    restricted, strict = chosen("backup", Preset.RESTRICTED), chosen("backup", Preset.STRICT)
    assert restricted["privileged"] == "off"
    assert restricted["capabilities"] == "CAP_NET_BIND_SERVICE"
    assert strict["read-only-root"] == "on"
    assert strict["ulimit-core"] == "0"
    assert chosen("node-exporter", Preset.RESTRICTED)["network"] == "private"
    assert chosen("portainer", Preset.STRICT)["engine-socket"] == "remove"
    assert "tmpfs" not in chosen("redis-cache", Preset.STRICT), "its root directory is read-only already"


def test_no_preset_asks_a_rootless_engine_of_old_for_limits() -> None:
    for preset in GRADES:
        assert not {"memory", "pids", "cpus"} & chosen("thumbnailer", preset).keys()


_MIB, _GIB = 1 << 20, 1 << 30


@pytest.mark.parametrize(
    ("used", "peak", "total", "recommended", "strict"),
    [
        (1 * _MIB, 2 * _MIB, 8 * _GIB, 512 * _MIB, 256 * _MIB),  # small: never less than is of use at all
        (300 * _MIB, 300 * _MIB, 8 * _GIB, 640 * _MIB, 640 * _MIB),
        (300 * _MIB, 900 * _MIB, 8 * _GIB, 1856 * _MIB, 1856 * _MIB),  # it needed more at times
        (900 * _MIB, 300 * _MIB, 8 * _GIB, 1856 * _MIB, 1856 * _MIB),  # a peak that was reset (memory.peak, v2)
        (3 * _GIB + 1, 3 * _GIB + 1, 8 * _GIB, None, None),  # would limit nothing
        (300 * _MIB, 300 * _MIB, None, 640 * _MIB, 640 * _MIB),
        (300 * _MIB, None, 8 * _GIB, None, 640 * _MIB),  # only the present use is known
    ],
)
def test_limits_leave_room(
    used: int, peak: int | None, total: int | None, recommended: int | None, strict: int | None
) -> None:
    known = subject(process=recorded("lsm/apparmor/docker-default"), memory_total=total)
    groups = replace(known.of("cgroup"), memory_current=used, memory_peak=peak, pids_current=200)
    told = replace(known, facts=(("cgroup", groups),))
    for preset, memory, pids in ((Preset.RECOMMENDED, recommended, "512"), (Preset.STRICT, strict, "400")):
        found = {choice.id: choice.value for choice in choices(preset, told)}
        assert (found.get("memory"), found["pids"]) == (None if memory is None else str(memory), pids)
    offered = toggle("memory").proposed(told)
    assert offered == "" if used > 2 * _GIB else int(offered) >= 2 * max(used, peak or 0)


@pytest.mark.parametrize(
    ("now", "peak", "limit"), [(1, None, "512"), (1, 300, "600"), (300, 40, "600"), (1, 40, "512")]
)
def test_the_limit_on_processes_goes_by_the_most(now: int, peak: int | None, limit: str) -> None:
    known = subject(process=recorded("lsm/apparmor/docker-default"))
    groups = replace(known.of("cgroup"), pids_current=now, pids_peak=peak)
    told = replace(known, facts=(("cgroup", groups),))
    assert {choice.id: choice.value for choice in choices(Preset.RECOMMENDED, told)}["pids"] == limit


@pytest.mark.parametrize(("engine", "chosen"), [(DOCKER, False), (PODMAN, True)])
def test_no_tmpfs_hides_what_the_image_has_and_the_container_uses(engine: Engine, chosen: bool) -> None:
    """Podman copies it in. What the container made itself is no reason."""
    known = subject(process=recorded("lsm/apparmor/docker-default"), engine=engine)
    told = replace(known, changes=("/run/app.pid", "/run/app/settings"), replaced=("/run/app/settings",))
    found = {choice.id: choice.value for choice in choices(Preset.STRICT, told)}
    assert ("read-only-root" in found) is chosen
    assert ("tmpfs" in found) is chosen
    assert not chosen or {"/run", "/run/app"} <= set(found["tmpfs"].split(","))
    risk, *_ = toggle("tmpfs").risks("/run/app", told)
    assert ("/run/app/settings" in translate(risk)) is not chosen


@pytest.mark.parametrize(
    ("image", "users", "limited"),
    [
        ("docker.io/library/redis:7", (), False),
        ("bitnami/postgresql@sha256:00", (), False),
        ("own:1", (("mariadbd", 999),), False),
        ("shop/redistribute:1", (("python3", 0),), True),
    ],
)
def test_what_keeps_its_data_in_memory_gets_no_limit(
    image: str, users: tuple[tuple[str, int], ...], limited: bool
) -> None:
    known = subject(process=recorded("lsm/apparmor/docker-default"), memory_total=8 * _GIB)
    groups = replace(known.of("cgroup"), memory_current=_MIB, memory_peak=_MIB)
    told = replace(known, container=replace(known.container, image=image), users=users, facts=(("cgroup", groups),))
    for preset in Preset:
        assert ("memory" in {choice.id for choice in choices(preset, told)}) is limited


def _kept(asked: Asked, engine: Engine = DOCKER, **about: Any) -> set[str] | None:
    """What the recommended preset leaves a container of that engine, whose process is as `about` says."""
    known = subject(asked, recorded("lsm/apparmor/docker-default"), engine)
    facts = replace(known.of("capabilities"), **about)
    found = choices(Preset.RECOMMENDED, replace(known, facts=(("capabilities", facts),)))
    value = {choice.id: choice.value for choice in found}.get("capabilities")
    return None if value is None else set(value.replace("CAP_", "").split(","))


def test_recommended_takes_what_hardly_anything_needs() -> None:
    needed = {"CHOWN", "DAC_OVERRIDE", "FOWNER", "FSETID", "KILL", "SETGID", "SETUID", "NET_BIND_SERVICE"}
    logins = {"AUDIT_WRITE", "SYS_CHROOT"}
    full, none = CapabilitySet(0xA80425FB), CapabilitySet()
    dropped: dict[str, Any] = {"permitted": none, "effective": none, "root_inside": False}
    assert _kept(Asked(), bounding=full) == needed | logins, "root may let others log in"
    assert _kept(Asked(), bounding=full, **dropped) == needed, "its start script is all that is root"
    assert _kept(Asked(), bounding=full - CapabilitySet.of(("CAP_KILL",))) == needed | logins | {"SETPCAP"}
    assert _kept(Asked(cap_add=("CAP_MKNOD",)), bounding=full) == needed | logins | {"MKNOD"}
    assert _kept(Asked(cap_add=("ALL",)), bounding=CapabilitySet.full()) is None
    assert _kept(Asked(), bounding=None) is None, "nothing by guess"
    assert _kept(Asked(), PODMAN, bounding=CapabilitySet(0x800405FB)) == needed | {"SYS_CHROOT"}


@pytest.mark.parametrize("starts", [0, 1])
@pytest.mark.parametrize("preset", [Preset.RECOMMENDED, Preset.RESTRICTED, Preset.STRICT])
def test_what_was_seen_in_use_stays_whatever_its_programs_import(preset: Preset, starts: int) -> None:
    """Also if its start was not watched, so that what else it uses is not known."""
    seen = Observation(Seen(9.0, starts), (UsedCapability("CAP_MKNOD", True, 1, ("sh",)),))
    known = subject(Asked(), recorded("lsm/apparmor/docker-default"), programs=Programs(), seen=seen)
    facts = replace(known.of("capabilities"), bounding=CapabilitySet(0xA80425FB))
    found = {each.id: each.value for each in choices(preset, replace(known, facts=(("capabilities", facts),)))}
    assert "CAP_MKNOD" in found["capabilities"].split(",")


def test_recommended_gives_no_ordinary_user_more_than_it_holds() -> None:
    """Podman gives such a user each capability that is asked for."""
    bind = CapabilitySet.of(("CAP_NET_BIND_SERVICE",))
    held: dict[str, Any] = {"permitted": bind, "ambient": bind, "effective": bind}
    asked = Asked(user="1000", cap_add=("CAP_NET_BIND_SERVICE",))
    assert _kept(asked, PODMAN, bounding=CapabilitySet(0x800405FB), **held) == {"NET_BIND_SERVICE"}
    alone = replace(asked, cap_drop=("ALL",), capabilities=("CAP_NET_BIND_SERVICE",))
    assert _kept(alone, PODMAN, bounding=bind, **held) is None


def test_a_program_that_dropped_root_keeps_low_ports_only_where_it_publishes_one() -> None:
    known = subject(Asked(), recorded("lsm/apparmor/docker-user1000"))
    for port, value in (("80/tcp", "CAP_NET_BIND_SERVICE"), ("8080/tcp", "none"), ("5432/tcp", "none")):
        ports = (AskedPort(port, "0.0.0.0", "8000"),)
        told = replace(known, container=replace(known.container, asked=Asked(ports=ports)))
        assert {each.id: each.value for each in choices(Preset.RESTRICTED, told)}["capabilities"] == value


def test_strict_puts_memory_where_it_writes() -> None:
    asked = Asked(mounts=(AskedMount("volume", "", "/var/lib/db", True, volume="v"),))
    changes = ("/run", "/run/nginx.pid", "/tmp/a/b", "/var/lib/db/1")
    found = {choice.id: choice.value for choice in choices(Preset.STRICT, subject(asked, changes=changes))}
    assert found["tmpfs"] == "/tmp,/var/tmp,/run"
    assert found["read-only-root"] == "on"
    known = subject(asked, changes=(*changes, "/etc/x"))
    assert {"tmpfs", "read-only-root"}.isdisjoint(choice.id for choice in choices(Preset.STRICT, known))
    for data, place in (
        ("/var/cache/nginx/client_temp/1", "/var/cache/nginx"),
        ("/var/log/x.log", "/var/log"),
        ("/var/lib/other/1", "/var/lib/other"),
    ):
        known = subject(asked, changes=(*changes, data))
        found = {choice.id: choice.value for choice in choices(Preset.STRICT, known)}
        assert (found["volume"], found["read-only-root"]) == (place, "on")
        assert found["tmpfs"] == "/tmp,/var/tmp,/run", "nothing that it keeps is in memory"


def test_ports_are_in_no_preset() -> None:
    """Who can reach it changes only where a person says so, who is told whom it cuts off."""
    asked = Asked(ports=(AskedPort("80/tcp", "", "8080"), AskedPort("53/udp", "0.0.0.0", "53")))
    seen = Observation(Seen(9.0, 1), ports=(UsedPort("tcp", 80, False, True), UsedPort("udp", 53, False, False)))
    known = replace(subject(asked), seen=seen)
    for preset in Preset:
        assert "publish" not in {choice.id for choice in choices(preset, known)}
    cut_off, used = toggle("publish").risks("loopback", known)
    assert "no longer reach it on 80/tcp, 53/udp" in translate(cut_off)
    assert translate(used) == "While it was watched, it was used from outside on 80/tcp."


def test_nobody_is_cut_off_from_a_network_that_it_shares() -> None:
    """A smallest set takes the host's network away only where it is known that nothing listens; tighten neither."""
    network, shared = toggle("network"), Asked(network_mode="host")
    assert network.pieces is not None
    for listens, pieces in (((), ("private",)), ((80,), ()), (None, ())):
        known = replace(subject(shared), listens=listens)
        assert network.pieces(known) == pieces
        assert (network.left_off(known) is None) is (listens == ())


def test_a_program_that_became_another_user_may_start_as_that_one() -> None:
    process = recorded("lsm/apparmor/docker-user1000")
    found = {choice.id: choice.value for choice in choices(Preset.RESTRICTED, subject(Asked(), process))}
    assert found["user"] == "1000:1000"
    assert "user" not in {each.id for each in choices(Preset.RESTRICTED, subject(Asked(user="app"), process))}


def test_podmans_own_limit_of_processes_counts_as_none() -> None:
    process = recorded("lsm/apparmor/podman-default")
    for engine, there in ((PODMAN, True), (DOCKER, False)):
        known = subject(Asked(pids=2048), process, engine)
        assert ("pids" in {each.id for each in choices(Preset.RECOMMENDED, known)}) is there


@pytest.mark.parametrize(
    ("choice", "text"),
    [
        (choice_of("memory", "536870912"), "512 MiB"),
        (choice_of("memory", str(3 << 29)), "1.5 GiB"),
        (choice_of("memory", str(11 << 30)), "11 GiB"),
        (choice_of("memory", "512"), "512 B"),
        (choice_of("capabilities", "CAP_CHOWN,CAP_KILL"), "CHOWN, KILL"),
        (choice_of("capabilities", "none"), "none"),
        (choice_of("tmpfs", "/run,/tmp"), "/run, /tmp"),
        (choice_of("pids", "512"), "512"),
    ],
)
def test_a_value_for_reading(choice: Choice, text: str) -> None:
    assert choice.readable == text
