"""Profiles as JSON: Docker's, Podman's and the OCI form, and rubbish."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stratascope.linux.decode import DecodeError
from stratascope.linux.seccomp import ALL_BITS, Constraint, Op
from stratascope.linux.seccomp_profile import parse_oci_config, parse_profile, release, resolve
from stratascope.linux.syscalls import Abi

ERRNO = "SCMP_ACT_ERRNO"


def profile(*rules: dict[str, Any], **top: Any) -> str:
    return json.dumps({"defaultAction": ERRNO, "syscalls": list(rules), **top})


def rule(**fields: Any) -> dict[str, Any]:
    return {"names": ["mount"], "action": "SCMP_ACT_ALLOW", **fields}


def test_every_field_of_docker_s_format() -> None:
    found = parse_profile(
        profile(
            rule(
                args=[{"index": 1, "value": 7, "valueTwo": 0, "op": "SCMP_CMP_NE"}],
                includes={"caps": ["CAP_SYS_ADMIN"], "arches": ["amd64"], "minKernel": "4.8"},
                excludes={"caps": ["CAP_BPF"]},
                comment="for mounts",
            ),
            {"name": "bpf", "action": ERRNO, "errnoRet": 38},
            {"name": "acct", "action": ERRNO, "errno": "EACCES", "errnoRet": 5},
            defaultErrnoRet=95,
            archMap=[{"architecture": "SCMP_ARCH_X86_64", "subArchitectures": ["SCMP_ARCH_X86"]}],
        )
    )
    assert str(found.default) == "ERRNO(95)"
    assert found.warnings == ()
    first, second, third = found.rules
    assert first.constraints == (Constraint(1, ALL_BITS, Op.NE, 7),)
    assert (first.includes.capabilities, first.includes.machines, first.includes.kernel) == (
        ("CAP_SYS_ADMIN",),
        ("amd64",),
        (4, 8),
    )
    assert first.excludes.capabilities == ("CAP_BPF",)
    assert (second.names, str(second.action), str(third.action)) == (("bpf",), "ERRNO(38)", "ERRNO(13)")
    assert found.sub_machines == (("SCMP_ARCH_X86_64", ("SCMP_ARCH_X86",)),)


@pytest.mark.parametrize(
    ("op", "expected"),
    [
        ("SCMP_CMP_EQ", Constraint(0, ALL_BITS, Op.EQ, 12)),
        ("SCMP_CMP_NE", Constraint(0, ALL_BITS, Op.NE, 12)),
        ("SCMP_CMP_LT", Constraint(0, ALL_BITS, Op.LT, 12)),
        ("SCMP_CMP_LE", Constraint(0, ALL_BITS, Op.LE, 12)),
        ("SCMP_CMP_GT", Constraint(0, ALL_BITS, Op.GT, 12)),
        ("SCMP_CMP_GE", Constraint(0, ALL_BITS, Op.GE, 12)),
        ("SCMP_CMP_MASKED_EQ", Constraint(0, 12, Op.EQ, 4)),
    ],
)
def test_comparisons(op: str, expected: Constraint) -> None:
    text = profile(rule(args=[{"index": 0, "value": 12, "valueTwo": 4, "op": op}]))
    assert parse_profile(text).rules[0].constraints == (expected,)


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("SCMP_ACT_KILL", "KILL_THREAD"),
        ("SCMP_ACT_KILL_THREAD", "KILL_THREAD"),
        ("SCMP_ACT_KILL_PROCESS", "KILL_PROCESS"),
        ("SCMP_ACT_TRAP", "TRAP"),
        ("SCMP_ACT_ERRNO", "ERRNO(1)"),
        ("SCMP_ACT_TRACE", "TRACE"),
        ("SCMP_ACT_LOG", "LOG"),
        ("SCMP_ACT_NOTIFY", "USER_NOTIF"),
        ("SCMP_ACT_ALLOW", "ALLOW"),
    ],
)
def test_actions(name: str, words: str) -> None:
    assert str(parse_profile(profile(defaultAction=name)).default) == words


def test_the_oci_form() -> None:
    seccomp = {"defaultAction": "SCMP_ACT_ALLOW", "architectures": ["SCMP_ARCH_X86_64"], "syscalls": [rule()]}
    found = parse_oci_config(json.dumps({"linux": {"seccomp": seccomp}}))
    assert found is not None
    assert found.machines == ("SCMP_ARCH_X86_64",)
    assert parse_oci_config('{"linux": {}}') is None
    assert parse_oci_config('{"ociVersion": "1.0"}') is None


@pytest.mark.parametrize(
    ("text", "word"),
    [
        (profile(colour="red"), "'colour' is not known"),
        (profile(rule(unless=[])), "'unless' is not known"),
        (profile(rule(includes={"uids": []})), "'uids' is not known"),
        (profile(architectures=["SCMP_ARCH_VAX"]), "SCMP_ARCH_VAX"),
        (profile(archMap=[{"architecture": "SCMP_ARCH_X86_64", "subArchitectures": ["SCMP_ARCH_PDP"]}]), "PDP"),
    ],
)
def test_what_is_merely_not_known_is_a_warning(text: str, word: str) -> None:
    assert word in parse_profile(text).warnings[0]


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{",
        "null",
        "[]",
        "{}",
        '{"defaultAction": 3}',
        '{"defaultAction": "SCMP_ACT_MAYBE"}',
        '{"defaultAction": "SCMP_ACT_ERRNO", "defaultErrnoRet": -1}',
        '{"defaultAction": "SCMP_ACT_ERRNO", "defaultErrnoRet": "EPERM"}',
        '{"defaultAction": "SCMP_ACT_ERRNO", "defaultErrno": "ENOSUCH"}',
        '{"defaultAction": "SCMP_ACT_ERRNO", "syscalls": {}}',
        '{"defaultAction": "SCMP_ACT_ERRNO", "syscalls": [3]}',
        profile(architectures=["SCMP_ARCH_X86"], archMap=[{"architecture": "SCMP_ARCH_X86"}]),
        profile(archMap=[{}]),
        profile(rule(names=[])),
        profile(rule(names=[3])),
        profile(rule(names="mount")),
        profile(rule(name="mount")),
        profile({"names": ["mount"]}),
        profile(rule(action="ALLOW")),
        profile(rule(args=[{"index": 6, "op": "SCMP_CMP_EQ"}])),
        profile(rule(args=[{"index": True, "op": "SCMP_CMP_EQ"}])),
        profile(rule(args=[{"index": 0, "value": 1 << 64, "op": "SCMP_CMP_EQ"}])),
        profile(rule(args=[{"index": 0, "value": -1, "op": "SCMP_CMP_EQ"}])),
        profile(rule(args=[{"index": 0, "value": 1.5, "op": "SCMP_CMP_EQ"}])),
        profile(rule(args=[{"index": 0, "op": "SCMP_CMP_LIKE"}])),
        profile(rule(args=[{"index": 0}])),
        profile(rule(includes=[])),
        profile(rule(includes={"minKernel": "new"})),
        profile(rule(includes={"minKernel": 4})),
        profile(rule(includes={"caps": "CAP_BPF"})),
        "[" * 100_000,
        " " * (4 << 20) + "{}",
    ],
)
def test_nonsense(text: str) -> None:
    with pytest.raises(DecodeError):
        parse_profile(text)


@pytest.mark.parametrize(
    ("text", "expected"), [("4.8", (4, 8)), ("6.18.44-arch1-1", (6, 18)), ("5.10-rc3", (5, 10)), ("5.15.0+", (5, 15))]
)
def test_releases(text: str, expected: tuple[int, int]) -> None:
    assert release(text) == expected


_JSON = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.text(max_size=8)),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3),
        st.dictionaries(
            st.sampled_from(["syscalls", "names", "action", "args", "index", "op", "includes", "caps", "errnoRet"]),
            inner,
            max_size=4,
        ),
    ),
    max_leaves=12,
)


@given(_JSON, _JSON)
def test_any_json_is_a_profile_or_a_decode_error(rules: Any, single: Any) -> None:
    for value in (rules, [single], [{"names": ["read"], "action": "SCMP_ACT_ALLOW", "args": single}]):
        try:
            found = parse_profile(json.dumps({"defaultAction": ERRNO, "syscalls": value}))
        except DecodeError:
            continue
        assert all(each.names for each in found.rules)


@given(st.text(max_size=80))
def test_any_text_is_a_profile_or_a_decode_error(text: str) -> None:
    for read in (parse_profile, parse_oci_config):
        try:
            read(text)
        except DecodeError:
            continue
        assert json.loads(text) is not None


@pytest.mark.parametrize(("name", "known"), [("open_tree", True), ("open_tree_attr", False), ("statmount", False)])
def test_a_rule_for_a_name_that_an_old_libseccomp_does_not_know_may_be_no_rule(name: str, known: bool) -> None:
    """Where it would stop: who allows by name gets the default for it, which stops as well."""
    denying = {"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [{"names": [name], "action": "SCMP_ACT_ERRNO"}]}
    allowing = {"defaultAction": "SCMP_ACT_ERRNO", "syscalls": [{"names": [name], "action": "SCMP_ACT_ALLOW"}]}
    for profile, through in ((denying, False if known else None), (allowing, True)):
        answers = resolve(parse_profile(json.dumps(profile)), frozenset(), None, "x86_64", Abi.X86_64)
        (outcome,) = dict(answers.calls)[name]
        assert outcome.action.lets_through is through
