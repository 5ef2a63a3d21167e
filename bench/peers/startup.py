"""How long a user waits for this project's command line."""

import tempfile
from collections.abc import Sequence
from statistics import median

from bench.peers.measure import ProgramError, run
from bench.peers.tools.ours import SCRIPT, command
from bench.peers.workload import TWOPHASE


def measure_startup(repeat: int) -> dict[str, float]:
    """Seconds, medians of `repeat` runs: the help, the first state, and the first state with no compiled code cached.

    The last is measured once. Empty if the command is not there.
    """
    found: dict[str, float] = {}
    if not SCRIPT.exists():
        return found
    try:
        found["help_seconds"] = _median([str(SCRIPT), "--help"], repeat)
        found["first_state_seconds"] = _median(command((), TWOPHASE, TWOPHASE.smallest), repeat)
        with tempfile.TemporaryDirectory() as empty:
            cold = run(command((), TWOPHASE, TWOPHASE.smallest), environment={"NUMBA_CACHE_DIR": empty})
        found["first_state_uncached_seconds"] = cold.seconds
    except ProgramError:
        return found
    return found


def _median(words: Sequence[str], repeat: int) -> float:
    return median(run(words).seconds for _ in range(repeat))
