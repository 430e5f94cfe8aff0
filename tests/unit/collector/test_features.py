"""What the collector says of the kernel's features, against this test's own tries on the same kernel."""

from __future__ import annotations

import ctypes
import errno
import os
import platform
import socket
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import pytest

from stratascope.collector import host
from stratascope.collector.host import FEATURES, PREFIX, Kernel
from stratascope.collector.read import UNSUPPORTED
from stratascope.core import ground

x86_64 = pytest.mark.skipif(platform.machine() != "x86_64", reason="numbers of x86_64")
as_root = pytest.mark.skipif(os.geteuid() != 0, reason="needs root")
unfiltered = pytest.mark.skipif(
    "\nSeccomp:\t0\n" not in Path("/proc/self/status").read_text(), reason="the tests run under a seccomp filter"
)


def said(name: str) -> str | None:
    found: str | None = Kernel().feature(PREFIX + name)[2]
    return found


def test_the_names_are_those_that_the_program_asks_for() -> None:
    assert {name.removeprefix(PREFIX) for name in FEATURES} == set(ground.FEATURES)


@unfiltered
def test_each_has_an_answer_or_a_reason() -> None:
    for name in FEATURES:
        found = Kernel().feature(name)
        assert found[0] == name
        assert found[2] in ("yes", "no") or (found[2] is None and found[3])


def kernel_has(number: int, *arguments: int) -> Callable[[], bool]:
    """Tries a call that this file chose by itself: another way to be refused than the collector's."""

    def tried() -> bool:
        call = ctypes.CDLL(None, use_errno=True).syscall
        call.restype = ctypes.c_long
        found = call(*(ctypes.c_long(value) for value in (number, *arguments)))
        if found >= 0:
            os.close(found)
        return bool(found >= 0 or ctypes.get_errno() != errno.ENOSYS)

    return tried


def socket_opens(family: int, kind: int, protocol: int) -> Callable[[], bool]:
    def tried() -> bool:
        try:
            socket.socket(family, kind, protocol).close()
        except PermissionError:
            return True
        except OSError as error:
            return error.errno not in (errno.EAFNOSUPPORT, errno.EPROTONOSUPPORT, errno.ESOCKTNOSUPPORT)
        return True

    return tried


def user_namespaces() -> bool:
    done = subprocess.run(["unshare", "--user", "true"], capture_output=True, check=False)
    return done.returncode == 0


TRIES = {
    "audit": socket_opens(socket.AF_NETLINK, socket.SOCK_RAW, 9),
    "bpf": kernel_has(321, 0, 0, 0),  # BPF_MAP_CREATE without attributes
    "io_uring": kernel_has(425, 0, 0),
    "kexec": lambda: kernel_has(246, 0, 17, 0, 1 << 14)() or kernel_has(320, -1, -1, 0, 0, 1 << 14)(),
    "keys": kernel_has(250, 999, 0, 0, 0, 0),
    "modules": kernel_has(313, -1, 0, 0),  # finit_module of no file
    "new_mount_api": kernel_has(433, -1, 0, 1 << 20),  # fspick
    "open_by_handle": kernel_has(303, -1, 0, 0, 0, 1 << 20),  # name_to_handle_at
    "packet_socket": socket_opens(17, socket.SOCK_RAW, 0),
    "perf_events": kernel_has(298, 0, 0, -1, -1, 0),
    "port_io": kernel_has(173, 1 << 20, 1, 0),  # ioperm past the last port
    "quota": kernel_has(443, -1, 1 << 30, 0, 0),  # quotactl_fd of no file
    "swap": kernel_has(167, 0, 0),  # swapon of nothing
    "userfaultfd": kernel_has(323, 1 << 20),
    "user_namespaces": user_namespaces,
    "crypto_socket": socket_opens(38, socket.SOCK_SEQPACKET, 0),
    "vsock": socket_opens(40, socket.SOCK_STREAM, 0),
    "x32": kernel_has(0x40000000 | 186),  # gettid
    "process_accounting": kernel_has(163, 1),  # acct of a path that is nowhere
}


@x86_64
@as_root
@unfiltered
@pytest.mark.parametrize("name", TRIES)
def test_it_agrees_with_trying(name: str) -> None:
    if name == "x32":
        # this one gives a number and not a descriptor
        call = ctypes.CDLL(None, use_errno=True).syscall
        assert said(name) == ("no" if call(0x40000000 | 186) < 0 else "yes")
        return
    assert said(name) == ("yes" if TRIES[name]() else "no")


@as_root
def test_it_agrees_with_the_files() -> None:
    for name, path in (("kcore", "/proc/kcore"), ("sysrq", "/proc/sysrq-trigger")):
        assert said(name) == ("yes" if Path(path).exists() else "no")
    assert said("cgroup_v1") == ("yes" if "nodev\tcgroup\n" in Path("/proc/filesystems").read_text() else "no")
    assert said("firmware") == ("yes" if list(Path("/sys/firmware").iterdir()) else "no")


@pytest.mark.parametrize(("shown", "answer"), [(("acpi", "efi"), "yes"), (("acpi", "memmap"), "no"), ((), None)])
def test_there_are_efi_variables_where_efi_started_the_machine(
    shown: tuple[str, ...], answer: str | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Newer kernels register the filesystem on all others too, and refuse to mount it there."""
    for name in shown:
        (tmp_path / name).mkdir()
    monkeypatch.setattr(host, "FIRMWARE", str(tmp_path))
    monkeypatch.setattr(host, "read_file", lambda path: "nodev\tefivarfs\n")
    assert said("efivarfs") == answer


@x86_64
def test_32_bit_calls_agree_with_a_program_of_32_bits(tmp_path: Path) -> None:
    # the smallest ELF program for i386: mov $1, %eax; xor %ebx, %ebx; int $0x80 (exit(0))
    code = bytes.fromhex("b80100000031dbcd80")
    base = 0x08048000
    header = b"\x7fELF\x01\x01\x01" + bytes(9) + b"".join(
        (
            (2).to_bytes(2, "little") + (3).to_bytes(2, "little"),  # ET_EXEC, EM_386
            *(value.to_bytes(4, "little") for value in (1, base + 84, 52, 0, 0)),
            *(value.to_bytes(2, "little") for value in (52, 32, 1, 40, 0, 0)),
        )
    )  # fmt: skip
    size = 84 + len(code)
    segment = b"".join(value.to_bytes(4, "little") for value in (1, 0, base, base, size, size, 5, 0x1000))
    program = tmp_path / "exit32"
    program.write_bytes(header + segment + code)
    program.chmod(0o755)
    try:
        runs = subprocess.run([str(program)], check=False).returncode == 0
    except OSError:
        runs = False
    assert said("i386") == ("yes" if runs else "no")


def test_an_ordinary_user_gets_the_same_answers_or_none() -> None:
    mine = {name: Kernel().feature(name)[2] for name in FEATURES}
    script = (
        "import os,sys; os.geteuid() == 0 and (os.setgroups([]), os.setresuid(1500, 1500, 1500));"
        "from stratascope.collector.host import FEATURES, Kernel;"
        "sys.stdout.write(repr({n: Kernel().feature(n)[2] for n in FEATURES}))"
    )
    # read before the change of user, who may not look into this folder
    folder = Path(host.__file__).parents[2]
    preload = f"import sys; sys.path.insert(0, {str(folder)!r}); import stratascope.collector.host, ctypes;"
    done = subprocess.run([sys.executable, "-c", preload + script], capture_output=True, text=True, check=True)
    theirs = eval(done.stdout, {})  # a dict of strings, printed by our own code two lines above
    assert all(theirs[name] in (None, mine[name]) for name in FEATURES)
    assert sum(answer is not None for answer in theirs.values()) > 15


def test_under_a_seccomp_filter_nothing_is_called(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(host, "unfiltered", lambda: False)
    found = Kernel().feature("feature:io_uring")
    assert found[2:] == (None, UNSUPPORTED, None, "this reader is under a seccomp filter, which may answer instead")
    assert said("user_namespaces") in ("yes", "no")


def test_a_real_filter_is_noticed() -> None:
    # mode 1 permits too little to ask anything, so this is the kernel's word of a filter that allows all
    script = (
        "import ctypes, struct; libc = ctypes.CDLL(None);"
        "code = ctypes.create_string_buffer(struct.pack('<HBBI', 6, 0, 0, 0x7fff0000));"
        "filt = struct.pack('<HxxxxxxQ', 1, ctypes.addressof(code));"
        "assert libc.prctl(38, 1, 0, 0, 0) == 0 and libc.prctl(22, 2, filt, 0, 0) == 0;"
        "from stratascope.collector.host import Kernel;"
        "print(Kernel().feature('feature:bpf')[3], Kernel().feature('feature:kcore')[2])"
    )
    environment = {**os.environ, "PYTHONPATH": str(Path(host.__file__).parents[2])}
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True, env=environment)
    assert done.stdout.split()[0] == UNSUPPORTED
    assert done.stdout.split()[1] in ("yes", "no")


@pytest.mark.parametrize("machine", ["riscv64", "s390x"])
def test_other_machines_have_a_gap(monkeypatch: pytest.MonkeyPatch, machine: str) -> None:
    names = os.uname()
    monkeypatch.setattr(os, "uname", lambda: os.uname_result((*names[:4], machine)))
    assert Kernel().feature("feature:io_uring")[3] == UNSUPPORTED
    assert said("i386") == "no"


APPARMOR_CASES = (
    ("userns_create\n", "policy-features=/usr/share/apparmor-features/features\n", "userns_create", "yes"),
    ("userns_create\n", "policy-features=/etc/apparmor.d/abi/3.0\n", "mask {profile", "no"),
    ("userns_create\n", "#policy-features=/etc/apparmor.d/abi/4.0\n", "userns_create", None),
    ("userns_create\n", "policy-features=/root/secret\n", "userns_create", None),
    ("userns_create\n", "policy-features=/etc/apparmor.d/abi/..\n", "userns_create", None),
    ("userns_create\n", "policy-features=/etc/apparmor.d/abi/4.0\noverride-policy-abi=/x\n", "userns_create", None),
    ("profile\n", "policy-features=/etc/apparmor.d/abi/4.0\n", "userns_create", "no"),
)


@pytest.mark.parametrize(("mask", "conf", "pinned", "answer"), APPARMOR_CASES)
def test_whether_apparmor_mediates_user_namespaces(
    monkeypatch: pytest.MonkeyPatch, mask: str, conf: str, pinned: str, answer: str | None
) -> None:
    texts = {"/sys/kernel/security/apparmor/features/namespaces/mask": mask, "/etc/apparmor/parser.conf": conf}
    monkeypatch.setattr(host, "read_file", lambda path: texts.get(path, pinned))
    assert said("apparmor_userns") == answer


def test_no_more_is_read_of_the_list_of_modules_than_16_megabytes(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[int] = []
    whole = os.read

    def counted(descriptor: int, most: int) -> bytes:
        if Path(f"/proc/self/fd/{descriptor}").readlink() == Path("/dev/zero"):
            assert asked == [], "it reads on"
            asked.append(most)
            return bytes(most)
        return whole(descriptor, most)

    opened = os.open
    monkeypatch.setattr(
        os, "open", lambda path, *more, **named: opened("/dev/zero" if "alias" in path else path, *more, **named)
    )
    monkeypatch.setattr(os, "read", counted)
    monkeypatch.setattr(ctypes, "CDLL", lambda *_, **__: SimpleNamespace(syscall=lambda *_: 0))  # it has all calls
    monkeypatch.setattr(host, "unfiltered", lambda: True)
    monkeypatch.setattr(host, "read_file", lambda _: "0\n")
    assert Kernel().feature(PREFIX + "vsock")[2] == "no"
    assert asked == [16 << 20]
