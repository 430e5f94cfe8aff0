"""Labels of AppArmor and SELinux, as real kernels wrote them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rig.places import CAPTURES
from stratascope.linux.decode import DecodeError
from stratascope.linux.lsm import (
    LOCKDOWN_LEVELS,
    AppArmorMode,
    AppArmorPart,
    parse_apparmor,
    parse_lockdown,
    parse_modules,
    parse_selinux,
)

APPARMOR = (
    ("docker-default (enforce)\n", "docker-default", "enforce", (("docker-default", ""),)),
    ("unconfined\n", "unconfined", "unconfined", (("unconfined", ""),)),
    ("crun (unconfined)\n", "crun", "unconfined", (("crun", ""),)),
    ("vm spaced (odd) name (enforce)\n", "vm spaced (odd) name", "enforce", (("vm spaced (odd) name", ""),)),
    ("/usr/bin/vm path (enforce)\n", "/usr/bin/vm path", "enforce", (("/usr/bin/vm path", ""),)),
    ("vm-prompt (user)\n", "vm-prompt", "user", (("vm-prompt", ""),)),
    ("vm-kill (kill)\n", "vm-kill", "kill", (("vm-kill", ""),)),
    ("vm-enforce//kid (enforce)\n", "vm-enforce//kid", "enforce", (("vm-enforce//kid", ""),)),
    ("a//&b (mixed)\n", "a//&b", "mixed", (("a", ""), ("b", ""))),
    (":ns1:vm-enforce (enforce)\n", ":ns1:vm-enforce", "enforce", (("vm-enforce", "ns1"),)),
    (":ns1:unconfined\n", ":ns1:unconfined", "unconfined", (("unconfined", "ns1"),)),
    ("a//&:ns1:unconfined (enforce)\n", "a//&:ns1:unconfined", "enforce", (("a", ""), ("unconfined", "ns1"))),
    ("a//&:ns1:b//&c (mixed)", "a//&:ns1:b//&c", "mixed", (("a", ""), ("b", "ns1"), ("c", "ns1"))),
)


@pytest.mark.parametrize(("text", "label", "mode", "parts"), APPARMOR)
def test_apparmor(text: str, label: str, mode: str, parts: tuple[tuple[str, str], ...]) -> None:
    found = parse_apparmor(text)
    assert (found.label, found.mode) == (label, AppArmorMode(mode))
    assert found.parts == tuple(AppArmorPart(*part) for part in parts)


def test_a_child_knows_its_name() -> None:
    assert parse_apparmor("vm-enforce//kid (enforce)\n").parts[0].child == "kid"
    assert parse_apparmor("vm-enforce (enforce)\n").parts[0].child == ""


@pytest.mark.parametrize("path", sorted(CAPTURES.glob("lsm/apparmor/labels/*.txt")), ids=lambda path: path.stem)
def test_every_recorded_apparmor_label(path: object) -> None:
    text = (CAPTURES / str(path)).read_text()
    found = parse_apparmor(text)
    again = found.label if found.label.endswith("unconfined") else f"{found.label} ({found.mode})"
    assert text in (f"{again}\n", f"{found.label} ({found.mode})\n")


@pytest.mark.parametrize(
    "text",
    [
        "",
        "\n",
        "docker-default",
        "docker-default (audit)",
        " (enforce)",
        "a//& (mixed)",
        "::x (enforce)",
        ":ns1 (enforce)",
        "a\nb (enforce)",
        "---",
        "system_u:system_r:container_t:s0\0",
    ],
)
def test_no_apparmor_label(text: str) -> None:
    with pytest.raises(DecodeError):
        parse_apparmor(text)


@pytest.mark.parametrize(
    ("text", "user", "role", "kind", "level"),
    [
        ("system_u:system_r:container_t:s0:c530,c749\0", "system_u", "system_r", "container_t", "s0:c530,c749"),
        ("system_u:system_r:spc_t:s0\0", "system_u", "system_r", "spc_t", "s0"),
        ("u:r:unconfined_t:s0-s0:c0.c1023\0", "u", "r", "unconfined_t", "s0-s0:c0.c1023"),
        ("u:r:t", "u", "r", "t", ""),
        ("kernel\0", "", "", "kernel", ""),
    ],
)
def test_selinux(text: str, user: str, role: str, kind: str, level: str) -> None:
    found = parse_selinux(text)
    assert (found.user, found.role, found.type, found.level) == (user, role, kind, level)
    assert found.policy_loaded == bool(user)


@pytest.mark.parametrize(
    "text", ["", "\0", "a:b", "a::c:s0", ":b:c:s0", "a:b:c:", "a b:c:d", "a:b:c\x1b[31m:s0", "ä\udcff"]
)
def test_no_selinux_label(text: str) -> None:
    with pytest.raises(DecodeError):
        parse_selinux(text)


WORDS = st.sampled_from(["a", "//&", "//", ":", "ns", " (", "enforce", ")", "unconfined", "\n", "\0", "s0", "c1"])
ANY = st.text() | st.lists(WORDS).map("".join)


@given(ANY)
def test_anything_gives_an_apparmor_label_or_a_decode_error(text: str) -> None:
    try:
        found = parse_apparmor(text)
    except DecodeError:
        return
    assert found.parts
    assert text.startswith(found.label)


@given(ANY)
def test_anything_gives_an_selinux_label_or_a_decode_error(text: str) -> None:
    try:
        found = parse_selinux(text)
    except DecodeError:
        return
    assert found.type
    assert text.startswith(found.label)


@pytest.mark.parametrize(
    ("text", "modules"),
    [
        ("lockdown,capability,landlock,apparmor,bpf", ("lockdown", "capability", "landlock", "apparmor", "bpf")),
        ("capability\n", ("capability",)),
        ("", ()),
    ],
)
def test_modules(text: str, modules: tuple[str, ...]) -> None:
    assert parse_modules(text) == modules


@pytest.mark.parametrize(
    ("text", "level"),
    [
        ("[none] integrity confidentiality\n", "none"),
        ("none [integrity] confidentiality\n", "integrity"),
        ("none integrity [confidentiality]", "confidentiality"),
    ],
)
def test_lockdown(text: str, level: str) -> None:
    assert parse_lockdown(text) == level


@pytest.mark.parametrize("text", ["", "none integrity", "[all]", "[none", "[]"])
def test_bad_lockdown(text: str) -> None:
    with pytest.raises(DecodeError):
        parse_lockdown(text)


@given(st.text() | st.text("[]none integrity,", max_size=40))
def test_any_modules_and_lockdown(text: str) -> None:
    assert all(parse_modules(text))
    try:
        assert parse_lockdown(text) in LOCKDOWN_LEVELS
    except DecodeError:
        return
