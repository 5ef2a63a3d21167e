"""The bench beside Serf: what it reads from logs, and what it makes of trials. The trials themselves are no test."""

import json
import xml.etree.ElementTree as ET

from bench.serf.contender import CONTENDERS, Line, endpoint
from bench.serf.report import figures, plot, table
from coordfsm_runtime.settings import NODE_SETTINGS


def trial(contender: str, size: int, every: list[float], bytes_per_second: float) -> dict:
    return {
        "contender": contender,
        "size": size,
        "form_seconds": 1.0,
        "join_seconds": 0.5,
        "packets_per_second": 4.0,
        "bytes_per_second": bytes_per_second,
        "cpu_percent": 0.3,
        "resident_bytes": 40 << 20,
        "own_bytes": 20 << 20,
        "first_seconds": every,
        "every_seconds": every,
    }


FOUND = {
    "date": "2026-01-01",
    "command": "python -m bench.serf",
    "machine": {"processor": "P & Q", "cores": 2, "kernel": "6", "python": "3.11"},
    "rounds": 2,
    "load": [0.5, 1.5],
    "contenders": [
        {"key": "coordfsm", "name": "coordfsm", "version": "coordfsm 1"},
        {"key": "serf-lan", "name": "Serf, lan profile", "version": "Serf 2"},
    ],
    "trials": [
        trial("serf-lan", 10, [6.0, 8.0], 300),
        trial("coordfsm", 10, [1.0, 2.0], 800),
        trial("coordfsm", 10, [3.0], 1_000),
        trial("coordfsm", 3, [1.5], 700),
    ],
    "skips": [{"name": "Serf, local profile", "reason": "serf is not installed"}],
}


def test_logs_tell_who_is_in_a_view():
    serf = CONTENDERS["serf-lan"]
    stamp = "    2026/01/01 09:21:02 [INFO] "
    assert serf.read(stamp + "agent: Serf agent starting") == Line(ready=True)
    assert serf.read(stamp + "serf: EventMemberJoin: n3 127.0.0.1") == Line(joined="n3")
    assert serf.read(stamp + "serf: EventMemberFailed: n3 127.0.0.1") == Line(gone="n3")
    assert serf.read(stamp + "memberlist: Suspect n3 has failed, no acks received") == Line()
    ours = CONTENDERS["coordfsm"]
    assert ours.read(json.dumps({"event": "started"})) == Line(ready=True)
    view = {"members": [{"node": "n1"}, {"node": "n2"}]}
    assert ours.read(json.dumps({"event": "ViewChanged", "view": view})) == Line(members=frozenset({"n1", "n2"}))
    assert ours.read("junk") == Line()


def test_our_nodes_are_given_settings_that_exist(tmp_path):
    known = {setting.variable for setting in NODE_SETTINGS}
    for place in (0, 1):
        given = CONTENDERS["coordfsm"].environment(place, tmp_path)
        assert given.keys() <= known
    assert given["COORDFSM_NODE_SEEDS"] == endpoint(0)


def test_medians_over_all_kills_and_rounds():
    by_size = {(item.name, item.size): item for item in figures(FOUND)}
    ours = by_size["coordfsm", 10]
    assert (ours.values["every"], ours.values["slowest"], ours.kills) == (2.0, 3.0, 3)
    assert ours.values["bytes"] == 900
    assert list(by_size) == [("coordfsm", 3), ("coordfsm", 10), ("Serf, lan profile", 10)]


def test_table_and_plot_hold_every_contender_and_what_was_skipped():
    text = table(FOUND)
    assert "| 10 | coordfsm | 2.0 | 3.0 |" in text
    assert "- Serf, local profile: serf is not installed" in text
    texts = [element.text for element in ET.fromstring(plot(FOUND)).iter() if element.tag.endswith("text")]
    assert "10 members: Serf, lan profile" in texts
    assert "7.0" in texts
