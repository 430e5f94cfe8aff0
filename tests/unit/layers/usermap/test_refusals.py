"""What a user namespace refuses: ids that it has not, owners that it does not know, rights that count inside alone."""

from __future__ import annotations

from typing import Any

import pytest

from rig.core.refusals.moments import EVERY, MAPPED, around, call, check, happened, node, place
from rig.recorded import recorded, with_text
from stratascope.core.refusals.refusal import Attempt, AttemptKind, Claim, Strength
from stratascope.core.relaunch.want import HostsNamespace, MappedId, Want
from stratascope.i18n.translate import translate
from stratascope.layers.usermap.facts import UsermapFacts
from stratascope.layers.usermap.layer import LAYER
from stratascope.linux.namespace import IdRange
from stratascope.value import replace
from unit.layers.surroundings import around as surroundings
from unit.layers.surroundings import container

_ALL = "000001ffffffffff"
_HOST = HostsNamespace("user")
_ROOT = 200000  # as the machine counts
_NOBODY = (1 << 32) - 1


def facts(uids: str = "0 200000 2000\n") -> UsermapFacts:
    process = with_text(with_text(recorded("lsm/apparmor/docker-default"), "uid_map", uids), "setgroups", "deny\n")
    found: UsermapFacts = LAYER.decode(process, container(), surroundings())
    return found


def of(attempt: Attempt, known: UsermapFacts | None = None) -> Claim | None:
    found: Claim | None = LAYER.refused(attempt, known, surroundings())
    return found


def asked(name: str, uid: int = _ROOT, *, initial: bool = True, effective: str = _ALL) -> dict[str, Any]:
    return around(uid, [check(name, "ns_capable", initial=initial)], effective=effective)


def theirs(uid: int = _ROOT, owner: int = 4242, kind: str = "file", mode: int = 0o600) -> dict[str, Any]:
    return around(uid, place=place("/data/private", node(kind, mode, owner, owner)))


def mapped(name: str, errno: int, *values: int, said: dict[str, Any] | None = None) -> Attempt:
    return call(name, errno, *values, said=said, uids=MAPPED)


CASES: list[tuple[Attempt, str, tuple[Want, ...]]] = [
    (mapped("setuid", 22, 5000), "Its user namespace has no user 5000.", (MappedId(5000), _HOST)),
    (mapped("setresgid", 22, _NOBODY, 5000, 7), "Its user namespace has no group 5000.", (MappedId(5000, True), _HOST)),
    (mapped("setreuid", 22, 0, 5000), "Its user namespace has no user 5000.", (MappedId(5000), _HOST)),
    (mapped("chown", 22, 0, 0, 5000), "Its user namespace has no group 5000.", (MappedId(5000, True), _HOST)),
    (mapped("fchownat", 22, 0, 0, 5000, 0), "Its user namespace has no user 5000.", (MappedId(5000), _HOST)),
    (mapped("setgroups", 22, 1, 0), "Its user namespace lacks one of the requested groups.", (_HOST,)),
    (
        mapped("open", 13, 0, 0, said=theirs()),
        "/data/private belongs to user 4242 of the machine, who is not mapped in its user namespace: inside it "
        "belongs to nobody, not even root.",
        (_HOST,),
    ),
    (
        mapped("chmod", 1, 0, 0o644, said=theirs()),
        "/data/private belongs to user 4242 of the machine, who is not mapped in its user namespace: inside it "
        "belongs to nobody, not even root.",
        (_HOST,),
    ),
    (
        mapped("mkdir", 13, said=around(_ROOT, place=place("/data/new", None, node("folder", 0o755)))),
        "/data/new belongs to user 0 of the machine, who is not mapped in its user namespace: inside it belongs to "
        "nobody, not even root.",
        (_HOST,),
    ),
    (
        happened(AttemptKind.NOT_GAINED, "/su", around(place=place("/su", node(mode=0o4755)))),
        "/su belongs to user 0 of the machine, who is not mapped in its user namespace, so it gives no privileges.",
        (_HOST,),
    ),
    (
        mapped("mkdir", 75, said=around(_ROOT, place=place("/data/new"))),
        "The filesystem at /data/new has no ID for this user: its own ID map leaves it out.",
        (),
    ),
    (
        mapped("write", 1, 3, said=around(_ROOT, place=place("/proc/9/uid_map", node()))),
        "A user namespace gets only IDs that its creator has, and groups only after setgroups was disabled in it.",
        (),
    ),
]


@pytest.mark.parametrize(("attempt", "text", "wants"), CASES, ids=lambda each: each if isinstance(each, str) else "")
def test_what_refused_it(attempt: Attempt, text: str, wants: tuple[Want, ...]) -> None:
    """And not where all ids are mapped."""
    found = of(replace(attempt, uids=MAPPED))
    assert found is not None
    assert (found.layer, translate(found.what), found.wants) == (LAYER.id, text, wants)
    assert found.strength is Strength.FITS
    if wants:
        assert of(replace(attempt, uids=EVERY, gids=EVERY)) is None


OTHERS = [
    mapped("setuid", 22, 1000),
    mapped("chown", 22, 0, _NOBODY, _NOBODY),
    mapped("setgroups", 22, 70000),  # too many
    mapped("open", 13, 0, 0, said=theirs(owner=200007)),
    mapped("open", 13, 0, 0, said=theirs(mode=0o604)),  # anybody may read it
    mapped("open", 13, 0, 0, said=theirs(uid=_ROOT + 33)),  # without a map, user 33 might not either
    call("setuid", 22, 5000, uids=MAPPED, entered=False),
]


@pytest.mark.parametrize("attempt", OTHERS)
def test_it_was_another(attempt: Attempt) -> None:
    assert of(attempt) is None


def test_without_a_map_it_would_be_the_owner() -> None:
    assert of(mapped("open", 13, 0, 0, said=theirs(uid=_ROOT + 33, owner=33))) is not None


def test_a_right_over_files_is_asked_for_in_vain() -> None:
    """As kernel 6.18 does, which asks first and looks at the map then: root that lacks it would not pass with it."""
    asks = check("CAP_DAC_READ_SEARCH", "capable_wrt_inode_uidgid", "generic_permission", initial=False)
    found = of(mapped("open", 13, 0, 0, said={**theirs(), "checks": [asks]}))
    assert found is not None
    assert found.strength is Strength.SAID
    assert of(mapped("open", 13, 0, 0, said={**theirs(owner=200007), "checks": [asks]})) is None


def test_a_right_over_files_that_is_held_in_vain() -> None:
    """What it was about could not be looked at: a guess."""
    held = check("CAP_DAC_OVERRIDE", "capable_wrt_inode_uidgid", "generic_permission", initial=False)
    held[1] = 0
    attempt = mapped("open", 13, 0, 0, said=around(_ROOT, [held]))
    found = of(attempt)
    assert found is not None
    assert not found.certain
    assert of(replace(attempt, uids=EVERY)) is None


def test_of_who_is_not_known() -> None:
    """Where nobody could look at the process: by what the kernel asked, and by what it did not ask."""
    there = {"place": theirs()["place"]}
    held = check("CAP_DAC_OVERRIDE", "capable_wrt_inode_uidgid", "generic_permission", initial=False)
    held[1] = 0
    assert of(mapped("open", 13, 0, 0, said={**there, "checks": [held]})) is not None
    assert of(mapped("open", 13, 0, 0, said={**there, "checks": []})) is None
    assert of(mapped("open", 13, 0, 0, said=there)) is None
    assert of(mapped("chmod", 1, 0, 0o644, said={**there, "checks": []})) is not None
    assert of(mapped("chmod", 1, 0, 0o644, said=there)) is None
    owner = {"place": theirs(owner=200007)["place"], "checks": []}
    assert of(mapped("chmod", 1, 0, 0o644, said=owner)) is None


def test_a_right_that_counts_inside_alone() -> None:
    found = of(mapped("adjtimex", 1, said=asked("CAP_SYS_TIME")), facts())
    assert found is not None
    assert (found.strength, found.wants) == (Strength.SAID, (_HOST,))
    assert "CAP_SYS_TIME in the machine's initial user namespace" in translate(found.what)


def test_the_hosts_user_namespace_alone_would_not_do() -> None:
    """Where it does not even hold it inside: nothing that can be offered is enough by itself."""
    found = of(mapped("adjtimex", 1, said=asked("CAP_SYS_TIME", effective="0")), facts())
    assert found is not None
    assert found.wants == ()


def test_a_right_that_it_simply_lacks() -> None:
    assert of(call("adjtimex", 1, said=asked("CAP_SYS_TIME", 0, effective="0")), facts("0 0 4294967295\n")) is None
    assert of(mapped("sethostname", 1, said=asked("CAP_SYS_ADMIN", initial=False, effective="0")), facts()) is None


def test_a_namespace_of_somebody_else() -> None:
    found = of(mapped("setns", 1, 3, said=asked("CAP_SYS_ADMIN", initial=False)))
    assert found is not None
    assert translate(found.what).startswith("CAP_SYS_ADMIN applies in its own user namespace")


def test_setgroups_is_denied() -> None:
    found = of(mapped("setgroups", 1, 0, said=around(_ROOT)), facts())
    assert found is not None
    assert of(mapped("setgroups", 1, 0, said=around(_ROOT))) is None


def test_a_group_outside() -> None:
    only_users = (IdRange(0, 0, 5000),)
    attempt = replace(mapped("chown", 22, 0, 3000, 3000), uids=only_users, gids=MAPPED)
    found = of(attempt)
    assert found is not None
    assert found.wants[0] == MappedId(3000, True)


_GIVEN = [6, 0, False, ["cap_capable", "security_capable", "ns_capable_setid", "may_setgroups"]]
_WRITTEN = [21, 0, False, ["cap_capable", "security_capable", "file_ns_capable", "map_write", "proc_uid_map_write"]]
APART = [
    (mapped("setuid", 22, 5), "Its user namespace has no user 5."),
    (mapped("setgroups", 1, 0, 0, said=around(_ROOT, [_GIVEN])),
     "A user namespace lets nobody set groups until it has a map of groups."),
    (mapped("write", 1, 3, 0, 9, said=around(_ROOT, [_WRITTEN])),
     "A user namespace gets only IDs that its creator has, and groups only after setgroups was disabled in it."),
    (mapped("sethostname", 1, 0, 1,
            said=around(_ROOT, [check("CAP_SYS_ADMIN", "ns_capable")], effective="1ffffffffff")),
     "CAP_SYS_ADMIN applies in its own user namespace, and what it asked for belongs to another one."),
]  # fmt: skip


@pytest.mark.parametrize(("attempt", "text"), APART, ids=lambda each: each if isinstance(each, str) else "")
def test_in_a_user_namespace_of_its_own(attempt: Attempt, text: str) -> None:
    """No setting of the container changes anything of that."""
    found = of(replace(attempt, uids=(), gids=(), apart=True))
    assert found is not None
    assert (translate(found.what), found.wants, found.certain) == (text, (), True)


def test_a_right_over_all_files_that_only_the_machine_s_root_has() -> None:
    asked = check("CAP_DAC_READ_SEARCH", "capable", "do_handle_open")
    found = of(mapped("open_by_handle_at", 1, 0, 0, said=around(_ROOT, [asked], effective="1ffffffffff")))
    assert found is not None
    assert (found.strength, found.wants) == (Strength.SAID, (_HOST,))


def test_a_link_to_what_belongs_to_nobody() -> None:
    found = of(mapped("link", 1, 0, 0, said=theirs()))
    assert found is not None
    assert found.wants == (_HOST,)


def test_a_setting_of_the_machine_by_somebody_who_was_not_seen() -> None:
    pattern = place("/proc/sys/kernel/core_pattern", node())
    found = of(replace(call("open", 13, 0, 1, said={"checks": [], "place": pattern}), uids=MAPPED, gids=MAPPED))
    assert found is not None
    assert (found.strength, found.wants) == (Strength.LIKELY, (_HOST,))
