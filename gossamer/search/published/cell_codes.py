"""Cells of NAS-Bench-201 as the tuples that NASLib writes: "(0, 2, 3, 2, 3, 1)".

Order of operations: skip, none, conv 3x3, conv 1x1, pool. Order of edges between nodes 1 (input) to 4 (output):
1-2, 1-3, 1-4, 2-3, 2-4, 3-4. Checked against the tables' own parameter counts.
"""

import re

from gossamer.ir.errors import DataError

OPS = ("skip_connect", "none", "nor_conv_3x3", "nor_conv_1x1", "avg_pool_3x3")
_CODE = re.compile(r"\(([0-4]), ([0-4]), ([0-4]), ([0-4]), ([0-4]), ([0-4])\)")


def arch_string(code: str) -> str:
    """The published arch string. DataError: another form."""
    match = _CODE.fullmatch(code.strip())
    if match is None:
        raise DataError(f"'{code[:60]}' is no cell of six operations 0 to 4, such as (0, 2, 3, 2, 3, 1)")
    e12, e13, e14, e23, e24, e34 = (OPS[int(digit)] for digit in match.groups())
    return f"|{e12}~0|+|{e13}~0|{e23}~1|+|{e14}~0|{e24}~1|{e34}~2|"
