"""What a package holds, by looking into its folder: the same that pkgutil finds."""

from __future__ import annotations

import pkgutil
import sys

import pytest

from stratascope import layers, resources
from stratascope.core.threats import catalogue


@pytest.mark.parametrize("package", [layers, catalogue])
@pytest.mark.parametrize("frozen", [False, True])
def test_the_same_as_pkgutil(package: object, frozen: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "frozen", frozen, raising=False)
    path: list[str] = vars(package)["__path__"]
    found = list(pkgutil.iter_modules(path))
    assert found
    for packages in (False, True):
        expected = sorted(each.name for each in found if each.ispkg is packages)
        assert list(resources.module_names(path, packages=packages)) == expected
