"""The plan: what is on with nothing seen, what is left to a person, and that its numbers are those of its choices."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import pytest

from stratascope.core.observation.observation import Access, Observation, Seen, UsedCapability, UsedPath
from stratascope.core.relaunch.hardening_plan import Change, ChangeKind, HardeningPlan, Wanted
from stratascope.core.relaunch.toggle import Choice, Evidence, ToggleError, Use
from stratascope.core.severity import Severity
from stratascope.core.snapshot import ContainerState
from stratascope.i18n.translate import translate
from stratascope.layers.namespaces.facts import decode
from stratascope.layers.toggles import toggle
from stratascope.presentation import plan_report
from stratascope.presentation.plan_report import json_object
from stratascope.presentation.plan_rows import effect_text, evidence_word, limits_said, row_words
from stratascope.presentation.terminal import Style
from stratascope.state import capture_file
from stratascope.usecases.check.check import Checker
from stratascope.usecases.check.corrections import fixed, planned
from stratascope.usecases.check.writing import Writer
from stratascope.usecases.plan.preview import Previews
from stratascope.value import replace
from stratascope.wiring.check import checker
from unit.layers.surroundings import around, capture, container
from unit.usecases.plan.dangerous import CONTAINERS, Dangerous

GROUND = Path(__file__).parents[3] / "captures" / "golden" / "capture.json"


@cache
def made() -> Checker:
    return checker(None, capture_file.load(GROUND), [], {})


@cache
def plan_of(command: str) -> HardeningPlan:
    ((_, plan, _),) = planned(made(), command, "command line")
    return plan


def has(changes: list[Change], wanted: str) -> bool:
    """Whether one of them makes that choice: by id and value, or by its id."""
    choices = [choice for change in changes for choice in change.choices]
    return any(wanted in (choice.id, str(choice)) for choice in choices)


@pytest.mark.parametrize("each", CONTAINERS, ids=lambda each: each.name)
def test_a_dangerous_container(each: Dangerous) -> None:
    plan = plan_of(each.command)
    on, off = [change for change in plan.changes if change.on], [change for change in plan.changes if not change.on]
    for wanted in each.on:
        assert has(on, wanted) or any(wanted in (choice.id, str(choice)) for choice in plan.choices), wanted
    for wanted in each.off:
        assert has(off, wanted), wanted
        assert not has(on, wanted), wanted
    still = {state.threat.id for state in plan.then.open(Severity.CRITICAL)}
    assert bool(still) is each.stays_critical, still
    for threat in each.gone:
        assert threat not in {state.threat.id for severity in Severity for state in plan.then.open(severity)}
    if each.stays_critical:  # it names the rows that keep it so, and why they are off
        assert plan.keeping
        for change in plan.keeping:  # what was granted is used, or it is a folder of data
            assert change.evidence.use is Use.USED or change.kind is not ChangeKind.TAKE_BACK
            assert change.evidence.why.id


@pytest.mark.parametrize("each", [each for each in CONTAINERS if each.name in ("a tunnel, privileged", "a robot")],
                         ids=lambda each: each.name)  # fmt: skip
def test_what_is_kept_is_written(each: Dangerous) -> None:
    """A device instead of all of them."""
    found = fixed(made(), each.command, "command line")
    assert not found.problems
    assert "--privileged" not in found.text
    given = next(choice.value for choice in plan_of(each.command).choices if choice.id == "devices")
    assert f"--device {given.removeprefix('+')}" in found.text


def watched(plan: HardeningPlan, key: str) -> Change:
    return next(change for change in plan.changes if any(key in (str(each), each.id) for each in change.choices))


def seen(command: str, **observed: object) -> HardeningPlan:
    """The plan of the same container, once it was watched for two hours."""
    previews, state = asked_about(command, **observed)
    return previews.plan(state)


def asked_about(command: str, facts: object = None, **observed: object) -> tuple[Previews, ContainerState]:
    """What is asked for its plan. `facts`: what was read of its namespaces."""
    services = made().read(command, "command line").services
    ((joined,), (service,)) = made().joined(services), services
    writer = Writer(made(), command, "command line", 0, joined=joined)
    observation = Observation(Seen(7200.0, 1), **observed)  # type: ignore[arg-type]
    assert service.name
    subject = replace(writer.subject, seen=observation)
    if facts is not None:
        subject = replace(subject, facts=(("namespaces", facts),))
    host, _ = made().predictor(service.kind)
    previews = Previews(made().layers, host.ground, host.engine, lambda *_: subject, lambda text: "/filter.json")
    return previews, writer.state


def test_as_a_person_wants_it() -> None:
    """Rows and their order stay; numbers are those of what is on now; what no row makes gets one."""
    previews, state = asked_about("docker run --privileged -v /:/host app")
    plan = previews.plan(state)
    left = watched(plan, "privileged=off")
    own = previews.plan(state, wanted=Wanted(on=((left.key, False),)))
    assert [row.key for row in own.changes] == [row.key for row in plan.changes]
    assert not watched(own, "privileged=off").on
    assert own.then.exposure.worst > plan.then.exposure.worst
    gain = round(own.then.exposure.worst - plan.then.exposure.worst, 1)
    assert watched(own, "privileged=off").effect == gain > 0  # what switching it on again would do

    cpus = watched(plan, "cpus")
    more = (Choice(toggle("user"), "1000"), Choice(toggle("memory"), "64m"))
    own = previews.plan(state, wanted=Wanted(on=((cpus.key, True),), values=((cpus.key, "0.5"),), more=more))
    assert watched(own, "user=1000").on
    assert {str(each) for each in own.choices} >= {"user=1000", f"memory={64 << 20}", "cpus=0.5"}
    assert own.then == previews.preview(state, own.choices).after
    with pytest.raises(ToggleError):
        previews.plan(state, wanted=Wanted(values=((cpus.key, "much"),)))


def test_what_could_not_be_read_afterwards_is_not_on() -> None:
    """As of an ordinary user, who can't read a container's mounts: what replaces it would be rolled back."""
    unread = decode(capture({}, denied=("mountinfo", "root:chroot")), container(), around())
    previews, state = asked_about("docker run -v /etc:/etc app", unread)
    plan = previews.plan(state)
    assert {"capabilities", "no-new-privileges"} <= {choice.id for choice in plan.choices}
    told = {choice.id for choice, why in plan.impossible if "run stratascope as root" in why.id}
    assert told
    assert not told & {choice.id for row in plan.changes for choice in row.choices}


def test_what_a_person_gives_back_stands_last() -> None:
    previews, state = asked_about("docker run app")
    own = previews.plan(state, wanted=Wanted(more=(Choice(toggle("capabilities"), "+SYS_TIME"),)))
    assert (own.changes[-1].kind, own.changes[-1].on) == (ChangeKind.GIVE, True)
    assert "capabilities=CAP_SYS_TIME" in map(str, own.choices)  # beside it, the list of all else that goes


def test_what_was_watched_and_not_used_is_on() -> None:
    command = "docker run --cap-add NET_ADMIN --device /dev/net/tun app"
    tunnel = (UsedPath("/dev/net/tun", seconds=7200.0, starts=1),)
    plan = seen(command, capabilities=(UsedCapability("CAP_CHOWN", True, 3, ("app",)),), reached=tunnel)
    taken = watched(plan, "drop=CAP_NET_ADMIN")
    assert (taken.on, taken.evidence.use, taken.kind) == (True, Use.NOT_USED, ChangeKind.TAKE_BACK)
    assert watched(plan, "devices=remove").on
    listed = next(choice for choice in plan.choices if choice.id == "capabilities")
    assert listed.value == "CAP_CHOWN"  # of what engines give, all else goes as well


def reached(path: str, *access: Access, by: str = "agent") -> tuple[UsedPath, ...]:
    return (UsedPath(path, access, (by,) if access else (), 5.0, 9.0 if access else 0.0, 7200.0, 1),)


def test_a_bind_goes_becomes_read_only_or_stays_by_what_was_seen_of_it() -> None:
    command = "docker run -v /:/host app"
    gone = watched(seen(command, reached=reached("/host")), "unmount=/host")
    assert (gone.on, gone.evidence.use, gone.evidence.at) == (True, Use.NOT_USED, 0.0)

    plan = seen(command, reached=reached("/host", Access.READ))
    assert not watched(plan, "unmount=/host").on  # the socket below is as open
    protected = watched(plan, "host-paths=/host")
    assert (protected.on, protected.evidence.use) == (True, Use.NOT_USED)

    stays = watched(seen(command, reached=reached("/host", Access.READ, Access.WRITTEN)), "unmount=/host")
    assert (stays.on, stays.evidence.use, stays.evidence.by, stays.evidence.at) == (False, Use.USED, ("agent",), 9.0)

    unknown = watched(seen(command), "unmount=/host")
    assert unknown.evidence.use is Use.UNKNOWN


def test_an_engine_s_socket_goes_unless_something_connects_to_it() -> None:
    command = "docker run -v /var/run/docker.sock:/var/run/docker.sock app"
    place = "/var/run/docker.sock"
    kept = watched(seen(command, reached=reached(place, Access.CONNECTED, by="cli")), "engine-socket=remove")
    assert (kept.on, kept.evidence.use, kept.evidence.by, kept.evidence.at) == (False, Use.USED, ("cli",), 9.0)
    gone = watched(seen(command, reached=reached(place)), "engine-socket=remove")
    assert (gone.on, gone.evidence.use) == (True, Use.NOT_USED)


def test_what_was_seen_in_use_is_off_and_says_who() -> None:
    used = (UsedCapability("CAP_NET_ADMIN", True, 3, ("tunneld",)),)
    plan = seen("docker run --cap-add NET_ADMIN --device /dev/net/tun app", capabilities=used,
                devices=("/dev/net/tun",))  # fmt: skip
    kept = watched(plan, "drop=CAP_NET_ADMIN")
    assert (kept.on, kept.evidence.use, kept.evidence.by) == (False, Use.USED, ("tunneld",))
    assert not watched(plan, "devices=remove").on


def test_what_is_used_of_privileged_mode_stays() -> None:
    used = (UsedCapability("CAP_NET_ADMIN", True, 3, ("tunneld",)),)
    plan = seen("docker run --privileged app", capabilities=used, devices=("/dev/net/tun",))
    left = watched(plan, "privileged=off")
    assert left.on
    assert [str(each) for each in left.choices[1:]] == ["capabilities=+CAP_NET_ADMIN", "devices=+/dev/net/tun"]
    listed = next(choice for choice in plan.choices if choice.id == "capabilities")
    assert listed.value == "CAP_NET_ADMIN"
    assert not plan.then.open(Severity.CRITICAL)


@pytest.mark.parametrize(("more", "on"), [((), True), (("CAP_CHOWN",), False)])
def test_who_becomes_a_user_starts_as_that_one_if_root_was_for_nothing_else(more: tuple[str, ...], on: bool) -> None:
    used = tuple(UsedCapability(name, True, 1, ("nginx",)) for name in ("CAP_SETGID", "CAP_SETUID", *more))
    row = watched(seen("docker run app", capabilities=used, users=((0, 0), (33, 33))), "user=33:33")
    assert row.on is on
    if more:
        assert "CHOWN" in translate(row.evidence.why)
        assert row.reason is not None
        assert "trial" in translate(row.reason)


def test_a_short_watch_tells_nothing() -> None:
    plan = plan_of("docker run --cap-add NET_ADMIN app")
    assert watched(plan, "drop=CAP_NET_ADMIN").evidence.use is Use.UNKNOWN


@pytest.mark.parametrize("each", CONTAINERS, ids=lambda each: each.name)
def test_its_numbers_are_those_of_its_choices(each: Dangerous) -> None:
    """In order, the last change that is on comes to the whole; and nothing makes it worse."""
    plan = plan_of(each.command)
    on = [change for change in plan.changes if change.on]
    assert not on or on[-1].in_order == plan.then.exposure.worst
    so_far = plan.now.exposure.worst
    for change in on:
        assert change.in_order is not None
        assert change.in_order <= so_far
        so_far = change.in_order
    kinds = [list(ChangeKind).index(change.kind) for change in plan.changes]
    assert kinds == sorted(kinds)


@pytest.mark.parametrize("each", CONTAINERS, ids=lambda each: each.name)
def test_nothing_that_loses_data_or_closes_a_door(each: Dangerous) -> None:
    plan = plan_of(each.command)
    ids = {choice.id for choice in plan.choices}
    assert not ids & {"publish", "network", "user", "userns", "volume-owner"}
    assert "tmpfs" not in ids or "read-only-root" in ids


def test_as_json() -> None:
    found = json_object(plan_of("docker run --privileged -p 80:80 app"))
    assert found["exposure"]["now"] == 10.0
    first = found["plan"][0]
    assert (first["id"], first["kind"], first["on"], first["evidence"]["word"]) == (
        "privileged", "take-back", True, "unknown")  # fmt: skip
    assert "open-host-disk" in first["closes"]
    assert {each["evidence"]["word"] for each in found["plan"]} <= {"used", "unknown", "not-used", "not-imported"}
    limits = [each for each in found["plan"] if each["kind"] == "limit"]
    assert limits
    assert [each["id"] for each in limits if each["on"]] == ["cgroupns"]  # nothing was measured of what never ran
    rare = next(each["evidence"] for each in limits if each["id"] == "cgroupns")
    assert (rare["word"], rare["shown"]) == ("unknown", "rarely used")


def test_an_own_cgroup_namespace_is_a_habit_and_nothing_that_was_granted() -> None:
    plan = plan_of("docker run app")
    row = next(change for change in plan.changes if change.choice.id == "cgroupns")
    assert (row.kind, row.on) == (ChangeKind.LIMIT, True)


@pytest.mark.parametrize("line", ["docker run app", "docker run --privileged -p 80:80 app"])
def test_window_command_line_and_json_say_the_same_word(line: str) -> None:
    plan = plan_of(line)
    told = json_object(plan)["plan"]
    text = "\n".join(plan_report.lines("app", plan, Style(unicode=True)))
    for change, each in zip(plan.changes, told, strict=True):
        word = translate(evidence_word(change).text)
        assert each["evidence"]["shown"] == word
        row = next(row for row in text.splitlines() if "] " + row_words(change, None)[:40] in row)
        assert f" {word} " in row
        assert row.endswith(effect_text(change))


def test_only_what_was_measured_is_told_as_twice_the_peak() -> None:
    limits = [change for change in plan_of("docker run app").changes if change.choice.toggle.limit]
    assert limits
    assert translate(limits_said(limits)) == "usual values"
    measured = [replace(each, evidence=Evidence(Use.MEASURED)) for each in limits]
    assert translate(limits_said(measured)) == "at least twice the peak"
    assert translate(limits_said([*limits, measured[0]])) == "twice the peak, where seen"


def test_a_used_socket_has_the_lines_of_a_filtering_proxy() -> None:
    plan = plan_of("docker run -v '/run/my docker.sock':/var/run/docker.sock traefik:3")
    row = next(change for change in plan.changes if change.choice.id == "engine-socket")
    assert row.evidence.used
    proxy = next(each for each in row.alternatives if each.lines)
    assert "docker-socket-proxy" in translate(proxy.text)
    assert proxy.lines[0] == "- -v '/run/my docker.sock:/var/run/docker.sock'"
    assert "DOCKER_HOST=tcp://socket-proxy:2375" in proxy.lines[1]
    assert "'/run/my docker.sock':/var/run/docker.sock:ro" in proxy.lines[3]
    podman = plan_of("podman run -v /run/podman/podman.sock:/var/run/docker.sock traefik:3")
    assert not any(
        each.lines for change in podman.changes if change.choice.id == "engine-socket" for each in change.alternatives
    )
