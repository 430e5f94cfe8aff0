"""The strata as a drawing inside the page: process, layers from the last down to 1, kernel, and threats as rays.

Everything drawn is also in the table below, so the drawing is a single image for a screen reader. Rays of one kind are
one path, so that a page with forty containers of a hundred threats each stays small. Lengths are in design (logical)
pixels; text widths are estimated, as a page can't measure its font.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence

from stratascope.core.ground import Ground
from stratascope.core.layer import Assessment, Layer, Verdict
from stratascope.core.message import msg
from stratascope.core.snapshot import ContainerState, LayerState
from stratascope.core.threats.depth import Matrix
from stratascope.core.threats.threat import Basis
from stratascope.i18n.translate import translate
from stratascope.presentation import rays
from stratascope.presentation.html.tables import text
from stratascope.presentation.rays import GROUND as KERNEL
from stratascope.presentation.terminal import Style, clip, width_of, wrap
from stratascope.presentation.terms import verdict_words
from stratascope.presentation.threat_outcomes import SERIOUS, ThreatOutcome, counts_line, family_word, kinds

LETTER = 6.9
WIDE_LETTER = 11.5  # the width of a Japanese letter, at 11 px
AROUND = 28.0  # the width around a name: its letter, and the ends of the pill


def lanes(matrix: Matrix, numbers: Mapping[str, int], left: float, right: float) -> tuple[rays.FamilyBand, ...]:
    """Families and lanes between two edges. `numbers`: the layers' numbers by id."""
    bundled = rays.bundles(matrix, numbers)
    names = {bundle.family: room(family_word(bundle.family)) + 4 for bundle in bundled}
    return rays.lay_out(bundled, left, right, 1.0, names)


def room(text: str) -> float:
    """The estimated width of a text."""
    wide = max(0, width_of(text) - len(text))
    return (len(text) - wide) * LETTER + wide * WIDE_LETTER


def names(found: Sequence[rays.Lane], left: float, right: float) -> tuple[tuple[rays.Name, ...], int]:
    """The placed names of open serious threats, and how many found no room."""
    widths = {lane.id: room(translate(lane.rays[0].state.threat.title)) + AROUND for lane in found if lane.letter}
    return rays.place_names(found, widths, left, right, 1.0)


WIDTH, FACTS, STRIP, BAND, GAP, GROUND = 1080, 262, 34, 39, 3, 84
NAMES = 250  # where the names in the ground begin
_OPEN = {ThreatOutcome.CRITICAL: "rc", ThreatOutcome.HIGH: "rh", ThreatOutcome.MEDIUM: "rm"}
_SHARED = {rays.Sort.MEDIUM: "rm", rays.Sort.MINOR: "rl", rays.Sort.UNKNOWN: "ru"}

# patterns that every drawing of the page uses
PATTERNS = (
    '<svg width="0" height="0" aria-hidden="true" class="defs"><defs>'
    '<pattern id="hatch" width="9" height="9" patternUnits="userSpaceOnUse" patternTransform="rotate(45)">'
    '<line x1="0" y1="0" x2="0" y2="9" class="hatch"/></pattern>'
    '<pattern id="dots" width="6" height="6" patternUnits="userSpaceOnUse">'
    '<circle cx="2" cy="2" r=".8" class="dots"/></pattern></defs></svg>'
)


def mark(known: Assessment, x: float, y: float, side: float) -> str:
    """A verdict's shape: full square, half square, ring or question mark; outlined if only the engine states it."""
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
    placed, left_out = names(found, NAMES, right)
    titles = {layer.id: translate(layer.about.title) for layer in layers}
    shared = msg("Linux {kernel}, shared by all containers", kernel=ground.kernel or "?")
    spoken = msg("The layers of {name}. {counts}", name=state.container.name, counts=counts_line(kinds(matrix)))
    parts = [
        f'<svg class="strata" viewBox="0 0 {WIDTH} {floor + GROUND}" role="img" aria-label="{text(spoken)}">',
        _strip(places, len(matrix.threats)),
        *(_band(layer, titles.get(layer.id, layer.id), tops[layer.number]) for layer in bands),
        f'<rect class="ground" x="0" y="{floor}" width="{WIDTH}" height="{GROUND}" rx="7"/>',
        f'<text class="gt" x="16" y="{floor + 24}">{text(msg("The kernel"))}</text>',
        *(
            f'<text class="gs" x="16" y="{floor + 42 + 15 * place}">{text(line)}</text>'
            for place, line in enumerate(wrap(translate(shared), "", Style(width=32))[:2])
        ),
        _rays(places, tops, floor),
        _names(placed, left_out, matrix, floor),
        "</svg>",
    ]
    return "".join(parts)


def _strip(places: tuple[rays.FamilyBand, ...], count: int) -> str:
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


def _rays(places: tuple[rays.FamilyBand, ...], tops: dict[int, float], floor: float) -> str:
    """All rays; `d` collects path data by CSS class."""
    d: defaultdict[str, list[str]] = defaultdict(list)
    solids: list[str] = []
    middles = {KERNEL: floor} | {number: top + BAND / 2 for number, top in tops.items()}
    largest = rays.largest_bar(places)
    for lane in (lane for place in places for lane in place.lanes):
        ray, x = lane.ray, lane.x
        if ray is not None:
            serious = ray.kind in SERIOUS
            d[_OPEN[ray.kind]].append(f"M{x:g} {STRIP + 1}V{floor - (15 if serious else 2):g}")
            solids.append(_tag(lane, floor) if serious else _head(lane, floor))
        elif lane.sort is rays.Sort.STOPPED:
            solids.append(_bar(lane, middles, largest))
        else:
            d[_SHARED[lane.sort]].append(f"M{x:g} {STRIP + 1}V{floor - 15:g}")
            unknown = "?" if lane.sort is rays.Sort.UNKNOWN else ""
            solids.append(_pill(x, floor - 8.5, 14, 13, 6.5, f"{unknown}{len(lane.rays)}", f"p{_SHARED[lane.sort]}"))
    order = ("ru", "rl", "rm", "rh", "rc")
    return "".join(f'<path class="{kind}" d="{"".join(d[kind])}"/>' for kind in order if d[kind]) + "".join(solids)


def _head(lane: rays.Lane, floor: float) -> str:
    title = f"<title>{text(lane.rays[0].state.threat.title)}</title>"
    return f'<path class="hrm" d="M{lane.x - 2.7:g} {floor - 2:g}h5.4L{lane.x:g} {floor + 4:g}z">{title}</path>'


def _tag(lane: rays.Lane, floor: float) -> str:
    """The end of a serious ray, with the letter of its name in the ground."""
    kind, x = lane.rays[0].kind, lane.x
    title = f"<title>{text(lane.rays[0].state.threat.title)}</title>"
    shape = f"M{x - 4.6:g} {floor - 15:g}h9.2v15l-4.6 5l-4.6 -5z"
    letter = f'<text class="l{_OPEN[kind]}" x="{x:g}" y="{floor - 4:g}">{lane.letter}</text>' if lane.letter else ""
    return f'<path class="t{_OPEN[kind]}" d="{shape}">{title}</path>{letter}'


def _bar(lane: rays.Lane, middles: dict[int, float], largest: int) -> str:
    """The bar of a family's stopped threats: thinner below each band that stops some, with a pill counting these."""
    parts, pills = [], []
    top, running, x = STRIP + 1.0, len(lane.rays), lane.x
    for end in rays.stops(lane):
        wide, bottom = rays.bar_width(running, largest, 1.0), middles[end.band]
        rect = f'x="{x - wide / 2:g}" y="{top:g}" width="{wide:g}" height="{bottom - top:g}"'
        parts.append(f'<rect class="bar" {rect}/>')
        host = end.band == KERNEL
        kind = "ph" if host else "pa" if end.asked else "ps"
        middle = bottom if host else bottom - 3
        pills.append(_pill(x, middle, 15, 15, 3, str(end.count), kind))
        if not host:
            dots = min(3, max(1, end.least))
            pills += [
                f'<circle class="dot" cx="{x + (at - (dots - 1) / 2) * 4:g}" cy="{middle + 11:g}" r="1.2"/>'
                for at in range(dots)
            ]
        top, running = bottom, end.left
    return "".join((*parts, *pills))


def _pill(x: float, middle: float, wide: float, high: float, radius: float, number: str, kind: str) -> str:
    wide = max(wide, 6.5 * len(number) + 5)
    return (
        f'<rect class="{kind}" x="{x - wide / 2:g}" y="{middle - high / 2:g}" width="{wide:g}" height="{high:g}"'
        f' rx="{radius:g}"/><text class="n{kind}" x="{x:g}" y="{middle + 3.6:g}">{number}</text>'
    )


def _names(placed: tuple[rays.Name, ...], left_out: int, matrix: Matrix, floor: float) -> str:
    titles = {state.threat.id: text(state.threat.title) for state in matrix.threats}
    parts = []
    for name in placed:
        pitch = rays.PITCH[name.rows]
        y = floor + (GROUND - name.rows * pitch) / 2 + name.row * pitch + pitch / 2 + 4
        if name.critical:
            high = min(16.0, pitch - 0.6)
            rect = f'x="{name.left:g}" y="{y - 4 - high / 2:g}" width="{name.width:g}" height="{high:g}"'
            parts.append(f'<rect class="pill" {rect} rx="{high / 2:g}"/>')
        kind = "pt" if name.critical else "gl"
        parts.append(
            f'<text class="{kind}" x="{name.left + 6:g}" y="{y:g}">{name.letter}</text>'
            f'<text class="{kind}" x="{name.left + 19:g}" y="{y:g}">{titles[name.id]}</text>'
        )
    if left_out:
        more = text(msg("+ {count} more open", count=left_out))
        parts.append(f'<text class="gs" x="16" y="{floor + 74}">{more}</text>')
    return "".join(parts)
