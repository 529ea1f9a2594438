"""A loop cut into pieces of nearly equal length, so that no piece is much shorter than the others."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Cut:
    """A loop of `extent` steps cut into `count` pieces of nearly `size` steps: `longer` of base + 1, then the rest."""

    extent: int
    count: int

    @staticmethod
    def of(extent: int, size: int) -> "Cut":
        return Cut(extent, -(-extent // max(1, min(size, extent))))

    @property
    def base(self) -> int:
        return self.extent // self.count

    @property
    def longer(self) -> int:
        return self.extent % self.count

    def pieces(self) -> list[tuple[int, int, int]]:
        """(start, size, how many) of the runs of equal pieces."""
        runs = [(0, self.base + 1, self.longer), (self.longer * (self.base + 1), self.base, self.count - self.longer)]
        return [run for run in runs if run[2]]
