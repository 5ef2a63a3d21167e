"""The node that an operator runs, with a wall clock that jumps to and fro by hours: run as a program."""

import itertools
import sys
import time
from datetime import UTC, datetime, tzinfo

import coordfsm_runtime.logs
from coordfsm_runtime import __main__ as program

real_time = time.time
jumps_s = itertools.cycle((0, 3_600, -7_200))


def jumping_time() -> float:
    return real_time() + next(jumps_s)


class JumpingDate(datetime):
    """What the logs' times are made with."""

    @classmethod
    def fromtimestamp(cls, timestamp: float, tz: tzinfo | None = UTC) -> datetime:
        return datetime.fromtimestamp(timestamp + next(jumps_s), tz)


if __name__ == "__main__":
    time.time = jumping_time
    coordfsm_runtime.logs.datetime = JumpingDate
    sys.exit(program.main())
