"""What is fuzzed: each target takes bytes, and any failure but the one that its docstring allows is a finding.

Text is fuzzed as it is; what is JSON is a recorded document in which the bytes choose some values to put odd ones for,
since bytes alone hardly ever get past a parser.
"""

from __future__ import annotations

import atexit
import contextlib
import copy
import importlib
import json
import os
import pkgutil
import shutil
import socket
import tempfile
from collections.abc import Callable, Iterator
from functools import cache, partial
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

from prometheus_client.parser import text_string_to_metric_families

from rig.places import CAPTURES, CHECKOUT
from stratascope import linux
from stratascope.collector import serve
from stratascope.collector.read import PID_MAX
from stratascope.core.accepted import AcceptedError, read_toml
from stratascope.core.container import ENGINES, Engine, EngineKind
from stratascope.core.ports import ProbeError, RawContainer
from stratascope.core.relaunch.launch_spec import RestartPolicy
from stratascope.core.relaunch.transaction import Member, Stage, Transaction, TransactionKind
from stratascope.engines.docker import inspect as docker
from stratascope.engines.podman import inspect as podman
from stratascope.engines.shared.events import decode_events
from stratascope.engines.shared.host_files import STAT, file_in, may_hold_file
from stratascope.engines.shared.http_connection import Bounds, HttpConnection
from stratascope.engines.shared.json_reader import parse, words_of
from stratascope.linux import bpf, seccomp_filters, seccomp_profile, syscalls
from stratascope.linux.decode import DecodeError
from stratascope.linux.elf import parse_elf
from stratascope.owners import compose
from stratascope.presentation import json_report, tool_formats
from stratascope.presentation.annotations import BaselineError, read_baseline
from stratascope.presentation.report_model import report_of
from stratascope.probe import local
from stratascope.state import capture_file
from stratascope.state.journal import FileJournal
from stratascope.state.settings import Settings
from stratascope.wiring.engines import assembler
from unit.linux.elf_files import elf

Target = Callable[[bytes], None]
SCRATCH = Path(tempfile.gettempdir()) / f"strata-fuzz-{os.getpid()}"
atexit.register(shutil.rmtree, SCRATCH, ignore_errors=True)
ODD: tuple[Any, ...] = (
    None, True, False, 0, -1, 1, 65536, 2**31, 2**63, 2**64, -(2**63) - 1, 10**30, 0.5, -0.0, 1e308, "", " ", "a", "0",
    "-1", "max", "\n", "\x00", "\ud800", "\u202e", "%s {x}", "../..", "0::/", "/" * 300, "x" * 9000, [], [None], [[]],
    ["a"], [0], {}, {"": None}, {"\ud800": 1}, {"a": "b"}, {"Id": {}},
)  # fmt: skip


@cache
def decoders() -> tuple[tuple[str, Callable[[str], object]], ...]:
    """Every function of `linux` that reads a kernel's text."""
    found = []
    for module in pkgutil.iter_modules(linux.__path__):
        loaded = importlib.import_module(f"{linux.__name__}.{module.name}")
        for name, value in sorted(vars(loaded).items()):
            own = getattr(value, "__module__", "") == loaded.__name__
            if name.startswith("parse_") and name not in ("parse_sockets", "parse_elf") and own:
                found.append((f"{module.name}.{name}", value))
    return tuple(found)


def kernel_text(data: bytes) -> None:
    """The first byte chooses the decoder. Allowed: DecodeError."""
    if data:
        _, decode = decoders()[data[0] % len(decoders())]
        with contextlib.suppress(DecodeError):
            decode(data[1:].decode("utf-8", "surrogateescape"))


def kernel_bytes(data: bytes) -> None:
    """Filters and answers of netlink. Allowed: DecodeError."""
    from stratascope.linux.sockets import parse_sockets

    with contextlib.suppress(DecodeError):
        parse_sockets(data)
    abi = syscalls.abis_of("x86_64")[0]
    with contextlib.suppress(DecodeError):
        bpf.decode(data)
        seccomp_filters.answers((data,), abi).of("mount")


def program(data: bytes) -> None:
    """A program in a container: bytes, or a whole one of which some are others. Allowed: DecodeError."""
    first = data[0] if data else 0
    whole = bytearray(elf(bits=32 << first % 2, order="<>"[first // 2 % 2], imports=("setuid",), runpath="/x"))
    for at in range(1, min(len(data), 40), 3):
        whole[int.from_bytes(data[at : at + 2], "little") % len(whole)] = data[min(at + 2, len(data) - 1)]
    for each in (data, b"\x7fELF" + data, bytes(whole)):
        with contextlib.suppress(DecodeError):
            assert len(parse_elf(each).imports) < 1 << 16


def archive(data: bytes) -> None:
    """What an engine sends of a container's file. Allowed: ValueError."""
    may_hold_file({STAT: data.decode("latin-1")})
    with contextlib.suppress(ValueError):
        file_in(data, "/x")


def profile(data: bytes) -> None:
    """Seccomp profiles. Allowed: DecodeError."""
    with contextlib.suppress(DecodeError):
        found = seccomp_profile.parse_profile(_json(mutated(_documents("profile"), data)))
        seccomp_profile.entry_points(found, "x86_64")


def request(data: bytes) -> None:
    """What is asked of a collector: always an answer, whatever it is asked."""
    answer = json.loads(serve.reply(_Collector(), data))
    answer = answer and json.loads(serve.reply(_Collector(), _json(mutated(_documents("request"), data)).encode()))
    assert isinstance(answer, dict)


class _Collector(serve.Collector):
    """Reads nothing, and makes sure that it is only asked for what it may be asked for."""

    def host(self, names: Any) -> Any:
        assert all(type(name) is str for name in names)
        return []

    def capture(self, wishes: Any, further: Any = None) -> Any:
        for number, pids in further.items():
            assert all(0 < each <= PID_MAX for each in (number, *pids))
        for pid, wants, member_wants, *_ in wishes:
            assert 0 < pid <= PID_MAX
            assert all(type(name) is str for name in (*wants, *member_wants))
        return []


def reply(data: bytes) -> None:
    """What a collector answers. Allowed: MalformedError."""
    with contextlib.suppress(local.MalformedError):
        local.Entries().found(local.checked(mutated(_documents("reply"), data)))


def capture(data: bytes) -> None:
    """A capture file, and the report of it. Allowed: ProbeError."""
    with contextlib.suppress(ProbeError):
        machine = capture_file.loads(_json(mutated(_documents("capture"), data)), "it")
        json.loads(json_report.render(assembler().snapshot(machine)))


def formats(data: bytes) -> None:
    """What other tools are told of a capture, each document well formed. Allowed: ProbeError."""
    with contextlib.suppress(ProbeError):
        machine = capture_file.loads(_json(mutated(_documents("capture"), data)), "it")
        told = report_of(assembler().snapshot(machine), "0")
        for document in (tool_formats.sarif(told), tool_formats.gitlab_quality(told), tool_formats.gitlab_sast(told)):
            json.loads(document)
        for line in tool_formats.ndjson(told).splitlines():
            json.loads(line)
        ElementTree.fromstring(tool_formats.junit(told).encode())
        list(text_string_to_metric_families(tool_formats.prometheus(told)))


def before(data: bytes) -> None:
    """A report from before. Allowed: BaselineError."""
    with contextlib.suppress(BaselineError):
        read_baseline(_json(mutated(_documents("report"), data)).encode(), "it")


def accepted(data: bytes) -> None:
    """A list of accepted findings. Allowed: AcceptedError."""
    with contextlib.suppress(AcceptedError):
        read_toml(data.decode("utf-8", "replace"), "it")
    entry = mutated(_documents("accepted"), data)
    with contextlib.suppress(AcceptedError):
        read_toml(f"[[accepted]]\n{_toml(entry if isinstance(entry, dict) else {})}", "it")


def _toml(entry: dict[str, Any]) -> str:
    lines = (f"{json.dumps(key)} = {json.dumps(value)}\n" for key, value in entry.items())
    return "".join(lines).replace('"2027-01-01"', "2027-01-01")


def inspect(data: bytes, kind: EngineKind) -> None:
    """What an engine tells of a container. Allowed: ValueError."""
    translate = docker.translate if kind is EngineKind.DOCKER else podman.translate
    redact = docker.redact if kind is EngineKind.DOCKER else podman.redact
    engine = Engine("it", kind, "unix:///x")
    with contextlib.suppress(ValueError):
        text = redact(_json(mutated(_documents(kind.value), data)))
        translate(RawContainer("it", "ab" * 32, text), engine)


def events(data: bytes) -> None:
    """A stream of events in pieces. Allowed: ValueError."""
    size = data[0] % 40 + 1 if data else 1
    with contextlib.suppress(ValueError):
        list(decode_events(data[at : at + size] for at in range(1, len(data), size)))


def http(data: bytes) -> None:
    """An answer of HTTP. Allowed: OSError, ValueError."""
    ours, theirs = socket.socketpair()
    link = HttpConnection(lambda: ours)
    with theirs, contextlib.closing(link):
        theirs.sendall(b"HTTP/1.1 " * (not data.startswith(b"HTTP")) + data[:60000])
        theirs.shutdown(socket.SHUT_WR)
        with contextlib.suppress(OSError, ValueError):
            link.call("/", Bounds(5.0, 5.0, 1 << 16))
    words_of(data)


def labels(data: bytes) -> None:
    """Labels of an image."""
    text = data.decode("utf-8", "surrogateescape")
    assert isinstance(compose.names_of(text), frozenset)
    with contextlib.suppress(ValueError):
        parse(text)


def journal(data: bytes) -> None:
    """A journal that was written by anybody: entries or the damaged, never a failure."""
    folder = _scratch("journal")
    (folder / "it.json").write_bytes(_json(mutated(_documents("journal"), data)).encode("utf-8", "surrogatepass"))
    assert len(FileJournal(folder).all()) <= 1


def settings(data: bytes) -> None:
    """Settings that were written by anybody."""
    path = _scratch("settings") / "settings.json"
    text = _json(mutated(_documents("settings"), data)).encode("utf-8", "replace")
    path.write_bytes(data if data[:1] == b"{" else text)
    found = Settings(path).get("theme")
    assert found is None or type(found) is str


TARGETS: dict[str, Target] = {
    "kernel-text": kernel_text,
    "kernel-bytes": kernel_bytes,
    "program": program,
    "archive": archive,
    "profile": profile,
    "request": request,
    "reply": reply,
    "capture": capture,
    "formats": formats,
    "before": before,
    "accepted": accepted,
    "inspect-docker": partial(inspect, kind=EngineKind.DOCKER),
    "inspect-podman": partial(inspect, kind=EngineKind.PODMAN),
    "events": events,
    "http": http,
    "labels": labels,
    "journal": journal,
    "settings": settings,
}


def mutated(documents: tuple[Any, ...], data: bytes) -> Any:
    """One of them with some values exchanged: the first byte chooses which, then each five a place and a value."""
    if not data:
        return documents[0]
    document = json.loads(json.dumps(documents[data[0] % len(documents)]))
    for at in range(1, min(len(data), 26), 5):
        path = int.from_bytes(data[at : at + 4], "little")
        odd = copy.deepcopy(ODD[(data[at + 4] if at + 4 < len(data) else 0) % len(ODD)])
        document = _exchanged(document, path, odd)
    return document


def _exchanged(document: Any, path: int, odd: Any) -> Any:
    """Walks down by `path` until it is used up, or there is nothing below."""
    where: Any = None
    key: Any = None
    node = document
    while isinstance(node, (dict, list)) and node and path:
        keys = list(node) if isinstance(node, dict) else range(len(node))
        path, place = divmod(path, len(keys) + 1)
        if place == len(keys):
            break
        where, key = node, list(keys)[place]
        node = where[key]
    if where is None:
        return odd
    where[key] = odd
    return document


def _json(document: Any) -> str:
    return json.dumps(document)


def _scratch(name: str) -> Path:
    folder = SCRATCH / name
    folder.mkdir(parents=True, exist_ok=True)
    return folder


@cache
def _documents(kind: str) -> tuple[Any, ...]:
    return tuple(_found(kind))


def _found(kind: str) -> Iterator[Any]:
    if kind in ENGINES:
        for path in sorted((CAPTURES / "inspect").glob(f"{kind}_*.json")):
            value = json.loads(path.read_text())
            yield value[0] if isinstance(value, list) else value
    elif kind == "capture":
        document = json.loads((CHECKOUT / "resources/demo/demo.json").read_text())
        document["record"]["containers"] = document["record"]["containers"][:2]
        yield document
    elif kind == "report":
        machine = capture_file.load(CHECKOUT / "tests/captures/golden/capture.json")
        yield json_report.document(assembler().snapshot(machine))
    elif kind == "accepted":
        yield {"finding": "seccomp.off", "container": "*", "reason": "r", "owner": "o", "until": "2027-01-01"}
    elif kind == "profile":
        yield {"defaultAction": "SCMP_ACT_ERRNO", "defaultErrnoRet": 1, "architectures": ["SCMP_ARCH_X86_64"],
               "archMap": [{"architecture": "SCMP_ARCH_X86_64", "subArchitectures": ["SCMP_ARCH_X86"]}],
               "syscalls": [{"names": ["mount", "clone"], "action": "SCMP_ACT_ALLOW", "errnoRet": 3,
                             "args": [{"index": 0, "value": 7, "valueTwo": 1, "op": "SCMP_CMP_MASKED_EQ"}],
                             "includes": {"caps": ["CAP_SYS_ADMIN"], "minKernel": "4.8"},
                             "excludes": {"arches": ["s390"]}}]}  # fmt: skip
    elif kind == "request":
        yield {"ask": "capture", "wishes": [[1, ["status"], ["stat"], True, "a" * 64]], "others": {"1": [2, 3]}}
        yield {"ask": "host", "names": ["uname"]}
    elif kind == "reply":
        read = [["status", "/proc/7/status", "Name:\ta\n"], ["cgroup", "/x", None, "DENIED", 13, ""]]
        process = [7, read, [[["a", "b", "c"]]]]
        yield [process, [process], "cgroup", 1]
    elif kind == "journal":
        member = Member("web", "a" * 64, "b" * 64, "web-old", "web-new", RestartPolicy(), RestartPolicy(), True, 10)
        made = Transaction.of(
            (member, member),
            number="ab" * 8,
            kind=TransactionKind.HARDEN,
            stage=Stage.INTENT,
            engine="docker",
            endpoint="unix:///x",
            created=True,
            started_at=1.0,
            choices=("memory=1m",),
            owner=None,
        )
        folder = _scratch("written")
        FileJournal(folder).write(made)
        yield json.loads((folder / f"{made.id}.json").read_text())
    else:
        path = _scratch("chosen") / "settings.json"
        Settings(path).set("theme", "dark")
        yield json.loads(path.read_text())
