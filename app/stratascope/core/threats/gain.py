"""What a process gains by executing a program of its container that gives rights: set-uid, or with file capabilities.

A threat that the gained rights would allow has each of its routes a second time, with that exec as its first step.
Some programs do what they are told, so that the route is as open as for their rights; others are known to check who
asks. Those count as one weak line (`Ruling.weak`): whoever finds a flaw in one of them has everything behind it.
"""

from __future__ import annotations

from stratascope.core.message import Message
from stratascope.core.threats.needs import Need
from stratascope.core.threats.threat import Ruling
from stratascope.value import Value


class Gain(Value):
    """The rights after that exec; capabilities(7), "Transformation of capabilities during execve()"."""

    root: bool  # uid 0 of its user namespace
    held: int  # mask of the capabilities that it then holds
    call: str  # the step, as a programmer would write it
    name: Message  # distinguishes the routes: "through sudo"
    needs: tuple[Need, ...]  # of that step
    hold: Ruling | None = None  # the weak line; None: whoever makes this call gets the rights
    layer: str = ""  # the layer whose ruling `hold` is
    groups: tuple[int, ...] = ()  # of its user namespace, to which it then belongs as well
