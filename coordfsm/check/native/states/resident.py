"""What the process really uses: tables, interned values and verdicts of a search take memory, too, not only states."""

import os
from pathlib import Path

STATM = Path("/proc/self/statm")
WORKING_BYTES = 32 << 20
"""What the engine itself touches while it starts. Smaller limits are compared with the arrays of states only."""


class Resident:
    """The growth of resident memory since a search began. Where the system does not tell, it is 0."""

    def __init__(self) -> None:
        self._before = _resident_bytes()

    def exceeds(self, most_bytes: int) -> bool:
        """Whether more has been added than may be used."""
        return _resident_bytes() - self._before > max(most_bytes, WORKING_BYTES)


def _resident_bytes() -> int:
    try:
        return int(STATM.read_text(encoding="ascii").split()[1]) * os.sysconf("SC_PAGE_SIZE")
    except OSError:
        return 0
