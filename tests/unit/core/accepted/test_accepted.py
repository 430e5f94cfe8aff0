"""Which finding of which container an exception covers, until when, and which cover nothing."""

from __future__ import annotations

from contextlib import suppress
from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stratascope.core.accepted import (
    Acceptance,
    Accepted,
    AcceptedError,
    exception,
    groups,
    read_toml,
    toml_text,
)
from stratascope.core.container import Container, Status
from stratascope.core.layer import Finding
from stratascope.core.message import msg
from stratascope.core.severity import Severity
from stratascope.core.snapshot import ContainerState
from stratascope.i18n.translate import translate
from stratascope.value import replace

LAST = date(2027, 3, 31)
CODE = "capabilities.sys-admin"


def container(name: str = "web", *, engine: str = "docker", image: str = "nginx:1.27", project: str = "") -> Container:
    labels = (("com.docker.compose.project", project),) if project else ()
    return Container(engine, name * 4, name, image, Status.RUNNING, 7, 0.0, 0.0, labels=labels)


def state(*codes: str, name: str = "web") -> ContainerState:
    found = tuple(
        Finding(code, "capabilities", Severity.HIGH, msg("so"), msg("do"), "/proc/7/status") for code in codes
    )
    return ContainerState(container(name), (), findings=found)


def entry(**kept: str) -> Accepted:
    return replace(Accepted(CODE, "snapshots", "anna", LAST), **kept)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("kept", "covered"),
    [
        ({}, True),
        ({"container": "web"}, True),
        ({"container": "we?"}, True),
        ({"container": "Web"}, False),
        ({"container": "web-*"}, False),
        ({"engine": "podman*"}, False),
        ({"image": "nginx:*"}, True),
        ({"image": "nginx"}, False),
        ({"group": "shop"}, True),
        ({"group": "sho"}, False),
        ({"container": "web", "engine": "docker", "image": "*", "group": "s*"}, True),
        ({"container": "web", "group": "other"}, False),
    ],
)
def test_what_it_covers(kept: dict[str, str], covered: bool) -> None:
    assert entry(**kept).covers(container(project="shop")) is covered


def test_groups_are_project_and_pod() -> None:
    pod = Container("podman", "a" * 64, "a", "image", Status.RUNNING, 7, 0.0, 0.0, pod="f00", pod_name="shop")
    assert groups(pod) == ("shop", "f00")
    assert groups(container(project="front")) == ("front",)
    assert groups(container()) == ()


@pytest.mark.parametrize(("today", "expired"), [(date(2027, 3, 31), False), (date(2027, 4, 1), True)])
def test_it_holds_for_its_last_day(today: date, expired: bool) -> None:
    found = Acceptance((entry(),), today).of(CODE, container())
    assert found is not None
    assert found.expired is expired
    assert Acceptance((entry(),), today).of("capabilities.sys-ptrace", container()) is None


def test_the_longest_of_several_counts() -> None:
    later = Accepted(CODE, "again", "ben", date(2028, 1, 1), container="w*")
    found = Acceptance((later, entry()), date(2027, 6, 1)).of(CODE, container())
    assert found is not None
    assert (found.entry, found.expired) == (later, False)


def test_what_fits_nothing() -> None:
    other = Accepted("seccomp.off", "r", "o", LAST)
    elsewhere = entry(container="db")
    found = Acceptance((entry(), other, elsewhere), LAST).unused((state(CODE), state(name="db")))
    assert found == (other, elsewhere)


def test_one_for_just_this_container() -> None:
    odd = container("w[e]b*")
    made = exception(CODE, odd, "r", "o", LAST)
    assert made.covers(odd)
    assert not made.covers(container("web"))


GOOD = f"""# why: see the wiki
[[accepted]]
finding = "{CODE}"  # CAP_SYS_ADMIN
container = "backup-*"
reason = "snapshots"
owner = "anna"
until = 2027-03-31

[[ accepted ]]
finding = "seccomp.off"
image = "x:1"
reason = 'r'
owner = 'o'
until = 2026-01-01
"""


def test_a_file() -> None:
    one, two = read_toml(GOOD, "f.toml")
    assert one == Accepted(CODE, "snapshots", "anna", LAST, container="backup-*", line=2)
    assert (two.image, two.until, two.line) == ("x:1", date(2026, 1, 1), 9)
    assert read_toml("", "f") == read_toml("# nothing yet\n", "f") == ()


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        (
            'owner = "anna"',
            'owner = "anna"\nticket = "X-1"',
            ("f.toml, line 7: ticket is not known", "finding, reason"),
        ),
        ('owner = "anna"\n', "", ("f.toml, line 2: Give owner",)),
        ('owner = "anna"', "owner = 3", ("f.toml, line 6: Give owner as a string",)),
        ('owner = "anna"', 'owner = " "', ("f.toml, line 6",)),
        ("until = 2027-03-31", 'until = "2027-03-31"', ("f.toml, line 7", "without quotes")),
        ("until = 2027-03-31", "until = 2027-03-31T00:00:00Z", ("f.toml, line 7", "without quotes")),
        ("until = 2027-03-31\n", "", ("f.toml, line 2", "last valid day")),
        ("until = 2027-03-31", "until = 2027-02-30", ("f.toml is not TOML", "line 7")),
        ('image = "x:1"\n', "", ("f.toml, line 10: Say what it applies to",)),
        ("# why: see the wiki", "version = 1", ("version is not allowed", "[[accepted]]")),
        (GOOD, "[accepted]\nfinding = 'x'", ("begin each exception with [[accepted]]",)),
        (GOOD, "accepted = [{finding = 'x'}]", ("f.toml: Give reason",)),
        (GOOD, "a = " + "[" * 20000, ("f.toml is not TOML",)),
        (GOOD, GOOD * 501, ("1002", "1000")),
    ],
)
def test_what_is_refused(old: str, new: str, words: tuple[str, ...]) -> None:
    with pytest.raises(AcceptedError) as caught:
        read_toml(GOOD.replace(old, new, 1), "f.toml")
    said = translate(caught.value.message)
    assert all(word in said for word in words), said


def test_a_text_that_looks_like_an_entry_shifts_no_line() -> None:
    tricky = GOOD.replace('"snapshots"', '"""\n[[accepted]]\n"""').replace('owner = "anna"', "owner = 3")
    with pytest.raises(AcceptedError) as caught:
        read_toml(tricky, "f.toml")
    assert "line" not in translate(caught.value.message)


TEXTS = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=40).filter(str.strip)


@given(TEXTS, TEXTS, TEXTS, TEXTS, st.dates())
def test_what_is_written_reads_the_same(finding: str, reason: str, name: str, group: str, until: date) -> None:
    kept = Accepted(finding, reason, "o", until, container=name, group=group)
    (found,) = read_toml(toml_text([kept], "ours\nalone"), "f")
    assert {f: getattr(found, f) for f in kept.__struct_fields__ if f != "line"} == {
        f: getattr(kept, f) for f in kept.__struct_fields__ if f != "line"
    }


@given(st.text())
def test_any_text_is_exceptions_or_refused(text: str) -> None:
    with suppress(AcceptedError):
        read_toml(text, "f")
