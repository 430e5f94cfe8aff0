"""All of them, by id."""

from __future__ import annotations

from engine.denials.case import Case
from engine.denials.cases import capabilities, cgroup, elsewhere, namespaces, seccomp, usermap

ALL: tuple[Case, ...] = (
    *seccomp.CASES,
    *capabilities.CASES,
    *usermap.CASES,
    *namespaces.CASES,
    *cgroup.CASES,
    *elsewhere.CASES,
)
