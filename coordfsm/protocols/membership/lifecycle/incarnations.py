"""Which incarnation a process takes: one that no process of this node id has had, also if its store was lost.

A process that remembers no incarnation is a new one, or one whose store was lost. A seed that lags behind does not know
of all incarnations that were used; so what one seed says is not enough to take one that is new. Chance comes in with
the command to join, and goes into the number itself: whatever compares incarnations tells the two apart.
"""

from coordfsm.kernel import fingerprint

LEAPS = 2**32
"""So many numbers may come out of a token: two stores take the same one once in so many times."""


def leap_of(token: str) -> int:
    """How far a process that remembers nothing goes up, from 1; 0 without a token."""
    return 1 + fingerprint(token) % LEAPS if token else 0


def next_incarnation(remembered: int, newest: int, token: str) -> int:
    """One above all that this process and the seed know of; above that, a process that remembers none leaps."""
    return max(remembered, newest) + 1 + (0 if remembered else leap_of(token))
