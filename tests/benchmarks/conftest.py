"""`benchmarks` is not installed, and another distribution installs a package of that name."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))
