"""The habits of the project as tests: types, style, who may import whom, and pinned versions for all we install.

Each runs the tool itself, so that a developer's `make lint` and the tests can't disagree.
"""

from __future__ import annotations

import ast
import os
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, requires
from pathlib import Path
from typing import TypeGuard

import grimp
import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from rig.places import CHECKOUT

pytestmark = pytest.mark.style

TESTS = CHECKOUT / "tests"
IMPORTS = str(CHECKOUT / ".import_linter_cache")
CONSTRAINTS = CHECKOUT / "packaging" / "constraints.txt"

# Which room may import what from outside the standard library. A room that is not named: nothing.
THIRD_PARTY = {
    "cli": frozenset({"shtab"}),
    "desktop_bus": frozenset({"jeepney"}),
    "engines": frozenset({"docker", "msgspec", "podman", "requests", "urllib3"}),
    "formats": frozenset({"yaml"}),
    "presentation": frozenset({"wcwidth"}),
    "state": frozenset({"msgspec"}),
    "ui": frozenset({"PySide6", "numpy", "pyqtgraph", "shiboken6"}),
    "value": frozenset({"msgspec"}),
}

# The standard library's own without a public name: to end a forked child, what a parser takes, what a thread does
ONLY_WAY = frozenset({"_exit", "_actions", "_SubParsersAction", "_current_frames"})


def run(*command: str) -> None:
    environment = os.environ | {"PYTHONPATH": str(CHECKOUT / "app"), "NO_COLOR": "1"}
    environment.pop("QT_QPA_PLATFORM", None)
    done = subprocess.run(
        command, cwd=CHECKOUT, env=environment, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False
    )
    if done.returncode:
        pytest.fail(f"{' '.join(command)}\n{done.stdout}{done.stderr}", pytrace=False)


def test_types() -> None:
    run(sys.executable, "-m", "mypy")


def test_style() -> None:
    run(sys.executable, "-m", "ruff", "check")


def test_format() -> None:
    run(sys.executable, "-m", "ruff", "format", "--check")


def test_who_may_import_whom() -> None:
    run(sys.executable, "-c", "from importlinter.cli import lint_imports_command as main; main()")


def test_third_party_packages_stay_in_their_rooms() -> None:
    graph = grimp.build_graph("stratascope", include_external_packages=True, cache_dir=IMPORTS)
    strangers = set()
    for module in graph.modules:
        names = module.split(".")
        if names[0] != "stratascope":
            continue
        room = names[1] if len(names) > 1 else ""
        for imported in graph.find_modules_directly_imported_by(module):
            package = imported.split(".")[0]
            if package == "stratascope" or package in sys.stdlib_module_names:
                continue
            if package not in THIRD_PARTY.get(room, frozenset()):
                strangers.add(f"{module} imports {package}")
    assert not strangers


def imported(path: Path) -> Iterator[str]:
    """Every name that a file imports, with the module it comes from."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (each.name for each in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield from (f"{node.module}.{each.name}" for each in node.names)


def test_no_test_imports_another_test() -> None:
    """What tests share is in a module whose name says what it is, so that a test can be moved or removed alone."""
    modules = {path.relative_to(TESTS).with_suffix("") for path in TESTS.rglob("test_*.py")}
    names = {".".join(module.parts) for module in modules}
    found = {
        f"{path.relative_to(TESTS)} imports {name}"
        for path in TESTS.rglob("*.py")
        for name in imported(path)
        if name in names or name.rpartition(".")[0] in names
    }
    assert not found


def is_private(name: object) -> TypeGuard[str]:
    return isinstance(name, str) and name.startswith("_") and not name.startswith("__")


def reaches_in(path: Path) -> Iterator[str]:
    """Where a file uses what another one keeps to itself."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom):
            names = [*str(node.module).split("."), *(each.name for each in node.names)]
            found = [name for name in names if is_private(name)]
        elif isinstance(node, ast.Attribute):
            own = isinstance(node.value, ast.Name) and node.value.id in ("self", "cls")
            found = [node.attr] if is_private(node.attr) and not own and node.attr not in ONLY_WAY else []
        elif isinstance(node, ast.Call) and ast.unparse(node.func).split(".")[-1] in ("getattr", "setattr", "delattr"):
            found = [each.value for each in node.args if isinstance(each, ast.Constant) and is_private(each.value)]
        else:
            continue
        yield from (f"{path.relative_to(TESTS)}:{node.lineno} uses {name}" for name in found)


def test_tests_use_public_parts_only() -> None:
    """So that what is inside can be changed, and a test fails only where somebody would notice."""
    assert sorted(found for path in TESTS.rglob("*.py") for found in reaches_in(path)) == []


def pinned() -> dict[str, str]:
    lines = (line.split("#")[0].strip() for line in CONSTRAINTS.read_text(encoding="utf-8").splitlines())
    pairs = (line.split("==") for line in lines if line)
    return {canonicalize_name(name): version for name, version in pairs}


def needed(requirement: Requirement, extra: str, seen: set[str]) -> None:
    """Collect the name of this requirement, where it applies here, and of all it needs in turn."""
    if requirement.marker is not None and not requirement.marker.evaluate({"extra": extra}):
        return
    name = canonicalize_name(requirement.name)
    if name in seen:
        return
    seen.add(name)
    try:
        further = requires(requirement.name) or []
    except PackageNotFoundError:
        return  # its own needs are seen where it is installed
    for text in further:
        for wanted in requirement.extras or {""}:
            needed(Requirement(text), wanted, seen)


def test_every_package_we_install_is_pinned() -> None:
    project = tomllib.loads((CHECKOUT / "pyproject.toml").read_text(encoding="utf-8"))
    texts = [
        *project["project"]["dependencies"],
        *project["project"]["optional-dependencies"]["test"],
        *project["build-system"]["requires"],
    ]
    names: set[str] = set()
    for text in texts:
        needed(Requirement(text), "", names)
    assert len(names) > len(texts) // 2
    assert sorted(names - set(pinned())) == []


def test_pins_are_names_and_versions_only() -> None:
    text = CONSTRAINTS.read_text(encoding="utf-8")
    assert "://" not in text
    assert " @ " not in text
    for line in text.splitlines():
        assert not line or line.startswith("#") or line.count("==") == 1
    # 6.12.0 aborts on Python 3.11: void calls drop a reference to None
    assert pinned()["pyside6-essentials"] not in ("6.12.0",)


def test_system_package_lists_can_be_read() -> None:
    """Each line of the Debian lists is `name[|name…]  # what for`, as setup.sh reads it."""
    for purpose, least in (("run", 10), ("test", 10), ("flatpak", 3)):
        lines = (CHECKOUT / "packaging" / f"debian-{purpose}.txt").read_text(encoding="utf-8").splitlines()
        parts = [line for line in lines if line and not line.startswith("#")]
        assert len(parts) > least
        for line in parts:
            names, reason = line.split("#")
            assert reason.strip()
            for name in names.strip().split("|"):
                assert name
                assert name == name.lower()
                assert not set(name) - set("abcdefghijklmnopqrstuvwxyz0123456789+-.")
