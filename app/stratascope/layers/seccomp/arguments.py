"""A call and its known arguments as a filter sees them, and what the filter answers.

The kernel uses 32 bits of some arguments where a filter may compare 64: `socket` with the upper half set is the same
call to the kernel, but a different one to such a filter.
"""

from __future__ import annotations

from collections.abc import Collection

from stratascope.core.threats.needs import Call
from stratascope.linux.seccomp import Action
from stratascope.linux.seccomp_answer import ALL_BITS, LOW_BITS, Answers, Given
from stratascope.linux.syscalls import Abi

# Arguments that the kernel takes as int or unsigned int, or of which it uses the lower half: SYSCALL_DEFINE of each;
# kernel/fork.c takes lower_32_bits of clone's flags
NARROW = frozenset(
    (
        *(("socket", place) for place in range(3)),
        *(("socketpair", place) for place in range(3)),
        *(("clone", 0), ("personality", 0), ("prctl", 0), ("ioctl", 0), ("ioctl", 1), ("bpf", 0), ("keyctl", 0)),
        *(("syslog", 0), ("setns", 0), ("setns", 1), ("fcntl", 0), ("fcntl", 1), ("quotactl", 0), ("socketcall", 0)),
        ("userfaultfd", 0),
    )
)


def actions_of(way: Call, answers: Answers, *, narrow: bool) -> Collection[Action]:
    """The answers this call can get; most don't depend on arguments."""
    outcomes = answers.of(way.name)
    if not outcomes:
        return ()
    if len(outcomes) == 1 and not outcomes[0].constraints:
        return (outcomes[0].action,)
    return answers.actions(way.name, _given(way, answers.abi, narrow=narrow)) or ()


def _given(way: Call, abi: Abi, *, narrow: bool) -> dict[int, Given]:
    """The arguments as a filter sees them. `narrow`: with any upper half where the kernel ignores it."""
    found = {}
    for place, value in way.args:
        if not abi.wide:
            found[place] = Given(value & LOW_BITS)
        elif narrow and (way.name, place) in NARROW:
            found[place] = Given(value & LOW_BITS, LOW_BITS)
        else:
            found[place] = Given(value & ALL_BITS)
    return found
