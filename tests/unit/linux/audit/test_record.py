"""Lines of the kernel's log: in the forms in which AppArmor, SELinux and seccomp write them, and what tries to pass
for one.
"""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stratascope.linux.audit import AppArmorRefusal, FilterKill, SELinuxRefusal, parse_record

HEAD = "audit: type=1400 audit(1795811112.251:77): "
# Debian 13 in a virtual machine: SELinux as it boots, which only notes
PERMISSIVE = (
    'audit: type=1400 audit(1795811602.383:7): avc:  denied  { search } for  pid=214 comm="systemd-tmpfile"'
    ' name="containers" dev="vda" ino=12972 scontext=system_u:system_r:systemd_tmpfiles_t:s0'
    " tcontext=system_u:object_r:container_var_lib_t:s0 tclass=dir permissive=1"
)
SECCOMP = (
    "auid=4294967295 uid=0 gid=0 ses=4294967295 subj=docker-default pid=412 comm=\"x\" exe=\"/bin/busybox\" sig=31"
    " arch={arch} syscall={number} compat=0 ip=0x7f3a code=0x80000000"
)  # fmt: skip


def test_selinux() -> None:
    assert parse_record(PERMISSIVE) is None
    found = parse_record(PERMISSIVE.replace("permissive=1", "permissive=0"))
    assert isinstance(found, SELinuxRefusal)
    assert (found.permissions, found.kind, found.name) == (("search",), "dir", "containers")
    assert (found.source_type, found.target_type) == ("systemd_tmpfiles_t", "container_var_lib_t")
    two = parse_record(
        'avc:  denied  { read write } for  pid=9 comm="x" capability=12  scontext=a:b:container_t:s0 tcontext=a:b:c:s0'
        " tclass=cap_userns permissive=0"
    )
    assert isinstance(two, SELinuxRefusal)
    assert (two.permissions, two.capability) == (("read", "write"), 12)


def test_apparmor() -> None:
    found = parse_record(
        HEAD + 'apparmor="DENIED" operation="open" class="file" profile="docker-default" name="/proc/1/environ"'
        ' pid=781 comm="python3" requested_mask="r" denied_mask="r" fsuid=0 ouid=0'
    )
    assert found == AppArmorRefusal("open", "docker-default", "/proc/1/environ", "r", None)
    capable = parse_record(
        HEAD + 'apparmor="DENIED" operation="capable" class="cap" profile="unprivileged_userns" pid=5 comm="bwrap"'
        ' capability=21  capname="sys_admin"'
    )
    assert isinstance(capable, AppArmorRefusal)
    assert capable.capability == 21
    assert parse_record(HEAD + 'apparmor="ALLOWED" operation="open" profile="x" name="/y"') is None
    assert parse_record(HEAD + 'apparmor="AUDIT" operation="userns_create" profile="unconfined"') is None


@pytest.mark.parametrize(
    ("arch", "number", "abi", "name"),
    [
        ("c000003e", 83, "x86_64", "mkdir"),
        ("c000003e", 83 | 0x40000000, "x32", "mkdir"),
        ("40000003", 39, "i386", "mkdir"),
        ("c00000b7", 34, "aarch64", "mkdirat"),
        ("c000003e", 9999, "x86_64", "9999"),
        ("80000016", 39, "", ""),
    ],
)
def test_seccomp_names_the_call_by_its_entry_point(arch: str, number: int, abi: str, name: str) -> None:
    for head in ("", "audit: type=1326 audit(1.2:3): "):
        found = parse_record(head + SECCOMP.format(arch=arch, number=number))
        assert found == FilterKill(abi, name, 0x80000000, 31)


def test_a_name_in_hexadecimal_is_what_it_says() -> None:
    found = parse_record(HEAD + 'apparmor="DENIED" operation="open" profile="p" name=2F766F6C2F612062')
    assert isinstance(found, AppArmorRefusal)
    assert found.name == "/vol/a b"


def test_a_name_is_never_a_field() -> None:
    """The kernel writes a name with a quote in hexadecimal; and the first field of a name counts."""
    found = parse_record(
        HEAD + 'apparmor="DENIED" operation="open" profile="p" name="/a apparmor=ALLOWED profile=q" denied_mask="r"'
    )
    assert isinstance(found, AppArmorRefusal)
    assert (found.profile, found.name) == ("p", "/a apparmor=ALLOWED profile=q")
    told = "msg='avc:  denied  { read } scontext=a:b:c:s0 tcontext=a:b:d:s0 tclass=file permissive=0'"
    assert parse_record(told) is None


PARTS = (
    *('apparmor="DENIED"', "avc:  denied  { read }", "arch=c000003e", "syscall=1", "code=0x0", "sig=31", "sig=x"),
    *("name=2F2F", "capability=", "capability=99999999999999999999", "scontext=", "permissive=0", '"', "name="),
)


@given(st.lists(st.sampled_from(PARTS) | st.text(max_size=30), max_size=12))
def test_rubbish_raises_nothing(parts: list[str]) -> None:
    parse_record(" ".join(parts))
