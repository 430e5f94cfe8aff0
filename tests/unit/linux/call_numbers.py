"""Write linux/syscall_numbers.py anew, on standard output: `python tests/unit/linux/call_numbers.py`.

Names and numbers come from this machine's kernel headers and from libseccomp, whichever is newer; what is newer than
both stands in `_NEWER`. Where the two know the same number they must agree.
"""

from __future__ import annotations

import ctypes
import re
import sys
import textwrap
from pathlib import Path

# Fixed by include/uapi/asm-generic/unistd.h and arch/x86/entry/syscalls/syscall_64.tbl of Linux 6.18
_NEWER = {467: "open_tree_attr", 468: "file_getattr", 469: "file_setattr"}
_HEADERS = {
    "x86_64": "x86_64-linux-gnu/asm/unistd_64.h",
    "i386": "x86_64-linux-gnu/asm/unistd_32.h",
    "x32": "x86_64-linux-gnu/asm/unistd_x32.h",
    "aarch64": "aarch64-linux-gnu/asm/unistd_64.h",
}
# AUDIT_ARCH_* of include/uapi/linux/audit.h, but for x32, where libseccomp has a token of its own
_ARCHES = {"x86_64": 0xC000003E, "i386": 0x40000003, "x32": 0x4000003E, "aarch64": 0xC00000B7}
_LINE = re.compile(r"#define __NR_(\w+)\s+\(?(?:__X32_SYSCALL_BIT \+ )?(\d+)\)?")
_HEAD = '''"""The system calls' numbers, written by tests/unit/linux/call_numbers.py: edit that, not this.

An entry point's text has runs of names with consecutive numbers, each after the number of its first. x32's numbers
are without the bit 0x40000000 that marks them.
"""

from __future__ import annotations

'''


def from_headers(abi: str) -> dict[int, str]:
    """Number -> name in the kernel headers of this machine; empty where they are not installed."""
    path = Path("/usr/include") / _HEADERS[abi]
    if not path.exists():
        return {}
    return {int(number): name for name, number in _LINE.findall(path.read_text())}


def from_libseccomp(abi: str) -> dict[int, str]:
    """Number -> name as libseccomp knows them; empty where it is not installed."""
    try:
        resolve = ctypes.CDLL("libseccomp.so.2").seccomp_syscall_resolve_num_arch
    except OSError:
        return {}
    resolve.restype = ctypes.c_char_p
    bit = 0x40000000 if abi == "x32" else 0
    found = {number: resolve(ctypes.c_uint32(_ARCHES[abi]), number | bit) for number in range(600)}
    return {number: name.decode() for number, name in found.items() if name}


def numbers(abi: str) -> dict[int, str]:
    """Number -> name, the union of both and of what is newer."""
    headers, library = from_headers(abi), from_libseccomp(abi)
    assert all(headers.get(number, name) == name for number, name in library.items())
    newer = {**_NEWER, **({336: "uprobe"} if abi in ("x86_64", "x32") else {})}
    return {**newer, **library, **headers}


def written() -> str:
    """The whole module."""
    parts = [_HEAD]
    for abi in _ARCHES:
        words: list[str] = []
        last = -2
        for number, name in sorted(numbers(abi).items()):
            words += [name] if number == last + 1 else [str(number), name]
            last = number
        text = "\n".join(textwrap.wrap(" ".join(words), 119, break_long_words=False, break_on_hyphens=False))
        parts.append(f'{abi.upper()} = """\n{text}\n"""\n\n')
    return "".join(parts).rstrip("\n") + "\n"


if __name__ == "__main__":
    sys.stdout.write(written())
