# ruff: noqa: ANN001, ANN201, ANN202, C901, PLR0912, PLR0913, PLR0917
# mypy: ignore-errors
# Compiled functions: numba infers the types, and few idioms compile.
"""Verdicts on observations, looked up by compiled code."""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from coordfsm.check.native.compiling import compiled, inlined
from coordfsm.check.native.kernel import MIX1, MIX2, U0, U29

OPEN, KNOWN, ASKED = 0, 1 << 6, 1 << 7
"""Verdicts: nobody knows, and a free place; with the bits of the properties' values; Python is being asked."""
MOST_PROPERTIES = 6
UNSEEN = np.uint64(1 << 63)
"""In a key: some node's local state has not been observed yet."""


class Memo(NamedTuple):
    """The verdicts on keys, and how a state gives a key: neighbouring fields are looked up together."""

    fields: npt.NDArray[np.uint64]  # shape (groups, 3): word, shift, mask
    first: npt.NDArray[np.int64]  # per group: its first entry in `parts`
    part_word: npt.NDArray[np.int64]  # per group: the word of the key it contributes to
    parts: npt.NDArray[np.uint64]  # what a group's value contributes; with UNSEEN set: nobody knows yet
    flying: npt.NDArray[np.uint64]  # per word of a state: the bits that belong to the key; empty: none
    begin: int  # word of the key in which these begin
    keys: npt.NDArray[np.uint64]  # shape (places, words of a key); empty if a key is its own place
    verdicts: npt.NDArray[np.uint8]


@inlined
def _place(keys, verdicts, key):
    """Where a key stands in the table, or the free place where it belongs."""
    mixed = key[0] * MIX1
    for word in range(1, len(key)):
        mixed = (mixed ^ (mixed >> U29) ^ key[word]) * MIX1
    mixed = (mixed ^ (mixed >> U29)) * MIX2
    place = np.int64((mixed >> U29) & np.uint64(len(verdicts) - 1))
    while verdicts[place] != OPEN:
        same = True
        for word in range(len(key)):
            if keys[place, word] != key[word]:
                same = False
                break
        if same:
            break
        place = (place + 1) & (len(verdicts) - 1)
    return place


@inlined
def _note(found, decided, number):
    """Remember the smallest number of a state that decides each property."""
    for bit in range(len(found)):
        if decided >> bit & 1 and (found[bit] < 0 or number < found[bit]):
            found[bit] = number


@compiled
def judge(words, states, batch, memo, key, flip, found, again, asked, values):
    """Look up the verdict on each state of a batch.

    Args:
        words: 64-bit words a state.
        states: all states, `words` each.
        batch: numbers of the states to judge.
        memo: the verdicts so far; what is asked of Python is marked in them.
        key: memory for one key.
        flip: the bits of the properties that are decided where they are false.
        found: per property: the smallest number of a state in which it is decided, -1: none yet; empty: nobody asks.
        again: receives the numbers of the states without a verdict.
        asked: receives a state's number and the place of its verdict (-1: a local state has not been observed).
        values: receives the first property's value by state number, unless it is empty.

    Returns:
        states to judge again, questions asked.
    """
    left, questions = 0, 0
    sought = (1 << len(found)) - 1
    dense = memo.keys.shape[0] == 0
    for index in range(len(batch)):
        number = np.int64(batch[index])
        at = number * words
        seen = U0
        if dense:
            for group in range(len(memo.first)):
                value = (states[at + np.int64(memo.fields[group, 0])] >> memo.fields[group, 1]) & memo.fields[group, 2]
                seen |= memo.parts[np.uint64(memo.first[group]) + value]
            key[0] = seen
        else:
            for word in range(len(key)):
                key[word] = U0
            for group in range(len(memo.first)):
                value = (states[at + np.int64(memo.fields[group, 0])] >> memo.fields[group, 1]) & memo.fields[group, 2]
                part = memo.parts[np.uint64(memo.first[group]) + value]
                key[memo.part_word[group]] |= part
                seen |= part
        place = -1
        verdict = OPEN
        if seen & UNSEEN == U0:
            for word in range(len(memo.flying)):
                key[memo.begin + word] = states[at + word] & memo.flying[word]
            place = np.int64(key[0]) if dense else _place(memo.keys, memo.verdicts, key)
            verdict = memo.verdicts[place]
            if verdict & KNOWN:
                if (verdict ^ flip) & sought:
                    _note(found, verdict ^ flip, number)
                if len(values) > 0:
                    values[number] = verdict & 1 == 1
                continue
        again[left] = number
        left += 1
        if verdict == OPEN and questions < len(asked):
            asked[questions, 0] = number
            asked[questions, 1] = place
            questions += 1
            if place >= 0:
                memo.verdicts[place] = ASKED
                if not dense:
                    for word in range(len(key)):
                        memo.keys[place, word] = key[word]
    return left, questions


@compiled
def copy_memo(keys, verdicts, new_keys, new_verdicts):
    """Enter all keys that have a verdict in a larger table."""
    for old in range(len(verdicts)):
        if verdicts[old] & KNOWN:
            place = _place(new_keys, new_verdicts, keys[old])
            for word in range(keys.shape[1]):
                new_keys[place, word] = keys[old, word]
            new_verdicts[place] = verdicts[old]
