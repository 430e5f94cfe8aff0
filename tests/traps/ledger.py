"""What came of each trap, as a table: `trap | engines | what happened`, printed at the end of a run of this folder.

The traps and the order are those of the facts about relaunching. A test writes its line with the fixture `told` once
all that it asserts held. What other tests prove already is not tried again: `ELSEWHERE` says where, and
test_table.py that it is there.
"""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(slots=True)
class Ledger:
    """Lines of this session: (trap, what happened) to the engines that showed it."""

    lines: dict[tuple[str, str], list[str]] = field(default_factory=dict)

    def write(self, trap: str, engine: str, what: str) -> None:
        engines = self.lines.setdefault((trap, what), [])
        if engine not in engines:
            engines.append(engine)

    def table(self) -> list[str]:
        rows = [(trap, ", ".join(engines), what) for (trap, what), engines in self.lines.items()]
        if rows:
            rows += [(trap, "see", where) for trap, where in ELSEWHERE]
        return ["trap | engines | what happened", "--- | --- | ---", *(" | ".join(row) for row in rows)] if rows else []


LEDGER = Ledger()

_LAUNCH, _CALLS = "tests/engines/test_docker_launch.py", "tests/engines/test_docker_relaunch_calls.py"
_RELAUNCH, _PODMAN = "tests/engines/test_docker_relaunch.py", "tests/engines/test_podman_relaunch.py"
_PODMAN_CALLS = "tests/engines/test_podman_relaunch_calls.py"
ELSEWHERE: tuple[tuple[str, str], ...] = ()
