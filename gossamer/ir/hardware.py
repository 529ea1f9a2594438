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
from dataclasses import MISSING, dataclass, field, fields
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
    default: Number, *, unit: str, doc: str, low: float | None = None, high: float | None = None,
    choices: tuple[str, ...] = (), search: tuple[Number, ...] = (),
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
    def parameters(cls) -> tuple[Parameter, ...]:
        """Every field's declaration, in order."""
        found: list[Parameter] = []
        for item in fields(cls):
            info = cast(Parameter | None, item.metadata.get("parameter"))
            if info is None:
                raise HardwareError(f"{cls.__name__}.{item.name}: declare it with parameter(...), with a unit and bounds")
            default = item.default if item.default is not MISSING else info.default
            found.append(Parameter(item.name, default, info.unit, info.doc, info.low, info.high, info.choices, info.search))
        return tuple(found)

    @classmethod
    def build(cls, values: Mapping[str, Number]) -> "Hardware":
        """An instance from loosely typed values (command line, YAML); unknown names are an error with the nearest one."""
        known = {info.name: info for info in cls.parameters()}
        for name in values:
            if name not in known:
                raise HardwareError(f"{cls.target}: no hardware parameter '{name}'{nearest(name, known)}")
        return cls(**{name: _coerce(cls.target, known[name], value) for name, value in values.items()})

    def values(self) -> dict[str, Number]:
        """Field name -> value, in order."""
        return {info.name: getattr(self, info.name) for info in type(self).parameters()}


def _coerce(target: str, info: Parameter, value: Number) -> Number:
    kind = type(info.default)
    if isinstance(value, kind):
        return value
    try:
        number = float(value)
        if kind is int and number == int(number):
            return int(number)
        if kind is float:
            return number
    except ValueError:
        pass
    raise HardwareError(f"{target}.{info.name}: {value!r} is not {'a whole number' if kind is int else 'a number'} of {info.unit}")


def _check(target: str, info: Parameter, value: Number) -> None:
    if info.choices:
        if value not in info.choices:
            raise HardwareError(f"{target}.{info.name}: {value!r} is none of {', '.join(info.choices)}")
        return
    if isinstance(value, str):
        raise HardwareError(f"{target}.{info.name}: {value!r} is not a number of {info.unit}")
    low, high = info.low, info.high
    if (low is not None and value < low) or (high is not None and value > high) or value != value:
        raise HardwareError(f"{target}.{info.name} = {value} {info.unit} is outside {low} .. {high} {info.unit}")
