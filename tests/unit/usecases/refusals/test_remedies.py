"""What is offered for a refusal, on a recorded container: the least first, with what it opens, by the prediction."""

from __future__ import annotations

import pytest

from rig.usecases.live.replay import Replay
from stratascope.core.message import msg
from stratascope.core.refusals.refusal import Claim, RefusalRemedy, Strength
from stratascope.core.relaunch.toggle import Subject
from stratascope.core.relaunch.want import (
    DeviceNode,
    HeldCapability,
    MoreOf,
    PassedCall,
    RunsAs,
    Setting,
    Unconfined,
    Want,
    WritablePlace,
)
from stratascope.core.snapshot import ContainerState, Snapshot
from stratascope.i18n.translate import translate
from stratascope.layers.toggles import choice_of
from stratascope.usecases.hardening import recorded
from stratascope.usecases.plan.preview import Previews
from stratascope.usecases.refusals.explain import remedies
from stratascope.value import replace
from stratascope.wiring.engines import assembler, demo_capture


@pytest.fixture(scope="module")
def picture() -> Snapshot:
    found: list[Snapshot] = []
    Replay(demo_capture(), assembler(), demo=True).start(found.append)
    return found[0]


def asked_for(picture: Snapshot, *wants: Want, name: str = "") -> tuple[RefusalRemedy, ...]:
    state, subject, previews = _of(picture, name)
    claim = Claim("capabilities", msg("It was refused."), Strength.SAID, wants)
    return remedies(claim, subject, lambda chosen: previews.preview(state, chosen))


def _of(picture: Snapshot, name: str) -> tuple[ContainerState, Subject, Previews]:
    state = next(
        each
        for each in picture.containers
        if each.matrix is not None and (each.container.name == name if name else _plain(each))
    )
    engine = next(each for each in picture.engines if each.id == state.container.engine)
    facts = tuple((layer.id, layer.facts) for layer in state.layers)
    return state, Subject(state.container, engine, facts), recorded(picture, engine)


def _plain(state: ContainerState) -> bool:
    """Root in a container of Docker's without a mount, by its defaults."""
    asked = state.container.asked
    return (asked.privileged, asked.user, asked.pid_mode, asked.mounts) == (False, "", "private", ())


def test_a_capability_with_what_it_opens(picture: Snapshot) -> None:
    (found,) = asked_for(picture, HeldCapability(("CAP_NET_ADMIN",), 0))
    assert found.choice == choice_of("capabilities", "+CAP_NET_ADMIN")
    assert translate(found.text) == "Give it NET_ADMIN"
    assert found.opened is not None
    assert "configure-network" in found.opened


def test_what_opens_least_comes_first(picture: Snapshot) -> None:
    found = asked_for(
        picture, HeldCapability(("CAP_SYS_ADMIN",), 0), HeldCapability(("CAP_SYS_NICE",), 0), RunsAs(1000)
    )
    assert [(each.choice and each.choice.value, (each.opened or ("",))[0]) for each in found] == [
        ("+CAP_SYS_NICE", "raise-priority"),  # two low ones open less than a single one that is worse
        ("1000", "regain-by-exec"),
        ("+CAP_SYS_ADMIN", "cgroup-release-agent"),
    ]


def test_the_same_twice_is_said_once(picture: Snapshot) -> None:
    want = HeldCapability(("CAP_SYS_NICE",), 0)
    assert len(asked_for(picture, want, want)) == 1


def test_a_call_is_given_by_name_and_argument(picture: Snapshot) -> None:
    (found,) = asked_for(picture, PassedCall("x86_64", "unshare", (0x10000000,)))
    assert found.choice == choice_of("seccomp", "+unshare:0x10000000")
    assert translate(found.text) == "Let these calls through: unshare:0x10000000"


def test_what_the_kernel_asks_for_next_comes_with_it(picture: Snapshot) -> None:
    (found,) = asked_for(picture, PassedCall("x86_64", "mount", ()))
    assert found.choices == (choice_of("seccomp", "+mount"), choice_of("capabilities", "+CAP_SYS_ADMIN"))
    assert translate(found.text) == "Let these calls through: mount. It also takes this: Give it SYS_ADMIN"
    for call in ("ptrace", "keyctl"):  # of one's own child, of one's own keys
        (found,) = asked_for(picture, PassedCall("x86_64", call, (0,)))
        assert found.also == ()


def test_words_alone_where_no_toggle_can(picture: Snapshot) -> None:
    for want, text in (
        (Setting("vm.max_map_count", "262144"), "Set vm.max_map_count=262144 on the machine itself."),
        (DeviceNode("/tmp/node", "c", "10:229", "rw"), "Pass in the device c 10:229"),
        (HeldCapability(("CAP_SYS_NICE",), 33), "Give the container SYS_NICE, and its image can give that to the"),
        (HeldCapability(("CAP_CHOWN",), 33), "It gave up root's privileges by itself. Its image can give CHOWN to the"),
        (MoreOf("cpu-shares"), ""),
    ):
        if not text:
            assert asked_for(picture, want) == ()
            continue
        (found,) = asked_for(picture, want)
        assert (found.choice, found.opened) == (None, None)
        assert text in translate(found.text)


def test_a_label_is_said_beside_the_toggle(picture: Snapshot) -> None:
    state, subject, previews = _of(picture, "")
    mount = next(m for each in picture.containers for m in each.container.asked.mounts if m.kind == "bind")
    asked = replace(state.container.asked, mounts=(mount,))
    subject = replace(subject, container=replace(subject.container, asked=asked), facts=())
    claim = Claim("mac", msg("It was refused."), Strength.SAID, (Unconfined("selinux", f"{mount.target}/x"),))
    found = remedies(claim, subject, lambda chosen: previews.preview(state, chosen))
    assert "chcon" in translate(found[-1].text)
    assert mount.source in translate(found[-1].text)


def test_nothing_for_what_is_there_already(picture: Snapshot) -> None:
    assert asked_for(picture, WritablePlace("/x", "/"), HeldCapability(("CAP_CHOWN",), 0)) == ()
