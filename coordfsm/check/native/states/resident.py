"""What the process really uses: tables, interned values and verdicts of a search take memory, too, not only states."""

import os
from pathlib import Path

STATM = Path("/proc/self/statm")
WORKING_BYTES = 32 << 20
"""What the engine itself touches while it starts. Smaller limits are compared with the arrays of states only."""
SMALL_BYTES = 1 << 16
"""Growths up to this are not asked for."""


class TooLargeError(Exception):
    """The next growth would exceed the memory that the exploration may use."""


class Resident:
    """The growth of resident memory since a search began. Where the system does not tell, it is 0.

    Attributes:
        most_bytes: what may be added; None: anything.
    """

    def __init__(self, most_bytes: int | None = None) -> None:
        self.most_bytes = most_bytes
        self._before = _resident_bytes()

    @property
    def left(self) -> int:
        """Bytes that may still be added; negative: too much has been."""
        if self.most_bytes is None:
            return 1 << 62
        return max(self.most_bytes, WORKING_BYTES) - (_resident_bytes() - self._before)

    def exceeds(self) -> bool:
        """Whether more has been added than may be used."""
        return self.left < 0

    def allows(self, more: int) -> bool:
        """Whether so many bytes more may be used."""
        return more <= SMALL_BYTES or more <= self.left

    def take(self, more: int) -> None:
        """Ask for bytes before they are used.

        Raises:
            TooLargeError: they may not be.
        """
        if not self.allows(more):
            raise TooLargeError

    def check(self) -> None:
        """See that no more has been added than may be used.

        Raises:
            TooLargeError: more has.
        """
        if self.exceeds():
            raise TooLargeError

    def lift(self) -> None:
        """Allow anything from now on: the search is over, and what it found is told."""
        self.most_bytes = None


def _resident_bytes() -> int:
    try:
        return int(STATM.read_text(encoding="ascii").split()[1]) * os.sysconf("SC_PAGE_SIZE")
    except OSError:
        return 0
