"""By which yardstick a search goes, as a text that its store keeps: so that a report can be made of any store, while
the search runs or after it was killed.

    store.settle({..., "yardstick": written(metrics, ["accuracy", "latency"], ["latency<=2ms"])})
    goals, limits = read(store.settings())
"""

import json
from collections.abc import Iterable, Mapping
from typing import Any

from gossamer.ir.errors import DataError, SearchError
from gossamer.search.objectives import OBJECTIVES, Goal, Limit, Objective, parse_limits, resolve

SETTING = "yardstick"


def written(metrics: Iterable[Objective], goals: Iterable[str | Mapping[str, Any]], limits: Iterable[str]) -> str:
    """JSON: every metric's key, label, unit and direction; goals and limits as the user wrote them."""
    found = [[item.key, item.label, item.unit, item.higher_is_better] for item in metrics]
    document = {"metrics": found, "goals": list(goals), "limits": list(limits)}
    return json.dumps(document, separators=(",", ":"))


def read(settings: Mapping[str, str], where: str = "the store") -> tuple[tuple[Goal, ...], tuple[Limit, ...]]:
    """Goals and limits of a store. Stores without a yardstick name their objectives and limits in settings of that
    name. DataError where neither can be read.
    """
    try:
        if SETTING not in settings:
            texts = settings.get("limits", "none")
            limits = [] if texts == "none" else texts.split(", ")
            return resolve(settings["objectives"]), parse_limits(limits)
        document = json.loads(settings[SETTING])
        metrics = _metrics(document)
        return resolve(document["goals"], metrics), parse_limits(document["limits"], metrics)
    except (KeyError, IndexError, TypeError, ValueError, SearchError) as error:
        said = f"no {error}" if isinstance(error, KeyError) else str(error)
        raise DataError(
            f"{where}: does not say what its search optimises ({said}); name the folder or the store of a search"
        ) from None


def metrics_of(settings: Mapping[str, str]) -> tuple[Objective, ...]:
    """Every metric the search's evaluators give."""
    return _metrics(json.loads(settings[SETTING])) if SETTING in settings else tuple(OBJECTIVES.values())


def _metrics(document: Mapping[str, Any]) -> tuple[Objective, ...]:
    return tuple(Objective(str(key), str(label), str(unit), bool(up)) for key, label, unit, up in document["metrics"])
