"""Checks of a method's options, so that every method refuses in the same words."""

from gossamer.ir.errors import SearchError


def at_least(method: str, option: str, value: float, least: float) -> None:
    """SearchError where a number is too small."""
    if not value >= least:
        raise SearchError(f"strategy '{method}': {option} = {value} is too small; it must be at least {least:g}")


def share(method: str, option: str, value: float) -> None:
    """SearchError where a number is no probability or share."""
    if not 0 <= value <= 1:
        raise SearchError(f"strategy '{method}': {option} = {value} must lie between 0 and 1")


def one_of(method: str, option: str, value: str, known: tuple[str, ...]) -> None:
    """SearchError where a word is none of those known."""
    if value not in known:
        from gossamer.ir.errors import nearest

        raise SearchError(
            f"strategy '{method}': {option} = '{value}' is none of {', '.join(known)}{nearest(value, known)}"
        )
