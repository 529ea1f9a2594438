"""Options that several commands share, and the parsing of their texts."""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, TypeAlias

import typer

from gossamer.ir.errors import DataError, HardwareError

if TYPE_CHECKING:
    from gossamer.ir.graph import Array
    from gossamer.ir.types import Value

ModelArgument: TypeAlias = Annotated[
    Path, typer.Argument(metavar="MODEL", help="An ONNX or TensorFlow Lite file, or IR text.", show_default=False)
]
PassesOption: TypeAlias = Annotated[
    str | None,
    typer.Option(
        "--passes", "-p", help='A pipeline: "fold-bn,fuse,quantize{bits=8}".', show_default="the target's own"
    ),
]
ShapeOption: TypeAlias = Annotated[
    list[str] | None,
    typer.Option("--shape", help="Fix a dynamic input: x=1,3,224,224. May be repeated.", show_default=False),
]
HardwareOption: TypeAlias = Annotated[
    list[str] | None,
    typer.Option(
        "--hardware",
        help="A hardware parameter: cores=4, rows=16; `gossamer targets NAME` lists them. May be repeated.",
        show_default=False,
    ),
]
CalibrationOption: TypeAlias = Annotated[
    Path | None,
    typer.Option(
        "--calibrate", help="Real inputs for quantize: .npy (one input, batch first) or .npz.", show_default=False
    ),
]


def parse_hardware(texts: Iterable[str] | None) -> dict[str, str]:
    """`["rows=16", "cols=8"]`, or both in one text with a comma."""
    parts = [part for text in texts or () for part in text.split(",")]
    return dict(_pair(part) for part in parts)


def hardware_values(texts: Iterable[str] | None, cpu: str | None) -> dict[str, str] | None:
    """What `--hardware` and `--cpu` say together; None when they say nothing."""
    given = parse_hardware(texts)
    if cpu is not None and given.get("cpu", cpu) != cpu:
        raise HardwareError(f"--cpu {cpu}: --hardware says cpu={given['cpu']}; give one of them")
    return (given if cpu is None else given | {"cpu": cpu}) or None


def read_arrays(path: Path, names: list[str]) -> "dict[str, Array]":
    """Arrays by input name from an .npz, or from an .npy for a network with one input. Raises DataError."""
    found = _loaded(path)
    if not isinstance(found, dict):
        if len(names) != 1:
            raise DataError(
                f"{path}: holds one array but the network takes {', '.join(names)}; give an .npz with those names"
            )
        found = {names[0]: found}
    missing = [name for name in names if name not in found]
    if missing:
        raise DataError(f"{path}: lacks the inputs {', '.join(missing)}; it holds {', '.join(found)}")
    for name in names:
        if found[name].dtype.kind not in "biuf":
            raise DataError(f"{path}: '{name}' is an array of {found[name].dtype}, needed real numbers")
    return {name: found[name] for name in names}


def _loaded(path: Path) -> "Array | dict[str, Array]":
    """The array of an .npy, or all of an .npz by name."""
    import zipfile

    import numpy as np

    try:
        loaded = np.load(path, allow_pickle=False)
        return loaded if isinstance(loaded, np.ndarray) else {name: loaded[name] for name in loaded.files}
    except (OSError, ValueError, EOFError, zipfile.BadZipFile) as error:
        reason = error.strerror if isinstance(error, OSError) and error.strerror else "is no .npy or .npz file"
        raise DataError(f"{path}: {reason.lower()}") from None


def first_batch(arrays: "Mapping[str, Array]", values: "Iterable[Value]") -> "dict[str, Array]":
    """Of inputs that hold many samples, as for calibration, what one run takes."""
    return {
        value.name: arrays[value.name][: value.shape[0]] if value.shape else arrays[value.name] for value in values
    }


def random_inputs(values: "Iterable[Value]") -> "dict[str, Array]":
    """Normal random numbers, seed 0, in the shapes of a network's inputs; integers get small whole numbers."""
    import numpy as np

    rng = np.random.default_rng(0)
    return {
        value.name: (rng.standard_normal(value.shape) * _spread(value)).astype(value.dtype.numpy) for value in values
    }


def _spread(value: "Value") -> float:
    return 1.0 if value.dtype.floating else 8.0


def _pair(text: str) -> tuple[str, str]:
    name, _, value = (part.strip() for part in text.partition("="))
    if not (name and value):
        raise HardwareError(f"--hardware {text}: is not NAME=VALUE, for example rows=16")
    return name, value
