"""Counts what the machines do to each other's members: probes answered and how soon, accusations, and their ends."""

import time

from coordfsm.kernel import Endpoint, Raise, Received, Send, Value
from coordfsm.protocols.membership.events import AccusationMade, SubjectCondemned, SubjectExonerated
from coordfsm.protocols.membership.messages import Probe, ProbeAck
from coordfsm_runtime.counters import Counters
from coordfsm_runtime.host.driver import Line, Recorder
from coordfsm_runtime.host.entity_counts import EntityCounts

MAXIMUM_PENDING = 1_024
"""Probes that are remembered; those never answered must not pile up."""

JUDGEMENTS: dict[type[Value], str] = {
    AccusationMade: "accused",
    SubjectCondemned: "condemned",
    SubjectExonerated: "exonerated",
}


class Observer:
    """Sees every input with its effects, and hands both on to the trace.

    Args:
        counters: what to count in.
        recorder: keeps the trace; None for none.

    Attributes:
        entities: how many are in each state, after the last input whose records are durable.
    """

    def __init__(self, counters: Counters, recorder: Recorder | None) -> None:
        self._counters = counters
        self._recorder = recorder
        self.entities = EntityCounts()
        self._probes: dict[Endpoint, float] = {}

    def record(self, line: Line) -> None:
        given = line.given
        self.entities.note(given, line.effects, line.data.migration.entities)
        if type(given) is Received and type(given.message) is ProbeAck:
            sent = self._probes.pop(given.sender, None)
            if sent is not None:
                self._counters.observe("probe", (time.perf_counter() - sent) * 1000)
        for effect in line.effects:
            if type(effect) is Send:
                if type(effect.message) is Probe:
                    self._note_probe(effect.to)
            elif type(effect) is Raise and type(effect.command) in JUDGEMENTS:
                self._counters.add("judgements", JUDGEMENTS[type(effect.command)])
        if self._recorder is not None:
            self._recorder.record(line)

    def flush(self) -> None:
        if self._recorder is not None:
            self._recorder.flush()

    def _note_probe(self, to: Endpoint) -> None:
        self._probes[to] = time.perf_counter()
        if len(self._probes) > MAXIMUM_PENDING:
            del self._probes[next(iter(self._probes))]
