# ruff: noqa: ANN001, ANN201, ANN202, C901, PLR0912, PLR0913, PLR0917, SIM110
# mypy: ignore-errors
# Compiled functions: numba infers the types, a call within a loop is written out, and few idioms compile.
"""Expansion and insertion, compiled: every successor of every state of a batch, into the visited set.

A state whose expansion meets an empty table entry is put off: the entry is requested, the state goes to the list of
states to do again, and none of its successors counts. Successors that were not met lately collect in a buffer; the
slot of each is prefetched when it enters the buffer and probed when the buffer is full, so that cache misses overlap.

Threads share the visited set: a slot is claimed by compare-and-swap. Each thread appends to its own blocks of states.

Longer than most files here: what a loop calls is written into it when it is compiled, and stands beside it.
"""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from coordfsm.check.native.compiling import allocating, compiled, inlined
from coordfsm.check.native.states.bits import claim, match_bucket, prefetch, trailing_zeros
from coordfsm.check.native.states.growing import REQUESTED, UNKNOWN
from coordfsm.check.native.steps.tables import CRASH_SHIFT, EVENT_SHIFT, HEAL_LABEL, KIND, LAST, OCCURRENCE_SHIFT
from coordfsm.check.native.steps.wiring import BITSET, COUNTERS, ORDERED, UNRELIABLE

U0, U1, U4, U8, U16, U29, U32, U64 = (np.uint64(number) for number in (0, 1, 4, 8, 16, 29, 32, 64))
LOW32, HIGH32, ALL = (np.uint64(mask) for mask in (0xFFFFFFFF, 0xFFFFFFFF << 32, (1 << 64) - 1))
BUCKET, SAME = ~np.uint64(7), np.uint64(255)
MIX1, MIX2 = np.uint64(0x9E3779B97F4A7C15), np.uint64(0xBF58476D1CE4E5B9)
FLAG_LAST, FLAG_KIND, FLAG_BUDGET = np.uint64(LAST), np.uint64(15), np.uint64(255)
FLAG_EVENT, FLAG_CRASH = np.uint64(EVENT_SHIFT), np.uint64(CRASH_SHIFT)
FLAG_OCCURRENCE = np.uint64(OCCURRENCE_SHIFT)
FLAG_PLAIN = ~np.uint64(15 | LAST)
(
    COLUMN_WORD,
    COLUMN_XOR,
    COLUMN_OR_WORD,
    COLUMN_OR,
    COLUMN_FLAGS,
    COLUMN_OR_START,
    COLUMN_OR_COUNT,
    COLUMN_SENDS,
) = range(8)
DELIVER, LOSE, PARTITION, HEAL = KIND["deliver"], KIND["lose"], KIND["partition"], KIND["heal"]
DUPLICATE, CUT_OFF = KIND["duplicate"], KIND["cut_off"]
KIND_COUNTERS = 16
AHEAD = 64  # slots prefetched at once when a table is filled anew

PUT_OFF, OVERFLOW = -1, -2
"""Results of an expansion: an entry is missing, the buffer is too small for one state's successors."""

DONE, NO_ROOM, TOO_SMALL, DEAD_FULL = 0, 1, 2, 3
"""Why a batch ended: all done, no room for more states, buffer or request list too small, too many dead ends."""


class Scratch(NamedTuple):
    """One thread's working memory."""

    state: npt.NDArray[np.uint64]  # the state in work
    rows: npt.NDArray[np.int64]  # per node: its row of the step table
    arrivals: npt.NDArray[np.uint64]  # shape (any, 3): what is in flight
    buffer: npt.NDArray[np.uint64]  # successors, `words` each
    hashes: npt.NDArray[np.uint64]
    recent: npt.NDArray[np.uint64]  # successors met lately, `words` each, by their hash; 0: none
    parents: npt.NDArray[np.uint32]
    labels: npt.NDArray[np.int64]  # per successor: what weak fairness calls the step; empty: nobody asks
    roles: npt.NDArray[np.uint64]  # for `canonical`, as the next two
    orbit: npt.NDArray[np.uint64]
    spare: npt.NDArray[np.uint64]
    requests: npt.NDArray[np.int64]  # shape (any, 4): 0 step, 1 queue or 2 history; owner, row, column
    numbers: npt.NDArray[np.int64]  # 0: requests, 1: states to do again, 2: dead ends, 3: position in the batch
    kinds: npt.NDArray[np.int64]  # transitions by kind
    pending: npt.NDArray[np.int64]  # the same, of the state in work
    again: npt.NDArray[np.uint32]  # states to do again
    dead: npt.NDArray[np.uint32]  # states without successors
    taken: npt.NDArray[np.uint8]  # per outcome: whether any transition took it


class Store(NamedTuple):
    """The visited set: packed states in order of discovery, where each came from, and the table of slots.

    With one word a state, a slot holds the state itself. Else it holds the low half of the state's hash and 1 + its
    number; states whose halves agree are compared word by word. Eight slots make a bucket, one cache line, that is
    compared at once; a bucket fills from its first slot on, and a state that finds it full goes on to the next one.
    """

    states: npt.NDArray[np.uint64]  # `words` each
    parents: npt.NDArray[np.uint32]
    slots: npt.NDArray[np.uint64]


@inlined
def _request(scratch, kind, owner, row, column):
    at = scratch.numbers[0]
    if at < len(scratch.requests):
        scratch.requests[at, 0] = kind
        scratch.requests[at, 1] = owner
        scratch.requests[at, 2] = row
        scratch.requests[at, 3] = column
        scratch.numbers[0] = at + 1
        return True
    return False


@inlined
def _spend(wiring, buffer, to, budget):
    """Take one from a budget in a successor; whether something was left."""
    word, shift = wiring.budgets[budget, 0], wiring.budgets[budget, 1]
    if (buffer[to + np.int64(word)] >> shift) & wiring.budgets[budget, 2] == U0:
        return False
    buffer[to + np.int64(word)] -= U1 << shift
    return True


@inlined
def _send_counted(wiring, buffer, to, sends):
    """Add the sent envelopes to a network that holds several copies of each."""
    first, number = np.int64(sends >> U16), np.int64(sends & np.uint64(0xFFFF))
    for at in range(first, first + number):
        envelope = wiring.sends[at]
        word, shift = np.int64(wiring.envelopes[envelope, 0]), wiring.envelopes[envelope, 1]
        if (buffer[to + word] >> shift) & wiring.envelopes[envelope, 2] < np.uint64(wiring.copies):
            buffer[to + word] += U1 << shift


@inlined
def _send_queued(wiring, scratch, buffer, to, sends):
    """Append the sent envelopes to their channels; False if an entry is missing."""
    first, number = np.int64(sends >> U16), np.int64(sends & np.uint64(0xFFFF))
    for at in range(first, first + number):
        envelope = wiring.sends[at]
        channel, column = wiring.receiver[envelope, 2], wiring.receiver[envelope, 3]
        word, shift = np.int64(wiring.channels[channel, 0]), wiring.channels[channel, 1]
        content = (buffer[to + word] >> shift) & wiring.channels[channel, 2]
        cell = wiring.queue_base[channel] + np.int64(content) * wiring.queue_stride[channel] + column
        longer = wiring.queues[cell]
        if longer < 0:
            if longer == UNKNOWN and _request(scratch, 1, channel, np.int64(content), column):
                wiring.queues[cell] = REQUESTED
            return False
        buffer[to + word] ^= (content ^ np.uint64(longer)) << shift
    return True


@inlined
def _observe(wiring, scratch, buffer, to, occurrence):
    """Change what the observer keeps in a successor; False if an entry is missing."""
    word, shift = np.int64(wiring.nodes[wiring.observer, 0]), wiring.nodes[wiring.observer, 1]
    kept = (buffer[to + word] >> shift) & wiring.nodes[wiring.observer, 2]
    cell = wiring.history_base[0] + np.int64(kept) * wiring.history_stride[0] + occurrence
    after = wiring.histories[cell]
    if after < 0:
        if after == UNKNOWN and _request(scratch, 2, 0, np.int64(kept), occurrence):
            wiring.histories[cell] = REQUESTED
        return False
    buffer[to + word] ^= (kept ^ np.uint64(after)) << shift
    return True


@inlined
def hash_word(word):
    """The hash of a state of one word."""
    mixed = word * MIX1
    mixed ^= mixed >> U32
    return mixed * MIX2


@inlined
def hash_words(words, array, to):
    """The hash of one packed state."""
    if words == 1:
        return hash_word(array[to])
    mixed = array[to] * MIX1
    mixed ^= mixed >> U32
    for at in range(1, words):
        mixed = (mixed ^ array[to + at]) * MIX1
        mixed ^= mixed >> U29
    return mixed * MIX2


@inlined
def _same(words, left, at, right, to):
    for word in range(words):
        if left[at + word] != right[to + word]:
            return False
    return True


@inlined
def _need_step(wiring, scratch, position, cell, entry):
    """Request an entry of a node's table, unless that was done."""
    if entry == UNKNOWN:
        place = cell - wiring.step_base[position]
        stride = wiring.step_stride[position]
        if _request(scratch, 0, position, place // stride, place % stride):
            wiring.steps[cell] = REQUESTED


@inlined
def _swapped(wiring, source, at, target, to, swap):
    """Write the image of a packed state under a swap."""
    words, nodes = wiring.words, len(wiring.nodes)
    for word in range(words):
        target[to + word] = source[at + word] & ~wiring.envelope_mask[word]
    left, right = wiring.swaps[swap, 0], wiring.swaps[swap, 1]
    for position in range(nodes):
        word, shift, mask = np.int64(wiring.nodes[position, 0]), wiring.nodes[position, 1], wiring.nodes[position, 2]
        target[to + word] &= ~(mask << shift)
    for position in range(nodes):
        local = (source[at + np.int64(wiring.nodes[position, 0])] >> wiring.nodes[position, 1]) & wiring.nodes[
            position, 2
        ]
        image = wiring.images[wiring.image_base[position] + np.int64(local) * wiring.image_stride[position] + swap]
        where = right if position == left else left if position == right else position
        target[to + np.int64(wiring.nodes[where, 0])] |= np.uint64(image) << wiring.nodes[where, 1]
    for budget in range(wiring.budget_images.shape[1]):
        image = wiring.budget_images[swap, budget]
        if image != budget:
            held = (source[at + np.int64(wiring.budgets[image, 0])] >> wiring.budgets[image, 1]) & wiring.budgets[
                image, 2
            ]
            word, shift = np.int64(wiring.budgets[budget, 0]), wiring.budgets[budget, 1]
            target[to + word] = (target[to + word] & ~(wiring.budgets[budget, 2] << shift)) | held << shift
    for word in range(words):
        left_over = source[at + word] & wiring.envelope_mask[word]
        while left_over != U0:
            bit = trailing_zeros(left_over)
            envelope = wiring.slots[word * 64 + np.int64(bit)]
            shift, mask = wiring.envelopes[envelope, 1], wiring.envelopes[envelope, 2]
            copies = (left_over >> shift) & mask
            left_over &= ~(mask << shift)
            image = wiring.images[wiring.image_base[nodes] + envelope * wiring.image_stride[nodes] + swap]
            target[to + np.int64(wiring.envelopes[image, 0])] |= copies << wiring.envelopes[image, 1]


@inlined
def _roles(wiring, buffer, to, roles):
    """The part that each interchangeable node plays in a packed state."""
    nodes = len(wiring.nodes)
    for member in range(wiring.members):
        roles[member] = U0
    for position in range(nodes):
        local = (buffer[to + np.int64(wiring.nodes[position, 0])] >> wiring.nodes[position, 1]) & wiring.nodes[
            position, 2
        ]
        first = wiring.role_base[position] + np.int64(local) * wiring.role_stride[position]
        for member in range(wiring.members):
            roles[member] += wiring.roles[first + member] * MIX1
    for word in range(wiring.words):
        left = buffer[to + word] & wiring.envelope_mask[word]
        while left != U0:
            bit = trailing_zeros(left)
            envelope = wiring.slots[word * 64 + np.int64(bit)]
            shift, mask = wiring.envelopes[envelope, 1], wiring.envelopes[envelope, 2]
            copies = (left >> shift) & mask
            left &= ~(mask << shift)
            first = wiring.role_base[nodes] + envelope * wiring.role_stride[nodes]
            for member in range(wiring.members):
                roles[member] += wiring.roles[first + member] * (MIX2 + copies)


@compiled
def canonical(wiring, buffer, to, roles, orbit, spare):
    """Replace a packed state by the representative of all states that differ from it only in who is who.

    Args:
        wiring: the model.
        buffer: holds the state.
        to: where it begins.
        roles: memory for a number a member.
        orbit: memory for as many states as there are ways to exchange members, `words` each.
        spare: memory for one state.
    """
    words = wiring.words
    _roles(wiring, buffer, to, roles)
    moved = True
    while moved:
        moved = False
        for swap in range(len(wiring.swaps)):
            one, other = wiring.swaps[swap, 2], wiring.swaps[swap, 3]
            if roles[one] > roles[other]:
                _swapped(wiring, buffer, to, spare, 0, swap)
                for word in range(words):
                    buffer[to + word] = spare[word]
                roles[one], roles[other] = roles[other], roles[one]
                moved = True
    count = 1
    for word in range(words):
        orbit[word] = buffer[to + word]
    number = 0
    while number < count:
        for swap in range(len(wiring.swaps)):
            if roles[wiring.swaps[swap, 2]] != roles[wiring.swaps[swap, 3]]:
                continue
            _swapped(wiring, orbit, number * words, spare, 0, swap)
            known = False
            for earlier in range(count):
                if _same(words, orbit, earlier * words, spare, 0):
                    known = True
                    break
            if known:
                continue
            for word in range(words):
                orbit[count * words + word] = spare[word]
            count += 1
        number += 1
    best = 0
    for number in range(1, count):
        for word in range(words):
            if orbit[number * words + word] != orbit[best * words + word]:
                if orbit[number * words + word] < orbit[best * words + word]:
                    best = number
                break
    for word in range(words):
        buffer[to + word] = orbit[best * words + word]


@inlined
def _leave_out(wiring, buffer, to):
    """Take the inert messages out of a packed state."""
    for position in range(len(wiring.nodes)):
        local = (buffer[to + np.int64(wiring.nodes[position, 0])] >> wiring.nodes[position, 1]) & wiring.nodes[
            position, 2
        ]
        row = wiring.inert_base[position] + np.int64(local) * wiring.inert_stride[position]
        for word in range(wiring.words):
            buffer[to + word] &= ~wiring.inert[row + word]


@compiled
def represent(wiring, scratch, start, count):
    """Replace the successors from `start` on by the states that stand for them; how many are left without origins."""
    words = wiring.words
    kept = start
    for number in range(start, count):
        to = kept * words
        for word in range(words):
            scratch.buffer[to + word] = scratch.buffer[number * words + word]
        if scratch.buffer[to] == U0:  # beyond the boundary
            kept += 1
            continue
        if wiring.reduced:
            _leave_out(wiring, scratch.buffer, to)
        if len(wiring.swaps) > 0:
            canonical(wiring, scratch.buffer, to, scratch.roles, scratch.orbit, scratch.spare)
        if not _same(words, scratch.buffer, to, scratch.state, 0):
            kept += 1
    return kept


@inlined
def _sift(words, store, scratch, start, count, number, shift):
    """Keep the successors from `start` on that were not met lately: hash them, prefetch their slots; how many are left.

    Most successors are known, and many of these are met again soon. What `recent` holds is in the buffer or in the
    visited set, so whatever it knows need not be looked up there.
    """
    buffer, hashes, parents, recent = scratch.buffer, scratch.hashes, scratch.parents, scratch.recent
    if words == 1:
        mask = np.uint64(len(recent) - 1)
        kept = np.uint64(start)
        for at in range(start, count):
            word = buffer[at]
            mixed = hash_word(word)
            place = mixed & mask
            buffer[kept] = word
            hashes[kept] = mixed
            parents[kept] = number
            prefetch(store.slots, mixed >> shift)
            kept += U1 if recent[place] != word else U0
            recent[place] = word
        return np.int64(kept)
    mask = np.uint64(len(recent) // words - 1)
    left = start
    for at in range(start, count):
        mixed = hash_words(words, buffer, at * words)
        place = np.int64(mixed & mask) * words
        if _same(words, recent, place, buffer, at * words):
            continue
        for word in range(words):
            recent[place + word] = buffer[at * words + word]
            buffer[left * words + word] = buffer[at * words + word]
        hashes[left] = mixed
        parents[left] = number
        prefetch(store.slots, mixed >> shift)
        left += 1
    return left


@inlined
def _label(wiring, scratch, count, outcome, label):
    """Note what weak fairness calls a transition: for a step that a crash cuts short nothing, else that of a delivery,
    or (`label` being negative) of the outcome.
    """
    torn = (wiring.outcomes[outcome, COLUMN_FLAGS] >> FLAG_CRASH) & FLAG_BUDGET > U0
    scratch.labels[count] = wiring.labels[outcome] if label < 0 else 0 if torn else label


@inlined
def _follow(wiring, scratch, first, count, word, change, duplicate, label):
    """Emit the successors of one entry; how many the buffer then holds. The network loses `change` in `word`.

    Where labels are asked for, what leads beyond the boundary is emitted, too, as a state of zeros, which is none.
    """
    words = wiring.words
    buffer, outcomes = scratch.buffer, wiring.outcomes
    outcome = np.uint64(first)
    while True:
        flags = outcomes[outcome, COLUMN_FLAGS]
        to = count * words
        if to + words > len(buffer):
            return OVERFLOW
        for at in range(words):
            buffer[to + at] = scratch.state[at]
        buffer[to + word] ^= change
        kind = np.int64(flags & FLAG_KIND)
        possible = True
        if duplicate > 0:
            possible = _spend(wiring, buffer, to, duplicate - 1)
            if kind == DELIVER:
                kind = DUPLICATE
        if flags & FLAG_PLAIN:
            event = np.int64((flags >> FLAG_EVENT) & FLAG_BUDGET)
            crash = np.int64((flags >> FLAG_CRASH) & FLAG_BUDGET)
            if event > 0 and possible:
                possible = _spend(wiring, buffer, to, event - 1)
            if crash > 0 and possible:
                possible = _spend(wiring, buffer, to, crash - 1)
            if possible:
                scratch.taken[outcome] = 1
        if possible:
            scratch.pending[kind] += 1
            if kind < CUT_OFF:
                buffer[to + np.int64(outcomes[outcome, COLUMN_WORD])] ^= outcomes[outcome, COLUMN_XOR]
                if wiring.network <= BITSET:
                    buffer[to + np.int64(outcomes[outcome, COLUMN_OR_WORD])] |= outcomes[outcome, COLUMN_OR]
                    further = np.int64(outcomes[outcome, COLUMN_OR_COUNT])
                    if further > 0:
                        start = np.int64(outcomes[outcome, COLUMN_OR_START])
                        for at in range(start, start + further):
                            buffer[to + np.int64(wiring.ors[at, 0])] |= wiring.ors[at, 1]
                elif wiring.network == COUNTERS:
                    _send_counted(wiring, buffer, to, outcomes[outcome, COLUMN_SENDS])
                elif not _send_queued(wiring, scratch, buffer, to, outcomes[outcome, COLUMN_SENDS]):
                    return PUT_OFF
                occurrence = np.int64(flags >> FLAG_OCCURRENCE)
                if occurrence > 0 and not _observe(wiring, scratch, buffer, to, occurrence):
                    return PUT_OFF
                if len(scratch.labels) > 0:
                    _label(wiring, scratch, count, outcome, label)
                if not _same(words, buffer, to, scratch.state, 0):
                    count += 1
            elif kind == CUT_OFF and len(scratch.labels) > 0:
                _label(wiring, scratch, count, outcome, label)
                for at in range(words):
                    buffer[to + at] = U0
                count += 1
        if flags & FLAG_LAST:
            return count
        outcome += U1


@inlined
def _lose(wiring, scratch, count, word, change):
    """Emit the loss of one envelope."""
    to = count * wiring.words
    if to + wiring.words > len(scratch.buffer):
        return OVERFLOW
    for at in range(wiring.words):
        scratch.buffer[to + at] = scratch.state[at]
    if wiring.loss > 0 and not _spend(wiring, scratch.buffer, to, wiring.loss - 1):
        return count
    scratch.buffer[to + word] ^= change
    scratch.pending[LOSE] += 1
    if len(scratch.labels) > 0:
        scratch.labels[count] = 0
    return count + 1


@inlined
def _cuts(wiring, scratch, count, cut):
    """Emit the beginning of a partition, or the end of the one in force."""
    words, word = wiring.words, np.int64(wiring.cut[0, 0])
    first, last = (0, 1) if cut else (1, wiring.partitions + 1)
    if not cut and wiring.partition == 0:
        return count
    for chosen in range(first, last):
        to = count * words
        if to + words > len(scratch.buffer):
            return OVERFLOW
        for at in range(words):
            scratch.buffer[to + at] = scratch.state[at]
        if not cut and not _spend(wiring, scratch.buffer, to, wiring.partition - 1):
            return count
        scratch.buffer[to + word] ^= np.uint64(cut ^ chosen) << wiring.cut[0, 1]
        scratch.pending[HEAL if cut else PARTITION] += 1
        if len(scratch.labels) > 0:
            scratch.labels[count] = HEAL_LABEL if cut else 0
        count += 1
    return count


@inlined
def _arrivals(wiring, scratch):
    """List what is in flight: envelope, word, and what changes in that word when one copy is taken out; how many."""
    state, arrivals = scratch.state, scratch.arrivals
    count = 0
    if wiring.network == ORDERED:
        for channel in range(len(wiring.channels)):
            word, shift = wiring.channels[channel, 0], wiring.channels[channel, 1]
            content = np.int64((state[np.int64(word)] >> shift) & wiring.channels[channel, 2])
            if content != 0:
                at = wiring.queue_base[channel] + content * wiring.queue_stride[channel]
                arrivals[count, 0], arrivals[count, 1] = np.uint64(wiring.queues[at]), word
                arrivals[count, 2] = np.uint64(content ^ wiring.queues[at + 1]) << shift
                count += 1
        return count
    for word in range(wiring.words):
        left = state[word] & wiring.envelope_mask[word]
        while left != U0:
            bit = trailing_zeros(left)
            envelope = wiring.slots[word * 64 + np.int64(bit)]
            if wiring.network <= BITSET:
                left &= left - U1
                change = U1 << bit
            else:
                shift, mask = wiring.envelopes[envelope, 1], wiring.envelopes[envelope, 2]
                copies = (state[word] >> shift) & mask
                left &= ~(mask << shift)
                change = (copies ^ (copies - U1)) << shift
            arrivals[count, 0], arrivals[count, 1], arrivals[count, 2] = np.uint64(envelope), np.uint64(word), change
            count += 1
    return count


@compiled
def _expand(wiring, scratch, start):
    """Emit all successors of the state in work behind the first `start` of the buffer; how many it holds then."""
    state, rows = scratch.state, scratch.rows
    count = start
    complete = True
    nodes = len(wiring.nodes)
    for position in range(nodes):
        word, shift = np.int64(wiring.nodes[position, 0]), wiring.nodes[position, 1]
        local = np.int64((state[word] >> shift) & wiring.nodes[position, 2])
        rows[position] = wiring.step_base[position] + local * wiring.step_stride[position]
    cut = np.int64((state[np.int64(wiring.cut[0, 0])] >> wiring.cut[0, 1]) & wiring.cut[0, 2])
    flying = _arrivals(wiring, scratch)
    for index in range(flying + nodes):
        envelope, position, column, word, change, label = 0, index - flying, 0, 0, U0, -1
        if index < flying:
            envelope, word = np.int64(scratch.arrivals[index, 0]), np.int64(scratch.arrivals[index, 1])
            change = scratch.arrivals[index, 2]
            position, column = wiring.receiver[envelope, 0], wiring.receiver[envelope, 1]
            label = wiring.receiver[envelope, 4]
        if index >= flying or cut == 0 or wiring.blocked[cut, envelope] == 0:
            cell = rows[position] + column
            entry = wiring.steps[cell]
            if entry < 0:
                complete = False
                _need_step(wiring, scratch, position, cell, entry)
            elif entry > 0:
                taken = U0 if wiring.network == UNRELIABLE else change
                # Once as it is and, for a delivery that may leave a copy behind, once more with nothing taken out.
                for copied in range(2 if index < flying and wiring.duplicate > 0 else 1):
                    duplicate, gone = (wiring.duplicate, U0) if copied else (0, taken)
                    emitted = _follow(wiring, scratch, entry, count, word, gone, duplicate, label)
                    if emitted == OVERFLOW:
                        return OVERFLOW
                    if emitted == PUT_OFF:
                        complete = False
                    else:
                        count = emitted
        if index < flying and wiring.loss >= 0:
            count = _lose(wiring, scratch, count, word, change)
            if count < 0:
                return count
    if cut > 0 or wiring.partition > 0:
        count = _cuts(wiring, scratch, count, cut)
    return count if complete or count < 0 else PUT_OFF


@inlined
def _spend_word(wiring, word, budget):
    """Take one from a budget in a state of one word; 0 if nothing was left."""
    shift = wiring.budgets[budget, 1]
    if (word >> shift) & wiring.budgets[budget, 2] == U0:
        return U0
    return word - (U1 << shift)


@inlined
def _emit_word(buffer, count, state, after):
    """Put a successor of one word in the buffer, unless it is its origin."""
    buffer[count] = after
    return count + (U1 if after != state else U0)


@inlined
def _follow_word(wiring, scratch, first, count, state, origin, duplicate):
    """`_follow` for states of one word and a network of single copies. `origin`: the state without what is taken."""
    outcomes = wiring.outcomes
    outcome = np.uint64(first)
    while True:
        flags = outcomes[outcome, COLUMN_FLAGS]
        after = origin
        kind = flags & FLAG_KIND
        if duplicate > 0:
            after = _spend_word(wiring, after, duplicate - 1)
            if kind == np.uint64(DELIVER):
                kind = np.uint64(DUPLICATE)
        if flags & FLAG_PLAIN:
            event = np.int64((flags >> FLAG_EVENT) & FLAG_BUDGET)
            crash = np.int64((flags >> FLAG_CRASH) & FLAG_BUDGET)
            if event > 0 and after != U0:
                after = _spend_word(wiring, after, event - 1)
            if crash > 0 and after != U0:
                after = _spend_word(wiring, after, crash - 1)
            if after != U0:
                scratch.taken[outcome] = 1
        if after != U0:
            scratch.pending[kind] += 1
            if kind < np.uint64(CUT_OFF):
                after = (after ^ outcomes[outcome, COLUMN_XOR]) | outcomes[outcome, COLUMN_OR]
                count = _emit_word(scratch.buffer, count, state, after)
        if flags & FLAG_LAST or count >= np.uint64(len(scratch.buffer)):
            return count
        outcome += U1


@inlined
def _expand_word(wiring, scratch, start):
    """`_expand` for states of one word, a network of single copies and no partition: all in registers."""
    state, rows, outcomes = scratch.state[0], scratch.rows, wiring.outcomes
    count, room = np.uint64(start), np.uint64(len(scratch.buffer) - 1)
    complete = True
    delivered, lost = 0, 0
    for position in range(len(wiring.nodes)):
        local = (state >> wiring.nodes[position, 1]) & wiring.nodes[position, 2]
        rows[position] = wiring.step_base[position] + np.int64(local) * wiring.step_stride[position]
    left = state & wiring.envelope_mask[0]
    while left != U0:
        bit = trailing_zeros(left)
        left &= left - U1
        if count >= room:
            return OVERFLOW
        if wiring.loss >= 0:
            after = state ^ (U1 << bit)
            if wiring.loss > 0:
                after = _spend_word(wiring, after, wiring.loss - 1)
            if after != U0:
                lost += 1
                count = _emit_word(scratch.buffer, count, state, after)
        position, column = np.uint64(wiring.doors[bit, 0]), wiring.doors[bit, 1]
        cell = rows[position] + column
        entry = wiring.steps[np.uint64(cell)]
        if entry > 0:
            origin = state if wiring.network == UNRELIABLE else state ^ (U1 << bit)
            outcome = np.uint64(entry)
            if outcomes[outcome, COLUMN_FLAGS] == FLAG_LAST and wiring.duplicate == 0:
                delivered += 1
                after = (origin ^ outcomes[outcome, COLUMN_XOR]) | outcomes[outcome, COLUMN_OR]
                count = _emit_word(scratch.buffer, count, state, after)
                continue
            for copied in range(2 if wiring.duplicate > 0 else 1):
                if count < room:
                    base, duplicate = (state, wiring.duplicate) if copied else (origin, 0)
                    count = _follow_word(wiring, scratch, entry, count, state, base, duplicate)
        elif entry < 0:
            complete = False
            _need_step(wiring, scratch, np.int64(position), cell, entry)
    for position in range(len(wiring.nodes)):
        cell = rows[position]
        entry = wiring.steps[np.uint64(cell)]
        if count >= room:
            return OVERFLOW
        if entry > 0:
            count = _follow_word(wiring, scratch, entry, count, state, state, 0)
        elif entry < 0:
            complete = False
            _need_step(wiring, scratch, position, cell, entry)
    if count >= room:
        return OVERFLOW
    scratch.pending[DELIVER] += delivered
    scratch.pending[LOSE] += lost
    return np.int64(count) if complete else PUT_OFF


@inlined
def _flush_words(store, scratch, count, shift, new, shared):
    """`_flush` for states of one word."""
    mask = np.uint64(len(store.slots) - 1)
    slots, states, parents = store.slots, store.states, store.parents
    for number in range(count):
        word = scratch.buffer[number]
        bucket = (scratch.hashes[number] >> shift) & BUCKET
        while True:
            match = match_bucket(slots, bucket, ALL, word)
            if match & SAME != U0:
                break
            match >>= U8
            if match == U0:
                bucket = (bucket + U8) & mask
                continue
            slot = bucket + trailing_zeros(match)
            if shared:
                if claim(slots, slot, word) != U0:
                    continue  # another thread was first: look again
            else:
                slots[slot] = word
            states[new] = word
            parents[new] = scratch.parents[number]
            new += 1
            break
    return new


@inlined
def _flush(words, store, scratch, count, shift, new, shared):
    """Insert the buffered successors; the number of the next free place in the list of states."""
    if words == 1:
        return _flush_words(store, scratch, count, shift, new, shared)
    mask = np.uint64(len(store.slots) - 1)
    slots, states, buffer = store.slots, store.states, scratch.buffer
    for number in range(count):
        mixed = scratch.hashes[number]
        bucket = (mixed >> shift) & BUCKET
        match = match_bucket(slots, bucket, HIGH32, mixed << U32) & SAME
        if match != U0:
            held = slots[bucket + trailing_zeros(match)]
            prefetch(states, ((held & LOW32) - U1) * np.uint64(words))
    for number in range(count):
        to = number * words
        bucket = (scratch.hashes[number] >> shift) & BUCKET
        tag = scratch.hashes[number] << U32
        written = False
        while True:
            match = match_bucket(slots, bucket, HIGH32, tag)
            if _among(words, slots, states, bucket, match & SAME, buffer, to):
                break
            match >>= U8
            if match == U0:
                bucket = (bucket + U8) & mask
                continue
            slot = bucket + trailing_zeros(match)
            if not written:
                for word in range(words):
                    states[new * words + word] = buffer[to + word]
                store.parents[new] = scratch.parents[number]
                written = True
            entry = tag | np.uint64(new + 1)
            if shared:
                if claim(slots, slot, entry) != U0:
                    continue  # another thread was first: look again
            else:
                slots[slot] = entry
            new += 1
            break
    return new


@inlined
def _among(words, slots, states, bucket, match, buffer, to):
    """Whether one of the matching slots of a bucket stands for the state in the buffer."""
    while match != U0:
        held = slots[bucket + trailing_zeros(match)]
        if _same(words, states, np.int64((held & LOW32) - U1) * words, buffer, to):
            return True
        match &= match - U1
    return False


@inlined
def _moved(scratch):
    """Whether the state in work has any transition, be it to itself or beyond the boundary."""
    for kind in range(KIND_COUNTERS):
        if scratch.pending[kind] > 0:
            return True
    return False


@compiled
def expand_batch(wiring, store, scratch, batch, new, room, shift, flush_at, shared):
    """Expand the states of a batch, from where it was left, and insert their successors.

    Args:
        wiring: the model.
        store: the visited set.
        scratch: this thread's memory.
        batch: numbers of the states to expand.
        new: number of the next free place for a state.
        room: where the free places end.
        shift: 64 minus the bits of a slot number.
        flush_at: how many buffered successors are inserted at once.
        shared: whether other threads insert at the same time.

    Returns:
        why it ended, and the number of the next free place.
    """
    words = wiring.words
    count = 0
    numbers = scratch.numbers
    for place in range(len(scratch.recent)):
        scratch.recent[place] = U0
    simple = words == 1 and wiring.network <= BITSET and wiring.partitions == 0 and wiring.observer < 0
    while numbers[3] < len(batch):
        if count >= flush_at or new + count >= room:
            new = _flush(words, store, scratch, count, shift, new, shared)
            count = 0
            if new >= room:
                return NO_ROOM, new
        number = np.int64(batch[numbers[3]])
        for word in range(words):
            scratch.state[word] = store.states[number * words + word]
        emitted = _expand_word(wiring, scratch, count) if simple else _expand(wiring, scratch, count)
        if emitted == OVERFLOW or (emitted >= 0 and new + emitted > room):
            for kind in range(KIND_COUNTERS):
                scratch.pending[kind] = 0
            if count == 0:
                return (TOO_SMALL if emitted == OVERFLOW else NO_ROOM), new
            new = _flush(words, store, scratch, count, shift, new, shared)
            count = 0
            continue
        if emitted == PUT_OFF:
            for kind in range(KIND_COUNTERS):
                scratch.pending[kind] = 0
            scratch.again[numbers[1]] = number
            numbers[1] += 1
        else:
            if not _moved(scratch):
                scratch.dead[numbers[2]] = number
                numbers[2] += 1
            for kind in range(KIND_COUNTERS):
                scratch.kinds[kind] += scratch.pending[kind]
                scratch.pending[kind] = 0
            if wiring.reduced or len(wiring.swaps) > 0:
                emitted = represent(wiring, scratch, count, emitted)
            count = _sift(words, store, scratch, count, emitted, number, shift)
        numbers[3] += 1
    new = _flush(words, store, scratch, count, shift, new, shared)
    return DONE, new


@compiled
def insert_rows(words, store, scratch, count, new, shift):
    """Insert the first `count` states of the buffer, with their parents; the number of the next free place."""
    for number in range(count):
        mixed = hash_words(words, scratch.buffer, number * words)
        scratch.hashes[number] = mixed
        prefetch(store.slots, mixed >> shift)
    return _flush(words, store, scratch, count, shift, new, False)  # noqa: FBT003  (numba calls by position)


@compiled
def insert_again(words, states, slots, first, last, shift, shared):
    """Enter the states from number `first` up to `last`, all different, in a table of slots; see `expand_batch`."""
    mask = np.uint64(len(slots) - 1)
    for start in range(first, last, AHEAD):
        end = min(start + AHEAD, last)
        for number in range(start, end):
            prefetch(slots, hash_words(words, states, number * words) >> shift)
        for number in range(start, end):
            mixed = hash_words(words, states, number * words)
            bucket = (mixed >> shift) & BUCKET
            entry = states[number] if words == 1 else mixed << U32 | np.uint64(number + 1)
            while True:
                free = match_bucket(slots, bucket, ALL, entry) >> U8
                if free == U0:
                    bucket = (bucket + U8) & mask
                    continue
                slot = bucket + trailing_zeros(free)
                if not shared:
                    slots[slot] = entry
                elif claim(slots, slot, entry) != U0:
                    continue
                break


@allocating
def repack(states, moves, words, new_words, first, last):
    """Move the states from number `first` up to `last` to another layout, see `repacking`, in place.

    With more words a state, later states move first, and segments must come last to first.
    """
    packed = np.zeros(new_words, np.uint64)
    for index in range(first, last):
        number = index if new_words <= words else first + last - 1 - index
        for word in range(new_words):
            packed[word] = U0
        packed[0] = U1 << np.uint64(63)
        for move in range(len(moves)):
            value = (states[number * words + np.int64(moves[move, 0])] >> moves[move, 1]) & moves[move, 2]
            packed[np.int64(moves[move, 3])] |= value << moves[move, 4]
        for word in range(new_words):
            states[number * new_words + word] = packed[word]


@compiled
def index_states(words, states, slots, first, last, shift):
    """Enter the numbers (plus 1) of states in a table of their own, for `list_edges`."""
    mask = np.uint64(len(slots) - 1)
    for number in range(first, last):
        slot = hash_words(words, states, number * words) >> shift
        while slots[slot] != 0:
            slot = (slot + U1) & mask
        slots[slot] = number + 1


@compiled
def list_edges(wiring, store, scratch, slots, batch, shift, offsets, targets, labels, end):
    """Write the transitions of states, in order, that change the state; one beyond the boundary leads to number
    ``len(offsets) - 2``, the last.

    Args:
        wiring: the model.
        store: the visited set.
        scratch: memory; its buffer holds the successors of any one state, and as many labels.
        slots: as `index_states` filled them.
        batch: numbers of the states, ascending.
        shift: 64 minus the bits of a slot number.
        offsets: receives, at a state's number plus 1, where its transitions end.
        targets: receives the numbers of the successors.
        labels: receives what weak fairness calls each transition.
        end: where the first transition is written.

    Returns:
        where the last transition ends; `OVERFLOW` if the buffer is too small for the successors of some state.
    """
    words = wiring.words
    mask = np.uint64(len(slots) - 1)
    outside = len(offsets) - 2
    for index in range(len(batch)):
        number = np.int64(batch[index])
        for word in range(words):
            scratch.state[word] = store.states[number * words + word]
        count = _expand(wiring, scratch, 0)
        for kind in range(KIND_COUNTERS):
            scratch.pending[kind] = 0
        if count == OVERFLOW:
            return OVERFLOW
        if wiring.reduced or len(wiring.swaps) > 0:
            count = represent(wiring, scratch, 0, count)
        for at in range(count):
            if scratch.buffer[at * words] == U0:
                targets[end] = outside
                labels[end] = scratch.labels[at]
                end += 1
                continue
            slot = hash_words(words, scratch.buffer, at * words) >> shift
            while not _same(words, store.states, np.int64(slots[slot] - 1) * words, scratch.buffer, at * words):
                slot = (slot + U1) & mask
            targets[end] = slots[slot] - 1
            labels[end] = scratch.labels[at]
            end += 1
        offsets[number + 1] = end
    return end
