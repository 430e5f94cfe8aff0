"""What is read of one container before and after a relaunch, to see what it needs and whether it works."""

from __future__ import annotations

from stratascope.value import Value


class Liveness(Value):
    """What tells whether a container's program works, as far as it could be read.

    `listens`: TCP ports that it listens on and that it will want again (none that the system chose for it), in order;
    `kills`: how often the kernel killed one of its processes for want of memory; `udp`: of UDP. None: not known.
    """

    listens: tuple[int, ...] | None = None
    kills: int | None = None
    udp: tuple[int, ...] | None = None


class RootFiles(Value):
    """What takes a moment to look at, and is looked at for one container alone. None: could not be.

    `nodes`: the device nodes in its /dev that are not in every container's, by path; `set_uid`: programs that give
    rights to whoever starts them; `listeners`: address and port of the sockets that listen where its engine
    publishes; `bound`: the same of UDP.
    """

    nodes: tuple[str, ...] | None = None
    set_uid: tuple[str, ...] | None = None
    listeners: tuple[tuple[str, int], ...] | None = None
    bound: tuple[tuple[str, int], ...] | None = None
