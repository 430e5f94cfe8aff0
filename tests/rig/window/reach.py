"""What an agent's sandbox can get at, made by hand: every answer, every way of knowing, a toggle and an option."""

from __future__ import annotations

import threading

from rig.window import sample
from stratascope.core.message import msg
from stratascope.core.reach.row import Answer, How, Known, Reached, ReachRow, Remedy
from stratascope.core.reach.things import BY_ID, THINGS
from stratascope.core.sandbox import Group, Sandbox
from stratascope.core.snapshot import ContainerState, Snapshot
from stratascope.value import replace

SOURCE = "/proc/4211/mountinfo"


def row(thing: str, answer: Answer, where: str = "", *closed_by: str, known: Known = Known.ENFORCED) -> ReachRow:
    """A row of that thing."""
    return ReachRow(BY_ID[thing], answer, where, closed_by, known, source=SOURCE)


KEYS = replace(
    row("ssh-keys", Answer.OPEN, "/srv/me/.ssh/id_ed25519"),
    more=2,
    remedy=Remedy(How.OPTION, "--tmpfs /srv/me/.ssh", msg("Hide {path} from it", path="/srv/me/.ssh")),
)
SOCKET = replace(
    row("docker-socket", Answer.OPEN, "/run/docker.sock"),
    remedy=Remedy(How.TOGGLE, "engine-socket=remove", msg("Remove the engine socket")),
)
CLOSED = row("aws", Answer.CLOSED, "/srv/me/.aws/credentials", "usermap", "namespaces")
FOUND = Reached(
    (
        KEYS,
        CLOSED,
        row("browser", Answer.UNKNOWN, "/srv/me/.mozilla", known=Known.ASKED),
        SOCKET,
        row("internet", Answer.CLOSED, "", "seccomp", known=Known.TRIED),
        row("project", Answer.NEEDED, "/srv/me/src/portal"),
    )
)
TRIED = Reached((replace(KEYS, known=Known.TRIED), *FOUND.rows[1:4], *FOUND.rows[5:]))
OTHER = Reached((row("gpg", Answer.OPEN, "/srv/me/.gnupg"),))
FOREIGN = " ".join(each.where for each in (*FOUND.rows, *OTHER.rows))  # what no language changes
LONG = Reached(tuple(replace(CLOSED, thing=thing) for thing in THINGS))


def agent(name: str = "codex", pid: int = 4211) -> ContainerState:
    """An agent's sandbox that runs."""
    state = sample.state(name, engine="sandboxes")
    sandbox = Sandbox(f"codex-{name}", "codex", "OpenAI Codex", Group.AGENTS, msg("…"), name, "codex", pid, 1, ())
    return replace(state, container=replace(state.container, id=sandbox.id, pid=pid, sandbox=sandbox))


class Reading:
    """Answers what `found` has for a name, once it is `let`."""

    def __init__(self, found: dict[str, Reached]) -> None:
        self.found, self.let = found, threading.Event()
        self.asked: list[str] = []
        self.let.set()

    def __call__(self, snapshot: Snapshot, state: ContainerState) -> Reached:
        self.let.wait(10)
        self.asked.append(state.container.name)
        return self.found.get(state.container.name, OTHER)
