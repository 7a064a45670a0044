"""Charts as SVG, drawn here: no script runs in the page. Each says in words what it shows (`role="img"`, `<title>`)."""

from collections.abc import Sequence
from decimal import Decimal
from html import escape

_WIDTH, _HEIGHT, _FOOT, _HEAD = 640, 246, 28, 48
_LINE = 20


def bars(title: str, names: Sequence[str], totals: Sequence[int], marked: Sequence[int]) -> str:
    """A bar for each name; the marked part of it stands below. Both are told as numbers, too, one above the other."""
    most = max([1, *totals])
    step = _WIDTH / max(1, len(names))
    room = _HEIGHT - _FOOT - _HEAD
    parts = []
    for place, (name, total, part) in enumerate(zip(names, totals, marked, strict=True)):
        left, width = place * step + step * 0.18, step * 0.64
        whole, below = room * total / most, room * part / most
        foot = _HEIGHT - _FOOT
        middle, above = left + width / 2, foot - whole - 6
        dead = f'<text x="{middle:.1f}" y="{above:.1f}">{part:,} dead</text>' if part else ""
        parts.append(
            f'<rect class="bar" x="{left:.1f}" y="{foot - whole:.1f}" width="{width:.1f}" height="{whole:.1f}"/>'
            f'<rect class="dead" x="{left:.1f}" y="{foot - below:.1f}" width="{width:.1f}" height="{below:.1f}"/>'
            f'<text x="{middle:.1f}" y="{above - (_LINE if part else 0):.1f}">{total:,}</text>{dead}'
            f'<text x="{middle:.1f}" y="{_HEIGHT - 8}">{escape(name)}</text>'
        )
    return (
        f'<svg class="bars" viewBox="0 0 {_WIDTH} {_HEIGHT}" role="img"><title>{escape(title)}</title>'
        f'<line x1="0" x2="{_WIDTH}" y1="{_HEIGHT - _FOOT}" y2="{_HEIGHT - _FOOT}"/>{"".join(parts)}</svg>'
    )


def sparkline(title: str, values: Sequence[Decimal], width: int = 120, height: int = 28) -> str:
    """A line through the values; nothing for fewer than two."""
    if len(values) < 2:
        return ""
    least, most = min(values), max(values)
    span = float(most - least) or 1.0
    step = (width - 6) / (len(values) - 1)
    points = [
        (3 + place * step, height - 4 - (height - 8) * float(value - least) / span)
        for place, value in enumerate(values)
    ]
    told = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
    x, y = points[-1]
    return (
        f'<svg class="spark" viewBox="0 0 {width} {height}" width="{width}" height="{height}" role="img">'
        f'<title>{escape(title)}</title><polyline points="{told}"/><circle cx="{x:.1f}" cy="{y:.1f}" r="2.5"/></svg>'
    )
