"""A container's complete start options, independent of the engine: the source of exports to other tools.

An engine's adapter fills it from its create request, with the wanted options already applied. Decided against parsing
the request in the exports: there are two kinds of requests, and six kinds of exports. It does not model every option:
those that only a command line can express stay as typed (`shared`, `own`).
"""

from __future__ import annotations

import json

from stratascope.core.container import Asked, AskedDevice, AskedPort, EngineKind
from stratascope.core.message import Message
from stratascope.core.relaunch.launch_spec import RestartPolicy
from stratascope.value import Value, field

Pairs = tuple[tuple[str, str], ...]


class RunMount(Value):
    """One mount. `words`: its options as in `-v` and `--tmpfs` (rslave, z, nocopy, size=64m), without ro and rw.

    `long`: options that only `--mount` accepts, by name; such a mount is written as `--mount`.
    """

    kind: str  # bind, volume, tmpfs, image, overlay, devpts …
    source: str  # path, or name of the volume or image; empty for tmpfs
    target: str
    read_only: bool = False
    words: tuple[str, ...] = ()
    long: Pairs = ()


class Endpoint(Value):
    """A network it joins; empty fields: chosen by the engine."""

    network: str
    aliases: tuple[str, ...] = ()
    addresses: tuple[str, ...] = ()
    mac: str = ""
    options: Pairs = ()  # driver options; `interface_name` is Podman's


class HealthTest(Value):
    """A healthcheck. `test`: CMD and words, CMD-SHELL and a text, or NONE; times in nanoseconds, 0: the default."""

    test: tuple[str, ...]
    interval: int = 0
    timeout: int = 0
    start_period: int = 0
    start_interval: int = 0
    retries: int = 0


def health_command(test: tuple[str, ...]) -> str:
    """A test as `podman run --health-cmd` accepts it; empty for a single word with spaces, which it can't express.

    Podman splits a list that begins with CMD at spaces, like text (pkg/specgenutil/specgen.go: makeHealthCheckFromCli).
    A list without CMD runs without a shell, but a single word runs in one.
    """
    if test[0] == "CMD-SHELL" and len(test) > 1:
        return test[1]
    words = test[1:] if test[0] == "CMD" else test
    if len(words) > 1:
        return json.dumps(list(words))
    word = "".join(words)
    return "" if not word or len(word.split()) > 1 else f"CMD {word}"


class RunOptions(Value):
    """One container, ready to be written for another tool. Times in seconds, sizes in bytes; 0 or empty: not requested.

    `environment` holds secrets; `plain`: names of variables that certainly hold none (the image's own). `before` and
    `asked`: the current and the wanted options, `asked` with values implied in the request (swap by memory). Fields
    that `Asked` has too are here because the request is more exact, or spells them differently. `unsaid`: names of
    options that no field can hold.
    """

    UNPRINTED = ("environment",)

    kind: EngineKind
    name: str
    image: str
    before: Asked
    asked: Asked
    entrypoint: tuple[str, ...] | None = None  # None: the image's; empty: none
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
    # host, none, container:ID …; "": the engine's default, or those in `networks`
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
    read_only_tmpfs: bool = False  # Podman's tmpfs mounts that come with a read-only root
    devices: tuple[AskedDevice, ...] = ()
    memory_reservation: int = 0
    sysctls: Pairs = ()
    shared: Pairs = ()  # other options that `docker run` and `podman run` spell the same, without the dashes
    own: Pairs = ()  # options that only the `run` of `kind` has; empty value: a flag
    unsaid: tuple[Message, ...] = ()
