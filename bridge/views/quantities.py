"""Numbers as people read them: three digits, a prefix where there would be more, and the unit."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final

from bridge.core.promql import Unit

_BLANK: Final = "\N{NO-BREAK SPACE}"
_HUNDRED: Final = 100
_TEN: Final = 10
_LONG: Final = 10_000
"""From here on, digits are written with an exponent."""
_TINY: Final = 0.01


@dataclass(frozen=True, kw_only=True)
class Scale:
    """What a number is divided by to be read, and what stands behind it then."""

    least: float
    """The smallest number that is read so."""
    divisor: float
    prefix: str
    symbol: str
    """Prefix and unit."""


def _steps(base: float, prefixes: str, unit: str, mark: str = "") -> tuple[Scale, ...]:
    plain = Scale(least=0.0, divisor=1.0, prefix="", symbol=unit)
    return plain, *(
        Scale(
            least=base**power,
            divisor=base**power,
            prefix=prefix + mark,
            symbol=prefix + mark + unit,
        )
        for power, prefix in enumerate(prefixes, start=1)
    )


def _scale(least: float, divisor: float, symbol: str) -> Scale:
    return Scale(least=least, divisor=divisor, prefix=symbol, symbol=symbol)


_SCALES: Final = {
    Unit.PERCENT: (Scale(least=0.0, divisor=1.0, prefix="", symbol="%"),),
    Unit.BITS: _steps(1000.0, "kMGTPE", "bit/s"),
    Unit.BYTES: _steps(1024.0, "KMGTPE", "B", mark="i"),
    # 90 min say more than 1.5 h.
    Unit.SECONDS: (
        _scale(0.0, 1.0, "s"),
        _scale(120.0, 60.0, "min"),
        _scale(7200.0, 3600.0, "h"),
        _scale(172_800.0, 86_400.0, "d"),
    ),
    # What counts nothing in particular stays as it is for as long as that is short.
    Unit.NUMBER: (
        _scale(0.0, 1.0, ""),
        _scale(1e-9, 1e-9, "n"),
        _scale(1e-6, 1e-6, "\N{MICRO SIGN}"),
        _scale(1e-3, 1.0, ""),
        _scale(1e4, 1e3, "k"),
        *_steps(1000.0, "kMGTPE", "")[2:],
    ),
}


def choose_scale(unit: Unit, magnitude: float) -> Scale:
    """Choose the scale in which a number of this size is read most easily."""
    scales = _SCALES[unit]
    return next((each for each in reversed(scales) if abs(magnitude) >= each.least), scales[0])


def render_quantity(
    value: float, unit: Unit, *, decimals: int | None = None, is_short: bool = False
) -> str:
    """Write a number with its unit, or with the prefix alone where the unit is told elsewhere."""
    if not math.isfinite(value):
        return "NaN" if math.isnan(value) else "+Inf" if value > 0 else "-Inf"
    scale = choose_scale(unit, value)
    written = _write(value / scale.divisor, unit, decimals)
    # Rounded up, it may have become a number of the next scale: 999.9 k are 1 M.
    scale = choose_scale(unit, max(abs(value), abs(float(written)) * scale.divisor))
    written = _write(value / scale.divisor, unit, decimals)
    if is_short:
        return f"{written}{scale.prefix}"
    return f"{written}{_BLANK}{scale.symbol}" if scale.symbol else written


def write_decimals(value: float, decimals: int) -> str:
    """Write a number with so many decimals, and never a nought with a sign."""
    written = f"{value:.{decimals}f}"
    return written.removeprefix("-") if not float(written) else written


def _write(value: float, unit: Unit, decimals: int | None) -> str:
    size = abs(value)
    if size >= _LONG:
        return f"{value:.2e}"
    if decimals is not None or unit is Unit.PERCENT:
        return write_decimals(value, 1 if decimals is None else decimals)
    if 0 < size < _TINY / _HUNDRED:
        return f"{value:.1e}"
    if size >= _HUNDRED:
        return write_decimals(value, 0)
    written = write_decimals(value, 1 if size >= _TEN else 2 if size >= _TINY else 4)
    return written.rstrip("0").rstrip(".")
