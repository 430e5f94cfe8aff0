"""The strata as a drawing inside the page: process, layers from the last down to 1, kernel, and a ray for each threat.

Everything that is drawn stands in the table below it as well, so the drawing is one image for a screen reader. Rays of
one kind are one path: forty containers with a hundred threats each must stay a small page.
"""

from __future__ import annotations

from collections import defaultdict

from stratascope.core.ground import Ground
from stratascope.core.layer import Assessment, Layer, Verdict
from stratascope.core.message import msg
from stratascope.core.snapshot import ContainerState, LayerState
from stratascope.core.threats.depth import Matrix
from stratascope.core.threats.threat import Basis
from stratascope.i18n.translate import translate
from stratascope.presentation.html.escape import text
from stratascope.presentation.html.lanes import labels, lanes
from stratascope.presentation.matrix_order import counts, counts_line
from stratascope.presentation.rays import GROUND as KERNEL
from stratascope.presentation.rays_layout import Label, Lane, Place
from stratascope.presentation.terminal import clip
from stratascope.presentation.threat_outcomes import Kind, family_word
from stratascope.presentation.words import verdict_words

WIDTH, FACTS, STRIP, BAND, GAP, GROUND = 1080, 262, 34, 39, 3, 72
_OPEN = {Kind.CRITICAL: "rc", Kind.HIGH: "rh", Kind.MEDIUM: "rm", Kind.LOW: "rl"}
_HEADS = {Kind.CRITICAL: 11, Kind.HIGH: 8, Kind.MEDIUM: 6}

# patterns that every drawing of the page uses
PATTERNS = (
    '<svg width="0" height="0" aria-hidden="true" class="defs"><defs>'
    '<pattern id="hatch" width="9" height="9" patternUnits="userSpaceOnUse" patternTransform="rotate(45)">'
    '<line x1="0" y1="0" x2="0" y2="9" class="hatch"/></pattern>'
    '<pattern id="dots" width="6" height="6" patternUnits="userSpaceOnUse">'
    '<circle cx="2" cy="2" r=".8" class="dots"/></pattern></defs></svg>'
)


def mark(known: Assessment, x: float, y: float, side: float) -> str:
    """A verdict's silhouette: full square, half square, ring, question mark; a line drawing where only the engine
    states it.
    """
    if known.basis is Basis.ASKED:
        return _outlined(known.verdict, x + 0.8, y + 0.8, side - 1.6)
    match known.verdict:
        case Verdict.ENFORCED:
            return f'<rect class="mE" x="{x:g}" y="{y:g}" width="{side:g}" height="{side:g}" rx="2.5"/>'
        case Verdict.WEAKENED:
            inner = side - 1.6
            return (
                f'<path class="mW" d="M{x + 0.8:g} {y + 0.8:g}v{inner:g}h{inner:g}z"/>'
                f'<rect class="mw" x="{x + 0.8:g}" y="{y + 0.8:g}" width="{inner:g}" height="{inner:g}" rx="1.5"/>'
            )
        case Verdict.OPEN:
            return (
                f'<circle class="mO" cx="{x + side / 2:g}" cy="{y + side / 2:g}" r="{side * 0.38:g}"'
                f' stroke-width="{side * 0.24:g}"/>'
            )
        case Verdict.UNKNOWN:
            return f'<text class="mU" x="{x + side / 2:g}" y="{y + side * 0.92:g}" font-size="{side * 1.05:g}">?</text>'


def _outlined(verdict: Verdict, x: float, y: float, side: float) -> str:
    letter = verdict.value[0]
    if verdict is Verdict.OPEN:
        return f'<circle class="a{letter}" cx="{x + side / 2:g}" cy="{y + side / 2:g}" r="{side / 2:g}"/>'
    square = f'<rect class="a{letter}" x="{x:g}" y="{y:g}" width="{side:g}" height="{side:g}" rx="2"/>'
    diagonal = f'<path class="a{letter}" d="M{x:g} {y:g}l{side:g} {side:g}"/>'
    return square + (diagonal if verdict is Verdict.WEAKENED else "")


def draw(state: ContainerState, matrix: Matrix, layers: tuple[Layer, ...], ground: Ground) -> str:
    """The drawing of one container."""
    bands = sorted(state.layers, key=lambda layer: -layer.number)
    tops = {layer.number: float(STRIP + 4 + place * (BAND + GAP)) for place, layer in enumerate(bands)}
    floor = STRIP + 4 + len(bands) * (BAND + GAP)
    left, right = FACTS + 14.0, WIDTH - 14.0
    places = lanes(matrix, {layer.id: layer.number for layer in bands}, left, right)
    found = tuple(lane for place in places for lane in place.lanes)
    placed, left_out = labels(found, left - 8, right + 8)
    titles = {layer.id: translate(layer.about.title) for layer in layers}
    shared = msg("Linux {kernel}, shared by all containers", kernel=ground.kernel or "?")
    spoken = msg("The layers of {name}. {counts}", name=state.container.name, counts=counts_line(counts(matrix)))
    parts = [
        f'<svg class="strata" viewBox="0 0 {WIDTH} {floor + GROUND}" role="img" aria-label="{text(spoken)}">',
        _strip(places, len(found)),
        *(_band(layer, titles.get(layer.id, layer.id), tops[layer.number]) for layer in bands),
        f'<rect class="ground" x="0" y="{floor}" width="{WIDTH}" height="{GROUND}" rx="7"/>',
        f'<text class="gt" x="16" y="{floor + 24}">{text(msg("The kernel"))}</text>',
        f'<text class="gs" x="16" y="{floor + 42}">{text(clip(translate(shared), 44))}</text>',
        _rays(found, tops, floor),
        _labels(placed, left_out, matrix, floor),
        "</svg>",
    ]
    return "".join(parts)


def _strip(places: tuple[Place, ...], count: int) -> str:
    parts = [
        f'<rect class="strip" x=".5" y=".5" width="{WIDTH - 1}" height="{STRIP}" rx="7"/>',
        f'<text class="bt" x="16" y="22">{text(msg("The process"))} '
        f'<tspan class="bs" dx="4">{text(msg("can try {count} things", count=count))}</tspan></text>',
    ]
    for place in places:
        middle = (place.left + place.right) / 2
        parts.append(f'<text class="fam" x="{middle:.0f}" y="18">{text(family_word(place.family))}</text>')
        parts.append(f'<path class="brace" d="M{place.left:.0f} 27.5H{place.right:.0f}"/>')
    return "".join(parts)


def _band(layer: LayerState, title: str, top: float) -> str:
    verdict = layer.assessment.verdict
    word = text(verdict_words(layer.assessment))
    field = f'x="{FACTS}" y="{top}" width="{WIDTH - FACTS}" height="{BAND}"'
    pattern = {Verdict.WEAKENED: "hatch", Verdict.UNKNOWN: "dots"}.get(verdict)
    shown, fact = text(clip(title, 26)), text(clip(translate(layer.assessment.fact), 38))
    return "".join(
        (
            f'<rect class="b{verdict.value[0]}" x=".6" y="{top + 0.6:g}" width="{WIDTH - 1.2:g}"'
            f' height="{BAND - 1.2:g}" rx="7"/>',
            f'<rect {field} fill="url(#{pattern})"/>' if pattern else "",
            f'<rect class="nb" x="12.5" y="{top + 12}" width="15" height="15" rx="4"/>',
            f'<text class="no" x="20" y="{top + 23}">{layer.number}</text>',
            mark(layer.assessment, 37, top + 12.5, 14),
            f'<text class="bt" x="60" y="{top + 16}">{shown} <tspan class="w{verdict.value[0]}" dx="4">{word}</tspan>'
            "</text>",
            f'<text class="bs" x="60" y="{top + 31}">{fact}</text>',
        )
    )


def _rays(found: tuple[Lane, ...], tops: dict[int, float], floor: float) -> str:
    """All rays; `d` collects what is drawn alike, by class."""
    d: defaultdict[str, list[str]] = defaultdict(list)
    solids: list[str] = []
    from_top = STRIP + 1
    middles = {KERNEL: floor} | {number: top + BAND / 2 for number, top in tops.items()}
    for lane in found:
        ray, x = lane.ray, lane.x
        end = middles[ray.end]
        broken = next((middles[number] for number in ray.unknown if number > ray.end), None)
        kind = _OPEN.get(ray.kind, "rs")
        d[kind].append(f"M{x:g} {from_top}V{end if broken is None else broken:g}")
        if broken is not None:
            d["ru"].append(f"M{x:g} {broken:g}V{end:g}")
            solids.append(f'<path class="dia" d="M{x:g} {broken - 4:g}l4 4l-4 4l-4 -4z"/>')
        bar = min(7.0, max(1.5, lane.width - 2)) / 2
        if ray.end != KERNEL:
            d["b3"].append(f"M{x - bar:g} {end:g}h{2 * bar:g}")
            if ray.also:
                d["rd"].append(f"M{x:g} {end:g}V{middles[ray.also[-1]]:g}")
                d["b2"] += [f"M{x - bar:g} {middles[number]:g}h{2 * bar:g}" for number in ray.also]
        elif ray.kind in _OPEN:
            head = _HEADS.get(ray.kind, 0)
            title = f"<title>{text(ray.state.threat.title)}</title>"
            if head:
                half = head * 0.45
                solids.append(
                    f'<path class="h{kind}" d="M{x - half:g} {floor + 4 - head:g}h{2 * half:g}L{x:g} {floor + 4:g}z">'
                    f"{title}</path>"
                )
            else:
                solids.append(f'<circle class="ring" cx="{x:g}" cy="{floor - 2:g}" r="2">{title}</circle>')
        elif ray.kind is Kind.HOST:
            d["b3"].append(f"M{x - bar:g} {floor + 1:g}h{2 * bar:g}")
    order = ("rd", "rs", "ru", "b2", "b3", "rl", "rm", "rh", "rc")
    return "".join(f'<path class="{kind}" d="{"".join(d[kind])}"/>' for kind in order if d[kind]) + "".join(solids)


def _labels(placed: tuple[Label, ...], left_out: int, matrix: Matrix, floor: float) -> str:
    titles = {state.threat.id: text(state.threat.title) for state in matrix.threats}
    parts = []
    for label in placed:
        y, title = floor + 20 + label.row * 18, titles[label.id]
        if label.row:
            parts.append(f'<path class="lead" d="M{label.x:g} {floor + 4}V{y - 12}"/>')
        if label.critical:
            parts.append(
                f'<rect class="pill" x="{label.left:g}" y="{y - 12}" width="{label.width:g}" height="16" rx="8"/>'
                f'<text class="pt" x="{label.left + label.width / 2:g}" y="{y}">{title}</text>'
            )
        else:
            flipped = label.right < label.x + 8
            x, end = (label.right, ' text-anchor="end"') if flipped else (label.left + 1, "")
            parts.append(f'<text class="gl" x="{x:g}" y="{y}"{end}>{title}</text>')
    if left_out:
        parts.append(
            f'<text class="gs" x="16" y="{floor + 59}">{text(msg("+ {count} more open", count=left_out))}</text>'
        )
    return "".join(parts)
