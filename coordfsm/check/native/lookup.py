# ruff: noqa: ANN001, ANN201, C901, PLR0912, PLR0913, PLR0917, PLR1714, SIM109
# mypy: ignore-errors
# Compiled functions: numba infers the types, a call within a loop is written out, and few idioms compile.
"""Verdicts on observations, looked up by compiled code."""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from coordfsm.check.native.kernel import MIX1, MIX2, U0, U29, compiled
from coordfsm.check.native.layout import Numbers

OPEN, TRUE, FALSE, ASKED = 0, 1, 2, 3  # verdicts; 0 also marks a free place


class Memo(NamedTuple):
    """The verdicts on keys, and where a key's parts come from."""

    nodes: Numbers  # fields of the local states: word, shift, width
    observed: npt.NDArray[np.int32]  # per local state: the number of its observation
    base: Numbers  # per node: its first entry in `observed`
    parts: Numbers  # fields of the key: word, shift, width
    flying: npt.NDArray[np.uint64]  # per word of a state: the bits that belong to the key; empty: none
    first: int  # word of the key in which these begin
    keys: npt.NDArray[np.uint64]  # shape (places, words of a key); empty if dense
    verdicts: npt.NDArray[np.uint8]


@compiled
def judge(words, states, batch, memo, key, sought, again, asked, values):
    """Look up the verdict on each state of a batch.

    Returns: the smallest number of a state with the sought verdict (-1: none), states to judge again, questions asked.
    """
    found, left, questions = -1, 0, 0
    dense = memo.keys.shape[0] == 0
    for index in range(len(batch)):
        number = np.int64(batch[index])
        at = number * words
        for word in range(len(key)):
            key[word] = U0
        known = True
        for position in range(len(memo.nodes)):
            bits = np.uint64(memo.nodes[position, 2])
            local = (states[at + memo.nodes[position, 0]] >> np.uint64(memo.nodes[position, 1])) & (
                (np.uint64(1) << bits) - np.uint64(1)
            )
            observation = memo.observed[memo.base[position] + np.int64(local)]
            if observation < 0:
                known = False
                break
            key[memo.parts[position, 0]] |= np.uint64(observation) << np.uint64(memo.parts[position, 1])
        place = -1
        verdict = OPEN
        if known:
            for word in range(len(memo.flying)):
                key[memo.first + word] = states[at + word] & memo.flying[word]
            if dense:
                place = np.int64(key[0])
            else:
                mixed = key[0] * MIX1
                for word in range(1, len(key)):
                    mixed = (mixed ^ (mixed >> U29) ^ key[word]) * MIX1
                mixed = (mixed ^ (mixed >> U29)) * MIX2
                place = np.int64((mixed >> U29) & np.uint64(len(memo.verdicts) - 1))
                while memo.verdicts[place] != OPEN:
                    same = True
                    for word in range(len(key)):
                        if memo.keys[place, word] != key[word]:
                            same = False
                            break
                    if same:
                        break
                    place = (place + 1) & (len(memo.verdicts) - 1)
            verdict = memo.verdicts[place]
        if verdict == TRUE or verdict == FALSE:
            if verdict == sought and (found < 0 or number < found):
                found = number
            if len(values) > 0:
                values[number] = verdict == TRUE
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
    return found, left, questions


@compiled
def copy_memo(keys, verdicts, new_keys, new_verdicts):
    for old in range(len(verdicts)):
        if verdicts[old] != TRUE and verdicts[old] != FALSE:
            continue
        mixed = keys[old, 0] * MIX1
        for word in range(1, keys.shape[1]):
            mixed = (mixed ^ (mixed >> U29) ^ keys[old, word]) * MIX1
        mixed = (mixed ^ (mixed >> U29)) * MIX2
        place = np.int64((mixed >> U29) & np.uint64(len(new_verdicts) - 1))
        while new_verdicts[place] != OPEN:
            place = (place + 1) & (len(new_verdicts) - 1)
        for word in range(keys.shape[1]):
            new_keys[place, word] = keys[old, word]
        new_verdicts[place] = verdicts[old]
