"""What the observer (`collector/observe`) tells: one JSON array a line, in the order of time, as typed events.

The first two fields of every line are its kind and its time, in seconds on the observer's clock (CLOCK_MONOTONIC).
Processes go by the PID (tgid) that the observer's kernel gave them; system calls by entry point (`x86_64`, `i386`,
`x32`, `aarch64`) and number, since an observer knows no names. Which calls of a program and which answers are counted,
and which come one by one, is the observer's affair: `count` says how many a line stands for, and is a least number
where the kernel was told to be silent about what is known already.

    ["begin", t, protocol, {"means": …, "clock_ticks": …, "attached": …}]
                                      means: "tracepoint" or "kprobe" (where checks are read); attached: in … seconds
    ["process", t, pid, parent, how, command, program]       how: there, fork, exec; program: path of the file, or ""
    ["exit", t, pid, code, signal]                           one of the two is null, or both: not seen; signal 9 also
                                      stands for another that was sent from outside of the container
    ["call", t, pid, abi, number, count]                     entered
    ["arguments", t, pid, abi, number, [a0, …]]              once for each set of those that were asked for
    ["capability", t, pid, number, answer, initial, abi, call, [frame, …], count]
                                      answer: 0 or −errno of cap_capable; initial: asked of the initial user namespace;
                                      frames: the kernel's functions, innermost first, up to the call's own;
                                      call: null outside of any, or of one whose number is not known
    ["failed", t, pid, abi, number, errno, entered, [a0, …], path, count, {…}]   entered: whether its beginning was
                                      seen; the last, where it was asked for and on the first of its kind: what stood
                                      around it (`circumstances`)
    ["masked", t, pid, path, {…}]     it opened what is masked by something empty
    ["not-gained", t, pid, program, {…}]   it became a program that is set-uid or has capabilities, without their rights
    ["log", t, pid, text]             the kernel's log (audit) on this process: seccomp, AppArmor, SELinux, Landlock
    ["signal", t, pid, number, code]                         generated for it; code as siginfo's si_code. Of one that a
                                      filter sent for a call also: abi, number, [a0, …] (none where not seen)
    ["out-of-memory", t, pid]
    ["written", t, path, kind]                               below its root, no mount; kind: file, folder, device
    ["device", t, pid, path]                                 a device node that it opened
    ["listens", t, protocol, port, loopback]                 tcp, udp; loopback: on such an address only
    ["peer", t, protocol, port, loopback]                    somebody was connected to that port; loopback: from inside
    ["user", t, pid, uid, gid]                               effective, as the container counts
    ["holds", t, pid, number]                                a capability that one is permitted which is not root
    ["peak", t, what, value]                                 memory and cpu in bytes and cores; pids; open_files
    ["lost", t, count]                                       so many events did not come through
    ["unseen", t, what, why]                                 a part that can't be observed here: calls, capabilities, …
    ["end", t, why]
"""

from __future__ import annotations

import json
import math
from typing import Any

from stratascope.core.observation.circumstances import Circumstances, circumstances_of
from stratascope.core.observation.events import (
    Arguments,
    Begin,
    Call,
    Check,
    Device,
    End,
    Event,
    Exit,
    Failed,
    Holds,
    Listens,
    Log,
    Lost,
    Masked,
    NotGained,
    OutOfMemory,
    Peak,
    Peer,
    Process,
    Signal,
    Unseen,
    User,
    Written,
)

PROTOCOL = 1
LINE_MAX = 64 << 10  # characters of one line
TEXT_MAX = 4096  # of one path or word: PATH_MAX
FRAMES_MAX = 64
ARGUMENTS_MAX = 6
_PID_MAX = 1 << 22  # include/linux/threads.h
_U64 = 1 << 64


class StreamError(ValueError):
    """A line that is not of the stream's form."""


_AROUND = "around"
_PID, _COUNT, _WORD, _FLAG = "pid", "count", "word", "flag"
_ANSWER, _NUMBERS, _FRAMES, _AMOUNT, _MAYBE = "answer", "numbers", "frames", "amount", "maybe"
_MAYBE_CALL = "maybe-call"
# what stands for the last fields of a kind where a line ends before them
_MORE: dict[str, tuple[Any, ...]] = {"failed": ({},), "signal": ("", None, [])}

# the fields of each kind after the time, as they stand in a line
_FORMS: dict[str, tuple[type[Event], tuple[str, ...]]] = {
    "process": (Process, (_PID, _PID, _WORD, _WORD, _WORD)),
    "exit": (Exit, (_PID, _MAYBE, _MAYBE)),
    "call": (Call, (_PID, _WORD, _COUNT, _COUNT)),
    "arguments": (Arguments, (_PID, _WORD, _COUNT, _NUMBERS)),
    "capability": (Check, (_PID, _COUNT, _ANSWER, _FLAG, _WORD, _MAYBE, _FRAMES, _COUNT)),
    "failed": (Failed, (_PID, _WORD, _COUNT, _COUNT, _FLAG, _NUMBERS, _WORD, _COUNT, _AROUND)),
    "masked": (Masked, (_PID, _WORD, _AROUND)),
    "not-gained": (NotGained, (_PID, _WORD, _AROUND)),
    "log": (Log, (_PID, _WORD)),
    "signal": (Signal, (_PID, _COUNT, _ANSWER, _WORD, _MAYBE_CALL, _NUMBERS)),
    "out-of-memory": (OutOfMemory, (_PID,)),
    "written": (Written, (_WORD, _WORD)),
    "device": (Device, (_PID, _WORD)),
    "listens": (Listens, (_WORD, _COUNT, _FLAG)),
    "peer": (Peer, (_WORD, _COUNT, _FLAG)),
    "user": (User, (_PID, _COUNT, _COUNT)),
    "holds": (Holds, (_PID, _COUNT)),
    "peak": (Peak, (_WORD, _AMOUNT)),
    "lost": (Lost, (_COUNT,)),
    "unseen": (Unseen, (_WORD, _WORD)),
    "end": (End, (_WORD,)),
}


def parse_event(line: str) -> Event:
    """One line. Raises StreamError."""
    if len(line) > LINE_MAX:
        raise StreamError("a line is too long")
    try:
        found = json.loads(line)
    except (ValueError, RecursionError) as error:
        raise StreamError("a line is no JSON") from error
    if not isinstance(found, list) or len(found) < 2 or not isinstance(found[0], str):
        raise StreamError("a line is no event")
    kind, at, *rest = found
    time = _amount(at)
    if kind == "begin":
        return _begin(time, rest)
    form = _FORMS.get(kind)
    if form is None:
        raise StreamError(f"no such event: {kind[:40]!r}")
    made, fields = form
    more = _MORE.get(kind, ())
    if len(rest) == len(fields) - len(more):
        rest = [*rest, *more]
    if len(rest) != len(fields):
        raise StreamError(f"{kind}: {len(fields)} fields were expected")
    return made(time, *(_READ[field](value) for field, value in zip(fields, rest, strict=True)))


def _begin(at: float, rest: list[Any]) -> Begin:
    if len(rest) != 2 or not isinstance(rest[1], dict):
        raise StreamError("begin: protocol and facts were expected")
    protocol = _count(rest[0])
    if protocol != PROTOCOL:
        raise StreamError(f"the observer speaks protocol {protocol}, this program {PROTOCOL}")
    return Begin(at, protocol, _word(rest[1].get("means", "")))


def _number(value: Any, least: int, most: int) -> int:
    if type(value) is not int or not least <= value <= most:
        raise StreamError("a number is out of its range")
    return value


def _pid(value: Any) -> int:
    return _number(value, 0, _PID_MAX)


def _count(value: Any) -> int:
    return _number(value, 0, _U64)


def _answer(value: Any) -> int:
    return _number(value, -(1 << 31), 1 << 31)


def _maybe(value: Any) -> int | None:
    return None if value is None else _number(value, 0, 1 << 16)


def _amount(value: Any) -> float:
    if type(value) not in (int, float) or not math.isfinite(value) or not 0 <= value < _U64:
        raise StreamError("an amount is no number from 0 on")
    return float(value)


def _flag(value: Any) -> bool:
    if type(value) is not bool:
        raise StreamError("true or false was expected")
    return value


def _word(value: Any) -> str:
    if type(value) is not str or len(value) > TEXT_MAX:
        raise StreamError("a text was expected")
    return value


def _numbers(value: Any) -> tuple[int, ...]:
    if type(value) is not list or len(value) > ARGUMENTS_MAX:
        raise StreamError("arguments are a list of numbers")
    return tuple(_count(each) for each in value)


def _around(value: Any) -> Circumstances:
    try:
        return circumstances_of(value)
    except ValueError as error:
        raise StreamError(str(error)) from error


def _frames(value: Any) -> tuple[str, ...]:
    if type(value) is not list or len(value) > FRAMES_MAX:
        raise StreamError("frames are a list of names")
    return tuple(_word(each) for each in value)


_READ: dict[str, Any] = {
    _PID: _pid,
    _COUNT: _count,
    _WORD: _word,
    _FLAG: _flag,
    _ANSWER: _answer,
    _NUMBERS: _numbers,
    _FRAMES: _frames,
    _AMOUNT: _amount,
    _MAYBE: _maybe,
    _MAYBE_CALL: lambda value: None if value is None else _count(value),
    _AROUND: _around,
}
