"""A container whose texts are all untrusted: an image's author, or a fake engine, may set any of them.

rotated(kind, texts)     # as many containers as texts; each text has stood in each place once
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import cycle, islice

from hypothesis import strategies as st

from stratascope.core.container import Asked, AskedDevice, AskedLimit, AskedMount, AskedPort, EngineKind, ProfileKind
from stratascope.core.options.request import Endpoint, HealthTest, RunMount, RunOptions
from stratascope.core.relaunch.launch_spec import RestartPolicy
from stratascope.value import replace

BEFORE = Asked(user="was", privileged=True, seccomp=ProfileKind.UNCONFINED, masked_paths=())
ASKED = Asked(mounts=(AskedMount("tmpfs", "", "/x", True),), devices=(AskedDevice("/dev/x", "/dev/x", "r"),),
              network_mode="x", userns_mode="x")  # fmt: skip
SECTION = "/d\n[Service]\nExecStartPre=/bin/touch /made"
# Texts that one of the readers treats as syntax
TRAPS = (
    SECTION, "/d\\n[Service]\\nExecStartPre=/bin/touch /made", "a\\\nb", "\\", "a\\", "%n", "%%", "%",
    "$HOME", "${HOME}", "$$", "$", ";", " ; ", " a", "a ", " ", "\t", "a\tb", "\r", "\n", "\"", "'",
    "\"a\"", "'a b'", "\"a", "a b", "", "-", "--privileged", "-x", ".", "./a", "~/a", "a.volume",
    "a.network", "a.container", "x.image:y", "@a", ":a", "+a", "!a", "|a", "[Service]", "#a", ";a", "=",
    "a=b", "a,b", "a:b", "a:b:c", "src=/x", "\\x41", "\\u0041", "\\101", "\\s", "é", "\xa0", "\x85",
    "\u2028", "\u202e", "\ufeff", "\x01\x1b\x7f", "😀", "\U0010fffd", "ÿ", "`id`", "$(id)",
    "a'; touch made; '", "{{.Id}}", "*", "?", "yes", "no", "on", "off", "null", "~", "1_000", "0o7",
    "0x1f", "1e3", "12:30:45", ".inf", "<<", "2026-01-01", "---", "...", "? a", "a: b", "a:", "- a", "&a",
    "*a", "!t", ">", "@", "`", "{}", "[]", "k" * 1025, "é" * 600, "k: " * 2000,
)  # fmt: skip
TEXTS = st.text(
    st.sampled_from("\\\"'$%`;:,=.-/ \n\t\r[]{}#&*!|>@~a0nxéß\x01\x1b\x7f\x81\x85\xa0\u2028\u202e\ufeff😀")
    | st.characters(codec="utf-8", exclude_characters="\0"),
    max_size=20,
)


def rotated(kind: EngineKind, texts: Sequence[str]) -> list[RunOptions]:
    return [_container(kind, (*texts[start:], *texts[:start])) for start in range(len(texts))]


def _container(kind: EngineKind, texts: Sequence[str]) -> RunOptions:
    endless = cycle(texts)

    def one() -> str:
        return next(endless)

    def two() -> tuple[str, str]:
        return one(), one()

    def some() -> tuple[str, ...]:
        return tuple(islice(endless, 2))

    return RunOptions(
        kind=kind,
        name=one(),
        image=one(),
        before=BEFORE,
        asked=replace(
            ASKED,
            user=one(),
            groups=some(),
            pid_mode=one(),
            ipc_mode=one(),
            uts_mode=one(),
            cgroupns_mode=one(),
            log_driver=one(),
            cap_add=some(),
            cap_drop=some(),
            selinux_options=(f"type:{one()}", f"level:{one()}", f"filetype:{one()}", one()),
            limits=(AskedLimit(one(), 1, 2),),
        ),
        entrypoint=some(),
        command=some(),
        environment=((f"A{one()}".replace("=", ""), one()), ("B", one())),
        labels=(two(), two()),
        annotations=(two(),),
        workdir=one(),
        hostname=one(),
        domainname=one(),
        mounts=(
            RunMount("bind", one(), one(), True, (one(),)),
            RunMount("bind", one(), one(), True, (), (("bind-propagation", one()),)),
            RunMount("volume", one(), one()),
            RunMount("tmpfs", "", one(), True, (one(),)),
        ),
        ports=(AskedPort(one(), one(), one()),),
        network=one(),
        networks=(Endpoint(one(), some(), some(), one(), (two(),)),),
        dns=some(),
        dns_search=some(),
        dns_options=some(),
        hosts=some(),
        userns=one(),
        restart=RestartPolicy(one(), 3),
        stop_signal=one(),
        health=HealthTest(("CMD-SHELL", one())),
        log_options=(two(),),
        seccomp=f"/{one()}",
        apparmor=one(),
        mask=some(),
        unmask=some(),
        devices=(AskedDevice(one(), one(), one()),),
        sysctls=(two(),),
        shared=(("cpuset-cpus", one()), ("device-cgroup-rule", one())),
        own=(("secret", one()),),
    )
