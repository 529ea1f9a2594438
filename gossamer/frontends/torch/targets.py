"""What a call in an exported program calls: names, and arguments by the names of the operator's schema."""

from typing import Any

IGNORED = ("_assert_tensor_metadata", "_assert_scalar", "sym_constrain_range_for_size", "_assert_async")
"""Calls that only check."""


def name_and_overload(target: Any) -> tuple[str, str]:
    """("conv2d", "default") of aten.conv2d.default."""
    schema = getattr(target, "_schema", None)
    if schema is None:
        return getattr(target, "__name__", str(target)), ""
    return schema.name.split("::")[-1], schema.overload_name or "default"


def full_name(target: Any) -> str:
    return str(target) if hasattr(target, "_schema") else getattr(target, "__name__", str(target))


def bound(target: Any, args: Any, kwargs: Any) -> dict[str, Any]:
    """Arguments by name, defaults filled in; those of a target without a schema are not looked at."""
    schema = getattr(target, "_schema", None)
    if schema is None:
        return {}
    given = dict(zip((a.name for a in schema.arguments), args)) | dict(kwargs)
    return {a.name: given.get(a.name, a.default_value if a.has_default_value() else None) for a in schema.arguments}
