"""Parsing schedules: the fields after `@schedule`."""

from gossamer.ir.errors import IRError, nearest
from gossamer.ir.parse_cursor import Cursor
from gossamer.ir.schedule import Schedule, Tile

_FIELDS = ("algorithm", "tile", "order", "unroll", "vectorize", "parallel", "layout", "dataflow")
_ALGORITHMS = ("direct", "im2col", "winograd")


def parse_schedule(at: Cursor) -> Schedule:
    """The fields after `@schedule`."""
    start = at.token
    found: dict[str, object] = {}
    while at.kind == "word" and at.next_is("="):
        token = at.take()
        if token[1] not in _FIELDS:
            raise at.error(f"a schedule has no field '{token[1]}'{nearest(token[1], _FIELDS)}", token)
        if token[1] in found:
            raise at.error(f"the schedule's {token[1]} is given twice", token)
        at.take()
        _schedule_field(at, token[1], found)
    if not found:
        raise at.misfit(f"a field of the schedule: {', '.join(f'{name}=' for name in _FIELDS)}")
    try:
        return Schedule(**found)  # pyright: ignore[reportArgumentType]
    except IRError as error:
        raise at.error(str(error), start) from None


def _schedule_field(at: Cursor, name: str, found: dict[str, object]) -> None:
    if name == "algorithm":
        found.update(_algorithm(at))
    elif name in ("layout", "dataflow"):
        found[name] = at.name(f"the name of a {name}")
    else:
        tiles: list[Tile] = []
        token = at.token
        at.items("(", ")", "an axis", lambda: tiles.append(_tile(at, sized=name in ("tile", "vectorize"))))
        if name == "vectorize" and len(tiles) != 1:
            raise at.error(f"found {len(tiles)} axes, needed one: vectorize=(oc:16)", token)
        axes = tuple(tile.axis for tile in tiles)
        found[name] = tuple(tiles) if name == "tile" else tiles[0] if name == "vectorize" else axes


def _algorithm(at: Cursor) -> dict[str, object]:
    token = at.expect("word", "an algorithm: direct, im2col or winograd(m=4)")
    if token[1] not in _ALGORITHMS:
        raise at.error(f"unknown algorithm '{token[1]}'{nearest(token[1], _ALGORITHMS)}", token)
    if token[1] != "winograd":
        return {"algorithm": token[1]}
    for kind, text in (("(", "("), ("word", "m"), ("=", "=")):
        if at.expect(kind, "winograd(m=4)")[1] != text:
            raise at.error("found another word, needed winograd(m=4)", token)
    m = at.whole("a whole number, winograd's output tile")
    at.expect(")", "')' after winograd's m")
    return {"algorithm": "winograd", "winograd_m": m}


def _tile(at: Cursor, sized: bool) -> Tile:
    axis = at.name("the name of an axis")
    sizes: list[int] = []
    while sized and at.accept(":"):
        sizes.append(at.whole("a whole number, the tile's size"))
    return Tile(axis, tuple(sizes))
