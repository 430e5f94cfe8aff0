"""All of them, by id."""

from __future__ import annotations

from denials.case import Case
from denials.cases import capabilities, cgroup, elsewhere, namespaces, seccomp, usermap

ALL: tuple[Case, ...] = (
    *seccomp.CASES,
    *capabilities.CASES,
    *usermap.CASES,
    *namespaces.CASES,
    *cgroup.CASES,
    *elsewhere.CASES,
)
