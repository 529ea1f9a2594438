"""Hardware descriptions as YAML files: every parameter on a line with its unit and meaning.

    target: systolic
    rows: 16  # PEs: height of the grid
    clock_hz: 500000000.0  # Hz: clock of the array

Reading gives an equal description back; a parameter left out has its default, an unknown one is an error.
"""

from pathlib import Path
from typing import cast

from gossamer.ir.errors import HardwareError
from gossamer.ir.hardware import Hardware, Number
from gossamer.ir.registry import BACKENDS


def hardware_yaml(hardware: Hardware) -> str:
    """The text of a hardware file."""
    lines = [f"target: {hardware.target}"]
    for info in type(hardware).parameters():
        meaning = f"{info.unit}: {info.doc}" if info.unit else info.doc
        lines.append(f"{info.name}: {_scalar(getattr(hardware, info.name))}  # {meaning}")
    return "\n".join(lines) + "\n"


def _scalar(value: Number) -> str:
    # YAML reads 1e9 as a word and 1.0e+9 as a number, so floats keep their point.
    if isinstance(value, float):
        mantissa, _, exponent = repr(value).partition("e")
        mantissa = mantissa if "." in mantissa or mantissa in ("inf", "nan") else f"{mantissa}.0"
        sign = "" if exponent.startswith("-") else "+"
        return f"{mantissa}e{sign}{exponent.lstrip('+')}" if exponent else mantissa
    return str(value) if isinstance(value, int) else f'"{value}"'


def parse_hardware_yaml(text: str, where: str = "hardware file") -> Hardware:
    """The description in a text. `where` starts the message of the HardwareError for a malformed or unknown one."""
    import yaml  # only read where a file is

    try:
        found: object = yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise HardwareError(f"{where}: not YAML: {' '.join(str(error).split())}") from None
    if not isinstance(found, dict) or not all(isinstance(name, str) for name in cast("dict[object, object]", found)):
        raise HardwareError(f"{where}: needs lines of `name: value`, the first of them `target: NAME`")
    values = cast("dict[str, object]", found)
    target = values.pop("target", None)
    if not isinstance(target, str):
        raise HardwareError(f"{where}: needs a line `target: NAME`; targets: {', '.join(BACKENDS.names())}")
    for name, value in values.items():
        if not isinstance(value, int | float | str) or isinstance(value, bool):
            raise HardwareError(f"{where}: {name} is {value!r}; needs a number or a word")
    cls: type[Hardware] = BACKENDS.load(target).hardware
    return cls.build(cast("dict[str, Number]", values))


def read_hardware(path: Path | str) -> Hardware:
    """The description in a file. Raises HardwareError when it cannot be read."""
    try:
        text = Path(path).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise HardwareError(f"{path}: cannot be read as a hardware file: {error}") from None
    return parse_hardware_yaml(text, str(path))
