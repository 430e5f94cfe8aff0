"""What was tried, in words; and what no container can make of them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stratascope.core.observation.events import (
    Address,
    CapabilityCheck,
    Circumstances,
    Node,
    NodeKind,
    ResolvedPath,
)
from stratascope.core.refusals import sentences
from stratascope.core.refusals.refusal import Attempt, AttemptKind
from stratascope.core.refusals.sentences import OPTIONS, PLAIN, WITH_NUMBER, WITH_PATH
from stratascope.core.sanitize import plain
from stratascope.i18n.translate import translate
from stratascope.linux.syscall_arguments import signature
from stratascope.linux.syscalls import known_names

NOTHING = Circumstances()
CWD = 0xFFFFFFFFFFFFFF9C
TUN = Circumstances(place=ResolvedPath("/dev/net/tun", Node(NodeKind.CHARACTER, 0o666, 0, 0, "10:200"), None, None))
NEW = Circumstances(place=ResolvedPath("/srv/new", None, Node(NodeKind.FOLDER, 0o755, 0, 0), None))


def call(name: str, *values: int, path: str = "", errno: int = 1, around: Circumstances = NOTHING) -> Attempt:
    six = (*values, *(0,) * (6 - len(values)))
    return Attempt(AttemptKind.CALL, "prog", "x86_64", name, errno, True, six, path, (), around)


@pytest.mark.parametrize(
    ("attempt", "did", "raw"),
    [
        (call("mount", 9, 9, 9, 0, 0, path="/mnt"), "Mount a filesystem on /mnt", 'mount(..., "/mnt", ..., 0, NULL)'),
        (
            call("mount", 9, 9, 9, 0x1000, 0, path="/mnt"),
            "Bind-mount a file or directory on /mnt",
            'mount(..., "/mnt", ..., MS_BIND, NULL)',
        ),
        (
            call("openat", CWD, 9, 2, 0, path="/dev/net/tun", around=TUN),
            "Open the device /dev/net/tun for writing",
            'openat(AT_FDCWD, "/dev/net/tun", O_RDWR)',
        ),
        (call("openat", CWD, 9, 0o101, 0o644, path="/srv/new", around=NEW), "Create the file /srv/new", None),
        (call("openat", CWD, 9, 0o1, 0, path="/etc/x"), "Open /etc/x for writing", None),
        (call("openat", CWD, 9, 0, 0, path="/etc/shadow"), "Open /etc/shadow for reading", None),
        (call("setuid", 33), "Become user 33", "setuid(33)"),
        (call("setresuid", 0xFFFFFFFF, 33, 0xFFFFFFFF), "Become user 33", "setresuid(-1, 33, -1)"),
        (call("setgroups", 1, 9), "Set its supplementary groups", "setgroups(1, ...)"),
        (
            call("bind", 3, 9, 16, around=Circumstances(address=Address("inet", "0.0.0.0", 80)), errno=13),
            "Listen on port 80",
            'bind(3, {sa_family=AF_INET, sin_port=htons(80), sin_addr=inet_addr("0.0.0.0")}, 16)',
        ),
        (
            call("connect", 3, 9, 28, around=Circumstances(address=Address("inet6", "2001:db8::1", 53)), errno=101),
            "Connect to [2001:db8::1]:53",
            'connect(3, {sa_family=AF_INET6, sin6_port=htons(53), sin6_addr="2001:db8::1"}, 28)',
        ),
        (call("unshare", 0x10000000), "Create a user namespace", "unshare(CLONE_NEWUSER)"),
        (call("clone", 0x10000011), "Create a user namespace", "clone(CLONE_NEWUSER|SIGCHLD)"),
        (call("clone", 0x3D0F00, errno=11), "Start a process or thread", None),
        (call("unshare", 0x30020000), "Create namespaces (CLONE_NEWNS, CLONE_NEWUSER, CLONE_NEWPID)", None),
        (call("ptrace", 16, 7), "Trace another process (PTRACE_ATTACH)", "ptrace(PTRACE_ATTACH, 7, 0, 0)"),
        (call("socket", 40, 1), "Create a socket to the hypervisor (vsock)", None),
        (call("socket", 2, 3, 1), "Create a raw socket", "socket(AF_INET, SOCK_RAW, IPPROTO_ICMP)"),
        (call("socket", 2, 2, 1, errno=13), "Create a socket for ping", None),
        (call("socket", 29, 3, 1), "Create a socket of the family 29", "socket(29, SOCK_RAW, 1)"),
        (call("mknod", 9, 0o20600, 0x101, path="/dev/x"), "Create the character device /dev/x", None),
        (call("unlinkat", CWD, 9, 0x200, path="/a"), "Remove the directory /a", None),
        (call("kill", 1, 15), "Send SIGTERM to another process", "kill(1, SIGTERM)"),
        (call("prlimit64", 0, 7, 9, 0), "Change the limit RLIMIT_NOFILE", "prlimit64(0, RLIMIT_NOFILE, ..., NULL)"),
        (call("ioctl", 3, 0x5412, path="/dev/pts/0"), "Inject input into a terminal", "ioctl(3</dev/pts/0>, TIOCSTI, "
                                                                                      "0)"),
        (call("ioctl", 3, 0x40086602, path="/data/f"), "Change the flags of /data/f", None),
        (call("frobnicate", 1), "Call frobnicate", "frobnicate()"),
        (Attempt(AttemptKind.MASKED, "cat", path="/proc/keys"), "Read /proc/keys", ""),
        (Attempt(AttemptKind.OUT_OF_MEMORY, "java"), "Use more memory", ""),
        (Attempt(AttemptKind.KILLED, "x", entered=False), "Make a system call", ""),
        (Attempt(AttemptKind.KILLED, "x", "x86_64", "mkdir", entered=False), "Create a directory", "mkdir(...)"),
        (
            Attempt(
                AttemptKind.REQUEST, "ip", "x86_64", "sendmsg", 1,
                around=Circumstances(checks=(CapabilityCheck(12, -1, True, ("cap_capable", "rtnetlink_rcv_msg")),)),
            ),
            "Change network devices, addresses or routes",
            "sendmsg(...)",
        ),
    ],
)  # fmt: skip
def test_did(attempt: Attempt, did: str, raw: str | None) -> None:
    assert translate(sentences.did(attempt)) == did
    if raw is not None:
        assert sentences.raw(attempt) == raw


def test_sentences_are_of_calls_and_have_their_fields() -> None:
    for name in {*WITH_PATH, *WITH_NUMBER, *PLAIN}:
        assert name in known_names(), name
    assert len({*WITH_PATH, *WITH_NUMBER, *PLAIN}) > 150
    assert all(message.id.count("{path}") == 1 for message in WITH_PATH.values())
    assert all(message.id.count("{number}") == 1 for message, _ in WITH_NUMBER.values())
    assert all("{" not in message.id for message in PLAIN.values())
    assert all("{" not in message.id.replace("{path}", "") for message in OPTIONS.values())
    assert not [name for name in WITH_PATH if not {"PATH", "FD"} & set(signature(name) or ("PATH",))]


@given(
    st.sampled_from(list(AttemptKind)),
    st.sampled_from(sorted(known_names())) | st.text(max_size=8),
    st.lists(st.integers(0, (1 << 64) - 1), max_size=6),
    st.text(max_size=300),
    st.sampled_from(["", "x86_64", "i386", "aarch64", "x"]),
    st.none() | st.builds(Address, st.text(max_size=9), st.text(max_size=200), st.integers(0, 1 << 32)),
)
def test_nothing_a_container_says_raises_or_acts(
    kind: AttemptKind, name: str, values: list[int], path: str, abi: str, address: Address | None
) -> None:
    attempt = Attempt(kind, "x", abi, name, 1, True, tuple(values), path, (), Circumstances(address=address))
    text = translate(sentences.did(attempt))
    assert text
    assert all(plain(part) == part for part in sentences.arguments(attempt))
    assert len(text) < 2000
