"""Threads read by BPF: of real ones what they did to themselves, nothing of others, and what the kernel refuses."""

from __future__ import annotations

import json
import os
import struct
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from inspect import signature
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rig.collector.asking import as_ordinary, needs_root
from stratascope.collector.bpf import btf, programs, reading
from stratascope.collector.bpf.assembler import FOR_EACH, MAP_LOOKUP, PROBE_READ, PROBE_READ_STRING, SEQ_WRITE
from stratascope.collector.bpf.btf import Btf, NoLayoutError
from stratascope.collector.bpf.permission import NAMES
from stratascope.collector.bpf.programs import Layout
from stratascope.collector.bpf.reading import ThreadReader
from stratascope.collector.names import DOMAIN_IDS, LANDLOCK, SECUREBITS

# The program's first thread is free, another one is restricted, and a third gave up what root is
THREADS = """
import ctypes, struct, sys, threading
call = ctypes.CDLL(None).syscall
prctl = ctypes.CDLL(None).prctl
gate = threading.Barrier(3)
def landlocked():
    fields = struct.pack("Q", 1 << 12)
    ruleset = call(444, fields, len(fields), 0)
    prctl(38, 1, 0, 0, 0)
    assert call(446, ruleset, 0) == 0
    gate.wait()
    gate.wait()
def without_root():
    assert prctl(28, 3, 0, 0, 0) == 0
    gate.wait()
    gate.wait()
for work in (landlocked, without_root):
    threading.Thread(target=work, daemon=True).start()
gate.wait()
if "all" in sys.argv:
    landlocked = lambda: None
    assert prctl(28, 1, 0, 0, 0) == 0
    fields = struct.pack("Q", 1 << 12)
    ruleset = call(444, fields, len(fields), 0)
    prctl(38, 1, 0, 0, 0)
    assert call(446, ruleset, 0) == 0
print(threading.get_native_id(), flush=True)
sys.stdin.read()
"""


@contextmanager
def started(*words: str) -> Iterator[int]:
    """That program's PID."""
    command = (sys.executable, "-c", THREADS, *words)
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        try:
            assert int(process.stdout.readline()) == process.pid
            yield process.pid
        finally:
            process.kill()


def kernel() -> tuple[int, ...]:
    """Its version."""
    return tuple(map(int, os.uname().release.split("-")[0].split(".")[:2]))


def read(reader: ThreadReader, number: int) -> dict[str, str]:
    """All that it tells of a process or thread."""
    entries: list[Any] = []
    reader.entries([(number, NAMES, entries)])
    assert all(len(entry) == 3 for entry in entries), entries
    return {name: text for name, _, text in entries}


@needs_root
def test_of_a_process_the_weakest_thread_counts_and_each_has_its_own() -> None:
    reader = ThreadReader()
    with started() as pid:
        found = read(reader, pid)
        assert found[SECUREBITS] == "0"
        domains = json.loads(found[LANDLOCK])
        assert domains["free"] is True
        assert [each["layers"] for each in domains["domains"]] == [[[1 << 12 | 1 << 13, 0, 0]]]
        single = [read(reader, int(each.name)) for each in Path(f"/proc/{pid}/task").iterdir() if each.name != str(pid)]
        assert sorted(each[SECUREBITS] for each in single) == ["0", "3"]
        assert sorted(bool(each[LANDLOCK]) for each in single) == [False, True]
        assert all(json.loads(each[LANDLOCK])["free"] is False for each in single if each[LANDLOCK])
    reader.close()


@needs_root
def test_nobody_else_is_told_to_be_restricted() -> None:
    reader = ThreadReader()
    before = {each.tid for each in reader.look().restricted()}
    with started() as pid:
        look = reader.look()
        own = {int(each.name) for each in Path(f"/proc/{pid}/task").iterdir()}
        assert {each.tid for each in look.of(pid)} == own
        assert len({each.tid for each in look.restricted()} & own) == 1
        assert [each.securebits for each in look.of(pid) if each.securebits] == [3]
        assert {int(each.name) for each in Path("/proc/self/task").iterdir()} == {
            each.tid for each in look.of(os.getpid())
        }
        assert os.getpid() in look.processes()
        assert not before & own
    assert read(reader, os.getpid()) == {LANDLOCK: "", DOMAIN_IDS: "", SECUREBITS: "0"}
    reader.close()


@needs_root
def test_few_processes_are_looked_at_without_all_others(monkeypatch: pytest.MonkeyPatch) -> None:
    """The same is told as by a walk over all threads; a thread is found by itself."""
    reader = ThreadReader()
    with started() as one, started("all") as two:
        few = reader.look([one, two])
        monkeypatch.setattr(reading, "FEW", 0)
        whole = reader.look([one, two])
        assert [few.of(one), few.of(two)] == [whole.of(one), whole.of(two)]
        assert os.getpid() in whole.processes()
        if kernel() >= (6, 1):
            assert few.processes() == {one, two}
        monkeypatch.undo()
        (tid, *_) = (int(each.name) for each in Path(f"/proc/{one}/task").iterdir() if each.name != str(one))
        assert [each.tid for each in reader.look([tid, two]).of(tid)] == [tid]
    reader.close()


@needs_root
def test_threads_that_look_at_once_load_the_programs_once(monkeypatch: pytest.MonkeyPatch) -> None:
    reader, gate = ThreadReader(), threading.Barrier(3)
    begun: list[bytes] = []

    def description() -> bytes:
        begun.append(btf.description())
        return begun[-1]

    def look() -> None:
        gate.wait()
        found.append(os.getpid() in reader.look().processes())

    monkeypatch.setattr(reading, "description", description)
    found: list[bool] = []
    threads = [threading.Thread(target=look) for _ in range(3)]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    assert found == [True] * 3
    assert len(begun) == 1
    reader.close()


@needs_root
def test_a_domain_is_known_by_its_id_to_all_that_are_in_it() -> None:
    reader = ThreadReader()
    with started() as pid:
        (number,) = read(reader, pid)[DOMAIN_IDS].split()
        holders = reader.holders()
        assert holders.of[int(number, 16)] == {pid}
        assert os.getpid() in holders.alive
    reader.close()


@needs_root
def test_who_has_ended_is_gone() -> None:
    reader = ThreadReader()
    process = subprocess.run(("true",), check=True)
    assert process.returncode == 0
    entries: list[Any] = []
    reader.entries([(1 << 22, NAMES, entries)])
    assert {entry[3] for entry in entries} == {"GONE"}
    reader.close()


@needs_root
def test_an_ordinary_user_is_told_what_it_takes() -> None:
    answer = as_ordinary('{"ask":"capture","wishes":[[PID,["bpf:landlock","bpf:securebits"],[],false,""]]}')
    ((_, entries, _), *_) = answer["found"][0]
    assert [(entry[0], entry[3], entry[5]) for entry in entries] == [
        (name, "DENIED", "it needs CAP_BPF and CAP_PERFMON") for name in (LANDLOCK, SECUREBITS)
    ]


@needs_root
@pytest.mark.parametrize(
    ("fault", "kind", "words"),
    [
        (FileNotFoundError(), "ABSENT", "this kernel has no BTF"),
        (b"\x00" * 24, "UNSUPPORTED", "another byte order"),
        (b"", "UNSUPPORTED", "too short"),
    ],
)
def test_a_kernel_that_does_not_describe_itself(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, fault: Any, kind: str, words: str
) -> None:
    place = tmp_path / "vmlinux"
    if isinstance(fault, bytes):
        place.write_bytes(fault)
    monkeypatch.setattr(btf, "PATH", str(place))
    entries: list[Any] = []
    ThreadReader().entries([(1, (SECUREBITS,), entries)])
    ((name, _, text, found, _, detail),) = entries
    assert (name, text, found) == (SECUREBITS, None, kind)
    assert words in detail


def somewhere() -> Layout:
    """Fields at some places."""
    sizes = {"layer_size": 4, "mask_size": 4, "access_size": 2, "net_bit": 16, "scope_bit": 18, "right": 8, "left": 16}
    return Layout(**{name: sizes.get(name, 0) for name in signature(Layout).parameters})


def test_the_programs_call_nothing_but_what_reads() -> None:
    """No helper that writes to a process or to the kernel, and no pointer from outside is followed."""
    where = somewhere()
    called = set()
    for made in (programs.threads(where, 0), programs.domain(where, 0, 3, 4, 5, 6)):
        code = made.code()
        assert len(code) == 8 * len(made)
        called |= {number for op, _, _, number in struct.iter_unpack("<BBhi", code) if op == 0x85}
    assert called == {MAP_LOOKUP, PROBE_READ, PROBE_READ_STRING, SEQ_WRITE, FOR_EACH}


@given(st.binary(max_size=400))
def test_any_bytes_are_a_description_or_not_understood(data: bytes) -> None:
    header = struct.pack("<HBBIIIII", 0xEB9F, 1, 0, 24, 0, len(data) // 8 * 4, len(data) // 8 * 4, len(data))
    for raw in (data, header + data):
        try:
            found = Btf(raw)
            found.field("task_struct.pid")
        except NoLayoutError:
            pass


@given(st.binary(max_size=2000))
def test_any_bytes_of_the_second_program(data: bytes) -> None:
    where = somewhere()
    reading.decoded(data, where)
