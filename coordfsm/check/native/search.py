"""The native engine's driver: breadth-first, level by level, in batches that compiled code expands.

Python does what is rare: it fills table entries, changes the layout, answers questions about properties, grows the
visited set. All of that happens while no thread is expanding.

Longer than most files here: one loop, whose parts share the arrays that grow while it runs.
"""

import signal
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from coordfsm.check.exploration.estimate import states_left
from coordfsm.check.exploration.lassos import Lasso
from coordfsm.check.exploration.reduction import Reduction
from coordfsm.check.exploration.reference import DEADLOCK, ERROR, told_depth
from coordfsm.check.exploration.report import Limits, Progress
from coordfsm.check.exploration.semantics import Action, State, StepError
from coordfsm.check.modelling.model import Property
from coordfsm.check.native.kernel import (
    DONE,
    KIND_COUNTERS,
    NO_ROOM,
    TOO_SMALL,
    Scratch,
    canonical,
    expand_batch,
    insert_rows,
)
from coordfsm.check.native.states.layout import Words
from coordfsm.check.native.states.masks import Masks
from coordfsm.check.native.states.resident import TooLargeError
from coordfsm.check.native.states.symmetry import Symmetry
from coordfsm.check.native.states.visited import Segment, Visited
from coordfsm.check.native.steps.reading import Reader
from coordfsm.check.native.steps.tables import KINDS, Tables
from coordfsm.check.native.steps.wiring import Wirer
from coordfsm.check.native.verdicts.judge import Decided, judges

LARGEST_BATCH = 1 << 14
"""States a call of compiled code expands: long enough that the call costs nothing, short enough to share out."""
SYMMETRIC_BATCH = 1 << 10  # finding representatives may take a hundred times as long
LARGEST_BLOCK = 1 << 16
"""Places a thread takes at once when there are several."""
ROUND_SECONDS = 0.1
"""How long threads expand before all meet again, unless an array must grow first."""
MOST_REQUESTS = 1 << 14
FILLED = 1 << 8
"""Table entries that are filled between two looks at the memory."""
FLUSH_AT = 256
"""Buffered successors that are inserted at once: their slots fit the first-level cache."""
RECENT = 1 << 12
"""Successors remembered so as not to look them up: they fit the nearest caches."""
PROGRESS_SECONDS = 0.2
SAVE_SECONDS = 60

Batch = npt.NDArray[np.uint32]


@dataclass
class Worker:
    """One thread's memory and its block of places for new states."""

    scratch: Scratch
    free: Segment = (0, 0)


@dataclass
class Result:
    """What one call did.

    Attributes:
        status: why it ended.
        expanded: the states that were expanded, and perhaps more.
        new: the states found.
        again: the states to do again.
        dead: the states without successors.
        requests: the table entries that were missing.
        judged: per judge: what it found, and the new states of which Python must be asked.
    """

    status: int
    expanded: Batch
    new: Segment
    again: Batch
    dead: Batch
    requests: npt.NDArray[np.int64]
    judged: list[tuple[Decided, Batch]]


@dataclass
class Found:
    """What the search has found so far."""

    distinct: int
    levels: list[int]  # the sizes of the levels, up to that in work
    witnesses: dict[str, int] = field(default_factory=dict)
    violated: tuple[Property, int] | None = None  # the property and the number of the state
    lasso: Lasso[int] | None = None  # if that property is about whole executions
    untriggered: set[str] = field(default_factory=set)
    beyond: list[Property] = field(default_factory=list)  # whose verdict lies beyond the boundary
    stopped: str | None = None
    depth: int = 1


class Search:
    """One exploration.

    Attributes:
        tables, reduction, symmetry, wirer, visited: see their modules.
        found: counts and verdicts so far.
        starts: how many initial states there are; their numbers are the first.
        segments: all states.
        frontier, again: the states of the level in work that wait to be expanded, and those put off.
        following: the states of the next level.
        filled: the requests for table entries, in the order in which they were met.
        fingerprint: what the model and the engine are, part by part, if the search is saved or was.
    """

    def __init__(
        self,
        tables: Tables,
        reduction: Reduction,
        limits: Limits,
        *,
        symmetry: Symmetry | None,
        threads: int,
        most_bytes: int,
    ) -> None:
        self.system, self.limits = tables.system, limits
        self.model = self.system.model
        self.tables, self.reduction, self.symmetry = tables, reduction, symmetry
        tables.withdraw_requests()
        for _, state in self.system.starts:
            _, _, flying = self.tables.numbers_of(state)
            reduction.meet(sum(1 << number for number, copies in enumerate(flying) if copies))
        reduction.begin_round()
        firsts = list(dict.fromkeys(reduction.normal(state) for _, state in self.system.starts))
        self.starts = len(firsts)
        if self.symmetry is not None:
            self.symmetry.check_first(firsts[0])
            self.symmetry.update()
        self.wirer = Wirer(self.tables, Masks(self.tables, reduction), symmetry)
        self.wirer.update()
        self.visited = Visited(self.wirer.layout.words, most_bytes, threads, tables.resident)
        self.visited.add_first(np.stack([self.wirer.pack(state) for state in firsts]))
        self.found = Found(distinct=self.starts, levels=[self.starts])
        self.segments: list[Segment] = [(0, self.starts)]
        self.frontier: list[Segment] = [(0, self.starts)]
        self.following: list[Segment] = []
        self.again: deque[Batch] = deque()
        self.filled: list[npt.NDArray[np.int64]] = []
        self.fingerprint: dict[str, str] = {}
        self._buffer = 1 << 12
        self.wiring = self.wirer.wiring()
        self.workers = [Worker(self._scratch()) for _ in range(threads)]
        of_states = [item for item in self.model.properties if item.kind in {"invariant", "sometimes"}]
        self._judges = list(judges(of_states, self.wirer))
        self._dead: int | None = None  # a state of the level in work that is dead and must not be
        self._broken: tuple[int, int] | None = (
            None  # an invariant by its place in the model, and a state that breaks it
        )
        self._sharing = threading.Lock()
        self._readers = [Reader(self.tables, self.wirer, *which) for which in self.system.readers]
        self.started = time.monotonic()
        self._told = 0.0
        self._saved = 0.0
        self._progress: Callable[[Progress], None] | None = None
        self._save: Callable[[Search], None] | None = None
        self._interrupted: list[int] = []

    # -- running -----------------------------------------------------------------------------------------------

    def run(
        self,
        progress: Callable[[Progress], None] | None = None,
        save: Callable[["Search"], None] | None = None,
    ) -> None:
        """Explore until everything is found, a property is violated or a limit is met.

        Args:
            progress: called from time to time.
            save: called from time to time, and at the end if the search was cut short, when it can be continued.
        """
        self._progress, self._save = progress, save
        pool = ThreadPoolExecutor(len(self.workers)) if len(self.workers) > 1 else None
        try:
            with interruptions() as self._interrupted:
                if self.found.distinct == self.starts:
                    self._judge([self._unjudged((0, self.starts))])
                if self._broken is not None:
                    self.found.violated = self.model.properties[self._broken[0]], self._broken[1]
                    return
                self._run(pool)
        except TooLargeError:
            self.found.stopped = self.told_memory()
            self._decide()
        finally:
            if pool is not None:
                pool.shutdown()
        if self.found.stopped is not None and self.found.violated is None and save is not None:
            save(self)

    def _run(self, pool: ThreadPoolExecutor | None) -> None:
        while True:
            level = list(self.frontier)
            over = self._level(pool) or self._read(level)
            if self._decide() or over:
                return
            if not self.following or self.reduction.is_stale(self.flying(), self.found.distinct):
                return
            if self.limits.max_depth is not None and self.found.depth >= self.limits.max_depth:
                self.found.stopped = told_depth(self.limits)
                return
            self.frontier, self.following = _joined(self.following), []
            self.found.depth += 1
            self.found.levels.append(self.waiting)

    def flying(self) -> int:
        """The envelopes that are in flight in some of the states that were found last, as the bits of a number."""
        if self.reduction.against:
            return 0
        seen = [np.bitwise_or.reduce(self.visited.rows(segment), axis=0) for segment in self.following]
        return self.wirer.layout.envelopes_in(np.bitwise_or.reduce(seen, axis=0)) if seen else 0

    def _level(self, pool: ThreadPoolExecutor | None) -> bool:
        """Expand the frontier; whether the search is over."""
        while self.frontier or self.again:
            if self._over():
                return True
            # Places first: if they are refused, nothing has been taken from the frontier.
            for worker in self.workers:
                self._supply(worker)
            for judge in self._judges:
                judge.prepare()
            self._pause = False
            if pool is None:
                results = self._work(self.workers[0])
            else:
                results = [result for part in pool.map(self._work, self.workers) for result in part]
            if results:  # none if the machine was too busy for a single batch in this round
                self._take(results)
        return False

    def _work(self, worker: Worker) -> list[Result]:
        """Expand batches until there are none left, or Python must do something first. Threads run this."""
        results: list[Result] = []
        until = time.monotonic() + ROUND_SECONDS
        while not self._pause and time.monotonic() < until:
            with self._sharing:
                if not self._block(worker, 1):
                    self._pause = True
                    break
                batch = self._next_batch()
            if batch is None:
                break
            result, left = self._expand(worker, batch)
            results.append(result)
            # Missing table entries can wait: few states need them, and it takes longer to meet for each.
            if result.status == TOO_SMALL:
                self._pause = True
            with self._sharing:
                if result.status == NO_ROOM:
                    self._leave_block(worker)
                if len(left):
                    self.again.append(left)
        return results

    def _read(self, level: list[Segment]) -> bool:
        """Add the successors by commands that read what is in flight; whether the search is over."""
        for reader in self._readers:
            for first, last in level:
                for start in range(first, last, LARGEST_BATCH):
                    batch = np.arange(start, min(start + LARGEST_BATCH, last), dtype=np.uint32)
                    try:
                        while reader.learn(self._rows(batch)):
                            self._rewire()
                    except StepError:
                        if not self._failed([batch]):
                            raise
                        return True
                    after, origins = reader.successors(self._rows(batch))
                    if self._over():
                        return True
                    self._insert(after, batch[origins])
        return False

    def _rows(self, batch: Batch) -> Words:
        words = self.visited.words
        rows: Words = self.visited.store.states[batch[:, None].astype(np.int64) * words + np.arange(words)]
        return rows

    def _insert(self, states: Words, parents: Batch) -> None:
        """Enter states that commands led to."""
        worker, words = self.workers[0], self.visited.words
        worker.scratch.kinds[KINDS.index("command")] += len(states)
        for start in range(0, len(states), self._buffer):
            part = states[start : start + self._buffer]
            self._supply(worker, len(part))
            worker.scratch.buffer[: part.size] = part.reshape(-1)
            worker.scratch.parents[: len(part)] = parents[start : start + len(part)]
            first, shift = worker.free[0], self.visited.shift
            new = insert_rows(words, self.visited.store, worker.scratch, len(part), first, shift)
            worker.free = (new, worker.free[1])
            if new > first:
                self._take([self._unjudged((first, new))])

    def _next_batch(self) -> Batch | None:
        """States to expand. Batches get smaller towards the end of a level, so that no thread waits long for others."""
        if self.again:
            return self.again.popleft()
        if not self.frontier:
            return None
        largest = LARGEST_BATCH if self.symmetry is None else SYMMETRIC_BATCH
        size = min(largest, -(-self.waiting // (2 * len(self.workers) - 1)))
        first, last = self.frontier[0]
        stop = min(first + size, last)
        self.frontier[:1] = [(stop, last)] if stop < last else []
        return np.arange(first, stop, dtype=np.uint32)

    @property
    def waiting(self) -> int:
        """States of the level in work that wait to be expanded."""
        return sum(last - first for first, last in self.frontier) + sum(map(len, self.again))

    def _expand(self, worker: Worker, batch: Batch) -> tuple[Result, Batch]:
        """Expand a batch; what was done, and the states that it did not come to."""
        scratch, numbers = worker.scratch, worker.scratch.numbers
        numbers[:] = 0
        first = worker.free[0]
        status, new = expand_batch(
            self.wiring,
            self.visited.store,
            scratch,
            batch,
            first,
            worker.free[1],
            self.visited.shift,
            FLUSH_AT,
            len(self.workers) > 1,
        )
        worker.free = (new, worker.free[1])
        requests, again, dead, position = numbers[:4].tolist()
        result = Result(
            status,
            batch,
            (first, new),
            scratch.again[:again].copy(),
            scratch.dead[:dead].copy(),
            scratch.requests[:requests].copy(),
            [judge.known(self.visited.store.states, (first, new)) for judge in self._judges],
        )
        return result, batch[position:]

    def _unjudged(self, segment: Segment) -> Result:
        """A call that found these states, none of which is judged."""
        nothing, new = np.zeros(0, np.uint32), np.arange(*segment, dtype=np.uint32)
        judged = [([-1] * len(judge.items), new) for judge in self._judges]
        return Result(DONE, nothing, segment, nothing, nothing, np.zeros((0, 4), np.int64), judged)

    def _take(self, results: list[Result]) -> None:
        """Enter what the workers found."""
        new = [result.new for result in results if result.new[0] < result.new[1]]
        self.following += new
        self.segments = _joined(self.segments + new)
        self.put_off(np.concatenate([result.again for result in results]))
        self.found.distinct += sum(last - first for first, last in new)
        if self.model.deadlock:
            self._deadlock(np.concatenate([result.dead for result in results]))
        self._judge(results)
        if any(result.status == TOO_SMALL for result in results):
            self._buffer *= 2
            for worker in self.workers:
                worker.scratch = self._scratch(worker.scratch)
        requests = np.concatenate([result.requests for result in results])
        if len(requests):
            self.fill(requests)

    def _decide(self) -> bool:
        """Tell the first violation of this level, in the reference explorer's order; whether there is one."""
        found = self.found
        if found.violated is None and self._dead is not None:
            found.violated = DEADLOCK, self._dead
        if found.violated is None:
            found.violated = self._raised()
        if found.violated is None and self._broken is not None:
            found.violated = self.model.properties[self._broken[0]], self._broken[1]
            found.depth += 1
        return found.violated is not None

    def fill(self, requests: npt.NDArray[np.int64]) -> None:
        """Compute the table entries that states wait for, and whatever follows from them.

        Raises:
            TooLargeError: there is no memory for all of them; it is as if none had been asked for.
        """
        sizes = self.tables.outcomes.size, self.tables.sends.size
        try:
            for number, request in enumerate(requests.tolist(), 1):
                self._fill(*request)
                if number % FILLED == 0:
                    self.tables.resident.check()
            self._rewire()
        except TooLargeError:
            self.tables.forget_beyond(*sizes)
            raise
        self.filled.append(requests)

    def _fill(self, kind: int, owner: int, row: int, column: int) -> None:
        if kind == 0:
            self.tables.fill_step(owner, row, column)
        elif kind == 1:
            self.tables.fill_queue(owner, row, column)
        else:
            self.tables.fill_history(row, column)

    def _raised(self) -> tuple[Property, int] | None:
        """A step out of the level in work that raised, and the first state in which it does."""
        taken = np.logical_or.reduce([worker.scratch.taken for worker in self.workers])
        raising = [item for outcome, item in self.tables.raising.items() if outcome < len(taken) and taken[outcome]]
        if not raising:
            return None
        told = min(text for _, _, text in raising)
        owners = {(position, number) for position, number, text in raising if text == told}
        new = np.zeros(self.visited.end, np.bool_)
        for first, last in self.following:
            new[first:last] = True
        for first, last in self.segments:
            rows = self.visited.rows((first, last))
            there = [self.wirer.layout.nodes[position].column(rows) == number for position, number in owners]
            for number in np.flatnonzero(np.logical_or.reduce(there) & ~new[first:last]).tolist():
                if told in self._errors(first + number):
                    return Property(ERROR, told, lambda _observations: False), first + number
        raise AssertionError(f"no state was found in which {told}")

    def _errors(self, number: int) -> set[str]:
        """What the steps out of a state raise."""
        raised: list[StepError] = []
        self.system.raised = raised
        try:
            for _ in self.system.successors(self.state(number)):
                pass
        finally:
            self.system.raised = None
        return set(map(str, raised))

    def _failed(self, waiting: list[Batch]) -> bool:
        """A machine raised: that is a violation in the first of the waiting states in which it does."""
        for number in np.sort(np.concatenate(waiting)).tolist():
            try:
                for _ in self.system.successors(self.state(number)):
                    pass
            except StepError as raised:
                self.found.violated = (Property(ERROR, str(raised), lambda _observations: False), number)
                return True
        return False

    def _rewire(self) -> None:
        if self.symmetry is not None:
            self.symmetry.update()
        old = self.wirer.update()
        if old is not None:
            try:
                self.visited.repack(self.wirer, old, self.segments)
            except TooLargeError:
                self.wirer.layout = old  # as the states still are
                raise
        self.wiring = self.wirer.wiring()
        for worker in self.workers:
            worker.scratch = self._scratch(worker.scratch)

    def put_off(self, again: Batch) -> None:
        """Put states off, in batches that a worker's memory can hold."""
        self.again.extend(again[start : start + SYMMETRIC_BATCH] for start in range(0, len(again), SYMMETRIC_BATCH))

    def _supply(self, worker: Worker, places: int = 1) -> None:
        """See that a worker has so many places for new states. No thread may be at work."""
        if not self._block(worker, places):
            self.visited.grow(self._block_size, self.segments)
            supplied = self._block(worker, places)
            assert supplied

    def _block(self, worker: Worker, places: int) -> bool:
        """Give a worker a new block if it has not so many places; False if there are none before the table grows."""
        if worker.free[1] - worker.free[0] >= places:
            return True
        self._leave_block(worker)
        block = self.visited.block(self._block_size)
        worker.free = block or worker.free
        return block is not None

    def leave_blocks(self) -> None:
        """Hand back the places that no state has taken yet, as far as possible. No thread may be at work."""
        for worker in sorted(self.workers, key=lambda worker: worker.free, reverse=True):
            self._leave_block(worker)

    def _leave_block(self, worker: Worker) -> None:
        self.visited.give_back(worker.free)
        worker.free = (0, 0)

    @property
    def _block_size(self) -> int:
        """Enough places for the successors of any one state; many, so as to be seldom asked for."""
        least = 2 * self._buffer
        if len(self.workers) == 1:
            return max(least, self.visited.end // 8, self.visited.room)
        return max(least, min(self.visited.end // 8, LARGEST_BLOCK))

    def _scratch(self, before: Scratch | None = None) -> Scratch:
        """Working memory for the present layout, buffer size and number of outcomes."""
        words = self.wirer.layout.words
        outcomes = len(self.tables.outcomes.array)
        fits = before is not None and len(before.buffer) == self._buffer * words
        if fits and before is not None and len(before.taken) >= outcomes:
            return before
        taken = np.zeros(outcomes, np.uint8)
        if before is not None:
            taken[: len(before.taken)] = before.taken
        if fits and before is not None:
            return before._replace(taken=taken)
        return Scratch(
            state=np.zeros(words, np.uint64),
            rows=np.zeros(len(self.tables.node_locals), np.int64),
            arrivals=np.zeros((64 * words, 3), np.uint64),
            buffer=np.zeros(self._buffer * words, np.uint64),
            hashes=np.zeros(self._buffer, np.uint64),
            recent=np.zeros(RECENT * words, np.uint64),
            parents=np.zeros(self._buffer, np.uint32),
            labels=np.zeros(0, np.int64),
            roles=np.zeros(self.wiring.members, np.uint64),
            orbit=np.zeros(self.symmetry.exchanges * words if self.symmetry else 0, np.uint64),
            spare=np.zeros(words, np.uint64),
            requests=np.zeros((MOST_REQUESTS, 4), np.int64),
            numbers=np.zeros(4, np.int64),
            kinds=np.zeros(KIND_COUNTERS, np.int64) if before is None else before.kinds,
            pending=np.zeros(KIND_COUNTERS, np.int64),
            again=np.zeros(max(LARGEST_BATCH, SYMMETRIC_BATCH), np.uint32),
            dead=np.zeros(max(LARGEST_BATCH, SYMMETRIC_BATCH), np.uint32),
            taken=taken,
        )

    # -- judging -----------------------------------------------------------------------------------------------

    def _judge(self, results: list[Result]) -> None:
        """Check the invariants and witnesses of new states."""
        depth = self.found.depth + (self.found.distinct > self.starts)
        violated = [] if self._broken is None else [self._broken]
        for at, judge in enumerate(self._judges):
            judged = [result.judged[at] for result in results]
            asked = judge.find(self.visited.store.states, np.concatenate([open_ for _, open_ in judged]))
            for item, *numbers in zip(judge.items, asked, *(known for known, _ in judged), strict=True):
                decided = [number for number in numbers if number >= 0]
                if decided and item.kind == "sometimes":
                    self.found.witnesses.setdefault(item.id, depth)
                    judge.forget(item)
                elif decided:
                    violated.append((self.model.properties.index(item), min(decided)))
        self._broken = min(violated, default=None)

    def _deadlock(self, dead: Batch) -> None:
        for number in np.sort(dead).tolist():
            state = self.state(number)
            rest = (node.may_rest(self.system.local(state, at)) for at, node in enumerate(self.model.nodes))
            if not all(rest):
                self._dead = number if self._dead is None else min(self._dead, number)
                return

    # -- looking -----------------------------------------------------------------------------------------------

    def _over(self) -> bool:
        """Tell the progress; whether a limit is met."""
        seconds = time.monotonic() - self.started
        found, limits = self.found, self.limits
        if self._progress is not None and seconds - self._told >= PROGRESS_SECONDS:
            self._told = seconds
            counts = found.distinct, self.transitions, self.waiting, found.depth
            left, number = states_left(found.levels), self.reduction.round
            self._progress(Progress(*counts, seconds, self.visited.bytes, left, number))
        sound = self._dead is None and self._broken is None  # neither is saved
        if self._save is not None and sound and seconds - self._saved >= SAVE_SECONDS:
            self._save(self)
            self._saved = time.monotonic() - self.started
        if self._interrupted or self.reduction.interrupted:
            found.stopped = "interrupted"
        elif limits.max_states is not None and found.distinct >= limits.max_states:
            found.stopped = f"{limits.max_states} states"
        elif limits.max_seconds is not None and seconds >= limits.max_seconds:
            found.stopped = f"{limits.max_seconds:g} seconds"
        elif self.tables.resident.exceeds():
            found.stopped = self.told_memory()
        return found.stopped is not None

    def told_memory(self) -> str:
        """How a search says that it may use no more memory."""
        return f"{self.visited.most_bytes / (1 << 20):.0f} MiB of memory"

    @property
    def kinds(self) -> dict[str, int]:
        """Transitions by kind."""
        totals = np.sum([worker.scratch.kinds for worker in self.workers], axis=0)
        return {name: int(number) for name, number in zip(KINDS, totals, strict=False)}

    @property
    def transitions(self) -> int:
        """The initial states and all transitions so far."""
        kinds = self.kinds
        return self.starts + sum(kinds.values()) - kinds["cut_off"] - kinds["raises"]

    def fired(self) -> set[str]:
        """The rules that some transition fired."""
        taken = np.logical_or.reduce([worker.scratch.taken for worker in self.workers])
        return self.system.fired | self.tables.fired_by(taken)

    def state(self, number: int) -> State:
        """One state found, unpacked."""
        return self.wirer.unpack(self.visited.state(number))

    def path(self, number: int) -> list[int]:
        """The way from an initial state to a state, by number."""
        numbers = [number]
        while numbers[-1] >= self.starts:
            numbers.append(self.visited.parent(numbers[-1]))
        return numbers[::-1]

    def told(self, numbers: list[int]) -> list[tuple[Action | None, State]]:
        """A path with its actions, the initial state's being None."""
        if self.symmetry is not None:
            return self._told_apart(numbers)
        return self.reduction.unfolded([self.state(number) for number in numbers])

    def _told_apart(self, numbers: list[int]) -> list[tuple[Action | None, State]]:
        """A path of representatives as one of real states, who is who being kept from step to step."""
        path: list[tuple[Action | None, State]] = [(None, self.system.initial())]
        for number in numbers[1:]:
            goal = self.visited.state(number)
            path.append(next(item for item in self.system.successors(path[-1][1]) if self._stands_for(goal, item[1])))
        return path

    def _stands_for(self, representative: Words, state: State) -> bool:
        self.tables.numbers_of(state)
        self._rewire()
        packed = self.wirer.pack(state)
        scratch = self.workers[0].scratch
        canonical(self.wiring, packed, 0, scratch.roles, scratch.orbit, scratch.spare)
        return bool((packed == representative).all())


def _joined(segments: list[Segment]) -> list[Segment]:
    """The same states in as few segments as possible."""
    joined: list[Segment] = []
    for first, last in sorted(segments):
        if joined and joined[-1][1] == first:
            joined[-1] = (joined[-1][0], last)
        else:
            joined.append((first, last))
    return joined


@contextmanager
def interruptions() -> Iterator[list[int]]:
    """Collect Ctrl-C instead of raising it, so that a search stops where it can be continued; the second one raises."""
    caught: list[int] = []

    def note(number: int, frame: object) -> None:
        del frame
        if caught:
            raise KeyboardInterrupt
        caught.append(number)

    if threading.current_thread() is not threading.main_thread():
        yield caught
        return
    before = signal.signal(signal.SIGINT, note)
    try:
        yield caught
    finally:
        signal.signal(signal.SIGINT, before)
