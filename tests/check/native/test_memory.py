"""What a search may add to its process is bounded as it was asked, whatever takes the memory."""

import subprocess
import sys
from pathlib import Path

import pytest

from coordfsm.check.native.states import resident

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
    # Tables that grow are copied into larger ones: for a moment both are there.
    assert 0.8 < float(share) < 2.5


def test_what_the_system_does_not_tell_stops_nothing(monkeypatch):
    monkeypatch.setattr(resident, "STATM", Path("/nowhere"))
    assert not resident.Resident().exceeds(0)
