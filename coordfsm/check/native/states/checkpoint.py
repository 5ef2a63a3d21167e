"""Saving a search and going on with it: packed states in a file, and how the tables came to be.

Numbers of local states and envelopes mean nothing outside the search that gave them. So the file holds no value of
the machines, only the order in which table entries were asked for, and the fingerprint of the model and the engine.
Going on with anything else is refused, naming what differs. Then it fills the same entries in the same order with the
machines as they are now, and compares; nothing in a file is ever executed.
"""

import json
import os
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import xxhash

from coordfsm.check.exploration.semantics import StepError
from coordfsm.check.modelling.fingerprint import differences_of
from coordfsm.check.native.search import Search
from coordfsm.check.native.states.resident import TooLargeError
from coordfsm.kernel import CoordfsmError

FORMAT = 2
CHANGED = "{} is of other machines: their steps differ from those that were saved"


class CheckpointError(CoordfsmError):
    """A saved search cannot be read, is not of this model, these parameters or these machines, or needs more memory."""


def save(search: Search, path: Path) -> None:
    """Write a search, so that it can go on from where it is. An earlier file is replaced once the new one is whole."""
    visited, found = search.visited, search.found
    search.leave_blocks()
    about = {
        **_identity(search),
        "digest": _digest(search),
        "fingerprint": search.fingerprint,
        "words": visited.words,
        "witnesses": found.witnesses,
        "distinct": found.distinct,
        "depth": found.depth,
    }
    workers = search.workers
    arrays = {
        "about": np.frombuffer(json.dumps(about).encode(), np.uint8),
        "states": visited.store.states[: visited.end * visited.words],
        "parents": visited.store.parents[: visited.end],
        "segments": np.array(search.segments, np.int64).reshape(-1, 2),
        "frontier": np.array(search.frontier, np.int64).reshape(-1, 2),
        "following": np.array(search.following, np.int64).reshape(-1, 2),
        "again": np.concatenate([np.zeros(0, np.uint32), *search.again]),
        "filled": np.concatenate([np.zeros((0, 4), np.int64), *search.filled]),
        "rounds": np.array([len(requests) for requests in search.filled], np.int64),
        "kinds": np.sum([worker.scratch.kinds for worker in workers], axis=0),
        "taken": np.logical_or.reduce([worker.scratch.taken for worker in workers]),
    }
    unfinished = path.with_name(path.name + ".part")
    with unfinished.open("wb") as file:
        np.savez(file, **arrays)
        file.flush()
        os.fsync(file.fileno())
    unfinished.replace(path)


def load(search: Search, path: Path) -> None:
    """Bring a search that has not begun to where a saved one was.

    Raises:
        CheckpointError: see there.
    """
    arrays, about = _read(path)
    for name, value in _identity(search).items():
        if about.get(name) != value:
            raise CheckpointError(f"{path} is a search with {name} {about.get(name)!r}, not {value!r}")
    differing = differences_of(about.get("fingerprint", {}), search.fingerprint)
    if differing:
        raise CheckpointError(f"{path} is of another search: {', '.join(differing)} changed since; start anew")
    try:
        _restore(search, arrays, about, path)
    except TooLargeError as error:
        raise CheckpointError(
            f"{path} is a search of {about['distinct']:,} states, which {search.visited.most_bytes:,} bytes of memory "
            "do not hold; allow more to go on with it"
        ) from error


def _restore(search: Search, arrays: dict[str, Any], about: dict[str, Any], path: Path) -> None:
    """Fill the tables as they were, and take over what was found."""
    _fill(search, arrays, path)
    if _digest(search) != about["digest"] or search.visited.words != about["words"]:
        raise CheckpointError(CHANGED.format(path))
    search.segments = [(first, last) for first, last in arrays["segments"].tolist()]
    search.frontier = [(first, last) for first, last in arrays["frontier"].tolist()]
    search.following = [(first, last) for first, last in arrays["following"].tolist()]
    search.put_off(arrays["again"])
    search.visited.restore(arrays["states"], arrays["parents"], search.segments)
    scratch = search.workers[0].scratch
    scratch.kinds[:] = arrays["kinds"]
    scratch.taken[: len(arrays["taken"])] = arrays["taken"][: len(scratch.taken)]
    search.found.witnesses = dict(about["witnesses"])
    search.found.distinct, search.found.depth = about["distinct"], about["depth"]


def _fill(search: Search, arrays: dict[str, Any], path: Path) -> None:
    start = 0
    for length in arrays["rounds"].tolist():
        try:
            search.fill(arrays["filled"][start : start + length])
        except (IndexError, StepError) as error:  # an entry that these machines never come to
            raise CheckpointError(CHANGED.format(path)) from error
        start += length


def _read(path: Path) -> tuple[dict[str, Any], dict[str, Any]]:
    try:
        with np.load(path, allow_pickle=False) as file:
            arrays = {name: file[name] for name in file.files}
        about = json.loads(arrays.pop("about").tobytes())
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile) as error:
        raise CheckpointError(f"{path} is not a saved search: {error}") from error
    return arrays, about


def _identity(search: Search) -> dict[str, Any]:
    model = search.model
    parameters = {name: repr(value) for name, value in sorted(model.parameters.items())}
    symmetry = search.symmetry is not None
    return {"format": FORMAT, "model": model.name, "parameters": parameters, "symmetry": symmetry}


def _digest(search: Search) -> str:
    """What the tabulated steps come to, in numbers."""
    tables = search.tables
    digest = xxhash.xxh3_128(tables.outcomes.array[: tables.outcomes.size].tobytes())
    digest.update(tables.sends.array[: tables.sends.size].tobytes())
    return digest.hexdigest()
