"""What an exit code means: a signal, an engine's own code, or what the program's author meant by it. Data, and pure."""

from __future__ import annotations

import signal

from stratascope.core.message import Message, msg

_SIGNALS = {
    1: msg("told that its terminal is gone (SIGHUP), which ends most programs"),
    2: msg("interrupted (SIGINT), as by Ctrl+C"),
    3: msg("told to quit (SIGQUIT)"),
    4: msg("killed for an instruction that this CPU does not know (SIGILL)"),
    5: msg("stopped by a trap of its own (SIGTRAP)"),
    6: msg("aborted by itself (SIGABRT): it detected an internal error"),
    7: msg("killed for accessing memory that no longer exists (SIGBUS): a full /dev/shm, or a file that shrank"),
    8: msg("killed for an invalid calculation (SIGFPE)"),
    9: msg("killed (SIGKILL)"),
    11: msg("killed for accessing memory that is not its own (SIGSEGV): a bug in it or in a library"),
    13: msg("ended because nothing reads its output any longer (SIGPIPE)"),
    14: msg("ended by its own alarm (SIGALRM)"),
    15: msg("asked to end (SIGTERM)"),
    24: msg("killed for exceeding its CPU time limit (SIGXCPU)"),
    25: msg("killed for exceeding its file size limit (SIGXFSZ)"),
    31: msg("killed for a system call that a filter forbids (SIGSYS)"),
}
# docker-run(1) and bash(1), EXIT STATUS; sysexits.h; what runtimes agree on
_CODES = {
    2: msg("it failed, or was started with arguments that it does not accept"),
    64: msg("it was started with arguments that it does not accept"),
    69: msg("a service that it needs is not available"),
    71: msg("the system refused it something"),
    73: msg("it could not create a file"),
    74: msg("it could not read or write"),
    75: msg("something failed that may work next time"),
    77: msg("it lacks a permission"),
    78: msg("its configuration is wrong"),
    125: msg("the engine, or a program that starts others, failed itself"),
    126: msg("a program exists but could not be run: no execute permission, or not a program"),
    127: msg("a program was not found, or something it needs to run was not"),
    255: msg("it failed, or the runtime could not run it"),
}
KILL, SEGV, XFSZ, SYS = 9, 11, 25, 31


def signal_of(code: int | None) -> int | None:
    """The signal that this code stands for: engines and shells add 128."""
    number = (code or 0) - 128
    return number if 1 <= number <= 64 else None


def signal_name(number: int) -> str:
    """SIGKILL; of real-time signals the number."""
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"SIG{number}"


def meant_by(code: int) -> Message | None:
    """What it means, as the second half of a sentence; None where only its author knows."""
    number = signal_of(code)
    return _CODES.get(code) if number is None else _SIGNALS.get(number)
