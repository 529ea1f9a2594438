"""What a recipe may say, and the Experiment that it makes.

A recipe is a mapping of sections. About the recipe itself: `source`, `reproduces`, `targets`. The search: `space`,
`filter`, the sections of the product (`precision`, `algorithm`, `hardware`, ...), `strategy`, `evaluators`,
`objectives`, `limits`, `reference`, `budget`, `seed`, `designs`, `data`, `executor`. `targets` may hold changes of
sections for single targets; `tables` there stands for every device of the published tables.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields, replace
from typing import TYPE_CHECKING, Any

from gossamer.ir.errors import SearchError, nearest
from gossamer.ir.registry import BACKENDS, EVALUATORS, EXECUTORS, FILTERS, SPACES, STRATEGIES
from gossamer.search.evaluators import EvaluatorSettings
from gossamer.search.experiment import DEFAULT_BUDGET, DEFAULT_DESIGNS, Experiment, images
from gossamer.search.product import Product
from gossamer.search.recipes.nodes import Node, mentions, parse, plain, substituted
from gossamer.search.recipes.parts import build_fields, build_part, part_name, read
from gossamer.search.spaces.base import NetworkSpace

if TYPE_CHECKING:
    from gossamer.backends.base import Backend

TARGET, TABLES = "${target}", "tables"
ABOUT = ("source", "reproduces", "targets")
SEARCH = (
    "space",
    "filter",
    "strategy",
    "evaluators",
    "objectives",
    "limits",
    "reference",
    "budget",
    "seed",
    "designs",
    "data",
    "executor",
)


@dataclass(frozen=True)
class Recipe:
    """A recipe: its text, and its sections with places. `targets`: name -> sections that change for it; the first is
    the default.
    """

    name: str
    source: str
    reproduces: str
    targets: Mapping[str, Node]
    sections: Node
    text: str


def product_sections() -> tuple[str, ...]:
    """Sections that are options of the product."""
    return tuple(item.name for item in fields(Product))


def read_recipe(text: str, name: str, file: str) -> Recipe:
    """A recipe from its text; `file` is what messages call it. SearchError: not YAML, unknown or missing sections."""
    root = parse(text, file)
    sections = dict(root.entries)
    _refuse_unknown(sections, (*ABOUT, *SEARCH, *product_sections()))
    for needed in (*ABOUT, "space", "strategy", "evaluators", "objectives"):
        if needed not in sections:
            raise root.error(f"recipe '{name}' has no section '{needed}'")
    about = {word: sections.pop(word) for word in ABOUT}
    source, reproduces = (str(read(about[word], str, word)).strip() for word in ABOUT[:2])
    return Recipe(name, source, reproduces, _targets(about["targets"]), replace(root, value=sections), text)


def _refuse_unknown(sections: Mapping[str, Node], known: tuple[str, ...]) -> None:
    for word, node in sections.items():
        if word not in known:
            raise node.key_error(f"a recipe has no section '{word}'{nearest(word, known)}")


def _targets(node: Node) -> dict[str, Node]:
    if isinstance(node.value, Mapping):
        found = {name: replace(item, value=item.value or {}) for name, item in node.value.items()}
    else:
        names = read(node, tuple[str, ...], "targets")
        found = {name: Node({}, node.where) for name in names}
    if not found:
        raise node.error("a recipe needs at least one target")
    for changes in found.values():
        _refuse_unknown(changes.entries, (*SEARCH, *product_sections()))
    return found


def composed(recipe: Recipe, targets: tuple[str, ...]) -> Node:
    """The sections as they are for these targets."""
    sections = dict(recipe.sections.entries)
    for word, node in _changes(recipe, targets).entries.items():
        sections[word] = node
    return replace(recipe.sections, value={word: node for word, node in sections.items() if node.value is not None})


def _changes(recipe: Recipe, targets: tuple[str, ...]) -> Node:
    entries = sorted({_entry(recipe, target) for target in targets})
    first = recipe.targets[entries[0]]
    if any(plain(recipe.targets[entry]) != plain(first) for entry in entries):
        names = ", ".join(targets)
        raise SearchError(
            f"recipe '{recipe.name}': {names} cannot be searched together: {' and '.join(entries)} need different "
            "parts; ask for targets of one kind"
        )
    return first


def _entry(recipe: Recipe, target: str) -> str:
    """Under which name of `recipe.targets` a target falls: its own, one of several with commas, `tables`, or the first
    backend.
    """
    for name in recipe.targets:
        if target in words(name) and target != TABLES:
            return name
    devices = table_devices()
    if TABLES in recipe.targets and target in devices:
        return TABLES
    backends = [name for name in recipe.targets if set(words(name)) <= set(BACKENDS.names())]
    if target in BACKENDS.names() and backends:
        return backends[0]
    named = [word for name in recipe.targets for word in words(name) if word != TABLES]
    known = named + (list(devices) if TABLES in recipe.targets else [])
    raise SearchError(f"recipe '{recipe.name}' does not run on target '{target}'{nearest(target, known)}")


def table_devices() -> tuple[str, ...]:
    """Names of devices of the published tables."""
    from gossamer.search.published.devices import devices

    return devices()


def default_targets(recipe: Recipe) -> tuple[str, ...]:
    """Those of the first entry; of `tables` the first device."""
    first = next(iter(recipe.targets))
    return (table_devices()[0],) if first == TABLES else words(first)


def words(targets: str) -> tuple[str, ...]:
    """Names in a text with commas."""
    return tuple(word.strip() for word in targets.split(",") if word.strip())


def build(name: str, root: Node, targets: tuple[str, ...]) -> Experiment:
    """The Experiment of composed sections."""
    sections = dict(root.entries)
    _refuse_unknown(sections, (*SEARCH, *product_sections()))
    seed = _number(sections, "seed", 0, 0)
    data = _text(sections, "data", "")
    backend = _backend(targets)
    return Experiment(
        name=name,
        targets=targets,
        space=_space(sections, _for_target(sections, targets), data, seed, backend),
        product=_product(root, sections),
        strategy=build_part(_needed(root, sections, "strategy"), STRATEGIES),
        evaluators=tuple(_evaluators(_needed(root, sections, "evaluators"), targets, _per_target(sections))),
        objectives=tuple(_goals(_needed(root, sections, "objectives"))),
        limits=read(sections["limits"], tuple[str, ...], "limits") if "limits" in sections else (),
        reference=read(sections["reference"], Mapping[str, str], "reference") if "reference" in sections else {},
        budget=_text(sections, "budget", DEFAULT_BUDGET),
        seed=seed,
        designs=_number(sections, "designs", DEFAULT_DESIGNS, 1),
        data=data,
        executor=build_part(sections["executor"], EXECUTORS) if "executor" in sections else None,
    )


def _backend(targets: tuple[str, ...]) -> "Backend | None":
    return next((BACKENDS.load(name) for name in targets if name in BACKENDS.names()), None)


def _for_target(sections: Mapping[str, Node], targets: tuple[str, ...]) -> Node:
    return substituted(sections["space"], TARGET, targets[0])


def _needed(root: Node, sections: Mapping[str, Node], name: str) -> Node:
    if name not in sections:
        raise root.error(f"a search needs the section '{name}'")
    return sections[name]


def _number(sections: Mapping[str, Node], name: str, default: int, least: int) -> int:
    found: int = read(sections[name], int, name) if name in sections else default
    if found < least:
        raise sections[name].error(f"{name} = {found} must be at least {least}")
    return found


def _text(sections: Mapping[str, Node], name: str, default: str) -> str:
    return read(sections[name], str, name) if name in sections else default


def _space(
    sections: Mapping[str, Node], node: Node, data: str, seed: int, backend: "Backend | None"
) -> NetworkSpace:
    """The family, for the images there are, and narrowed by the filter if there is one."""
    space: NetworkSpace = build_part(_for_images(node, data, seed), SPACES)
    if "filter" in sections:
        return build_part(sections["filter"], FILTERS).apply(space, backend, seed)
    return space


def _for_images(node: Node, data: str, seed: int) -> Node:
    """The space's node with input shape and classes of the data, where the recipe does not say them."""
    name, options = part_name(node, "space")
    if not data or name not in SPACES.names():
        return node
    found, kind = images(data, seed), SPACES.load(name)
    given = {
        "input_shape": Node(tuple(Node(str(size), node.where) for size in found.input_shape), node.where),
        "classes": Node(str(found.classes), node.where),
    }
    known = {item.name for item in fields(kind)}
    entries = {word: value for word, value in given.items() if word in known} | dict(options.entries)
    return replace(node, value={name: replace(options, value=entries)})


def _product(root: Node, sections: Mapping[str, Node]) -> Product:
    own = {word: sections[word] for word in product_sections() if word in sections}
    return build_fields(replace(root, value=own), Product, "product")


def _evaluators(node: Node, targets: tuple[str, ...], tagged: bool) -> Iterable[EvaluatorSettings]:
    """One of each, and one per target where a text mentions the target; `tagged`: even for a single target its metrics
    are called `latency@target`.
    """
    from gossamer.search.evaluators import ForTarget

    for item in node.items:
        if not mentions(item, TARGET):
            yield build_part(item, EVALUATORS)
            continue
        parts = [build_part(substituted(item, TARGET, target), EVALUATORS) for target in targets]
        if len(targets) > 1 or tagged:
            parts = [ForTarget(part, target) for part, target in zip(parts, targets)]
        yield from parts


def _per_target(sections: Mapping[str, Node]) -> bool:
    """Whether an objective or a limit asks for a metric of one target, or of all: `latency@worst`."""
    return any(mentions(sections[name], "@") for name in ("objectives", "limits") if name in sections)


def _goals(node: Node) -> Iterable[Any]:
    for item in node.items:
        if not isinstance(item.value, str | Mapping):
            raise item.error(f"an objective is a name or {{name: {{option: value}}}}, not {item.kind}")
        yield plain(item)
