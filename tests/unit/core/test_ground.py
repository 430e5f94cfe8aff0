"""The host's facts, from captures of the readings that the collector makes."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from stratascope.core.capture import Capture, Gap, GapKind, Reading
from stratascope.core.ground import HOST_WANTS, NAMESPACES, decode_ground


def host(**texts: str) -> Capture:
    """A host capture; `/` in names is written `__`, `:` is `___`."""
    names = {key.replace("___", ":").replace("__", "/"): text for key, text in texts.items()}
    return Capture(0, tuple(Reading(name, name, text) for name, text in names.items()))


def links(who: str, first: int) -> tuple[Reading, ...]:
    return tuple(
        Reading(f"/proc/{who}/ns/{kind}", f"/proc/{who}/ns/{kind}", f"{kind}:[{first + place}]")
        for place, kind in enumerate(NAMESPACES)
    )


def test_everything_missing_is_none_not_a_guess() -> None:
    ground = decode_ground(Capture(0, ()))
    assert (ground.kernel, ground.lsms, ground.cap_last_cap, ground.namespaces) == ("", None, None, ())
    assert ground.initial_user_namespace is None
    assert ground.cgroup_layout == "none"
    assert not ground.apparmor
    assert ground.selinux == ""


def test_a_host_with_apparmor() -> None:
    ground = decode_ground(
        host(
            uname___release="6.12.0\n",
            __sys__kernel__security__lsm="lockdown,capability,landlock,apparmor,bpf",
            __sys__module__apparmor__parameters__enabled="Y\n",
            __proc__sys__kernel__cap_last_cap="40\n",
            __proc__sys__kernel__dmesg_restrict="1\n",
            __proc__meminfo="MemTotal:       24000000 kB\nMemFree: 1 kB\n",
            __proc__self__uid_map="         0          0 4294967295\n",
            sysconf___online_cpus="2",
        )
    )
    assert ground.lsms == ("lockdown", "capability", "landlock", "apparmor", "bpf")
    assert ground.apparmor
    assert ground.cap_last_cap == 40
    assert ground.sysctl("kernel.dmesg_restrict") == "1"
    assert ground.sysctl("kernel.sysrq") is None
    assert ground.memory_total == 24000000 * 1024
    assert ground.initial_user_namespace is True
    assert ground.cpus_online == 2


def test_the_processors_and_the_guards_of_shared_folders() -> None:
    ground = decode_ground(
        host(
            cpu___vulnerabilities="l1tf: Not affected\nmds: Vulnerable\n",
            __sys__devices__system__cpu__smt__control="forceoff\n",
            __proc__sys__fs__protected_symlinks="1\n",
        )
    )
    assert [(flaw.name, flaw.state.value) for flaw in ground.cpu_flaws or ()] == [
        ("l1tf", "not affected"),
        ("mds", "vulnerable"),
    ]
    assert (ground.smt, ground.sysctl("fs.protected_symlinks")) == ("forceoff", "1")
    assert decode_ground(Capture(0, ())).cpu_flaws is None
    assert decode_ground(host(cpu___vulnerabilities="nonsense")).cpu_flaws is None


def test_apparmor_compiled_in_but_not_active() -> None:
    ground = decode_ground(
        host(__sys__kernel__security__lsm="capability,bpf", __sys__module__apparmor__parameters__enabled="Y")
    )
    assert not ground.apparmor


def test_lsm_list_modules_where_securityfs_is_not_mounted() -> None:
    assert decode_ground(host(lsm___modules="capability,selinux")).lsms == ("capability", "selinux")


def test_host_namespaces_from_pid_1_then_kthreadd_then_own() -> None:
    denied = tuple(
        Reading(f"/proc/1/ns/{kind}", f"/proc/1/ns/{kind}", None, Gap(GapKind.DENIED, 13)) for kind in NAMESPACES
    )
    first = decode_ground(Capture(0, links("1", 100) + links("2", 200) + links("self", 300)))
    assert (first.namespaces_from, first.namespace("cgroup")) == ("PID 1", 100)
    kthreadd = tuple(
        reading if reading.name != "/proc/2/ns/pid" else Reading(reading.name, reading.source, "pid:[4026531836]")
        for reading in links("2", 200)
    )
    second = decode_ground(Capture(0, denied + kthreadd + links("self", 300)))
    assert (second.namespaces_from, second.namespace("mnt")) == ("PID 2", 202)
    # in a PID namespace of our own, PID 2 is any process: then only our own are left
    third = decode_ground(Capture(0, denied + links("2", 200) + links("self", 300)))
    assert (third.namespaces_from, third.namespace("mnt")) == ("own", 302)


def test_cgroup_layouts() -> None:
    v1 = "30 25 0:26 / /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory\n"
    v2 = "31 25 0:27 / /sys/fs/cgroup rw - cgroup2 cgroup2 rw\n"
    for text, layout in ((v1, "v1"), (v2, "v2"), (v1 + v2, "hybrid"), ("", "none"), ("nonsense - ", "none")):
        assert decode_ground(host(__proc__self__mountinfo=text)).cgroup_layout == layout


@given(st.dictionaries(st.sampled_from(HOST_WANTS), st.text()))
def test_any_text_gives_a_ground(texts: dict[str, str]) -> None:
    ground = decode_ground(Capture(0, tuple(Reading(name, name, text) for name, text in texts.items())))
    assert ground.cgroup_layout in ("v1", "v2", "hybrid", "none")


def test_features_lockdown_and_what_the_kernel_lacks() -> None:
    path = "/proc/sys/kernel/yama/ptrace_scope"
    readings = (
        Reading("feature:io_uring", "io_uring_setup(2)", "yes"),
        Reading("feature:kcore", "/proc/kcore", "no"),
        Reading("feature:bpf", "bpf(2)", None, Gap(GapKind.UNSUPPORTED)),
        Reading("feature:keys", "keyctl(2)", "perhaps"),
        Reading("/sys/kernel/security/lockdown", "x", "none [integrity] confidentiality\n"),
        Reading("selinux:switches", "/sys/fs/selinux/booleans", "container_use_mknod"),
        Reading(path, path, None, Gap(GapKind.ABSENT, 2)),
        Reading("/proc/sys/kernel/sysrq", "x", None, Gap(GapKind.DENIED, 13)),
    )
    ground = decode_ground(Capture(0, readings))
    assert ground.features == (("io_uring", True), ("kcore", False))
    assert [ground.feature(name) for name in ("io_uring", "kcore", "bpf", "keys", "x32")] == [True, False, *[None] * 3]
    assert ground.lockdown == "integrity"
    assert ground.selinux_switches == ("container_use_mknod",)
    # what was refused, or never asked for, is not missing in the kernel
    assert ground.lacking == ("kernel.yama.ptrace_scope",)


def test_lockdown_that_can_not_be_read_is_not_off() -> None:
    assert decode_ground(Capture(0, ())).lockdown is None
    assert decode_ground(host(__sys__kernel__security__lockdown="none integrity")).lockdown is None
    assert decode_ground(host(__sys__kernel__security__lockdown="[none] integrity confidentiality")).lockdown == "none"
    assert decode_ground(host(selinux___switches="")).selinux_switches == ()
