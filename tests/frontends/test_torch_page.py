"""docs/torch.md says what there is: every operator of the table, every network of the zoo."""

import re
from pathlib import Path

import pytest

from gossamer.frontends import zoo

pytest.importorskip("torch")

PAGE = (Path(__file__).parents[2] / "docs" / "torch.md").read_text(encoding="utf-8")


def test_operators():
    from gossamer.frontends.torch import importer  # noqa: F401  (fills the table)
    from gossamer.frontends.torch.table import HANDLERS

    listed = re.search(r"<!-- operators.*?-->\n(.*?)\n\n", PAGE, re.DOTALL)[1]
    wanted = sorted({name.split(".")[0] for name in HANDLERS if not name.startswith("_")})
    assert re.findall(r"`(\w+)`", listed) == wanted


def test_networks():
    listed = dict(re.findall(r"^\| `(\w+)` \| [^|]* \| ([^|]*) \|", PAGE, re.MULTILINE))
    assert listed == {name: " x ".join(str(e) for e in zoo.input_shape(name)) for name in zoo.NAMES}
