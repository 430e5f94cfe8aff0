"""The programs of the table, by family."""

from __future__ import annotations

from machine.software.families import bench, databases, login, mail, net, runtimes, stores, web
from machine.software.program import Program

PROGRAMS: tuple[Program, ...] = tuple(
    program for family in (web, stores, databases, login, mail, net, runtimes, bench) for program in family.PROGRAMS
)
