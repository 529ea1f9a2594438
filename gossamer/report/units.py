"""Numbers for people: `0.00123 s` -> `1.23 ms`, `0.964` -> `96.4 %`, `1814073344` -> `1.81 G`."""

import math

from gossamer.ir.hardware import Hardware, Number, Parameter

_PREFIXES = (
    (1e12, "T"),
    (1e9, "G"),
    (1e6, "M"),
    (1e3, "k"),
    (1.0, ""),
    (1e-3, "m"),
    (1e-6, "u"),
    (1e-9, "n"),
    (1e-12, "p"),
)


def quantity(value: float, unit: str) -> str:
    """Three significant digits with the prefix that fits; areas and fractions have no prefix."""
    if not math.isfinite(value):
        return "does not fit" if value == math.inf else "unknown"
    if not takes_prefix(unit):
        return f"{value:.3g} {unit}"
    factor, prefix = prefix_of(value)
    tail = f"{prefix}{unit}"
    return f"{value / factor:.3g} {tail}" if tail else f"{value / factor:.3g}"


def takes_prefix(unit: str) -> bool:
    """Areas, shares and rates such as 1/(s*mm2) are written without."""
    return unit not in ("mm2", "%") and not unit.startswith("1/")


def prefix_of(value: float) -> tuple[float, str]:
    """The largest prefix not above |value|: (factor, letter)."""
    size = abs(value)
    if size == 0:
        return 1.0, ""
    # 999.6e-6 prints as 1e+03 u with three digits, so it belongs to the next prefix.
    return next(((f, p) for f, p in _PREFIXES if size >= f * 0.9995), _PREFIXES[-1])


def percent(fraction: float) -> str:
    """`0.9644` -> `96.4 %`."""
    return f"{100 * fraction:.1f} %"


def show(key: str, value: float, unit: str) -> str:
    """A value of an objective: accuracies as percent, the rest as quantities."""
    return percent(value) if key.startswith("accuracy") else quantity(value, unit)


_SUFFIXES = ("_bytes_per_s", "_bytes", "_hz")


def brief(hardware: Hardware) -> str:
    """The parameters a search chose, in a few words: `rows 16, cols 16, ws, ifmap_sram 64 KiB, clock 500 MHz`."""
    return ", ".join(_brief(info, getattr(hardware, info.name)) for info in type(hardware).parameters() if info.search)


def _brief(info: Parameter, value: Number) -> str:
    if isinstance(value, str):
        return value
    name = next((info.name.removesuffix(end) for end in _SUFFIXES if info.name.endswith(end)), info.name)
    if info.unit == "B":
        return f"{name} {value / 1024:g} KiB"
    return f"{name} {quantity(value, info.unit)}" if info.unit in ("Hz", "B/s") else f"{name} {value:g}"
