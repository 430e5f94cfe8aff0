"""Who confined whom, by processes that are written down: signs in order of strength, what belongs together, fakes."""

from __future__ import annotations

from typing import Any

import pytest

from stratascope.collector.confined import AGENTS
from stratascope.core.sandbox import Group
from stratascope.core.sandboxes.find import sandboxes
from stratascope.core.sandboxes.makers import INTERPRETERS, MAKERS
from stratascope.linux.confined import parse_confined
from unit.core.sandboxes.machine_text import OWN, MachineText, agent_at_work, bwrapped

ID = "ab" * 32


def test_the_tool_stands_outside_and_is_the_sign() -> None:
    machine = MachineText()
    bwrapped(machine)
    found = machine.only()
    assert (found.id, found.maker, found.group) == ("bubblewrap-sleep", "bubblewrap", Group.OTHER)
    assert (found.first, found.pids, found.helpers) == (102, (102,), (100, 101))
    assert dict(found.sign.args) == {"program": "/usr/bin/bwrap", "pid": 100}
    assert found.command == "sleep 9"


def test_its_lines_give_it_again() -> None:
    machine = MachineText()
    bwrapped(machine)
    found = machine.only()
    confined = parse_confined("\n".join(found.processes))
    assert machine.found() == (found,)
    assert {each.pid for each in confined.processes} == {1, 100, 101, 102}


def test_a_filter_on_what_it_runs_alone_makes_no_second_one() -> None:
    machine = MachineText()
    bwrapped(machine, filters=1, seccomp=2)
    assert (machine.only().pids, machine.only().helpers) == ((102,), (100, 101))


def test_nested_ones_are_a_tree() -> None:
    machine = MachineText()
    bwrapped(machine)
    inner = {**OWN, "mnt": 7011, "pid": 7012}
    machine.add(110, 102, "/usr/bin/bwrap", OWN, nnp=True, depth=2)
    machine.add(111, 110, "/usr/bin/bwrap", inner, nnp=True, depth=3)
    machine.add(112, 111, "/usr/bin/cat", inner, nnp=True, depth=3)
    outer, nested = machine.found()
    assert (outer.pids, nested.pids) == ((102,), (112,))
    assert (nested.parent, nested.id) == (outer.id, "bubblewrap-cat")


def test_ids_are_of_what_runs_and_further_ones_are_numbered() -> None:
    machine = MachineText()
    for pid in (100, 200, 300):
        own = {kind: inode + pid for kind, inode in OWN.items()}
        machine.add(pid, 1, "/usr/bin/unshare")
        machine.add(pid + 1, pid, "/usr/bin/sleep", own, argv=["sleep"])
    assert [each.id for each in machine.found()] == ["unshare-sleep", "unshare-sleep-2", "unshare-sleep-3"]


@pytest.mark.parametrize(
    "fake",
    [
        {"comm": "bwrap", "argv": ["bwrap", "--unshare-all", "sleep"]},
        {"files": {".flatpak-info": "[Application]\nname=org.example.Bank\n"}},
        {"files": {"run/host/container-manager": "systemd-nspawn\n", ".dockerenv": "", "run/.containerenv": ""}},
        {"environment": ["CLAUDECODE", "CODEX_SANDBOX", "SANDBOX_RUNTIME", "FLATPAK_ID", "container"]},
        {"argv": ["/usr/bin/node", "/x/@anthropic-ai/claude-code/cli.js"]},
        {"argv": ["x" * 65536]},
        {"comm": "\x1b[31m\\n", "argv": ["\x1b]0;t\x07\u202e", "\n"]},
    ],
)
def test_a_sandbox_is_not_what_it_says_it_is(fake: dict[str, object]) -> None:
    machine = MachineText()
    machine.add(100, 1, "/usr/bin/bash")
    machine.add(101, 100, "/usr/bin/sleep", OWN, **{"argv": ["sleep"], **fake})
    found = machine.only()
    assert (found.maker, found.group, found.helpers) == ("none", Group.OTHER, ())
    assert found.sign.id == "nothing tells who confined it"
    assert found.id.isprintable()
    assert len(found.id) < 80
    assert len(found.name) <= 100


def test_a_program_of_a_tools_name_in_the_sandbox_is_no_sign() -> None:
    machine = MachineText()
    machine.add(101, 1, "/usr/bin/bwrap", OWN)  # a file of that name in a file system of its own
    machine.add(102, 101, "/usr/bin/sleep", OWN)
    assert machine.only().maker == "none"


def test_flatpaks_file_is_a_sign_only_on_a_runtime_that_bubblewrap_mounted() -> None:
    file: dict[str, Any] = {"files": {".flatpak-info": "[Application]\nname=org.example.App\n"}}
    machine = MachineText()
    bwrapped(machine, **file)
    assert machine.only().maker == "bubblewrap"
    machine = MachineText()
    runtime = "/var/lib/flatpak/runtime/org.example.Platform/x86_64/1/0123abcd/files"
    bwrapped(machine, **file, mounts={"/usr": runtime})
    assert (machine.only().maker, machine.only().group) == ("flatpak", Group.APPLICATIONS)


def test_an_engines_containers_are_none_and_what_is_nested_in_one_stands_in_it() -> None:
    machine = MachineText()
    machine.add(90, 1, "/usr/bin/containerd-shim-runc-v2", argv=["containerd-shim-runc-v2", "-namespace", "moby"])
    machine.add(100, 90, "/bin/sh", OWN, cgroups=[f"/docker/{ID}"], depth=2)
    assert machine.found() == ()
    inner = {**OWN, "mnt": 7011}
    machine.add(101, 100, "/usr/bin/bwrap", OWN, cgroups=[f"/docker/{ID}"], nnp=True, depth=2)
    machine.add(102, 101, "/usr/bin/sleep", inner, cgroups=[f"/docker/{ID}"], nnp=True, depth=2)
    assert (machine.only().maker, machine.only().parent, machine.only().pids) == ("bubblewrap", ID, (102,))


def test_an_engines_first_processes_are_known_without_a_control_group() -> None:
    machine = MachineText()
    machine.add(100, 1, "/bin/sh", OWN)
    machine.add(101, 100, "/bin/cat", OWN)
    assert len(machine.found()) == 1
    assert machine.found({ID: 100}) == ()


@pytest.mark.parametrize("program", ["slirp4netns", "pasta", "conmon", "dockerd", "rootlesskit", "catatonit"])
def test_an_engines_helpers_are_folded(program: str) -> None:
    machine = MachineText()
    machine.add(100, 1, f"/usr/bin/{program}", OWN)
    assert (machine.only().maker, machine.only().folded) == ("engine", True)


def test_an_engines_helpers_are_one_row_where_they_are_confined_alike() -> None:
    machine = MachineText()
    for pid in (100, 101, 102):
        machine.add(pid, 1, "/usr/bin/conmon", {"mnt": 7000 + pid, "user": 8000 + pid})
    machine.add(103, 1, "/usr/bin/conmon", {"mnt": 7103})
    machine.add(104, 1, "/usr/bin/slirp4netns", {"mnt": 7104, "user": 8104})
    found = {each.id: each.pids for each in machine.found()}
    assert found == {"engine-conmon": (100, 101, 102), "engine-conmon-2": (103,), "engine-slirp4netns": (104,)}
    assert not any(each.parent for each in machine.found())


def test_services_are_folded_and_keep_their_units_name() -> None:
    machine = MachineText()
    unit: dict[str, Any] = {"cgroups": ["/system.slice/cups.service"]}
    machine.add(100, 1, "/usr/sbin/cupsd", {"mnt": 7001}, **unit)
    machine.add(101, 100, "/usr/sbin/cups-child", {"mnt": 7001}, **unit)
    found = machine.only()
    assert (found.id, found.group, found.folded) == ("systemd-cups.service", Group.SERVICES, True)
    assert found.pids == (100, 101)


def test_a_control_group_named_like_a_service_is_none_without_systemd() -> None:
    machine = MachineText()
    machine.add(90, 1, "/usr/bin/bash", cgroups=["/user.slice/session-1.scope"])
    machine.add(100, 90, "/usr/bin/sleep", OWN, cgroups=["/user.slice/user@1.service/fake.service"])
    assert machine.only().maker == "none"


def test_agents_have_tools_do_it() -> None:
    machine = MachineText()
    machine.add(90, 1, "/usr/bin/node", argv=["node", "/usr/lib/node_modules/@anthropic-ai/claude-code/cli.js"])
    machine.add(91, 90, "/usr/bin/bash")
    bwrapped(machine, parent=91)
    found = machine.only()
    assert (found.maker, found.group, found.id) == ("claude-code", Group.AGENTS, "claude-code-sleep")
    assert dict(found.sign.args)["other"] == 90


def test_an_agent_in_somebodys_sandbox_stands_with_the_agents() -> None:
    """And what it makes itself stands in it; the maker stays who made it."""
    machine = MachineText()
    machine.add(100, 1, "/usr/bin/bwrap", argv=["bwrap", "--unshare-pid", "claude"])
    machine.add(101, 100, "/root/.local/bin/claude", OWN)
    (found,) = machine.found()
    assert (found.maker, found.group) == ("bubblewrap", Group.AGENTS)
    machine.add(102, 101, "/usr/bin/bwrap", OWN, argv=["bwrap", "--unshare-net", "sh"], hosts_exe=True)
    machine.add(103, 102, "/usr/bin/sh", {**OWN, "net": 7})
    outer, inner = machine.found()
    assert (inner.maker, inner.group, inner.parent) == ("claude-code", Group.AGENTS, outer.id)


def test_a_tool_in_an_editor_is_an_agents_where_it_says_so() -> None:
    for said, maker in (([], "bubblewrap"), (["AI_AGENT"], "agent")):
        machine = MachineText()
        machine.add(90, 1, "/usr/share/code/code")
        bwrapped(machine, parent=90, environment=said)
        assert machine.only().maker == maker


def test_a_browser_is_one_row_with_folded_parts() -> None:
    machine = MachineText()
    exe = "/usr/lib/chromium/chromium"
    machine.add(100, 1, exe)
    own = {"user": 7001, "pid": 7002, "net": 7003}
    machine.add(101, 100, exe, own, argv=["chromium", "--type=zygote"])
    for pid in (110, 111, 112):
        argv = ["chromium", "--type=renderer"]
        machine.add(pid, 101, exe, own, argv=argv, filters=1, seccomp=2, nnp=True)
    machine.add(120, 100, exe, argv=["chromium", "--type=gpu-process"], filters=1, seccomp=2, nnp=True)
    shown = [each for each in machine.found() if not each.folded]
    assert [(each.maker, each.name, each.pids) for each in shown] == [("chromium", "chromium", (110, 111, 112))]
    assert {each.parent for each in machine.found() if each.folded} == {shown[0].id}


def test_an_ordinary_user_is_not_told_guesses() -> None:
    machine = MachineText()
    machine.add(100, 1, None, ns={}, root="", nnp=True, cgroups=["/user.slice"], argv=["bwrap"], comm="bwrap")
    assert machine.only().maker == "none"
    machine = MachineText()
    machine.add(100, 1, None, ns={}, root="", depth=2, cgroups=["/lxc.payload.web"], comm="systemd")
    assert (machine.only().maker, machine.only().name) == ("lxc", "web")


def test_processes_that_are_each_others_ancestors_end() -> None:
    machine = MachineText()
    machine.add(100, 101, "/bin/a", OWN)
    machine.add(101, 100, "/bin/b", OWN)
    assert machine.found()


def test_what_an_agent_runs_while_no_sandbox_of_it_lives_is_found_and_marked() -> None:
    free = agent_at_work(sandboxed=False).only()
    assert (free.id, free.maker, free.group, free.free) == ("codex-bash", "codex", Group.AGENTS, True)
    assert (free.pids, free.helpers, free.outside) == ((60,), (50,), ((60, "bash"),))
    confined = parse_confined("\n".join(free.processes))
    assert [each.sandbox for each in sandboxes(confined.processes, confined.host, {})] == [free]
    beside = agent_at_work(sandboxed=True).only()
    assert (beside.free, beside.outside) == (False, ((60, "bash"),))


def test_an_agent_that_runs_nothing_or_a_part_of_itself_is_no_row() -> None:
    machine = MachineText()
    machine.add(50, 1, "/usr/bin/node", argv=["node", "/x/@openai/codex/bin/codex.js"])
    machine.add(51, 50, "/usr/bin/codex")
    machine.add(70, 1, "/usr/bin/node", argv=["node", "/srv/site.js"])
    machine.add(71, 70, "/usr/bin/bash")
    assert machine.found() == ()


def test_the_collector_looks_for_all_that_may_be_such_an_agent() -> None:
    rows = [row for row in MAKERS if row.alone]
    assert {program for row in rows for program in row.programs} | set(INTERPRETERS) == set(AGENTS)
