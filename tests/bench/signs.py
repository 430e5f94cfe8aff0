"""`make signs`: figures about duplication, structure and size of the program, at any commit (ARGS=REVISION).

Reads the tree from git and prints a table. There are no goals: figures that grow deserve attention.
"""

from __future__ import annotations

import ast
import io
import re
import statistics
import subprocess
import sys
import tokenize
from collections.abc import Callable, Mapping

from bench.table import say
from rig.places import CHECKOUT

SPELLINGS = re.compile(r"\w*(?:no[-_]?new[-_]?priv|no new priv)\w*", re.IGNORECASE)
FACTS = {
    "no_new_privs": SPELLINGS,
    "the memory limit": re.compile(r'memory.?(?:limit|max)|\.memory\b|mem_limit|"memory"', re.IGNORECASE),
    "the read-only root": re.compile(r"read_only_root|read-only-root|readonly_?rootfs|read_only\b", re.IGNORECASE),
}
ENGINES = re.compile(r"EngineKind\.(?:DOCKER|PODMAN)")
SMALL = 100  # lines


def files_of(revision: str) -> dict[str, str]:
    """Python files below app/ by path, with their text."""
    listed = _git("ls-tree", "-r", "--name-only", revision, "app").split("\n")
    return {path: _git("show", f"{revision}:{path}") for path in listed if path.endswith(".py")}


def imported(text: str) -> int:
    """Lines of import statements."""
    found = (node for node in ast.walk(ast.parse(text)) if isinstance(node, ast.Import | ast.ImportFrom))
    return sum((node.end_lineno or node.lineno) - node.lineno + 1 for node in found)


def commented(text: str) -> int:
    """Lines that have a comment and nothing else."""
    tokens = tokenize.generate_tokens(io.StringIO(text).readline)
    return sum(token.type == tokenize.COMMENT and token.line.lstrip().startswith("#") for token in tokens)


def subclasses(texts: Mapping[str, str], bases: str) -> int:
    """Classes with one of these bases (a regular expression of its name), one inheritance deep."""
    return sum(len(re.findall(rf"^class \w+\((?:\w+, )*{bases}\b", text, re.MULTILINE)) for text in texts.values())


def signs(texts: Mapping[str, str]) -> dict[str, str]:
    """Each figure by its name."""
    lines = {path: text.count("\n") for path, text in texts.items()}
    total = sum(lines.values())

    def share(count: Callable[[str], int]) -> str:
        return f"{sum(map(count, texts.values())) / total:.1%}"

    table = {
        "lines": str(total),
        "files": str(len(texts)),
        "imports, share of all lines": share(imported),
        "median file, lines": f"{statistics.median(lines.values()):.0f}",
        f"files under {SMALL} lines": str(sum(count < SMALL for count in lines.values())),
        "comments, share of all lines": share(commented),
    }
    table |= {f"files that know {fact}": str(_knowing(texts, what)) for fact, what in FACTS.items()}
    spelled = {found for text in texts.values() for found in SPELLINGS.findall(text)}
    others = {path: text for path, text in texts.items() if "/engines/" not in path}
    ui = {path: text for path, text in texts.items() if "/ui/" in path}
    return table | {
        "spellings of no_new_privs": str(len(spelled)),
        "files outside engines that tell Docker from Podman": str(_knowing(others, ENGINES)),
        "item models": str(subclasses(ui, r"QAbstract\w*Model")),
        "delegates": str(subclasses(ui, r"Q\w*Delegate")),
        "words.py": str(sum(path.endswith("/words.py") for path in texts)),
    }


def _knowing(texts: Mapping[str, str], what: re.Pattern[str]) -> int:
    return sum(what.search(text) is not None for text in texts.values())


def _git(*words: str) -> str:
    return subprocess.run(("git", *words), cwd=CHECKOUT, check=True, capture_output=True, text=True).stdout


def main() -> None:
    revisions = sys.argv[1:] or ["HEAD"]
    tables = [signs(files_of(revision)) for revision in revisions]
    say(f"{'':52}" + "".join(f"{revision[:12]:>14}" for revision in revisions))
    for name in tables[0]:
        say(f"{name:52}" + "".join(f"{table[name]:>14}" for table in tables))


if __name__ == "__main__":
    main()
