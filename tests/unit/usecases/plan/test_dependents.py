"""Which containers need another, in which order, and what stops them from coming along."""

from __future__ import annotations

from typing import Any

import pytest

from rig.usecases.host import Host
from stratascope.core.container import Asked, Container, Status
from stratascope.core.ports import NoSuchContainerError
from stratascope.core.relaunch.launch_spec import FileChange
from stratascope.core.relaunch.transaction import Remedy
from stratascope.usecases.plan.dependency_graph import Dependency, dependents
from stratascope.usecases.plan.plan import look_at_dependents, with_dependents
from stratascope.usecases.plan.preflight import Preflight, preflight
from stratascope.value import replace
from unit.usecases.memory_engine import MemoryEngine

DEPENDENTS = frozenset({Remedy.DEPENDENTS})


def ident(name: str) -> str:
    return (name * 64)[:64]


PLAIN = Asked()


def box(name: str, asked: Asked = PLAIN, **more: object) -> Container:
    made = Container("e", ident(name), name, "image", Status.RUNNING, 7, 0.0, 0.0, asked=asked)
    return replace(made, **more)  # type: ignore[arg-type]


def joined(kind: str, target: str) -> Asked:
    modes: dict[str, Any] = {f"{kind}_mode": f"container:{target}"}
    return replace(Asked(), **modes)


@pytest.mark.parametrize("kind", ["network", "pid", "ipc", "uts", "cgroupns", "userns"])
@pytest.mark.parametrize("by", [ident("web"), "web"], ids=["id", "name"])
def test_who_shares_a_namespace_needs_its_owner(kind: str, by: str) -> None:
    web, user, other = box("web"), box("user", joined(kind, by)), box("other", joined(kind, ident("third")))
    assert dependents(web, (other, user, web, box("third"))) == ((user, Dependency.NAMESPACES),)


def test_links_and_requirements_are_ties_and_borrowed_volumes_are_none() -> None:
    web = box("web")
    linked, requiring = box("linked", links=("web",)), box("requiring", requires=(web.id,))
    assert dependents(web, (linked, requiring)) == ((linked, Dependency.LINK), (requiring, Dependency.REQUIRES))
    both = box("both", joined("network", web.id), requires=(web.id,))
    assert dependents(web, (both,)) == ((both, Dependency.NAMESPACES),)


def test_each_stands_after_all_that_it_needs() -> None:
    web = box("web")
    side = box("side", joined("network", web.id))
    tail = box("tail", joined("pid", ident("side")), links=("web",))
    last = box("last", requires=(ident("tail"), ident("side")))
    for others in ((last, tail, side), (side, last, tail), (tail, side, last)):
        assert [other.name for other, _ in dependents(web, others)] == ["side", "tail", "last"]
    assert [other.name for other, _ in dependents(side, (web, last, tail))] == ["tail", "last"]
    circle = (box("one", links=("web", "two")), box("two", links=("one",)))
    assert {other.name for other, _ in dependents(web, circle)} == {"one", "two"}


def check(engine: MemoryEngine, web: Container, others: tuple[Container, ...], taken: frozenset[Remedy]) -> Preflight:
    checked = preflight(engine.plan(web.id), web, others, (), (), Host(), taken)
    needing = [other for other, _ in dependents(web, others)]
    return with_dependents(checked, look_at_dependents(engine, needing, others, (), Host(), taken, 5000.0), taken)


def engine_of(*containers: Container) -> MemoryEngine:
    engine = MemoryEngine()
    for container in containers:
        key = engine.add(container.name)
        engine.boxes[container.id] = engine.boxes.pop(key)
    return engine


def codes(checked: Preflight) -> list[tuple[str, Remedy | None]]:
    return [(block.code, block.remedy) for block in checked.blocks]


def told(checked: Preflight) -> list[str]:
    """What is warned of, without what is said of each container that has none."""
    return [item.code for item in checked.warnings if item.code != "no-healthcheck"]


def test_the_option_turns_the_block_into_a_warning() -> None:
    web, side = box("web"), box("side", joined("network", ident("web")))
    engine = engine_of(web, side)
    assert codes(check(engine, web, (web, side), frozenset())) == [("dependents", Remedy.DEPENDENTS)]
    taken = check(engine, web, (web, side), DEPENDENTS)
    assert codes(taken) == []
    assert told(taken) == ["dependents"]
    assert dict(taken.warnings[0].text.args)["names"] == "side"


def test_each_kind_of_tie_has_a_code_and_the_same_remedy() -> None:
    web = box("web")
    others = (box("a", joined("pid", web.id)), box("b", links=("web",)), box("c", requires=(web.id,)))
    checked = check(engine_of(web, *others), web, (web, *others), frozenset())
    assert codes(checked) == [(code, Remedy.DEPENDENTS) for code in ("dependents", "linked", "required")]
    assert [dict(block.text.args)["names"] for block in checked.blocks] == ["a", "b", "c"]


def test_one_that_can_not_come_along_is_named_and_the_option_is_not_offered() -> None:
    web = box("web")
    side = box("side", joined("network", web.id), labels=(("com.docker.compose.project", "x"),))
    engine = engine_of(web, side)
    for taken, expected in ((frozenset[Remedy](), 2), (DEPENDENTS, 1)):
        checked = check(engine, web, (web, side), taken)
        assert codes(checked) == [("dependents", None)] * expected
        assert dict(checked.blocks[-1].text.args)["name"] == "side"


def test_one_that_wrote_files_needs_the_other_option_too() -> None:
    web, side = box("web"), box("side", joined("network", ident("web")))
    engine = engine_of(web, side)
    engine.boxes[side.id].files = (FileChange("/srv/data", "added"),)
    assert codes(check(engine, web, (web, side), frozenset())) == [("dependents", Remedy.DEPENDENTS)]
    assert codes(check(engine, web, (web, side), DEPENDENTS)) == [("dependents", Remedy.COMMIT_LAYER)]
    checked = check(engine, web, (web, side), frozenset(Remedy))
    assert codes(checked) == []
    assert told(checked) == ["dependents", "writable-layer"]


def test_one_that_is_stopped_comes_along_and_one_that_is_paused_does_not() -> None:
    web = box("web")
    for status, expected in ((Status.EXITED, []), (Status.CREATED, []), (Status.PAUSED, [("dependents", None)])):
        side = box("side", joined("network", web.id), status=status, pid=None)
        assert codes(check(engine_of(web, side), web, (web, side), DEPENDENTS)) == expected


def test_one_that_goes_away_meanwhile_needs_nothing() -> None:
    web, side = box("web"), box("side", joined("network", ident("web")))
    engine = engine_of(web)
    with pytest.raises(NoSuchContainerError):
        engine.plan(side.id)
    assert codes(check(engine, web, (web, side), DEPENDENTS)) == []


@pytest.mark.parametrize(
    ("labels", "image", "remedy"),
    [((), "sha256:1", Remedy.COMMIT_LAYER), ((("com.docker.compose.project", "x"),), "sha256:1", None), ((), "", None)],
    ids=["plain", "compose", "bare-root"],
)
def test_the_writable_layer(labels: tuple[tuple[str, str], ...], image: str, remedy: Remedy | None) -> None:
    web = box("web", labels=labels)
    engine = engine_of(web)
    spec, changes = replace(engine.plan(web.id), image_id=image), (FileChange("/srv/data", "added"),)
    checked = preflight(spec, web, (web,), changes, (), Host())
    assert ("writable-layer", remedy) in codes(checked)
    taken = preflight(spec, web, (web,), changes, (), Host(), frozenset({Remedy.COMMIT_LAYER}))
    left = [block.code for block in taken.blocks]
    assert ("writable-layer" in left) == (remedy is None)


def test_passing_files_are_carried_over_too() -> None:
    web = box("web")
    changes = (FileChange("/srv/data", "added"), FileChange("/run/web.pid", "added"))
    spec = engine_of(web).plan(web.id)
    for taken, told in ((frozenset[Remedy](), True), (frozenset({Remedy.COMMIT_LAYER}), False)):
        found = preflight(spec, web, (web,), changes, (), Host(), taken)
        assert ("passing-files" in [item.code for item in found.warnings]) == told
