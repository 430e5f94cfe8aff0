"""Which capability was lacking, by the kernel's checks as they were recorded of a program on Docker and Podman."""

from __future__ import annotations

import errno

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rig.recorded import container, recorded, surroundings
from stratascope.core.container import EngineKind
from stratascope.core.observation.events import (
    Address,
    CapabilityCheck,
    Circumstances,
    Failed,
    Node,
    NodeKind,
    ResolvedPath,
)
from stratascope.core.refusals.refusal import Attempt, AttemptKind, Claim, Strength
from stratascope.core.refusals.ring import attempt_of
from stratascope.core.relaunch.want import GainedRights, HeldCapability, MoreOf, RunsAs, Setting
from stratascope.i18n.translate import translate
from stratascope.layers.capabilities.layer import LAYER
from stratascope.linux.capability import NAMES, CapabilitySet, number_of
from stratascope.linux.mounts import parse_mountinfo
from stratascope.linux.namespace import FULL, IdRange
from stratascope.linux.syscalls import Abi, numbers
from stratascope.value import replace

DOCKER, PODMAN = surroundings(EngineKind.DOCKER), surroundings(EngineKind.PODMAN)
FACTS = LAYER.decode(recorded("lsm/apparmor/docker-default"), container(), DOCKER)  # Docker's default, root
DEFAULT = CapabilitySet(0xA80425FB)
NONE = CapabilitySet()
WHOLE, OWN = (IdRange(0, 0, FULL),), (IdRange(0, 100000, 65536),)
UNKNOWN = Circumstances()
EPERM, EACCES = errno.EPERM, errno.EACCES

# The kernel's functions, innermost first, of Linux 6.18
PATH_MOUNT = "cap_capable security_capable ns_capable path_mount __x64_sys_mount"
SETID = "cap_capable security_capable ns_capable_setid __sys_setuid"
CHOWN = "cap_capable security_capable capable_wrt_inode_uidgid setattr_prepare ext4_setattr notify_change chown_common"
PERMISSION = "cap_capable security_capable capable_wrt_inode_uidgid generic_permission ovl_permission inode_permission"
BIND = "cap_capable security_capable ns_capable __inet_bind inet_bind_sk __sys_bind __x64_sys_bind"
LIMIT = "cap_capable security_capable capable do_prlimit __do_sys_prlimit64"
MEMORY = "cap_capable security_vm_enough_memory_mm __mmap_region do_mmap"
SILENT = "cap_capable security_capable ns_capable_noaudit __vsock_create.constprop.0 vsock_create __sock_create"
VSOCK = "cap_capable security_capable ns_capable packet_create __sock_create __sys_socket __x64_sys_socket"


def asked(name: str, frames: str, answer: int = -1, *, initial: bool = True) -> CapabilityCheck:
    return CapabilityCheck(number_of(name), answer, initial, tuple(frames.split()))


def tried(
    call: str,
    code: int,
    *checks: CapabilityCheck,
    uid: int = 0,
    bounding: CapabilitySet = DEFAULT,
    effective: CapabilitySet | None = None,
    values: tuple[int, ...] = (0,) * 6,
    around: Circumstances = UNKNOWN,
    uids: tuple[IdRange, ...] = WHOLE,
) -> Attempt:
    """As the observer tells it: of root all that it may have, of others nothing."""
    held = (bounding if uid == uids[0].outside else NONE) if effective is None else effective
    around = replace(
        around, ids=(uid,) * 4, bounding=bounding, permitted=held, effective=held, no_new_privs=False, checks=checks
    )
    event = Failed(0.0, 1, "x86_64", numbers(Abi.X86_64)[call], code, True, values, "", 1, around)
    return replace(attempt_of(event, "x"), uids=uids)


def claim(attempt: Attempt) -> Claim | None:
    return LAYER.refused(attempt, FACTS, DOCKER)


def said(attempt: Attempt) -> tuple[str, tuple[object, ...]]:
    found = claim(attempt)
    assert found is not None
    assert (found.layer, found.strength) == ("capabilities", Strength.SAID)
    return translate(found.what), found.wants


def test_never_given() -> None:
    text, wants = said(tried("mount", EPERM, asked("SYS_ADMIN", PATH_MOUNT)))
    assert text == "This needs SYS_ADMIN, which Docker gives only on request."
    assert wants == (HeldCapability(("CAP_SYS_ADMIN",), 0),)


def test_of_the_default_but_dropped() -> None:
    facts = replace(FACTS, bounding=NONE, effective=NONE)
    attempt = tried("chown", EPERM, asked("CHOWN", CHOWN), bounding=NONE)
    found = LAYER.refused(attempt, facts, DOCKER)
    assert found is not None
    text = "This needs CHOWN. Docker gives it by default, but this container was created without it."
    assert translate(found.what) == text
    assert found.wants == (HeldCapability(("CAP_CHOWN",), 0),)


def test_in_the_bounding_set_but_not_root() -> None:
    attempt = tried("setuid", EPERM, asked("SETUID", SETID), uid=1000)
    text, wants = said(attempt)
    assert text == "This needs SETUID, and user 1000 does not hold it: only root gets the container's capabilities."
    assert wants == (HeldCapability(("CAP_SETUID",), 1000),)  # it began as root: what it begins as changes nothing
    began = LAYER.refused(attempt, replace(FACTS, root_inside=False), DOCKER)
    assert began is not None
    assert began.wants == (HeldCapability(("CAP_SETUID",), 1000), RunsAs(0, 0))


def test_given_up_by_the_program_itself() -> None:
    less = DEFAULT - CapabilitySet.of(("CAP_SETUID",))
    assert said(tried("setuid", EPERM, asked("SETUID", SETID), bounding=less)) == (
        "The program has dropped SETUID for good, and this needs it.", (),
    )  # fmt: skip
    # of one that has just begun again nothing is known yet
    unknown = LAYER.refused(tried("setuid", EPERM, asked("SETUID", SETID), bounding=less), None, DOCKER)
    assert unknown is not None
    assert "was created without it, or its program" in translate(unknown.what)
    assert unknown.wants == (HeldCapability(("CAP_SETUID",), 0),)
    text, wants = said(tried("setuid", EPERM, asked("SETUID", SETID), effective=less))
    assert (text, wants) == ("The program has given up SETUID, and this needs it.", ())
    kept = tried("setuid", EPERM, asked("SETUID", SETID), uid=33, effective=NONE)
    kept = replace(kept, around=replace(kept.around, permitted=DEFAULT))
    assert "has not made effective" in said(kept)[0]


def test_low_ports_have_two_ways() -> None:
    around = Circumstances(address=Address("inet", "0.0.0.0", 80))
    attempt = tried("bind", EACCES, asked("NET_BIND_SERVICE", BIND), uid=33, around=around)
    _, wants = said(attempt)
    assert wants == (
        Setting("net.ipv4.ip_unprivileged_port_start", "80"),
        HeldCapability(("CAP_NET_BIND_SERVICE",), 33),
    )


def test_a_limit_can_be_raised_from_outside() -> None:
    _, wants = said(tried("prlimit64", EPERM, asked("SYS_RESOURCE", LIMIT), values=(0, 7, 9, 0, 0, 0)))
    assert wants == (MoreOf("nofile"), HeldCapability(("CAP_SYS_RESOURCE",), 0))


def test_of_several_each_would_have_done() -> None:
    attempt = tried(
        "bpf", EPERM, asked("BPF", "cap_capable capable __sys_bpf"), asked("SYS_ADMIN", "cap_capable capable __sys_bpf")
    )
    text, wants = said(attempt)
    assert text.startswith("This needs BPF or SYS_ADMIN")
    assert [each.names for each in wants if isinstance(each, HeldCapability)] == [("CAP_BPF",), ("CAP_SYS_ADMIN",)]


@pytest.mark.parametrize("name", ["DAC_OVERRIDE", "DAC_READ_SEARCH", "FOWNER"])
def test_owner_and_mode_are_the_files_affair_but_of_root(name: str) -> None:
    check = asked(name, PERMISSION)
    assert claim(tried("openat", EACCES, check, uid=1000)) is None
    facts = replace(FACTS, bounding=NONE)
    root = LAYER.refused(tried("openat", EACCES, check, bounding=NONE), facts, DOCKER)
    assert root is not None
    assert root.wants == (HeldCapability((f"CAP_{name}",), 0),)


@pytest.mark.parametrize(
    "attempt",
    [
        tried("mmap", EPERM, asked("SYS_ADMIN", MEMORY)),  # only whether it may take the reserve
        tried("socket", EACCES, asked("NET_ADMIN", SILENT), values=(2, 2, 1, 0, 0, 0)),  # only whether
        tried("fchown", EPERM, asked("FSETID", CHOWN)),
        tried("mount", errno.EROFS, asked("SYS_ADMIN", PATH_MOUNT)),
        tried("clone", errno.EAGAIN, asked("SYS_RESOURCE", "cap_capable capable copy_process")),
        tried("openat", EACCES),  # it is known that none was asked for
        tried("mount", EPERM, asked("SYS_ADMIN", PATH_MOUNT), effective=CapabilitySet.full()),  # held, in another
        tried("sethostname", EPERM, asked("SYS_ADMIN", PATH_MOUNT), uid=100000, uids=OWN),  # the machine's
        Attempt(AttemptKind.OUT_OF_MEMORY, "x"),
    ],
)  # fmt: skip
def test_another_s(attempt: Attempt) -> None:
    assert claim(attempt) is None


def test_of_its_own_user_namespace() -> None:
    attempt = tried("mount", EPERM, asked("SYS_ADMIN", PATH_MOUNT, initial=False), uid=100000, uids=OWN)
    assert said(attempt)[1] == (HeldCapability(("CAP_SYS_ADMIN",), 0),)


def test_a_request_over_netlink() -> None:
    frames = "cap_capable security_capable file_ns_capable netlink_net_capable rtnetlink_rcv_msg netlink_rcv_skb"
    around = Circumstances(checks=(asked("NET_ADMIN", frames),))
    attempt = Attempt(AttemptKind.REQUEST, "ip", "x86_64", "sendto", EPERM, lacked=("CAP_NET_ADMIN",), around=around)
    assert said(attempt)[0] == "This needs NET_ADMIN, which Docker gives only on request."


@pytest.mark.parametrize(
    ("call", "code", "values", "name"),
    [
        ("mount", EPERM, (0,) * 6, "CAP_SYS_ADMIN"),
        ("setpriority", EACCES, (0,) * 6, "CAP_SYS_NICE"),
        ("settimeofday", EPERM, (0,) * 6, "CAP_SYS_TIME"),
        ("openat", EACCES, (0,) * 6, ""),
        ("mount", EACCES, (0,) * 6, ""),
        ("setuid", EPERM, (0,) * 6, ""),  # held
    ],
)
def test_by_the_call_alone_where_the_checks_are_not_known(
    call: str, code: int, values: tuple[int, ...], name: str
) -> None:
    attempt = tried(call, code, values=values)
    found = claim(replace(attempt, around=replace(attempt.around, checks=None)))
    if not name:
        assert found is None
        return
    assert found is not None
    assert found.strength is Strength.FITS
    assert found.wants == (HeldCapability((name,), 0),)


BIND_SERVICE = CapabilitySet.of(("CAP_NET_BIND_SERVICE",))
CADDY = ResolvedPath("/usr/bin/caddy", Node(NodeKind.FILE, 0o755, 0, 0, "", True), None, None, BIND_SERVICE)


def test_a_program_with_capabilities_of_its_own_that_the_container_may_not_have() -> None:
    around = Circumstances(place=CADDY)
    found = LAYER.refused(tried("execve", EPERM, bounding=NONE, around=around), replace(FACTS, bounding=NONE), DOCKER)
    assert found is not None
    assert "has the file capabilities NET_BIND_SERVICE" in translate(found.what)
    assert found.wants == (HeldCapability(("CAP_NET_BIND_SERVICE",)),)
    plain = replace(around, place=replace(CADDY, node=Node(NodeKind.FILE, 0o755, 0, 0)))
    assert claim(tried("execve", EPERM, around=plain)) is None


def test_rights_that_were_not_gained() -> None:
    sudo = ResolvedPath("/usr/bin/sudo", Node(NodeKind.FILE, 0o4755, 0, 0), None, None)
    around = Circumstances(no_new_privs=True, place=sudo)
    attempt = Attempt(AttemptKind.NOT_GAINED, "sudo", path="/usr/bin/sudo", around=around)
    text, wants = said(attempt)
    assert text == "/usr/bin/sudo is set-uid and did not get its rights, because no_new_privs is set."
    assert wants == (GainedRights("/usr/bin/sudo"),)
    nosuid = parse_mountinfo("1 0 0:1 / / ro,nosuid - tmpfs none rw\n")[0]
    assert claim(replace(attempt, around=replace(around, place=replace(sudo, mount=nosuid)))) is None
    ping = Circumstances(no_new_privs=False, place=CADDY, bounding=NONE)
    lacking = claim(Attempt(AttemptKind.NOT_GAINED, "caddy", path="/usr/bin/caddy", around=ping))
    assert lacking is not None
    assert lacking.wants == (HeldCapability(("CAP_NET_BIND_SERVICE",)),)


def test_a_filter_of_its_own_needs_no_new_privs() -> None:
    attempt = tried("seccomp", EACCES, values=(1, 0, 9, 0, 0, 0), uid=33)
    found = claim(attempt)
    assert found is not None
    assert found.wants == (HeldCapability(("CAP_SYS_ADMIN",), 33),)
    assert claim(replace(attempt, around=replace(attempt.around, no_new_privs=True))) is None


def test_capabilities_that_it_gives_itself() -> None:
    """As ProFTPD does on Podman, whose default has fewer than it knows of."""
    for attempt in (tried("capset", EPERM), tried("prctl", EPERM, values=(47, 2, 10, 0, 0, 0))):
        found = claim(attempt)
        assert found is not None
        assert (found.strength, found.wants) == (Strength.FITS, ())
    assert claim(tried("prctl", EPERM, values=(38, 1, 0, 0, 0, 0))) is None


checks = st.lists(st.builds(CapabilityCheck, st.integers(0, 63), st.just(-1), st.booleans(), st.just(()))).map(tuple)
sets = st.none() | st.integers(0, (1 << 64) - 1).map(CapabilitySet)


@given(
    st.sampled_from(list(AttemptKind)),
    st.sampled_from(["mount", "execve", "bind", "socket", "prctl", "seccomp", "prlimit64", "openat", "", "?"]),
    st.integers(0, 4095) | st.sampled_from([EPERM, EACCES]),
    st.lists(st.integers(0, (1 << 64) - 1), max_size=6),
    st.lists(st.sampled_from([*NAMES, "CAP_63", "x"]), max_size=3),
    st.builds(
        Circumstances,
        ids=st.none() | st.just((7, 7, 7, 7)),
        effective=sets,
        permitted=sets,
        bounding=sets,
        no_new_privs=st.none() | st.booleans(),
        checks=st.none() | checks,
        place=st.none() | st.just(CADDY),
    ),
    st.booleans(),
)  # fmt: skip
def test_nothing_raises(
    kind: AttemptKind, name: str, code: int, values: list[int], lacked: list[str], around: Circumstances, known: bool
) -> None:
    attempt = Attempt(kind, "x", "x86_64", name, code, True, tuple(values), "/x", tuple(lacked), around)
    found = LAYER.refused(attempt, FACTS if known else None, PODMAN)
    assert found is None or translate(found.what).endswith(".")


def nobody_known(code: int, *checks: CapabilityCheck, call: str = "openat") -> Attempt:
    """Of a process that was gone before anybody could look at it."""
    attempt = tried(call, code, *checks)
    return replace(attempt, around=replace(UNKNOWN, checks=attempt.around.checks))


def test_a_right_that_root_lacks_here_where_nobody_knows_who_asked() -> None:
    attempt = nobody_known(EACCES, asked("DAC_OVERRIDE", PERMISSION))
    facts = replace(FACTS, bounding=NONE, effective=NONE)
    found = LAYER.refused(attempt, facts, DOCKER)
    assert found is not None
    assert (found.strength, found.certain) == (Strength.LIKELY, False)
    assert found.wants == (HeldCapability(("CAP_DAC_OVERRIDE",)),)
    assert LAYER.refused(attempt, FACTS, DOCKER) is None  # root has it: whoever was refused is another
    assert LAYER.refused(attempt, replace(facts, root_inside=False), DOCKER) is None


def test_a_program_that_nobody_could_look_at() -> None:
    found = claim(nobody_known(EPERM, call="execve"))
    assert found is not None
    assert (found.strength, found.wants) == (Strength.LEFT, ())
    everything = replace(FACTS, bounding=CapabilitySet.full(FACTS.last))
    assert LAYER.refused(nobody_known(EPERM, call="execve"), everything, DOCKER) is None
    assert claim(nobody_known(EACCES, call="execve")) is None


def test_a_limit_of_another_process_takes_the_right_alone() -> None:
    lacking = Circumstances(checks=(CapabilityCheck(24, -1, True, tuple(LIMIT.split())),))
    for values, more in (((0, 7, 4096, 0), 1), ((9, 7, 4096, 0), 0), ((0, 7, 0, 4096), 0)):
        attempt = Attempt(
            AttemptKind.CALL, "try", "x86_64", "prlimit64", EPERM, True, values, "", ("CAP_SYS_RESOURCE",), lacking
        )
        found = LAYER.refused(attempt, FACTS, DOCKER)
        assert found is not None
        assert sum(isinstance(want, MoreOf) for want in found.wants) == more


def test_of_several_rights_the_one_that_was_taken_away_is_named() -> None:
    frames = ("cap_capable", "security_capable", "ns_capable", "sk_setsockopt")
    lacking = Circumstances(checks=(CapabilityCheck(12, -1, True, frames), CapabilityCheck(13, -1, True, frames)))
    attempt = Attempt(AttemptKind.CALL, "try", "x86_64", "setsockopt", EPERM, True, (3, 1, 36), "",
                      ("CAP_NET_ADMIN", "CAP_NET_RAW"), lacking)  # fmt: skip
    assert FACTS is not None
    facts = replace(FACTS, bounding=DEFAULT - CapabilitySet(1 << 13))
    found = LAYER.refused(attempt, facts, DOCKER)
    assert found is not None
    assert found.wants == (HeldCapability(("CAP_NET_RAW",)),)
    assert translate(found.what) == (
        "This needs NET_RAW. Docker gives it by default, but this container was created without it."
    )
