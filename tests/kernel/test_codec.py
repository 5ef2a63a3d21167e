"""Canonical bytes: equal values, equal bytes; anything else is a typed error."""

import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st
from kernel.samples import Ping, WorkerData

from coordfsm.kernel import Decoder, EncodingError, Map, Value, apply_writes, encode, fingerprint
from coordfsm.kernel.inputs import Write


class Other(Value):
    state: str = "idle"
    total: int = 0
    peers: Map[str, int] = Map()


@given(st.dictionaries(st.text(max_size=5), st.integers(-(2**63), 2**63 - 1)), st.randoms())
def test_bytes_do_not_depend_on_insertion_order(entries, chance):
    shuffled = list(entries.items())
    chance.shuffle(shuffled)
    one, two = WorkerData(peers=Map(entries)), WorkerData(peers=Map(shuffled))
    assert encode(one) == encode(two)
    assert Decoder(WorkerData).decode(encode(one)) == one


def test_types_with_equal_fields_differ_in_value_and_bytes():
    assert WorkerData() != Other()
    assert encode(WorkerData()) != encode(Other())


def test_fingerprints_are_the_same_in_another_process_with_another_hash_seed():
    program = (
        "from kernel.samples import WorkerData; from coordfsm.kernel import Map, fingerprint;"
        "print(fingerprint(WorkerData(peers=Map({'b': 1, 'a': 2}))))"
    )
    seen = {
        subprocess.run(
            [sys.executable, "-c", program],
            check=True,
            capture_output=True,
            text=True,
            env={"PYTHONHASHSEED": seed, "PYTHONPATH": "tests:."},
        ).stdout
        for seed in ("1", "2")
    }
    assert seen == {f"{fingerprint(WorkerData(peers=Map({'b': 1, 'a': 2})))}\n"}


class Crowd(Value):
    members: frozenset[Ping] = frozenset()
    names: frozenset[str] = frozenset()
    groups: Map[str, frozenset[Ping]] = Map()


@given(st.sets(st.integers(0, 99), max_size=9), st.sets(st.text(max_size=3), max_size=9), st.randoms())
def test_sets_of_values_have_one_encoding_and_come_back(numbers, names, chance):
    pings = [Ping(number) for number in numbers]
    crowd = Crowd(frozenset(pings), frozenset(names), Map(all=frozenset(pings)))
    chance.shuffle(pings)
    assert encode(Crowd(frozenset(pings), frozenset(names), Map(all=frozenset(pings)))) == encode(crowd)
    assert Decoder(Crowd).decode(encode(crowd)) == crowd


def test_a_value_has_the_same_bytes_beside_a_set_of_values():
    beside = WorkerData(peers=Map(b=1, a=2))
    plain, with_set = encode((beside, frozenset({1, 2}))), encode((beside, frozenset({Ping(1), Ping(2)})))
    assert plain[: len(encode(beside)) + 1] == with_set[: len(encode(beside)) + 1]


@given(st.binary(max_size=64))
def test_whatever_bytes_come_the_decoder_answers_or_raises_its_own_error(data):
    try:
        value = Decoder(Ping).decode(data)
    except EncodingError:
        return
    assert isinstance(value, Ping)


def test_a_value_without_canonical_form_is_refused():
    class Leaky(Value):
        what: object

    with pytest.raises(EncodingError, match="Leaky"):
        encode(Leaky(what=object()))
    with pytest.raises(EncodingError, match="surrogates"):
        encode(Write("half a character \ud800", None))


def test_a_transaction_of_writes_replaces_adds_and_deletes():
    before = (Write("a", Ping(1)), Write("b", Ping(2)))
    after = apply_writes(before, (Write("c", Ping(3)), Write("a", None), Write("b", Ping(4))))
    assert after == (Write("b", Ping(4)), Write("c", Ping(3)))
    assert before == (Write("a", Ping(1)), Write("b", Ping(2)))
