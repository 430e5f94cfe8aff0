"""Which reader says what a maker was asked for."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from stratascope.core.sandboxes.asked import bubblewrap
from stratascope.core.sandboxes.asked.asked_of import AskedOf
from stratascope.core.sandboxes.makers import Maker
from stratascope.core.shell_quote import words
from stratascope.linux.confined import ConfinedProcess
from stratascope.value import replace

TEXT_MAX = 1 << 16
_BY_ARGUMENTS: dict[str, Callable[[Sequence[str]], AskedOf]] = {"bubblewrap": bubblewrap.read}


def asked_of(
    tool: Maker,
    row: Maker,
    wrapper: ConfinedProcess | None,
    helpers: Sequence[ConfinedProcess],
    members: Sequence[ConfinedProcess],
) -> AskedOf:
    """By what the processes of the maker and of the sandbox say. `tool`: whom `row` had do it."""
    found = AskedOf()
    if wrapper is not None and wrapper.argv:
        read = _BY_ARGUMENTS.get(tool.id)
        if read is not None:
            found = read(wrapper.argv)
        if row is not tool:
            found = replace(found, command=())  # on the way to what it runs
        found = replace(found, texts=((f"/proc/{wrapper.pid}/cmdline", words(wrapper.argv)[:TEXT_MAX]), *found.texts))
    return found
