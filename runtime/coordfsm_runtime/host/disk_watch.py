"""How long the disk takes: what a node knows of its own, and says.

A commit of more than `SLOW_S` makes the disk slow until one takes less: the log says so once, and once when it is over.
A commit of more than `HOPELESS_S` makes it hopeless until one takes less than `USABLE_S`: see `Driver`.
"""

import logging
import time
from collections.abc import Callable

STILL_S = 0.1
"""From here on the time of the machines stands still until the commit ends."""

SLOW_S = 0.5
"""From here on a commit is told as slow."""

USABLE_S = 2.0
"""A disk that was hopeless must be quicker than this before anything leaves the process."""

HOPELESS_S = 10.0
"""From here on a node answers nobody, so that it is taken out of its view: alive, but no use to anybody."""

logger = logging.getLogger(__name__)


class DiskWatch:
    """Times the commits, one at a time.

    Args:
        now_s: a monotonic clock.

    Attributes:
        last_s: what the last commit took.
    """

    def __init__(self, now_s: Callable[[], float] = time.monotonic) -> None:
        self._now_s = now_s
        self._began: float | None = None
        self._told_slow = False
        self._was_hopeless = False
        self.last_s = 0.0

    @property
    def waiting_s(self) -> float:
        """How long the commit under way takes already; 0 while there is none."""
        return 0.0 if self._began is None else self._now_s() - self._began

    @property
    def is_waiting(self) -> bool:
        """A commit is under way."""
        return self._began is not None

    @property
    def is_slow(self) -> bool:
        """The last commit was slow, or the one under way is."""
        return self.last_s > SLOW_S or self.waiting_s > SLOW_S

    @property
    def is_hopeless(self) -> bool:
        """A commit took, or takes already, too long for the node to be of use, and none was quick enough since."""
        return self._was_hopeless or self.waiting_s > HOPELESS_S

    def begin(self) -> None:
        """A commit begins."""
        self._began = self._now_s()

    def end(self) -> None:
        """The commit is on disk."""
        self.last_s, self._began = self.waiting_s, None
        self._was_hopeless = self.last_s > (USABLE_S if self._was_hopeless else HOPELESS_S)
        self.tell()

    def tell(self) -> None:
        """Say in the log that the disk has become slow, or is well again."""
        if self.is_slow == self._told_slow:
            return
        self._told_slow = self.is_slow
        if self.is_slow:
            taken_ms = round(max(self.last_s, self.waiting_s) * 1000)
            logger.warning("the disk is slow", extra={"fields": {"commit_ms": taken_ms, "under_way": self.is_waiting}})
        else:
            logger.warning("the disk is well again", extra={"fields": {"commit_ms": round(self.last_s * 1000)}})
