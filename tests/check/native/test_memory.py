"""What a search may add to its process is bounded as it was asked, whatever takes the memory."""

import random
import subprocess
import sys
from pathlib import Path

import pytest
from check.native import sample

from coordfsm.check import native
from coordfsm.check.modelling.model import Faults, Multiset
from coordfsm.check.native import search
from coordfsm.check.native.states import resident
from coordfsm.check.native.states.growing import UNKNOWN, Rows

UNBOUNDED = '''
import sys
from coordfsm import Command, Message, Model, Node, Ordered, Property, Send, Step, Value, explore


class Count(Message):
    number: int


class Go(Command):
    """One message more."""


class Data(Value):
    number: int = 0


def step(data, given):
    after = Data(data.number + 1)
    return Step(after, (Send("b", Count(after.number)),) if isinstance(given, Go) else (), ())


def build():
    nodes = (
        Node("a", Data(), step, commands=lambda local: (Go(),)),
        Node("b", Data(), step),
    )
    return Model("unbounded", nodes, (Property("any", "always", lambda seen: True),), network=Ordered())


def peak():
    status = open("/proc/self/status").read()
    return int(status[status.index("VmHWM") :].split()[1]) * 1024


small = explore(build(), engine="native", max_states=2_000)
before = peak()
report = explore(build(), engine="native", max_memory_bytes=int(sys.argv[1]), max_seconds=100)
print(report.stopped, "|", (peak() - before) / int(sys.argv[1]))
'''


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="the system does not tell what a process uses")
def test_tables_and_interned_values_count(tmp_path):
    file = tmp_path / "unbounded.py"
    file.write_text(UNBOUNDED)
    ended = subprocess.run([sys.executable, str(file), str(200 << 20)], capture_output=True, text=True, check=True)
    stopped, share = ended.stdout.split("|")
    assert stopped.strip() == "200 MiB of memory"
    assert 0.8 < float(share) < 1.1


def test_what_the_system_does_not_tell_stops_nothing(monkeypatch):
    monkeypatch.setattr(resident, "STATM", Path("/nowhere"))
    assert not resident.Resident(0).exceeds()


def test_tables_that_grow_in_place_and_into_what_others_left_keep_their_entries():
    chance, rows = random.Random(1), Rows()
    sizes, filled = {owner: [0, 0] for owner in range(3)}, {}
    for _ in range(400):
        owner = chance.randrange(3)
        height, width = sizes[owner]
        sizes[owner] = [height + chance.randint(0, 3), width + chance.randint(height == 0, 2)]
        rows.ensure(owner, *sizes[owner])
        for _ in range(5):
            if all(sizes[owner]):
                place = owner, chance.randrange(sizes[owner][0]), chance.randrange(sizes[owner][1])
                filled[place] = len(filled)
                rows.put(*place, filled[place])
    for owner, (height, width) in sizes.items():
        for row in range(height):
            found = [rows.get(owner, row, column) for column in range(width)]
            assert found == [filled.get((owner, row, column), UNKNOWN) for column in range(width)]


def test_a_table_that_may_not_grow_stays_as_it_is(monkeypatch):
    rows = Rows(resident=resident.Resident(0))
    rows.ensure(0, 10, 10)
    rows.put(0, 9, 9, 7)
    monkeypatch.setattr(resident.Resident, "left", 0)
    with pytest.raises(resident.TooLargeError):
        rows.ensure(0, 1_000, 1_000)
    assert (rows.get(0, 9, 9), len(rows.cells)) == (7, 100)


@pytest.mark.parametrize("after", [1, 7, 40])
def test_a_search_that_ran_out_of_memory_while_it_filled_tables_goes_on_later(monkeypatch, tmp_path, after):
    model = sample.build(Multiset(loss=1, duplicate=1), Faults(crash=1), clients=2)
    whole, file, asked = native.explore(model), tmp_path / "search", []

    def check(_self):
        asked.append(None)
        if len(asked) == after:
            raise resident.TooLargeError

    with monkeypatch.context() as patch:
        patch.setattr(search, "FILLED", 1)
        patch.setattr(resident.Resident, "check", check)
        cut_short = native.explore(model, checkpoint=file, max_memory=256 << 20)
    assert (cut_short.verdict, cut_short.stopped) == ("incomplete", "256 MiB of memory")
    found = native.explore(model, resume=file)
    for name in ("verdict", "distinct_states", "transitions", "depth", "properties", "faults", "never_fired"):
        assert getattr(found, name) == getattr(whole, name), name
