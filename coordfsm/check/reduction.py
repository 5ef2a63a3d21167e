"""The partial-order reduction: messages that can no longer have any effect are not in flight.

A message is inert in a local state of its receiver if its delivery does nothing there, nor in any local state that
the receiver may still get to: the local state stays as it is and nothing is sent. Its delivery then commutes with every
other transition, enables and disables none, and no property sees it. By itself it is an ample set (Peled, 1993), in
every state; so it is taken at once, and what stands between is not even kept: states that differ only in inert messages
are one. Nothing is ever lost to a cycle, because each of these deliveries leaves one message fewer.

Where may a receiver still get to? Wherever its own steps, crashes and any of the messages that are ever sent can lead,
in any order and any number: more than really happens, so that what is called inert is. And which messages are ever
sent? The exploration itself tells: it goes on in rounds until one of them meets no message that its reduction did not
know. What it called inert was then inert for all messages that are sent at all, by induction over the steps of any
execution: as long as every message sent so far is known, whatever was dropped does nothing when it is delivered, so
the next step is one that the reduced exploration took, too, and what it sends is known.

A step of the full model is at the same depth a step of the reduced one or no step, so counterexamples stay shortest.
"""

from coordfsm.check.futures import Futures, TooManyError
from coordfsm.check.model import Model, Multiset, Network, Ordered, Property, UnreliableSet
from coordfsm.check.semantics import Action, State, System

MOST_STEPS = 400_000
"""Local steps that may be tried to learn where the nodes can get to; an exploration of millions of states takes less
time. Beyond, the model is explored in full."""
FIRST_STATES = 2_000
"""States after which a round that met unknown messages ends; each further round may find twice as many as the last."""


NOT_WANTED = "not wanted"


def reason_against(model: Model) -> str:
    """Why a model cannot be explored without inert messages; empty if it can."""
    network = model.network
    looking = [item.id for item in model.properties if item.messages]
    fair = [item.id for item in model.properties if item.kind in {"eventually", "leads_to"}]
    reasons = {
        "a message that does nothing still holds up those behind it in its channel": isinstance(network, Ordered),
        "a node reads what is in flight": any(node.reads for node in model.nodes),
        f"{', '.join(looking)} looks at what is in flight": looking,
        f"{', '.join(fair)} is of fair executions, and fairness is asked of every message": fair,
        "deadlock: a message that does nothing can be delivered for ever": model.deadlock
        and isinstance(network, UnreliableSet),
        "deadlock: a loss or a duplication may be spent on a message that does nothing": model.deadlock
        and spends(network),
    }
    return "; ".join(reason for reason, applies in reasons.items() if applies)


def spends(network: Network) -> bool:
    """Whether losses or duplications are counted, so that one for nothing leaves a state with fewer to come."""
    return bool(network.loss) or bool(getattr(network, "duplicate", 0))


class Reduction:
    """What is left out of an exploration, round by round.

    Attributes:
        system: the model made executable.
        against: why nothing is left out; empty if something is.
        inert: per node and local state (by the system's numbers): the envelopes (numbers) that are inert there, as the
            bits of a number.
    """

    def __init__(self, system: System, *, wanted: bool = True) -> None:
        self.system = system
        self.against = reason_against(system.model) if wanted else NOT_WANTED
        self._nothing: list[dict[int, int]] = [{} for _ in system.model.nodes]
        self.inert = self._nothing
        self._futures = Futures(system)
        self._rounds = 0
        self._allowance = FIRST_STATES

    def told(self) -> dict[str, str]:
        """What was done, for the details of a report; nothing if it was not wanted."""
        if self.against == NOT_WANTED:
            return {}
        if self.against:
            return {"reduction": f"none: {self.against}"}
        return {"reduction": f"inert messages left out, {self._rounds} rounds, {self._futures.steps} local steps"}

    # -- rounds ------------------------------------------------------------------------------------------------

    def begin_round(self) -> None:
        """Learn the messages that the rounds before have met."""
        self._rounds += 1
        if self.against:
            return
        try:
            self._futures.learn(MOST_STEPS)
        except TooManyError:
            self._give_up(f"after {MOST_STEPS} local steps there are still more")
        else:
            self.inert = [self._futures.inert(position) for position in range(len(self.system.model.nodes))]

    @property
    def is_whole(self) -> bool:
        """Whether every message that was ever sent is known, so that what is explored stands for everything."""
        return bool(self.against) or self._futures.known == len(self.system.envelopes.values)

    def is_stale(self, states: int) -> bool:
        """Whether a round that found so many states should end, because it has met messages unknown to it."""
        return not self.is_whole and states >= self._allowance

    def goes_on(self, states: int, violated: Property | None) -> bool:
        """Whether another round is needed after one that found so many states and this violation."""
        self._allowance = max(2 * states, FIRST_STATES)
        if self.is_whole and violated is not None and self.doubts(violated):
            self._give_up(f"{violated.id} may need a loss or a duplication that is spent on a message without effect")
            return True
        return not self.is_whole

    def doubts(self, item: Property) -> bool:
        """Whether a violation of this property may be one of the reduction only, so that all must be explored.

        What can be reached is asked without losses and duplications that are counted: a state of the full model may
        have fewer left than the reduced one that stands for it. Good states that can be reached without any can be
        reached from both; if some cannot, nothing is known.
        """
        return not self.against and item.kind == "reachable" and spends(self.system.model.network)

    def counts(self, action: Action) -> bool:
        """Whether good states may be looked for by way of this action, see `doubts`."""
        spending = action.kind == "lose" or action.copied
        return not (spending and not self.against and spends(self.system.model.network))

    def _give_up(self, reason: str) -> None:
        self.against, self.inert = reason, self._nothing

    # -- states ------------------------------------------------------------------------------------------------

    def normal(self, state: State) -> State:
        """A state without its inert messages."""
        if self.against:
            return state
        counted = isinstance(self.system.model.network, Multiset)
        left = [item for item in state.network if not self._is_inert(state, item[0] if counted else item)]
        return state if len(left) == len(state.network) else state._replace(network=frozenset(left))

    def _is_inert(self, state: State, number: int) -> bool:
        position = self.system.index.get(self.system.envelopes.values[number].receiver)
        if position is None:
            return False  # to a node that there is not: the exploration says so
        return bool(self.inert[position].get(state.locals[position], 0) >> number & 1)

    def unfolded(self, states: list[State]) -> list[tuple[Action | None, State]]:
        """A path of states without inert messages as one of the full model, action by action."""
        path: list[tuple[Action | None, State]] = [(None, self.system.initial())]
        for goal in states[1:]:
            path.append(next(item for item in self.system.successors(path[-1][1]) if self.normal(item[1]) == goal))
        return path
