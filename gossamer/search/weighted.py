"""Weighted sums and products: several metrics made one number, as rewards of published searches are.

    weighted_product: {accuracy: 1, latency: {target: 80ms, weight: -0.07}}               MnasNet, soft
    weighted_product: {accuracy: 1, latency: {target: 80ms, within: 0, beyond: -1}}       MnasNet, hard
    weighted_sum:     {accuracy: 0.7, energy: {weight: -0.3, per: 2mJ}}                   MONAS, APNAS
    worst:            {of: latency, per: {pixel3: 20ms, edgegpu: 5ms}}                    one network, several targets

Product: prod (value / target)^w (Tan et al. 2019, MnasNet, eq. 2-3: accuracy * (latency / T)^w, w = `within` where
latency <= T, else `beyond`). Sum: sum weight * value / per. Signs are those of the paper's formula: all parts are
rewarded, then the result is maximised, or all are punished (an energy with weight +1), then it is minimised; a mixture
is refused. `name` renames the goal, which a search with two of a kind needs.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from math import isfinite
from typing import Any

from gossamer.ir.errors import SearchError, nearest
from gossamer.search.goals import Factor, Goal, Over, Product, Sum, Term, named, over
from gossamer.search.metrics import Objective, quantity, show


def combined(node: Mapping[str, Any], metrics: Sequence[Objective]) -> Goal:
    """The goal of one mapping: {kind: options}. SearchError says what is wrong with it."""
    if len(node) != 1:
        raise SearchError(f"an objective is a name or one of {', '.join(KINDS)} with its options, not {dict(node)}")
    kind, options = next(iter(node.items()))
    build = KINDS.get(str(kind).replace("-", "_"))
    if build is None:
        raise SearchError(f"unknown objective '{kind}'{nearest(str(kind), KINDS)}")
    if not isinstance(options, Mapping) or not options:
        raise SearchError(f"{kind} needs its parts, such as {EXAMPLES[str(kind).replace('-', '_')]}")
    return build(options, metrics)


def _product(options: Mapping[str, Any], metrics: Sequence[Objective]) -> Goal:
    factors = tuple(_factor(name, given, metrics) for name, given in options.items() if name != "name")
    kind = "weighted_product"
    signs = [sign for item in factors for sign in _signs(item.goal, item.within, item.beyond)]
    label = "*".join(_power(item) for item in factors)
    return Product(_result(kind, label, options, signs), factors)


def _factor(name: str, given: Any, metrics: Sequence[Objective]) -> Factor:
    goal, where = named(name, metrics), f"weighted_product: {name}"
    if not isinstance(given, Mapping):
        exponent = _number(given, where)
        return Factor(goal, exponent, exponent)
    _refuse_others(given, ("target", "weight", "within", "beyond"), where)
    if ("weight" in given) == ("within" in given or "beyond" in given):
        raise SearchError(f"{where}: give `weight`, or `within` and `beyond` (where the target is met and where not)")
    within, beyond = (_number(given.get(key, given.get("weight", 0)), where) for key in ("within", "beyond"))
    target = quantity(given["target"], goal.objective, where) if "target" in given else 1.0
    if target <= 0:
        raise SearchError(f"{where}: a target is above 0, not {given['target']}")
    if within != beyond and "target" not in given:
        raise SearchError(f"{where}: `within` and `beyond` need a `target`")
    return Factor(goal, within, beyond, target)


def _sum(options: Mapping[str, Any], metrics: Sequence[Objective]) -> Goal:
    terms = tuple(_term(name, given, metrics) for name, given in options.items() if name != "name")
    signs = [sign for item in terms for sign in _signs(item.goal, item.weight)]
    return Sum(_result("weighted_sum", " ".join(map(_summand, terms)), options, signs), terms)


def _term(name: str, given: Any, metrics: Sequence[Objective]) -> Term:
    goal, where = named(name, metrics), f"weighted_sum: {name}"
    if not isinstance(given, Mapping):
        return Term(goal, _number(given, where))
    _refuse_others(given, ("weight", "per"), where)
    if "weight" not in given:
        raise SearchError(f"{where}: give its `weight`")
    per = quantity(given["per"], goal.objective, where) if "per" in given else 1.0
    if per <= 0:
        raise SearchError(f"{where}: `per` is above 0, not {given['per']}")
    return Term(goal, _number(given["weight"], where), per)


def _over(how: str) -> Callable[[Mapping[str, Any], Sequence[Objective]], Goal]:
    def build(options: Mapping[str, Any], metrics: Sequence[Objective]) -> Over:
        _refuse_others(options, ("of", "per", "name"), how)
        if "of" not in options:
            raise SearchError(f"{how} needs `of`, such as {EXAMPLES[how]}")
        found = over(str(options["of"]), how, metrics)
        if "per" in options:
            found = over(str(options["of"]), how, metrics, _scales(options["per"], found, how))
        return found if "name" not in options else replace(found, objective=_renamed(found.objective, options))

    return build


def _scales(per: Any, found: Over, how: str) -> dict[str, float]:
    if not isinstance(per, Mapping) or not per:
        raise SearchError(f"{how}: `per` gives each target a value, such as {EXAMPLES[how]}")
    item = found.parts[0].objective
    scales = {str(target): quantity(value, item, f"{how}: {target}") for target, value in per.items()}
    for target, scale in scales.items():
        if scale <= 0:
            raise SearchError(f"{how}: {target}: `per` is above 0, not {per[target]}")
    return scales


KINDS: Mapping[str, Callable[[Mapping[str, Any], Sequence[Objective]], Goal]] = {
    "weighted_product": _product,
    "weighted_sum": _sum,
    "worst": _over("worst"),
    "mean": _over("mean"),
}
EXAMPLES = {
    "weighted_product": "weighted_product: {accuracy: 1, latency: {target: 80ms, weight: -0.07}}",
    "weighted_sum": "weighted_sum: {accuracy: 0.7, energy: {weight: -0.3, per: 2mJ}}",
    "worst": "worst: {of: latency, per: {pixel3: 20ms, edgegpu: 5ms}}",
    "mean": "mean: {of: latency}",
}


def _signs(goal: Goal, *weights: float) -> list[int]:
    """+1 where a weight rewards what is good, -1 where it punishes it, nothing where it is 0."""
    good = 1 if goal.objective.higher_is_better else -1
    return [good if weight > 0 else -good for weight in weights if weight]


def _result(kind: str, label: str, options: Mapping[str, Any], signs: list[int]) -> Objective:
    if len(set(signs)) != 1:
        raise SearchError(
            f"{kind} of {label}: {'some weights reward what is good, others what is bad' if signs else 'no weights'}; "
            "what should be small needs a negative weight where what should be large has a positive one"
        )
    return _renamed(Objective(kind, label, "", signs[0] > 0), options)


def _renamed(item: Objective, options: Mapping[str, Any]) -> Objective:
    return replace(item, key=str(options["name"]), label=str(options["name"])) if "name" in options else item


def _power(item: Factor) -> str:
    base, own = item.goal.objective.label, item.goal.objective
    base = base if item.target == 1 else f"({base}/{show(own, item.target).replace(' ', '')})"
    return base + ("" if item.within == item.beyond == 1 else f"^{_exponents(item)}")


def _exponents(item: Factor) -> str:
    return f"{item.within:g}" if item.within == item.beyond else f"({item.within:g}|{item.beyond:g})"


def _summand(item: Term) -> str:
    own = item.goal.objective
    return f"{item.weight:+g}*{own.label}" + ("" if item.per == 1 else f"/{show(own, item.per).replace(' ', '')}")


def _number(given: Any, where: str) -> float:
    if isinstance(given, bool) or not isinstance(given, int | float) or not isfinite(given):
        raise SearchError(f"{where}: a weight is a finite number, not '{given}'")
    return float(given)


def _refuse_others(given: Mapping[str, Any], known: Sequence[str], where: str) -> None:
    for name in given:
        if name not in known:
            raise SearchError(f"{where}: unknown option '{name}'{nearest(str(name), known)}")
