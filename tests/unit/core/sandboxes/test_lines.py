"""What is written for a maker: by what is wanted of it, and nothing that it has no option for."""

from __future__ import annotations

import json
import shlex
import tomllib

import pytest

from rig.core.sandboxes import sandbox_of
from stratascope.core.container import Asked, AskedMount, ProfileKind
from stratascope.core.options.difference import UnwritableError
from stratascope.core.sandboxes.asked import bubblewrap
from stratascope.core.sandboxes.lines import NULL, What, rows_of, wanted_of, written
from stratascope.core.sandboxes.makers import MAKERS
from stratascope.value import replace

_HOSTILE = "/home/a b/$(id)/'x\"\\ü"


@pytest.mark.parametrize("which", [each.id for each in MAKERS if rows_of(each.id)])
def test_every_row_can_be_written_with_every_path(which: str) -> None:
    sandbox = sandbox_of(which, f"{which} -- true")
    for what in rows_of(which):
        path = _HOSTILE if which != "lxc" else _HOSTILE.replace(" ", "")
        value = {What.DROP: "CAP_SYS_ADMIN", What.MEMORY: "1048576", What.PIDS: "64", What.CPU: "150"}.get(what, path)
        made = written(sandbox, [(what, value)])
        assert made.text.endswith("\n")
        assert made.lines
        with pytest.raises(UnwritableError):
            written(sandbox, [(what, "/a\nExecStart=/bin/sh")])


@pytest.mark.parametrize("which", ["bubblewrap", "firejail", "unshare", "nspawn", "flatpak"])
def test_a_path_stays_one_word_of_a_shell(which: str) -> None:
    if What.HIDE not in rows_of(which):
        return
    sandbox = sandbox_of(which, f"{which} -- true")
    assert any(_HOSTILE in each for each in shlex.split(written(sandbox, [(What.HIDE, _HOSTILE)]).text))


def test_of_bubblewrap_they_come_last_of_its_options_and_before_the_command() -> None:
    said = "bwrap --ro-bind / / --setenv A ... --tmpfs /run -- sh -c 'bwrap --tmpfs /x'"
    made = written(sandbox_of("bubblewrap", said), [(What.HIDE, "/root/.ssh"), (What.NETWORK, "")])
    assert made.text == (
        'bwrap --ro-bind / / --setenv A "$A" --tmpfs /run --tmpfs /root/.ssh --unshare-net'
        " -- sh -c 'bwrap --tmpfs /x'\n"
    )
    assert made.filled
    assert bubblewrap.read(shlex.split(made.text)).command == ("sh", "-c", "bwrap --tmpfs /x")


def test_of_a_command_that_is_not_all_known_nothing_is_made() -> None:
    for said in ("", "bwrap 'cut off", "bwrap --args 9 true"):
        with pytest.raises(UnwritableError):
            written(sandbox_of("bubblewrap", said), [(What.NETWORK, "")])


def test_no_option_is_made_up() -> None:
    for which, what in (("containerd", What.NETWORK), ("unshare", What.HIDE), ("codex", What.MEMORY)):
        with pytest.raises(UnwritableError):
            written(sandbox_of(which, "x true"), [(what, "1")])


def test_of_codex_it_is_a_profile_that_keeps_what_it_could_write() -> None:
    writes = '{"file_system":{"entries":[{"path":{"type":"special"},"access":"write"}]}}'
    wanted = [(What.HIDE, "/home/u/.ssh"), (What.LOCK, _HOSTILE), (What.NETWORK, "")]
    for text, base in ((writes, ":workspace"), ("{}", ":read-only")):
        made = written(sandbox_of("codex", "", ("--permission-profile", text)), wanted)
        read = tomllib.loads(made.text)
        profile = read["permissions"][read["default_permissions"]]
        assert profile == {
            "extends": base,
            "filesystem": {"/home/u/.ssh": "deny", _HOSTILE: "read"},
            "network": {"enabled": False},
        }


def test_of_sandbox_runtime_they_are_lists_of_its_settings() -> None:
    made = written(
        sandbox_of("sandbox-runtime", "bwrap x", ("/proc/9/cmdline", "node /x/srt -s /home/u/s.json -c ls")),
        [(What.HIDE, "/a"), (What.HIDE_FILE, "/b"), (What.LOCK, "/c")],
    )
    assert json.loads(made.text) == {"filesystem": {"denyRead": ["/a", "/b"], "denyWrite": ["/c"]}}
    assert dict(made.place.args)["file"] == "/home/u/s.json"


def test_of_a_service_it_is_a_drop_in() -> None:
    made = written(sandbox_of("systemd"), [(What.HIDE, "/srv/50%"), (What.CPU, "150"), (What.NO_NEW_PRIVILEGES, "")])
    assert made.text == "[Service]\nInaccessiblePaths=-/srv/50%%\nCPUQuota=150%\nNoNewPrivileges=yes\n"


def test_all_capabilities_are_dropped_in_each_makers_words() -> None:
    for which, text in (
        ("systemd", "[Service]\nCapabilityBoundingSet=\n"),
        ("lxc", "lxc.cap.keep = none\n"),
        ("firejail", "firejail --caps.drop=all true\n"),
        ("bubblewrap", "bwrap --cap-drop ALL true\n"),
    ):
        command = {"firejail": "firejail true", "bubblewrap": "bwrap true"}.get(which, "")
        assert written(sandbox_of(which, command), [(What.DROP, "ALL")]).text == text


def test_what_is_wanted_is_told_from_both_requests() -> None:
    before = Asked(
        network_mode="host",
        pid_mode="host",
        seccomp=ProfileKind.UNCONFINED,
        mounts=(AskedMount("bind", "/p", "/p", writable=True),),
    )
    after = replace(
        before,
        network_mode="private",
        no_new_privileges=True,
        seccomp=ProfileKind.DEFAULT,
        cap_drop=("ALL",),
        capabilities=(),
        memory=1024,
        cpu_cores=1.5,
        mounts=(
            AskedMount("bind", "/p", "/p", writable=False),
            AskedMount("tmpfs", "", "/s", writable=False),
            AskedMount("bind", NULL, "/n", writable=False),
            AskedMount("bind", "/h", "/h", writable=False),
        ),
    )
    assert set(wanted_of(before, after)) == {
        *((What.READ_ONLY, "/p"), (What.HIDE, "/s"), (What.HIDE_FILE, "/n"), (What.LOCK, "/h")),
        *((What.NETWORK, ""), (What.DROP, "ALL"), (What.NO_NEW_PRIVILEGES, ""), (What.FILTER, "")),
        *((What.MEMORY, "1024"), (What.CPU, "150")),
    }
    assert list(wanted_of(before, before)) == []
    for other in (
        replace(before, user="1000"),
        replace(before, mounts=()),
        replace(before, pid_mode="container:x"),
        replace(before, mounts=(*before.mounts, AskedMount("bind", "/x", "/y", writable=True))),
    ):
        with pytest.raises(UnwritableError):
            list(wanted_of(before, other))
