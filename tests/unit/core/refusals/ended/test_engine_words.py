"""What engines and runtimes said of starts that failed, word by word from real ones, and what is made of it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stratascope.core.container import Asked, AskedLimit
from stratascope.core.refusals.ended.engine_words import meaning
from stratascope.core.refusals.refusal import Strength
from stratascope.core.relaunch.want import MoreOf, Unconfined
from stratascope.i18n.translate import translate

RUNC = ("failed to create task for container: failed to create shim task: OCI runtime create failed: runc create "
        "failed: unable to start container process: ")  # fmt: skip
SAID = (
    # Docker 26.1 with runc 1.1
    (f'{RUNC}exec: "/nosuch": stat /nosuch: no such file or directory: unknown', "image", "no program /nosuch in it"),
    (f'{RUNC}exec: "nosuch": executable file not found in $PATH: unknown', "image", "no program nosuch in it"),
    (f'{RUNC}exec: "/f/nox.sh": permission denied: unknown', "files", "/f/nox.sh can't be executed"),
    (f'{RUNC}exec: "/etc": is a directory: unknown: permission denied', "image",
     "/etc, which it should run, is a directory"),
    ('error gathering device information while adding custom device "/dev/nosuch": no such file or directory',
     "kernel", "The host has no device /dev/nosuch"),
    ("driver failed programming external connectivity on endpoint x (0e72): Bind for 0.0.0.0:18081 failed: port is "
     "already allocated", "network", "Port 18081 of the host"),
    ("unable to find user nosuch: no matching entries in passwd file", "image", "no user nosuch in"),
    ("unable to find group nosuch: no matching entries in group file", "image", "no group nosuch in"),
    (f"{RUNC}error during container init: open /proc/sys/net/nosuch/x: no such file or directory: unknown", "kernel",
     "no setting net/nosuch/x"),
    (f"{RUNC}error during container init: error setting rlimits for ready process: error setting rlimit type 7: "
     "operation not permitted: unknown", "cgroup", "A requested limit (ulimit) is higher"),
    (f'{RUNC}error during container init: error mounting "/etc/hostname" to rootfs at "/etc": mount /etc/hostname:/etc '
     "(via /proc/self/fd/6), flags: 0x5000: not a directory: unknown: Are you trying to mount a directory onto a file",
     "engine", "/etc/hostname on the host and /etc inside are a file"),
    ("network nosuch not found", "network", "Its network nosuch no longer exists"),
    (f"{RUNC}error during container init: too many open files: unknown", "cgroup", "open file limit is too low even"),
    ("cannot start a stopped process: unknown", "seccomp", "before its program ran"),
    ("failed to create shim task: OCI runtime create failed: runc create failed: string SCMP_ACT_X is not a valid "
     "action for seccomp: unknown", "seccomp", "SCMP_ACT_X has no meaning"),
    ('Conflict. The container name "/web" is already in use by container "12ab". You have to remove (or rename) that',
     "engine", "Another container has this name"),
    ('invalid mount config for type "bind": bind source path does not exist: /srv/gone', "files",
     "/srv/gone, which should be mounted, does not exist"),
    ("error while creating mount source path '/mnt/x': mkdir /mnt/x: read-only file system", "files",
     "/mnt/x, which should be mounted, does not exist on the host, and the engine can't create it"),
    ("cannot join network of a non running container: 12ab", "engine", "no longer exists: 12ab"),
    ('could not select device driver "" with capabilities: [[gpu]]', "engine", "provide this device: gpu"),
    (f"{RUNC}container init was OOM-killed (memory limit too low?): unknown", "cgroup",
     "Its memory limit is too low"),
    (f"{RUNC}error during container init: unable to apply apparmor profile: apparmor failed to apply profile: write "
     "/proc/self/attr/apparmor/exec: no such file or directory: unknown", "mac", "AppArmor profile is not loaded"),
    ("Requested CPUs are not available - requested 77, available: 0-1.", "cgroup",
     "the CPUs 77, but the machine has 0-1"),
    ("unknown or invalid runtime name: nosuch", "engine", "no runtime nosuch"),
    ("image with reference a:1 was found but does not match the specified platform: wanted linux/arm64, actual: "
     "linux/amd64", "image", "is built for linux/amd64, and linux/arm64 is wanted"),
    ('path / is mounted on / but it is not a shared mount', "namespaces", "that mount is private"),
    # Podman 5.4 with crun 1.21
    ("crun: executable file `/nosuch` not found: No such file or directory: OCI runtime attempted to invoke a command "
     "that was not found", "image", "no program /nosuch in it"),
    ("crun: executable file `nosuch` not found in $PATH: No such file or directory: OCI runtime attempted to invoke a "
     "command that was not found", "image", "no program nosuch in it"),
    ("crun: the path `/f/nox.sh` exists but it is not executable: Operation not permitted: OCI permission denied",
     "files", "/f/nox.sh can't be executed"),
    ("crun: the path `/etc` is not a regular file: Operation not permitted: OCI permission denied", "image",
     "/etc, which it should run, is a directory"),
    ("cannot listen on the TCP port: listen tcp4 :18081: bind: address already in use", "network", "Port 18081 of"),
    ("rootlessport cannot expose privileged port 80, you can add 'net.ipv4.ip_unprivileged_port_start=80' to "
     "/etc/sysctl.conf", "kernel", "can't publish port 80"),
    ('workdir "/bin/sh" exists on container 9592, but is not a directory', "image",
     "working directory, /bin/sh, is a file"),
    ("crun: open `/proc/sys/net/nosuch/x`: No such file or directory: OCI runtime attempted to invoke a command that "
     "was not found", "kernel", "no setting net/nosuch/x"),
    ("crun: setrlimit `RLIMIT_NOFILE`: Operation not permitted: OCI permission denied", "cgroup",
     "The requested limit NOFILE"),
    ("crun: mount `/etc/hostname` to `etc`: Not a directory: OCI runtime error", "engine",
     "/etc/hostname on the host and etc inside"),
    ("statfs /nosuchdir: no such file or directory", "files", "/nosuchdir, which should be mounted"),
    ("stat /dev/nosuch: no such file or directory", "kernel", "no device /dev/nosuch"),
    ('apparmor profile "nosuch" specified, but Apparmor is not enabled on this system', "mac",
     "does not have or does not"),
    ("unable to find network with name or ID nosuch: network not found", "network",
     "Its network nosuch no longer exists"),
    ("requested static ip 10.99.0.7 not in any subnet on network podman", "network", "The fixed address 10.99.0.7"),
    ("crun: error opening file `/proc/self/uid_map`: Too many open files: OCI runtime error", "cgroup",
     "open file limit is"),
    ("crun: read from the init process: OCI runtime error", "seccomp", "before its program ran"),
    ("crun: invalid seccomp action `SCMP_ACT_X`: OCI runtime error", "seccomp", "SCMP_ACT_X has no meaning"),
    ("potentially insufficient UIDs or GIDs available in user namespace (requested 0:42 for /etc/gshadow): Check "
     "/etc/subuid and /etc/subgid: lchown /etc/gshadow: invalid argument", "usermap", "too few IDs"),
    ("crun: mount `proc` to `proc`: Operation not permitted: OCI permission denied", "namespaces",
     "mount its own /proc"),
    ("crun: something new: Operation not permitted: OCI permission denied", "engine", "was refused something"),
)  # fmt: skip


@pytest.mark.parametrize(("words", "layer", "said"), SAID, ids=[f"{layer}: {said}" for _, layer, said in SAID])
def test_what_it_means(words: str, layer: str, said: str) -> None:
    claim = meaning(words, Asked())
    assert claim is not None
    assert (claim.layer, claim.strength) == (layer, Strength.SAID)
    text = translate(claim.what)
    assert said in text
    assert "?" not in text.replace("?)", "")


def test_what_would_help() -> None:
    asked = Asked(memory=6 << 20, pids=1, limits=(AskedLimit("nofile", 4, 8),))
    wants = {words: claim.wants for words, _, _ in SAID if (claim := meaning(words, asked)) is not None and claim.wants}
    assert (MoreOf("memory", 6 << 20),) in wants.values()
    assert (MoreOf("nofile", 4),) in wants.values()
    assert (Unconfined("apparmor"),) in wants.values()


def test_words_that_nobody_knows() -> None:
    assert meaning("the moon is in the wrong place", Asked()) is None
    assert meaning("", Asked()) is None


@given(st.text(max_size=300), st.sampled_from([words for words, _, _ in SAID]))
def test_foreign_words_never_fail(text: str, words: str) -> None:
    meaning(text, Asked())
    claim = meaning(words.replace("nosuch", text), Asked())
    assert claim is None or translate(claim.what)
