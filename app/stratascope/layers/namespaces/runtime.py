"""The runtime that sets up a container's namespaces and mounts: its version, and the flaws that this version has."""

from __future__ import annotations

from stratascope.core.ground import Surroundings
from stratascope.core.layer import Finding, Row, Tone
from stratascope.core.message import msg, plural, verbatim
from stratascope.core.options.rules import rules_of
from stratascope.core.runtime_flaws import RuntimeBuild, RuntimeFlaw, build_of, flaws_in, unchanged
from stratascope.core.severity import Severity
from stratascope.layers.namespaces.facts import NamespacesAsked, NamespacesFacts
from stratascope.layers.shared.readings import finding

RUNTIME_TITLE = msg("Runtime")
_BY_VERSION = msg("Known from its version alone; not tried.")
_DISTRIBUTION = msg("Known from its version alone, which distributions keep when they patch.")
_SHOWN = 8


def runtime_findings(facts: NamespacesFacts, asked: NamespacesAsked, around: Surroundings) -> tuple[Finding, ...]:
    """What the version of its runtime is known for; nothing where that is not known."""
    build = _build(asked, around)
    flaws = () if build is None else _flaws(build, facts)
    if build is None or not flaws:
        return ()
    runtime, names = f"{build.program} {build.version}", ", ".join(flaw.id for flaw in flaws[:_SHOWN])
    sure = unchanged(build)
    text = (
        plural(
            "By its version, {runtime} has a known escape vulnerability: {names}.",
            "By its version, {runtime} has {count} known escape vulnerabilities: {names}.",
            len(flaws),
            runtime=runtime,
            names=names,
        )
        if sure
        else plural(
            "By its version, {runtime} may have a known escape vulnerability, unless your distribution "
            "patched it: {names}.",
            "By its version, {runtime} may have {count} known escape vulnerabilities, unless your "
            "distribution patched them: {names}.",
            len(flaws),
            runtime=runtime,
            names=names,
        )
    )
    advice = msg("Update the runtime. Until then, run only images that you trust; a rootless engine limits the damage.")
    # such writes to /proc go by the owner of its files: who is not root outside has little of them
    severity = Severity.MEDIUM if sure and facts.host_root is not False else Severity.LOW
    refs = (flaw.id for flaw in flaws)
    return (finding("namespaces.runtime-version", severity, text, advice, rules_of(around.engine).answer, *refs),)


def runtime_rows(facts: NamespacesFacts, asked: NamespacesAsked, around: Surroundings) -> tuple[Row, ...]:
    """Its runtime's version, and a row for each flaw with what an attacker must control."""
    build = _build(asked, around)
    if build is None:
        return ()
    source, flaws = rules_of(around.engine).answer, _flaws(build, facts)
    note = _BY_VERSION if unchanged(build) else _DISTRIBUTION
    value = verbatim(f"{build.program} {build.version}")
    return (
        Row(RUNTIME_TITLE, value, source, Tone.WARN if flaws else Tone.PLAIN, note=note if flaws else None),
        *(Row(verbatim(flaw.id), flaw.how, source, Tone.WARN) for flaw in flaws),
    )


def _build(asked: NamespacesAsked, around: Surroundings) -> RuntimeBuild | None:
    told = around.engine.facts
    return build_of(asked.runtime or told.runtime, told.runtimes)


def _flaws(build: RuntimeBuild, facts: NamespacesFacts) -> tuple[RuntimeFlaw, ...]:
    return tuple(flaw for flaw in flaws_in(build) if not (flaw.masks and facts.masked_paths == 0))
