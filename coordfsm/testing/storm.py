"""Hypothesis makes storms over a cluster of composed membership in virtual time, of five to twelve processes.

Safety is checked after every rule. At the end of a run the weather clears, everybody is up, and all that did not leave
must come to one view. Collect it with pytest::

    TestStorm = MembershipStorm.TestCase

Unlike `coordfsm.testing.stateful`, which lets timers fire at any moment, time passes here as it does in reality, so
that what must happen in the end can be demanded.
"""

from collections import Counter
from typing import Any, ClassVar

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from msgspec.structs import replace

from coordfsm.kernel import Endpoint, Notify, Write
from coordfsm.protocols.membership import Settings, composition
from coordfsm.protocols.membership import initial as initial_data
from coordfsm.protocols.membership.data import IDENTITY_KEY, VIEW_KEY, IdentityRecord, MembershipData, current_view
from coordfsm.protocols.membership.events import Join, Leave
from coordfsm.protocols.membership.properties import (
    History,
    Observed,
    agreement,
    lineage,
    monotonic,
    no_return,
    remember,
    self_inclusion,
    single_value,
)
from coordfsm.protocols.view import NO_VIEW, Member, View
from coordfsm.simulate.cluster import Cluster, Happening
from coordfsm.simulate.faults import ChangeWeather, Crash, CutLinks, Heal, Partition, Restart
from coordfsm.simulate.network import CALM, Weather
from coordfsm.simulate.process import MachineStep

SMALLEST, LARGEST = 5, 12

PATIENT = replace(Settings(label="storm"), longest_ms=2_000, leave_attempts=100_000)
"""Leavers wait for ever: one that goes unheard is as good as crashed, and enough of them leave no majority."""

picks = st.integers(0, LARGEST - 1)


class MembershipStorm(RuleBasedStateMachine):
    """Some processes start as members of one view, the others may join it.

    Attributes:
        step: what every process runs; a subclass may break it.
        calm_ms: virtual time in which all must agree once the storm is over; most need a hundredth of it.
        cluster: the processes, in virtual time.
        names: of all processes.
        histories: what happened to each, by name.
        wanting: processes that were told to join; they are told again when they lost it in a crash.
        happened: how often each kind of thing took effect, over all runs of the class.
    """

    step: ClassVar[MachineStep] = staticmethod(composition.step)
    calm_ms: ClassVar[int] = 300_000
    happened: ClassVar[Counter[str]] = Counter()

    @initialize(size=st.integers(SMALLEST, LARGEST), newcomers=st.integers(0, 2), seed=st.integers(0, 10_000))
    def form(self, size: int, newcomers: int, seed: int) -> None:
        """A cluster that has just recovered its view."""
        self.names = tuple(f"n{number:02}" for number in range(size))
        members = self.names[: size - newcomers]
        self.founded = View("storm", 1, NO_VIEW, tuple(Member(name, 1, name) for name in members))
        self.cluster = Cluster(
            {name: (type(self).step, initial_data(name, name, PATIENT)) for name in self.names}, seed=seed
        )
        for name in members:
            self.cluster.processes[name].durable = (
                Write(IDENTITY_KEY, IdentityRecord(1, None)),
                Write(VIEW_KEY, self.founded),
            )
        self.histories = dict.fromkeys(self.names, History())
        self.wanting: set[Endpoint] = set()
        self.cluster.observers.append(self._remember)
        self.cluster.start()
        self._count(f"size {size}")

    def _remember(self, happening: Happening) -> None:
        name = happening.process.endpoint
        for effect in happening.effects:
            if isinstance(effect, Notify):
                self.histories[name] = remember(self.histories[name], effect.event)

    def _count(self, what: str) -> None:
        type(self).happened[what] += 1

    def _name(self, pick: int) -> Endpoint:
        return self.names[pick % len(self.names)]

    # -- the storm -----------------------------------------------------------------------------------------------

    @rule(for_ms=st.sampled_from((50, 200, 700, 1_500, 3_000, 8_000)))
    def wait(self, for_ms: int) -> None:
        """Time passes."""
        self.cluster.run(for_ms)

    @rule(pick=picks, torn=st.booleans(), for_ms=st.sampled_from((0, 100, 3_000)))
    def crash(self, pick: int, torn: bool, for_ms: int) -> None:  # noqa: FBT001  (drawn by Hypothesis)
        """A process crashes, perhaps between two effects of its next step."""
        if self.cluster.processes[self._name(pick)].is_up:
            self.cluster.inflict(Crash(self._name(pick), torn))
            self.cluster.run(for_ms)
            self._count("torn crash" if torn else "crash")

    @rule(pick=picks)
    def restart(self, pick: int) -> None:
        """A process that is down starts again with what its store holds."""
        down = [name for name in self.names if not self.cluster.processes[name].is_up]
        if down:
            self.cluster.inflict(Restart(down[pick % len(down)]))
            self._count("restart")

    @rule(mask=st.integers(1, 2**LARGEST - 2), one_way=st.booleans(), for_ms=st.sampled_from((500, 4_000)))
    def split(self, mask: int, one_way: bool, for_ms: int) -> None:  # noqa: FBT001  (drawn by Hypothesis)
        """Nothing passes between two groups, or in one direction only."""
        left = tuple(name for place, name in enumerate(self.names) if mask >> place & 1)
        right = tuple(name for name in self.names if name not in left)
        self.cluster.inflict(CutLinks(left, right) if one_way else Partition((left, right)))
        self.cluster.run(for_ms)
        self._count("one-way partition" if one_way else "partition")

    @rule()
    def heal(self) -> None:
        """All links work again."""
        self.cluster.inflict(Heal())

    @rule(
        loss=st.sampled_from((0.0, 0.1, 0.3, 0.6)),
        duplicate=st.sampled_from((0.0, 0.2)),
        slowest_ms=st.sampled_from((5, 60, 400)),
    )
    def weather(self, loss: float, duplicate: float, slowest_ms: int) -> None:
        """Messages are lost, repeated, slow and out of order."""
        self.cluster.inflict(ChangeWeather(Weather(1, slowest_ms, loss, duplicate)))
        self._count("weather")

    @rule(pick=picks)
    def leave(self, pick: int) -> None:
        """A process leaves, or stops trying to join."""
        if self.cluster.processes[self._name(pick)].is_up:
            self.wanting.discard(self._name(pick))
            self.cluster.command(self._name(pick), Leave())
            self._count("leave")

    @rule(pick=picks, seed=picks)
    def join(self, pick: int, seed: int) -> None:
        """A process that is outside asks to join."""
        up = [process.endpoint for process in self.cluster.up()]
        outside = [name for name in up if self.cluster.data(name).lifecycle.state == "detached"]
        name = outside[pick % len(outside)] if outside else self._name(seed)
        if name != self._name(seed):
            self.wanting.add(name)
            # Some seed is alive and stays, as ML2 demands.
            self.cluster.command(name, Join((self._name(seed), *(n for n in self.names if n != name))))
            self._count("join")

    # -- what must hold ------------------------------------------------------------------------------------------

    @invariant()
    @precondition(lambda self: hasattr(self, "cluster"))
    def is_safe(self) -> None:
        """M1 to M4, M6 and M7."""
        seen = tuple(self._observed(name) for name in self.names)
        founders = frozenset({self.founded})
        broken = [
            name
            for name, holds in (
                ("M1", agreement(seen)),
                ("M2", lineage(seen, founders)),
                ("M3", monotonic(seen)),
                ("M4", self_inclusion(seen)),
                ("M6", no_return(seen)),
                ("M7", single_value(seen, founders)),
            )
            if not holds
        ]
        assert not broken, f"{', '.join(broken)} at {self.cluster.now_ms} ms"

    def _observed(self, name: Endpoint) -> Observed:
        process = self.cluster.processes[name]
        held: Any = next((write.value for write in process.durable if write.key == VIEW_KEY), None)
        if process.data is None:
            return Observed("", "", 0, None, held, self.histories[name])
        data: MembershipData = process.data
        lifecycle = data.lifecycle
        return Observed(name, lifecycle.state, lifecycle.incarnation, current_view(data), held, self.histories[name])

    def teardown(self) -> None:
        """The calm after the storm: everybody is up, and all that are inside or want to be come to one view."""
        if not hasattr(self, "cluster"):
            return
        self.cluster.inflict(Heal())
        self.cluster.inflict(ChangeWeather(CALM))
        for name in self.names:
            self.cluster.inflict(Restart(name))
        for name in sorted(self.wanting):
            if self.cluster.data(name).lifecycle.state == "detached":
                self.cluster.command(name, Join(tuple(other for other in self.names if other != name)))
        self.cluster.run_until(self._agree, type(self).calm_ms)
        self.is_safe()
        self._count("calm")

    def _agree(self) -> bool:
        states = {name: self.cluster.data(name).lifecycle.state for name in self.names}
        staying = [name for name, state in states.items() if state not in ("left", "detached")]
        views = {current_view(self.cluster.data(name)) for name in staying}
        if not staying:
            return True
        if len(views) != 1 or any(states[name] != "member" for name in staying):
            return False
        (view,) = views
        return view is not None and [member.node for member in view.members] == staying
