"""What every test runs under: no schedules that somebody measured on this machine before."""

import os

os.environ.setdefault("GOSSAMER_TUNING", "off")
