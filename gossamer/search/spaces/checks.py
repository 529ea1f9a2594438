"""What the fields of a family must be; errors say the family, what was found and what is needed."""

from collections.abc import Sequence

from gossamer.ir.errors import SearchError

LEAST_SIDE = 8


def check_images(name: str, input_shape: tuple[int, int, int], classes: int, width: float = 1.0) -> None:
    """SearchError: images below 8x8, fewer than two classes, a width that is not above 0."""
    if len(input_shape) != 3 or input_shape[0] < 1 or min(input_shape[1:]) < LEAST_SIDE:
        found = " x ".join(map(str, input_shape))
        raise SearchError(
            f"space '{name}': input_shape is (channels, height, width) of images of at least "
            f"{LEAST_SIDE}x{LEAST_SIDE}, found {found}"
        )
    if classes < 2:
        raise SearchError(f"space '{name}': classes = {classes}, but a classifier needs at least 2")
    if not width > 0:
        raise SearchError(f"space '{name}': width = {width}, but it multiplies channels, so it must be above 0")


def check_stages(name: str, **stages: Sequence[float]) -> None:
    """SearchError: stages described by lists of different lengths, or by numbers that are not above 0."""
    lengths = {what: len(values) for what, values in stages.items()}
    if len(set(lengths.values())) > 1 or not all(lengths.values()):
        found = ", ".join(f"{what} for {length}" for what, length in lengths.items())
        raise SearchError(f"space '{name}': every stage needs one value in each list; found {found} stages")
    for what, values in stages.items():
        check_positive(name, what, values)


def check_positive(name: str, what: str, values: Sequence[float], least: float = 0) -> None:
    """SearchError: a value that is 0 or less, or below `least`."""
    wrong = [value for value in values if value <= 0 or value < least]
    if wrong:
        needed = f"at least {least}" if least else "above 0"
        raise SearchError(f"space '{name}': {what} must be {needed}, found {wrong[0]}")


def check_options(name: str, what: str, values: Sequence[object], allowed: Sequence[object] | None = None) -> None:
    """SearchError: no values to choose from, one twice, or one that is not allowed."""
    if not values:
        raise SearchError(f"space '{name}': {what} has no values to choose from")
    if len(set(values)) < len(values):
        raise SearchError(f"space '{name}': {what} names a value twice: {', '.join(map(str, values))}")
    wrong = [value for value in values if allowed is not None and value not in allowed]
    if wrong:
        raise SearchError(f"space '{name}': {what} = {wrong[0]} is none of {', '.join(map(str, allowed or ()))}")
