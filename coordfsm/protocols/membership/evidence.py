"""How long evidence counts: what its monitor does not repeat is forgotten.

A withdrawal may be lost, and a monitor that restarts knows of no condemnation that it could withdraw. A monitor that
stands by its condemnation repeats it; so what was not repeated from one look to the next is forgotten at that next one.
Without this, condemnations of different hours would add up until a healthy member is removed. Joiners repeat their
requests as well: one that has gone is not admitted long after.
"""

from msgspec.structs import replace

from coordfsm.kernel import CancelTimer, Effect, Map, SetTimer, Timer, TimerFired, Value
from coordfsm.protocols.membership.data import CutData, MembershipData
from coordfsm.protocols.membership.settings import Settings

EVIDENCE = Timer("evidence")

REPETITIONS = 3
"""So many repetitions of a condemnation fit between two looks; all of them must be lost for it to be forgotten."""

Witnesses = Map[str, frozenset[str]]
"""Subject's node to monitors."""


def evidence_ms(settings: Settings) -> int:
    """The time between two looks: longer than an accusation takes to become a condemnation."""
    longest_pause_ms = settings.longest_ms + settings.longest_ms // 2  # see `backoff`
    return max(REPETITIONS * longest_pause_ms, 2 * settings.rebuttal_ms * settings.health_limit)


def witnesses_against(data: CutData, node: str) -> frozenset[str]:
    """The monitors that accuse or condemn a node."""
    return data.accusing.get(node, frozenset()) | data.condemning.get(node, frozenset())


def _reported(data: CutData, context: MembershipData) -> Witnesses:
    """All that other processes say; what this process says itself, it withdraws itself."""
    said = {node: witnesses_against(data, node) - {context.node} for node in {*data.accusing, *data.condemning}}
    return Map({node: monitors for node, monitors in said.items() if monitors})


def _is_told(data: CutData, context: MembershipData) -> bool:
    """Other processes have told something that they have to repeat."""
    return bool(data.joining or _reported(data, context))


def without(held: Witnesses, node: str, monitors: frozenset[str]) -> Witnesses:
    """What is left when these monitors say no more against a node."""
    if node not in held:
        return held
    left = held[node] - monitors
    return held.set(node, left) if left else held.delete(node)


def settled(data: CutData) -> CutData:
    """Once nobody says anything against a node, that its monitors had made up their minds about it counts no more."""
    spoken = {*data.accusing, *data.condemning}
    reinforced = data.reinforced & spoken
    tolerated = Map({node: monitors for node, monitors in data.tolerated.items() if node in spoken})
    if reinforced == data.reinforced and tolerated == data.tolerated:
        return data
    return replace(data, reinforced=reinforced, tolerated=tolerated)


def is_stale(data: CutData, node: str, monitor: str) -> bool:
    """The monitor has not repeated, since the last look, what it said."""
    return monitor in data.stale.get(node, frozenset())


def refreshed(data: CutData, node: str, monitor: str) -> CutData:
    """The monitor has repeated it."""
    return replace(data, stale=without(data.stale, node, frozenset({monitor})))


def looked_through(data: CutData, context: MembershipData) -> CutData:
    """One look: what was not repeated since the last one is gone, the rest must be repeated until the next."""
    accusing, condemning = data.accusing, data.condemning
    for node, monitors in data.stale.items():
        accusing, condemning = without(accusing, node, monitors), without(condemning, node, monitors)
    joining = Map({node: joiner for node, joiner in data.joining.items() if node not in data.unrepeated})
    data = replace(data, accusing=accusing, condemning=condemning, joining=joining)
    return settled(replace(data, stale=_reported(data, context), unrepeated=frozenset(joining)))


def next_look(before: CutData, after: CutData, given: Value, context: MembershipData) -> tuple[Effect, ...]:
    """The timer of the next look runs while others say something, or ask to join."""
    if not _is_told(after, context):
        return (CancelTimer(EVIDENCE),) if _is_told(before, context) else ()
    is_due = not _is_told(before, context) or (isinstance(given, TimerFired) and given.timer == EVIDENCE)
    return (SetTimer(EVIDENCE, evidence_ms(context.settings)),) if is_due else ()
