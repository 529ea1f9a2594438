"""Spaces, strategies, estimators, objectives, the store of results.

    from gossamer.search import search
    run = search(target="systolic", space="mobilenet", data="digits", budget="5m", out="runs/first")
    for design in run.front: print(design.metrics, design.hardware)

`search` is loaded when it is first asked for: it brings torch and pymoo.
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from gossamer.search.engine import search
    from gossamer.search.result import Design, Run

__all__ = ["Design", "Run", "search"]


def __getattr__(name: str) -> Any:
    if name == "search":
        from gossamer.search.engine import search

        return search
    if name in ("Design", "Run"):
        from gossamer.search import result

        return getattr(result, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
