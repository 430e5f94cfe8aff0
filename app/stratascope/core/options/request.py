"""How a container is started, in words that are no engine's own: what exports to other tools are written from.

An engine's adapter fills it from its create request, with the wanted options already written in. Decided against
reading the request in the exports: there are two kinds of requests, and six kinds of exports. It is no model of all
options either: what only a command line can say stays in its words (`shared`, `own`).
"""

from __future__ import annotations

import json

from stratascope.core.container import Asked, AskedDevice, AskedPort, EngineKind
from stratascope.core.message import Message
from stratascope.core.relaunch.launch_spec import RestartPolicy
from stratascope.value import Value, field

Pairs = tuple[tuple[str, str], ...]


class RunMount(Value):
    """One mount. `words` are its options as `-v` and `--tmpfs` take them (rslave, z, nocopy, size=64m), without ro, rw.

    `long` are those that only `--mount` takes, by name: such a mount is asked for with `--mount`.
    """

    kind: str  # bind, volume, tmpfs, image, overlay, devpts …
    source: str  # path, name of the volume or of the image; empty for tmpfs
    target: str
    read_only: bool = False
    words: tuple[str, ...] = ()
    long: Pairs = ()


class Endpoint(Value):
    """A network that it joins; empty fields are for the engine to choose."""

    network: str
    aliases: tuple[str, ...] = ()
    addresses: tuple[str, ...] = ()
    mac: str = ""
    options: Pairs = ()  # of the driver; `interface_name` is Podman's


class HealthTest(Value):
    """`test` is CMD and words, CMD-SHELL and a text, or NONE; times in nanoseconds, 0 is the engine's default."""

    test: tuple[str, ...]
    interval: int = 0
    timeout: int = 0
    start_period: int = 0
    start_interval: int = 0
    retries: int = 0


def health_command(test: tuple[str, ...]) -> str:
    """A test as `podman run --health-cmd` takes it; empty for one word with spaces, for which it has no form.

    It reads a list with CMD in front as text and splits that at spaces (pkg/specgenutil/specgen.go:
    makeHealthCheckFromCli). A list without it runs without a shell, one word alone does not.
    """
    if test[0] == "CMD-SHELL" and len(test) > 1:
        return test[1]
    words = test[1:] if test[0] == "CMD" else test
    if len(words) > 1:
        return json.dumps(list(words))
    word = "".join(words)
    return "" if not word or len(word.split()) > 1 else f"CMD {word}"


class RunOptions(Value):
    """One container, ready to be written for another tool. Times in seconds, sizes in bytes; 0 or empty: not asked for.

    `environment` holds secrets; `plain` are the names of it that hold none for sure (they are the image's own).
    `before` and `asked` are the options of now and the wanted ones, `asked` with what comes of another option in the
    request (swap with the memory). A field here that `Asked` has too is more exact in the request, or another word.
    `unsaid` names what none of the fields can hold.
    """

    UNPRINTED = ("environment",)

    kind: EngineKind
    name: str
    image: str
    before: Asked
    asked: Asked
    entrypoint: tuple[str, ...] | None = None  # None: the image's; empty: none at all
    command: tuple[str, ...] = ()
    environment: Pairs = ()
    plain: frozenset[str] = frozenset()
    labels: Pairs = ()
    annotations: Pairs = ()
    workdir: str = ""
    hostname: str = ""
    domainname: str = ""
    tty: bool = False
    stdin: bool = False
    init: bool = False
    mounts: tuple[RunMount, ...] = ()
    ports: tuple[AskedPort, ...] = ()
    # "" is the engine's default; host, none, container:ID …; where it is "", `networks` may name some
    network: str = ""
    networks: tuple[Endpoint, ...] = ()
    dns: tuple[str, ...] = ()
    dns_search: tuple[str, ...] = ()
    dns_options: tuple[str, ...] = ()
    hosts: tuple[str, ...] = ()  # "name:address"
    userns: str = ""
    uid_map: tuple[str, ...] = ()  # "0:100000:65536"
    gid_map: tuple[str, ...] = ()
    restart: RestartPolicy = field(default_factory=RestartPolicy)
    auto_remove: bool = False
    stop_signal: str = ""
    stop_timeout: int | None = None
    health: HealthTest | None = None
    log_options: Pairs = ()
    seccomp: str = ""  # "": the engine's default; unconfined, builtin, a path, or the profile's JSON
    apparmor: str = ""
    mask: tuple[str, ...] = ()
    unmask: tuple[str, ...] = ()  # "ALL" or paths
    read_only_tmpfs: bool = False  # Podman's temporary file systems that come with a read-only root
    devices: tuple[AskedDevice, ...] = ()
    memory_reservation: int = 0
    sysctls: Pairs = ()
    shared: Pairs = ()  # further options that `docker run` and `podman run` spell alike, without the dashes
    own: Pairs = ()  # those that only the `run` of `kind` has; an empty value: the option alone
    unsaid: tuple[Message, ...] = ()
