"""How evenly the role of coordinator falls on the members: ``python -m bench.baseline.spread``.

The views differ in their number alone. Chi-square against an even spread: a p-value is the chance that an even spread
looks at least this uneven; over many views of a biased role it would be nearly 0.
"""

import sys
from collections import Counter
from typing import NamedTuple

from scipy.stats import chisquare

from bench.baseline.table import table
from coordfsm.protocols.view import Member, View, coordinator

VIEWS = 10_000
SIZES = (3, 10, 100)


class Spread(NamedTuple):
    """Who led how often.

    Attributes:
        members: of each view.
        fewest: views that the member led that led least.
        most: likewise.
        statistic: chi-square, with one degree of freedom less than members.
        p_value: see above.
    """

    members: int
    fewest: int
    most: int
    statistic: float
    p_value: float


def spread(size: int, views: int = VIEWS) -> Spread:
    """The spread of the role over `size` members in `views` views."""
    members = tuple(Member(f"n{number:03}", 1, f"10.0.0.{number}:1") for number in range(size))
    led = Counter(coordinator(View("lineage", number, "", members)).node for number in range(views))
    counts = [led[member.node] for member in members]
    result = chisquare(counts)
    return Spread(size, min(counts), max(counts), float(result.statistic), float(result.pvalue))


def main() -> int:
    """Print the table of the documentation."""
    head = ("members", "views", "each would lead", "fewest", "most", "chi-square", "degrees of freedom", "p-value")
    rows = (
        (
            str(found.members),
            f"{VIEWS:,}",
            f"{VIEWS / found.members:,.0f}",
            f"{found.fewest:,}",
            f"{found.most:,}",
            f"{found.statistic:.2f}",
            str(found.members - 1),
            f"{found.p_value:.3f}",
        )
        for found in map(spread, SIZES)
    )
    print(table(head, rows))
    return 0


if __name__ == "__main__":
    sys.exit(main())
