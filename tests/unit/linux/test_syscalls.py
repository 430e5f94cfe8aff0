"""The tables of system calls against this machine's headers and libseccomp."""

from __future__ import annotations

from pathlib import Path

import pytest

from stratascope.linux import syscall_numbers
from stratascope.linux.syscalls import Abi, abis_of, known_names, names, numbers
from unit.linux import call_numbers


@pytest.mark.parametrize("abi", list(Abi))
def test_as_the_kernel_headers_say(abi: Abi) -> None:
    headers = call_numbers.from_headers(abi.value)
    if not headers:
        pytest.skip("no kernel headers of that machine here")
    table = names(abi)
    assert {number: table.get(number) for number in headers} == headers
    assert len(headers) > 300


@pytest.mark.parametrize("abi", list(Abi))
def test_as_libseccomp_says(abi: Abi) -> None:
    library = call_numbers.from_libseccomp(abi.value)
    if not library:
        pytest.skip("no libseccomp here")
    table = names(abi)
    assert {number: table.get(number) for number in library} == library


def test_the_module_is_what_its_script_writes() -> None:
    if not all(call_numbers.from_headers(abi.value) and call_numbers.from_libseccomp(abi.value) for abi in Abi):
        pytest.skip("no headers or libseccomp here")
    if max(max(call_numbers.from_libseccomp(abi.value)) for abi in (Abi.X86_64, Abi.I386)) != 466:
        pytest.skip("another libseccomp than the one it was written with")
    assert Path(syscall_numbers.__file__).read_text(encoding="utf-8") == call_numbers.written()


@pytest.mark.parametrize("abi", list(Abi))
def test_a_table_is_one_to_one_and_ordered(abi: Abi) -> None:
    table = numbers(abi)
    assert list(table) == sorted(table)
    assert len(set(table.values())) == len(table)
    assert {name: number for number, name in names(abi).items()} == table


def test_numbers_that_everyone_knows() -> None:
    assert (numbers(Abi.X86_64)["mount"], numbers(Abi.I386)["mount"], numbers(Abi.AARCH64)["mount"]) == (165, 21, 40)
    assert (numbers(Abi.X86_64)["execve"], numbers(Abi.X32)["execve"]) == (59, 520)
    assert (numbers(Abi.X86_64)["uretprobe"], numbers(Abi.X86_64)["uprobe"]) == (335, 336)
    assert numbers(Abi.AARCH64)["removexattrat"] == 466
    assert "socketcall" in numbers(Abi.I386)
    assert "socketcall" in known_names()
    assert "socketcall" not in numbers(Abi.X86_64)


def test_entry_points_of_machines() -> None:
    assert abis_of("x86_64") == (Abi.X86_64, Abi.I386, Abi.X32)
    assert abis_of("aarch64") == (Abi.AARCH64,)
    assert abis_of("riscv64") == ()
    assert [abi.number_bit for abi in Abi] == [0, 0, 0x40000000, 0]
    assert Abi.X32.audit_arch == Abi.X86_64.audit_arch
