"""What makes two searches the same one, and in what they differ: settings, version, the choices of the space."""

import json
from collections.abc import Mapping
from typing import Any

from gossamer.search.choices import Choices

_SHOWN = 4


def described(choices: Choices) -> str:
    """Every choice with its values and conditions, as JSON."""
    return json.dumps(
        {
            item.name: {"values": list(item.values), "when": [[c.choice, *c.values] for c in item.when]}
            for item in choices.items
        },
        separators=(",", ":"),
    )


def differences(known: Mapping[str, str], asked: Mapping[str, str]) -> list[str]:
    """One phrase per difference, the first few; empty when both are the same search."""
    found: list[str] = []
    for name in dict.fromkeys((*known, *asked)):
        # a yardstick is the objectives, limits and evaluators again, for machines
        if name in ("settled", "choices", "yardstick") or known.get(name) == asked.get(name):
            continue
        found.append(f"{name} {known.get(name, 'not said')}, now {asked.get(name, 'not said')}")
    found += _of_choices(known.get("choices"), asked.get("choices"))
    return found[:_SHOWN] + ([f"and {len(found) - _SHOWN} more"] if len(found) > _SHOWN else [])


def _of_choices(known: str | None, asked: str | None) -> list[str]:
    """Of two texts of `described`; a store or a caller without one is not compared."""
    if known is None or asked is None or known == asked:
        return []
    before, now = json.loads(known), json.loads(asked)
    gone = [f"its space has the choice '{name}', which is not there now" for name in before if name not in now]
    new = [f"its space lacks the choice '{name}'" for name in now if name not in before]
    shared = [name for name in before if name in now]
    changed = [_changed(name, before[name], now[name]) for name in shared if before[name] != now[name]]
    return [*gone, *new, *changed] or ["its space has the same choices in another order"]


def _changed(name: str, before: dict[str, Any], now: dict[str, Any]) -> str:
    if before["values"] == now["values"]:
        return f"choice '{name}' holds under other conditions"
    return f"choice '{name}' of {_list(before['values'])}, now of {_list(now['values'])}"


def _list(values: list[Any]) -> str:
    return ", ".join(map(str, values[:8])) + (", ..." if len(values) > 8 else "")
