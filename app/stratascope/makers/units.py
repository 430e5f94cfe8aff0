"""What systemd says of the units of services, put beside what was read of their processes: so it stays in captures.

A unit is asked about once as long as it has the same first process; all that are new at once, in one call. Of another
user's manager nothing is asked. Not thread-safe.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Sequence

from stratascope.core.sandboxes.asked.systemd import COMMANDS
from stratascope.core.sandboxes.groups import unit_of
from stratascope.linux.confined import Confined, ConfinedProcess
from stratascope.value import replace

# `systemctl show` of these units, of the machine's manager or of one's own; "" where it can't be run
Show = Callable[[Sequence[str], bool], str]
LINE_MAX = 1000  # characters: a filter names hundreds of calls
_USERS = re.compile(r"/user@([0-9]+)\.service/").search
_Unit = tuple[bool, str]  # whether it is of one's own manager, and its name


class Units:
    """What was told so far. `uid`: whose manager of units may be asked beside the machine's."""

    def __init__(self, show: Show, uid: int) -> None:
        self._show, self._uid = show, uid
        self._known: dict[_Unit, tuple[tuple[int, int], str]] = {}  # its first process, and what was said

    def told(self, found: Confined) -> Confined:
        """The same processes; the first of each service with its unit's properties as one of its files."""
        firsts: dict[_Unit, ConfinedProcess] = {}
        for unit, process in self._services(found.processes):
            firsts.setdefault(unit, process)
        same = {unit: (each.pid, each.started) for unit, each in firsts.items()}
        self._known = {unit: known for unit, known in self._known.items() if same.get(unit) == known[0]}
        for own in (False, True):
            names = [name for unit, name in same if unit is own and (own, name) not in self._known]
            said = dict(_blocks(self._show(names, own))) if names else {}
            for name in names:
                self._known[own, name] = same[own, name], said.get(name, "")
        beside = {
            each.pid: (COMMANDS[own] + name, text)
            for (own, name), each in firsts.items()
            if (text := self._known[own, name][1])
        }
        return replace(found, processes=tuple(_with(each, beside.get(each.pid)) for each in found.processes))

    def _services(self, processes: Sequence[ConfinedProcess]) -> Iterator[tuple[_Unit, ConfinedProcess]]:
        units = {each.pid: unit_of(each) for each in processes}
        for each in processes:
            path = units[each.pid]
            if not each.confined or not path.endswith(".service") or units.get(each.parent) == path:
                continue
            users = _USERS(path)
            if users is None or int(users.group(1)) == self._uid:
                yield (users is not None, path.rsplit("/", 1)[-1]), each


def _blocks(text: str) -> Iterator[tuple[str, str]]:
    """Of each unit its name, and its properties."""
    for block in text.split("\n\n"):
        lines = [line if len(line) <= LINE_MAX else f"{line[:LINE_MAX]}…" for line in block.strip().split("\n")]
        yield from ((line[3:], "\n".join(lines)) for line in lines if line.startswith("Id="))


def _with(process: ConfinedProcess, beside: tuple[str, str] | None) -> ConfinedProcess:
    if beside is None:
        return process
    item = json.loads(process.line)
    item["files"] = {**item.get("files", {}), beside[0]: beside[1]}
    return replace(process, files=(*process.files, beside), line=json.dumps(item))
