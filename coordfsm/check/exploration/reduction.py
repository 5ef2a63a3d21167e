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

import time
from collections.abc import Callable, Iterable

from coordfsm.check.exploration.futures import Futures, Take
from coordfsm.check.exploration.report import Limits, Progress
from coordfsm.check.exploration.semantics import Action, State, System
from coordfsm.check.modelling.model import Model, Multiset, Network, Ordered, Property

FIRST_STATES = 2_000
"""States after which a round that met unknown messages ends; each further round may find twice as many as the last."""
FIRST_STEPS = 20_000
STATES_A_STEP = 40
MOST_STEPS = 2_000_000
"""Local steps that may be tried to learn where nodes can get to: so many at first, one more for so many states that the
last round found, and so many at most. Where that is not enough, the round is of the full model."""

NOT_WANTED = "not wanted"
Watch = Callable[[int, int], bool]
"""Told the round and the local steps tried so far; whether to give up."""


def watching(limits: Limits, progress: Callable[[Progress], None] | None, started: float) -> Watch:
    """What tells the progress while a reduction learns, and whether the time is over."""

    def watch(number: int, steps: int) -> bool:
        seconds = time.monotonic() - started
        if progress is not None:
            progress(Progress(0, 0, 0, 0, seconds, round=number, learned=steps))
        return limits.max_seconds is not None and seconds >= limits.max_seconds

    return watch


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
        "deadlock: a message that does nothing must still arrive before nothing can happen": model.deadlock,
    }
    return "; ".join(reason for reason, applies in reasons.items() if applies)


def spends(network: Network) -> bool:
    """Whether losses or duplications are counted, so that one for nothing leaves a state with fewer to come."""
    return bool(network.loss) or bool(getattr(network, "duplicate", 0))


class Reduction:
    """What is left out of an exploration, round by round.

    Args:
        take: what takes a local step.
        watch: called from time to time while this is found out; whether to give up.
        wanted: whether anything may be left out at all.

    Attributes:
        system: the model made executable.
        against: why nothing is ever left out; empty if something may be.
        is_on: whether something is left out in this round.
        interrupted: Ctrl-C came while this was being found out.
        round: which one this is, from 1; 0 if nothing may be left out.
        inert: per node and local state (by the system's numbers): the envelopes (numbers) that are inert there, as the
            bits of a number.
    """

    def __init__(self, system: System, take: Take, watch: Watch, *, wanted: bool = True) -> None:
        self.system = system
        self.against = reason_against(system.model) if wanted else NOT_WANTED
        self.is_on = self.interrupted = False
        self.inert: list[dict[int, int]] = []
        self.round = 0
        self._watch = watch
        self._futures = Futures(system, take)
        self._met = 0
        self._states = 0
        self._cut = False

    def told(self) -> dict[str, str]:
        """What was done, for the details of a report; nothing if it was not wanted."""
        if self.against == NOT_WANTED:
            return {}
        if self.against:
            return {"reduction": f"none: {self.against}"}
        steps = f"{self._futures.steps} local steps"
        if not self.is_on:
            return {"reduction": f"none: all states were found before {steps} told what has no effect"}
        return {"reduction": f"inert messages left out, {self.round} rounds, {steps}"}

    # -- rounds ------------------------------------------------------------------------------------------------

    def begin_round(self) -> None:
        """Learn the messages that the rounds before have met."""
        self._cut = self.is_on = False
        self.round += bool(self.round or not self.against)
        if self.against:
            return
        allowed = min(FIRST_STEPS + self._states // STATES_A_STEP, MOST_STEPS)
        try:
            self.is_on = self._futures.learn(self._met, allowed, lambda: self._watch(self.round, self._futures.steps))
        except KeyboardInterrupt:
            self.interrupted = True
        if self.is_on:
            self.inert = [self._futures.inert(position) for position in range(len(self.system.model.nodes))]
        elif self._futures.steps >= MOST_STEPS:
            self.against = f"{MOST_STEPS} local steps are not enough to tell what has no effect"

    def meet(self, envelopes: int) -> None:
        """Note envelopes that were in flight: the bits of a number stand for their numbers."""
        self._met |= envelopes

    @property
    def is_whole(self) -> bool:
        """Whether what is explored in this round stands for everything: every message that was ever sent is known."""
        return not self._cut and (not self.is_on or not self._met & ~self._futures.known)

    def is_stale(self, envelopes: int, states: int) -> bool:
        """Whether a round that met these envelopes and found so many states should end: a later one leaves out more."""
        self.meet(envelopes)
        if not self.against and states >= max(FIRST_STATES, 2 * self._states):
            self._cut = not self.is_on or not self.is_whole
        return self._cut

    def goes_on(self, states: int, not_held: Iterable[Property]) -> bool:
        """Whether another round is needed after one that found so many states, and that these do not hold in all."""
        self._states = states
        doubtful = [item for item in not_held if self.is_whole and self.doubts(item)]
        if doubtful:
            self.against = (
                f"{doubtful[0].id} may need a loss or a duplication that is spent on a message without effect"
            )
            return True
        return not self.is_whole

    def doubts(self, item: Property) -> bool:
        """Whether what is amiss with this property may be so in the reduction only, so that all must be explored.

        What can be reached is asked without losses and duplications that are counted: a state of the full model may
        have fewer left than the reduced one that stands for it. Good states that can be reached without any can be
        reached from both; if some cannot, nothing is known.
        """
        return self.is_on and item.kind == "reachable" and spends(self.system.model.network)

    def counts(self, action: Action) -> bool:
        """Whether good states may be looked for by way of this action, see `doubts`."""
        losing = action.kind == "lose" and self.system.model.network.loss is not None
        return not (self.is_on and (losing or action.copied))

    # -- states ------------------------------------------------------------------------------------------------

    def normal(self, state: State) -> State:
        """A state without its inert messages."""
        if not self.is_on:
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
        first = next(state for _, state in self.system.starts if self.normal(state) == states[0])
        path: list[tuple[Action | None, State]] = [(None, first)]
        for goal in states[1:]:
            step = next((item for item in self.system.successors(path[-1][1]) if self.normal(item[1]) == goal), None)
            assert step is not None, "the engine found a transition that the model does not have"
            path.append(step)
        return path
