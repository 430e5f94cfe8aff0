"""The collector's files as one text, to be sent to a Python without any package of ours.

The text defines the modules under their own names, each executed when it is first imported. The files are contained
unchanged: whoever is asked to run it as root can read it. They are read through importlib.resources, so the sources
must be in the package as data (a wheel has them; PyInstaller is configured to include them).
"""

from __future__ import annotations

from functools import cache

from stratascope.collector.serve import PROTOCOL

PACKAGE = "stratascope.collector"
MODULES = (
    *(
        "names",
        "read",
        "children",
        "cgroups",
        "host",
        "members",
        "filters",
        "paths",
        "chroot",
        "root_files",
        "special_files",
    ),
    *("host_processes", "own_words", "maker_files", "confined", "known_programs", "own_rules", "giving_programs"),
    *(
        "host_places",
        "descriptors",
        "bound_files",
        "variables",
        "firewall",
        "reach_places",
        "observe.peers",
        "bridges",
        "reach",
        "entering",
        "attempts",
        "privileged_readings",
        "loadable",
        "services",
        "devices",
    ),
    *("liveness", "threads", "listening"),
    *(f"bpf.{name}" for name in ("permission", "assembler", "btf", "calls", "programs", "reading")),
    *(f"observe.{name}" for name in ("trace", "perf", "processes", "memory", "paths", "credentials", "moments")),
    *(
        f"observe.{name}"
        for name in ("refusals", "checks", "call_programs", "system_calls", "calls", "protocol", "kernel_log")
    ),
    *(f"observe.{name}" for name in ("side_sources", "opens", "reached", "left_groups", "group", "polls", "observer")),
    "serve",
)

_LOADER = """\
import sys, types
class _Finder:
    @staticmethod
    def find_spec(name, path=None, target=None):
        if name in _SOURCES:
            return type(sys.__spec__)(name, _Finder)
    @staticmethod
    def create_module(spec):
        return None
    @staticmethod
    def exec_module(module):
        exec(compile(_SOURCES[module.__name__], module.__name__, "exec"), module.__dict__)
for _name in ("stratascope", "stratascope.collector", "stratascope.collector.bpf", "stratascope.collector.observe"):
    _module = types.ModuleType(_name)
    _module.__path__ = []
    sys.modules[_name] = _module
sys.meta_path.insert(0, _Finder)
from stratascope.collector.serve import main
main()
"""

# What python3 is given with -c: the length of the program, then the program, then requests, all on standard input.
# Without apostrophes and backslashes, so that it survives quoting for a shell on another machine.
BOOT = 'import sys;i=sys.stdin.buffer;exec(compile(i.read(int(i.readline())),"collector","exec"),{})'


class IncompleteError(Exception):
    """The collector's sources are not in this installation."""


@cache
def program() -> bytes:
    """The whole program as one text. Raises IncompleteError."""
    from importlib import resources  # importing it takes as long as reading ten containers, and it is rarely needed

    folder = resources.files(PACKAGE)
    sources = []
    for module in MODULES:
        file = f"{module.replace('.', '/')}.py"
        try:
            text = folder.joinpath(*file.split("/")).read_text("utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise IncompleteError(f"{file}: {error}") from error
        sources.append((f"{PACKAGE}.{module}", text))
    held = "".join(f"\"{name}\": r'''{_whole(text)}''',\n" for name, text in sources)
    return f"# Stratascope's collector, protocol {PROTOCOL}\n_SOURCES = {{\n{held}}}\n{_LOADER}".encode()


def _whole(text: str) -> str:
    """Prepare a source for a ''' literal. Raises IncompleteError."""
    if "'''" in text or not text.endswith("\n"):
        raise IncompleteError("a source that can't be put between three apostrophes")
    return text


def framed() -> bytes:
    """The program as BOOT expects it: its length on a line of its own, then its bytes. Raises IncompleteError."""
    text = program()
    return b"%d\n%b" % (len(text), text)
