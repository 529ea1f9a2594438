"""Hardware as validated data: one frozen dataclass per target, units in the field names.

A field is declared with `parameter(...)`, which carries its unit, bounds and the values a search may try:

    @dataclass(frozen=True)
    class ToyHardware(Hardware, target="toy"):
        lanes: int = parameter(8, unit="lanes", low=1, high=64, search=(4, 8, 16), doc="multipliers in parallel")
        clock_hz: float = parameter(1e9, unit="Hz", low=1e6, high=5e9, doc="core clock")

Invariant: an instance is always within its bounds (checked on construction, `HardwareError` says field, value,
bounds and unit).
"""

from collections.abc import Mapping
from dataclasses import MISSING, dataclass, field, fields, replace
from difflib import get_close_matches
from functools import cache
from numbers import Integral, Real
from typing import Any, ClassVar, TypeAlias, cast

from gossamer.ir.errors import HardwareError, nearest

Number: TypeAlias = int | float | str


@dataclass(frozen=True)
class Parameter:
    """What is known of one hardware field. `search` lists the values a search may choose; empty = fixed."""

    name: str
    default: Number
    unit: str
    doc: str
    low: float | None = None
    high: float | None = None
    choices: tuple[str, ...] = ()
    search: tuple[Number, ...] = ()


def parameter(
    default: Number,
    *,
    unit: str,
    doc: str,
    low: float | None = None,
    high: float | None = None,
    choices: tuple[str, ...] = (),
    search: tuple[Number, ...] = (),
) -> Any:  # Any, as dataclasses.field: the annotation of the field is the type
    """Declare one hardware field with its unit, bounds (inclusive), choices (for words) and search values."""
    info = Parameter("", default, unit, doc, low, high, choices, search)
    return field(default=default, metadata={"parameter": info})


@dataclass(frozen=True)
class Hardware:
    """Base of every target's description; `class X(Hardware, target="name")`."""

    target: ClassVar[str] = ""

    def __init_subclass__(cls, target: str = "") -> None:
        cls.target = target or cls.target

    def __post_init__(self) -> None:
        for info in type(self).parameters():
            _check(self.target, info, getattr(self, info.name))

    @classmethod
    @cache
    def parameters(cls) -> tuple[Parameter, ...]:
        """Every field's declaration, in order."""
        found: list[Parameter] = []
        for item in fields(cls):
            info = cast(Parameter | None, item.metadata.get("parameter"))
            if info is None:
                where = f"{cls.__name__}.{item.name}"
                raise HardwareError(f"{where}: declare it with parameter(...), with a unit and bounds")
            default = item.default if item.default is not MISSING else info.default
            found.append(replace(info, name=item.name, default=default))
        return tuple(found)

    @classmethod
    def build(cls, values: Mapping[str, Number]) -> "Hardware":
        """An instance from loosely typed values (command line, YAML); an unknown name is an error with the nearest."""
        known = {info.name: info for info in cls.parameters()}
        for name in values:
            if name not in known:
                raise HardwareError(f"{cls.target}: no hardware parameter '{name}'{nearest(name, known)}")
        return cls(**{name: _coerce(cls.target, known[name], value) for name, value in values.items()})

    def changed(self, values: Mapping[str, Number]) -> "Hardware":
        """The same with other values, loosely typed as for `build`."""
        return type(self).build(self.values() | dict(values))

    def values(self) -> dict[str, Number]:
        """Field name -> value, in order."""
        return {info.name: getattr(self, info.name) for info in type(self).parameters()}


def _coerce(target: str, info: Parameter, value: Number) -> Number:
    kind = type(info.default)
    if isinstance(value, kind) and not isinstance(value, bool):
        return value
    if kind is str or isinstance(value, bool):
        raise _not_a(target, info, value)
    try:
        number = float(value)
        return number if kind is float else _exactly(int(number), number)
    except (ValueError, OverflowError):
        raise _not_a(target, info, value) from None


def _exactly(whole: int, number: float) -> int:
    if whole != number:
        raise ValueError(number)
    return whole


def _not_a(target: str, info: Parameter, value: Number) -> HardwareError:
    if isinstance(info.default, str):
        needed = f"a word, needed one of {', '.join(info.choices)}" if info.choices else "a word"
    else:
        needed = f"{'a whole number' if isinstance(info.default, int) else 'a number'} of {info.unit}"
    found = repr(value) if len(repr(value)) <= 40 else f"{value!r:.37}..."
    return HardwareError(f"{target}.{info.name}: {found} is not {needed}")


def _check(target: str, info: Parameter, value: Number) -> None:
    if info.choices:
        if value not in info.choices:
            longer = [choice for choice in info.choices if value and str(choice).startswith(str(value))]
            close = longer or get_close_matches(str(value), map(str, info.choices), n=1)
            hint = f"; did you mean '{close[0]}'?" if close else ""
            raise HardwareError(f"{target}.{info.name}: {value!r} is none of {', '.join(info.choices)}{hint}")
        return
    if isinstance(info.default, str) or isinstance(value, (str, bool)):
        if not (isinstance(info.default, str) and isinstance(value, str)):
            raise _not_a(target, info, value)
        return
    if not isinstance(value, Integral if isinstance(info.default, int) else Real):  # numpy's numbers count too
        raise _not_a(target, info, value)
    low, high = info.low, info.high
    if (low is not None and value < low) or (high is not None and value > high) or value != value:
        raise HardwareError(f"{target}.{info.name} = {value} {info.unit} {_outside(info)}")


def _outside(info: Parameter) -> str:
    if info.low is not None and info.high is not None:
        return f"is outside {info.low} .. {info.high} {info.unit}"
    bound = f"{info.low} {info.unit} or more" if info.low is not None else f"{info.high} {info.unit} or less"
    return f"is out of bounds, needed {bound}"
