"""What is worth trying for a container, by what was seen of it: pure."""

from __future__ import annotations

from stratascope.core.observation.observation import Observation, Seen, UsedCall, UsedCapability
from stratascope.usecases.plan.learned import Resolved
from stratascope.usecases.tighten.derive import derive
from stratascope.value import replace
from usecases.tighten.watched import WEB, container


def values(found: Resolved) -> dict[str, str]:
    """By the toggle's id."""
    return {item.toggle: item.value for item in found.choices}


def of(seen: Observation | None = WEB, *keep: str, tight: bool = False) -> Resolved:
    """What is derived."""
    return derive(container(seen), lambda text: f"/kept/{len(text)}.json", keep=keep, tight=tight)


def test_the_user_that_it_becomes_and_what_follows() -> None:
    """As that user it needs no capability of root's; the filter is made for all of it."""
    found = values(of())
    assert found["user"] == "33:33"
    assert found["capabilities"] == "none"
    assert found["no-new-privileges"] == "on"
    assert found["memory"] == str(64 << 20)
    assert found["pids"] == "64"
    assert found["seccomp"].startswith("/kept/")


def test_as_root_it_keeps_what_it_used() -> None:
    """Where another user is not wanted, or does not work."""
    assert values(of(WEB, "user"))["capabilities"] == "CAP_SETGID,CAP_SETUID"


def test_what_is_to_be_kept_is_not_touched() -> None:
    """Whatever would be possible."""
    assert not {"seccomp", "memory", "user"} & set(values(of(WEB, "seccomp", "memory", "user")))


def test_several_users_are_not_one() -> None:
    """A server of logins works as whoever comes."""
    found = values(of(replace(WEB, users=((33, 33), (1000, 1000)))))
    assert "user" not in found
    assert found["capabilities"] == "CAP_SETGID,CAP_SETUID"


def test_nobody_in_particular() -> None:
    """What used no right of root at all may be anybody."""
    assert values(of(replace(WEB, capabilities=(), users=())))["user"] == "65534:65534"
    rooted = replace(WEB, capabilities=(UsedCapability("CAP_DAC_OVERRIDE", True, 1, ("web",)),), users=())
    assert "user" not in values(of(rooted))


def test_a_guess_gives_way_to_what_was_seen() -> None:
    """No limit on memory for what keeps data there, though the strict preset has one."""
    assert "memory" not in values(of(replace(WEB, calls=(UsedCall("x86_64", "openat", 40, ("redis-server",)),))))


def test_every_choice_says_why() -> None:
    """Learned ones by what was seen, the others by what they do."""
    found = of()
    assert {name for name, _ in found.why} == {item.toggle for item in found.choices}
    assert "as root only" in dict(found.why)["capabilities"].id


def test_without_a_start_nothing_is_learned() -> None:
    """The strict settings, as they are."""
    assert values(of(replace(WEB, seen=Seen(30.0, 0)))) == values(of(None))


def test_tight() -> None:
    """The filter is smaller; all else is the same."""
    wide, tight = of(), of(tight=True)
    assert values(wide).keys() == values(tight).keys()
    assert len(tight.files[0][1]) < len(wide.files[0][1])
