"""What delivery promises (D5, DL1), as predicates over what happened at each process."""

from collections import Counter

from msgspec.structs import replace

from coordfsm.kernel import Value
from coordfsm.protocols.delivery.messages import DeliveryOutcome, RequestArrived, RequestEnded, RequestId

STATEMENTS = {
    "D5": "A message to an entity is handed over at most once, and in one epoch all of them by one process.",
    "D5-answered": "An answer names the process and the epoch in which the message was handed over, and is of it.",
    "D5-undelivered": "What the caller is told was not handed over was not, and never is.",
    "DL1-send": "From every state one can be reached in which no caller of a running process waits for an answer.",
    "D5-moved": "A message is answered by another process than the one at which the sender thought the entity was.",
    "D5-unconfirmed": "A caller is told that nobody knows.",
}


class Arrival(Value):
    """A message that an application got.

    Attributes:
        id: of the request.
        epoch: of the entity, as the application was told.
        owned: the epoch in which the entity was in service at that moment; 0: in none.
    """

    id: RequestId
    epoch: int
    owned: int


class Ending(Value):
    """What a caller was told.

    Attributes:
        id: of the request.
        outcome: in a word.
        owner: that it names, with `epoch`.
        epoch: that it names.
    """

    id: RequestId
    outcome: DeliveryOutcome
    owner: str
    epoch: int


class Exchange(Value):
    """What properties remember of the messages of one process; survives crashes, invisible to the machines.

    Attributes:
        arrived: what the application here got, in order of their ids.
        ended: what callers here were told, in order of their ids.
    """

    arrived: tuple[Arrival, ...] = ()
    ended: tuple[Ending, ...] = ()


def remember(exchange: Exchange, event: Value, owned: int) -> Exchange:
    """Fold an event into what is remembered; `owned` is the epoch in service at that moment."""
    if isinstance(event, RequestArrived):
        arrived = (*exchange.arrived, Arrival(event.id, event.epoch, owned))
        return replace(exchange, arrived=tuple(sorted(arrived, key=str)))
    if isinstance(event, RequestEnded):
        ended = (*exchange.ended, Ending(event.id, event.outcome, event.route.owner, event.route.epoch))
        return replace(exchange, ended=tuple(sorted(ended, key=str)))
    return exchange


def at_most_once(exchanges: tuple[tuple[str, Exchange], ...]) -> bool:
    """D5."""
    arrived = [arrival for _, exchange in exchanges for arrival in exchange.arrived]
    if any(count > 1 for count in Counter(arrival.id for arrival in arrived).values()):
        return False
    places = {(node, arrival.epoch) for node, exchange in exchanges for arrival in exchange.arrived}
    in_service = all(arrival.owned == arrival.epoch for arrival in arrived)
    return in_service and len({epoch for _, epoch in places}) == len(places)


def answered_truly(exchanges: tuple[tuple[str, Exchange], ...]) -> bool:
    """D5-answered."""
    arrived = {(arrival.id, node, arrival.epoch) for node, exchange in exchanges for arrival in exchange.arrived}
    return all(
        (ending.id, ending.owner, ending.epoch) in arrived
        for ending in _endings(exchanges)
        if ending.outcome == DeliveryOutcome.ANSWERED
    )


def undelivered_truly(exchanges: tuple[tuple[str, Exchange], ...]) -> bool:
    """D5-undelivered."""
    arrived = {arrival.id for _, exchange in exchanges for arrival in exchange.arrived}
    never = {DeliveryOutcome.NOT_FOUND, DeliveryOutcome.UNDELIVERED, DeliveryOutcome.REJECTED}
    return all(ending.id not in arrived for ending in _endings(exchanges) if ending.outcome in never)


def _endings(exchanges: tuple[tuple[str, Exchange], ...]) -> list[Ending]:
    return [ending for _, exchange in exchanges for ending in exchange.ended]


def some_unconfirmed(exchanges: tuple[tuple[str, Exchange], ...]) -> bool:
    """D5-unconfirmed."""
    return any(ending.outcome == DeliveryOutcome.UNCONFIRMED for ending in _endings(exchanges))


def some_moved(exchanges: tuple[tuple[str, Exchange], ...]) -> bool:
    """D5-moved: an answer from an epoch after the first."""
    return any(ending.outcome == DeliveryOutcome.ANSWERED and ending.epoch > 1 for ending in _endings(exchanges))
