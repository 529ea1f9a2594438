"""What an importer could not import, collected over the whole network so that it is reported at once."""

from gossamer.ir.errors import FrontendError


class Unsupported(Exception):
    """A valid operation that the IR has no words for; the text is the reason."""


class UnknownOperator(Exception):
    """An operation without an importing function; the text is its name."""


class Problems:
    """Unknown operators with the nodes that use them, and nodes refused for a reason."""

    def __init__(self) -> None:
        self._unknown: dict[str, list[str]] = {}
        self._refused: list[str] = []

    def unknown(self, operator: str, node: str) -> None:
        self._unknown.setdefault(operator, []).append(node)

    def refused(self, node: str, operator: str, reason: object) -> None:
        self._refused.append(f"{node} ({operator}): {reason}")

    def check(self) -> None:
        """FrontendError that names every problem, if there is any."""
        parts: list[str] = []
        if self._unknown:
            each = ", ".join(f"{operator} ({_listed(nodes)})" for operator, nodes in self._unknown.items())
            are = "operators are" if len(self._unknown) > 1 else "operator is"
            parts.append(f"{len(self._unknown)} {are} not supported: {each}")
        if self._refused:
            nodes = "nodes" if len(self._refused) > 1 else "node"
            parts.append(f"{len(self._refused)} {nodes} cannot be imported: {'; '.join(self._refused)}")
        if parts:
            raise FrontendError("; ".join(parts))


def _listed(nodes: list[str]) -> str:
    return f"node{'s' if len(nodes) > 1 else ''} {', '.join(nodes)}"
