"""Explained ends of containers; `EndTeller` returns them."""

from __future__ import annotations

from stratascope.core.message import age, msg
from stratascope.core.refusals.ended.ending import Cause, Ending, Fact, Phase, Source
from stratascope.core.refusals.refusal import Claim, RefusalRemedy, Strength
from stratascope.core.snapshot import ContainerState
from stratascope.layers.toggles import choice_of

MEMORY = choice_of("memory", "67108864")
OF_MEMORY = Ending(
    "docker",
    "1" * 64,
    "nightly-report",
    Phase.EXITED,
    msg("It was killed: it exceeded its memory limit."),
    exit_code=137,
    signal="SIGKILL",
    out_of_memory=True,
    facts=(Fact(msg("It ran for {age}.", age=age(41)), Source.ENGINE),),
    cause=Cause(
        Claim("cgroup", msg("The kernel killed it because it exceeded its memory limit."), Strength.SAID),
        msg("The kernel counted such a kill for its cgroup, and the engine reports it."),
        "",
        (RefusalRemedy(msg("Give it {size} of memory", size="64 MiB"), MEMORY, ()),),
    ),
    log=("reading 4,000,000 rows", "sorting \x1b[31m<b>them</b>"),
)
RESTARTS = Ending(
    "docker",
    "1" * 64,
    "nightly-report",
    Phase.RESTARTING,
    msg("It keeps ending, and was restarted {count} times so far.", count=8),
    exit_code=3,
    restarts=8,
    cause=Cause(
        Claim("capabilities", msg("It may not listen on its port."), Strength.LEFT),
        msg("The last line of its log says so."),
        "bind: Permission denied",
    ),
    log=("bind: Permission denied",),
)
GUESS = Ending(
    "docker",
    "1" * 64,
    "legacy-vpn",
    Phase.RUNNING,
    msg("It is running."),
    cause=Cause(
        Claim("namespaces", msg("It can't write there: its root filesystem is read-only."), Strength.LEFT),
        msg("Its log points to it."),
        "touch: /x: Read-only file system",
    ),
    log=("touch: /x: Read-only file system",),
)
FOREIGN = " ".join((*OF_MEMORY.log, *GUESS.log, *RESTARTS.log, "MiB"))
NO_GUESS = Ending("docker", "1" * 64, "legacy-vpn", Phase.RUNNING, msg("It is running."), log=("all is well",))


class EndTeller:
    """Explains the same end for every container. `asked`: which were asked about, and how often."""

    def __init__(self, ending: Ending) -> None:
        self.ending = ending
        self.asked: list[str] = []
        self.fails: Exception | None = None

    def explain(self, state: ContainerState) -> Ending:
        self.asked.append(state.container.name)
        if self.fails is not None:
            raise self.fails
        return self.ending
