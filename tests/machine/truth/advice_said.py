"""Every piece of advice that the program can give, taken from its source: of findings and of threats.

A finding's advice is the argument `advice` of a call of `Finding`, or of the function by which a layer makes its own.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

from rig.places import APP
from stratascope.core.threats.catalogue import all_threats
from stratascope.i18n.translate import translate
from stratascope.layers.namespaces.explanations import SHARED

APP = APP / "stratascope"
_PLACES = {"Finding": 4, "finding": 3, "_finding": 3}  # where the advice stands among the arguments
_DATA = frozenset(advice.id for _, _, advice, _ in SHARED.values())  # in a table, by kind of namespace


def of_threats() -> dict[str, tuple[str, ...]]:
    """Each sentence, and the ids of the threats that give it."""
    found: dict[str, tuple[str, ...]] = {}
    for threat in all_threats():
        said = translate(threat.advice)
        found[said] = (*found.get(said, ()), threat.id)
    return found


def of_findings() -> frozenset[str]:
    """Each sentence. Raises AssertionError for an advice that can't be followed to its sentences."""
    found = set(_DATA)
    for path in sorted(APP.rglob("*.py")):
        text = path.read_text()
        if "inding(" in text:
            found |= set(_of_module(ast.parse(text), path))
    return frozenset(found)


def _of_module(tree: ast.Module, path: Path) -> Iterator[str]:
    functions = [node for node in tree.body if isinstance(node, ast.FunctionDef)]
    for function in functions:
        taken = {arg.arg for arg in function.args.args}
        for call in ast.walk(function):
            if not isinstance(call, ast.Call) or not isinstance(call.func, ast.Name) or call.func.id not in _PLACES:
                continue
            given = _given(call)
            if given is None or (isinstance(given, ast.Name) and given.id in taken):
                continue  # a function that makes findings of its arguments: its callers are looked at
            yield from _sentences(given, (function, tree), f"{path.name}:{call.lineno}")


def _given(call: ast.Call) -> ast.expr | None:
    named = next((word.value for word in call.keywords if word.arg == "advice"), None)
    place = _PLACES[call.func.id] if isinstance(call.func, ast.Name) else 0
    return named or (call.args[place] if len(call.args) > place else None)


def _sentences(value: ast.expr, scopes: tuple[ast.AST, ...], where: str) -> Iterator[str]:
    match value:
        case ast.Call(func=ast.Name(id="msg"), args=[ast.Constant(value=str(text)), *_]):
            yield text
        case ast.IfExp(body=body, orelse=other):
            yield from _sentences(body, scopes, where)
            yield from _sentences(other, scopes, where)
        case ast.Name(id="NOTHING") | ast.Attribute(value=ast.Attribute(attr="remedy"), attr="text"):
            return  # none, or a row of Reach has it: see tests/machine/sandboxes/test_corrected_line.py
        case ast.Name(id=name):
            for found in _assigned(name, scopes):
                yield from _sentences(found, scopes, where)
        case ast.Call(func=ast.Name(id=name)):
            for node in scopes[-1:]:
                yield from _returned(name, node, where)
        case ast.Subscript(value=ast.Name(id="SHARED")):
            yield from _DATA
        case _:
            raise AssertionError(f"{where}: which advice this is can't be told: {ast.unparse(value)}")


def _assigned(name: str, scopes: tuple[ast.AST, ...]) -> list[ast.expr]:
    """What is given that name, in the innermost of these that has it."""
    for scope in scopes:
        found = []
        for node in ast.walk(scope):
            if isinstance(node, ast.Assign):
                names = [each for target in node.targets for each in ast.walk(target) if isinstance(each, ast.Name)]
                found += [node.value for each in names if each.id == name]
        if found:
            return found
    raise AssertionError(f"nothing is called {name}")


def _returned(name: str, tree: ast.AST, where: str) -> Iterator[str]:
    functions = [node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef) and node.name == name]
    assert functions, f"{where}: {name} is of another module"
    for function in functions:
        for node in ast.walk(function):
            if isinstance(node, ast.Return) and node.value is not None:
                yield from _sentences(node.value, (function, tree), where)
