"""The simulator itself: time, timers, crashes and the network do what they say, and the seed says it all."""

import pytest

from coordfsm.kernel import (
    CancelTimer,
    Command,
    Message,
    Notify,
    Persist,
    Received,
    Recover,
    Send,
    SetTimer,
    Step,
    Timer,
    TimerFired,
    Value,
    Write,
)
from coordfsm.simulate.agenda import Agenda
from coordfsm.simulate.cluster import Cluster
from coordfsm.simulate.faults import (
    ChangeWeather,
    Crash,
    CutLinks,
    Heal,
    Partition,
    Restart,
    random_schedule,
)
from coordfsm.simulate.network import Weather

TICK = Timer("tick")


class Ping(Message):
    number: int


class Noted(Value):
    what: str
    at_ms: int = 0


class Number(Value):
    value: int


class Do(Command):
    effects: tuple[object, ...]


class Data(Value):
    seen: int = 0


def step(data, given):
    """Carries out what it is told, and notes what arrives."""
    if isinstance(given, Do):
        return Step(Data(data.seen + 1), given.effects, ("do",))
    if isinstance(given, Recover):
        return Step(data, (Notify(Noted(f"recovered {len(given.records)}")),), ("recover",))
    if isinstance(given, TimerFired):
        return Step(data, (Notify(Noted(f"fired {given.timer.subject}", given.now_ms)),), ("timer",))
    assert isinstance(given, Received)
    return Step(data, (Notify(Noted(f"ping {given.message.number} from {given.sender}", given.now_ms)),), ("recv",))


def two(**how):
    cluster = Cluster({"a": (step, Data()), "b": (step, Data())}, **how)
    cluster.start()
    cluster.told.clear()
    return cluster


def notes(cluster):
    return [(told.endpoint, told.event.what) for told in cluster.told]


def test_appointments_come_in_order_of_time_and_then_of_making():
    agenda = Agenda()
    for after, what in ((5, "late"), (1, "first"), (1, "second")):
        agenda.add(after, what)
    assert [agenda.take().what for _ in range(3)] == ["first", "second", "late"]
    assert agenda.now_ms == 5


def test_the_clock_never_moves_back_or_over_an_appointment():
    agenda = Agenda()
    agenda.add(5, "due")
    with pytest.raises(ValueError, match="next appointment at 5"):
        agenda.advance(6)
    with pytest.raises(ValueError, match="in the future"):
        agenda.add(-1, "past")


def test_a_message_arrives_after_its_delay_with_the_receivers_clock():
    cluster = two(weather=Weather(3, 3))
    cluster.command("a", Do((Send("b", Ping(1)),)))
    cluster.run(2)
    assert notes(cluster) == []
    cluster.run(1)
    assert [(told.at_ms, told.event) for told in cluster.told] == [(3, Noted("ping 1 from a", 3))]


def test_a_timer_fires_once_when_due_and_setting_it_again_replaces_it():
    cluster = two()
    cluster.command("a", Do((SetTimer(TICK, 10),)))
    cluster.run(5)
    cluster.command("a", Do((SetTimer(TICK, 10),)))
    cluster.run(100)
    assert [told.at_ms for told in cluster.told] == [15]


def test_a_cancelled_timer_never_fires():
    cluster = two()
    cluster.command("a", Do((SetTimer(TICK, 10), CancelTimer(TICK))))
    cluster.run(100)
    assert cluster.told == []


def test_a_crash_takes_data_and_timers_and_leaves_the_records():
    cluster = two()
    cluster.command("a", Do((Persist((Write("k", Number(1)),)), SetTimer(TICK, 10))))
    cluster.inflict(Crash("a"))
    assert cluster.data("a") is None
    with pytest.raises(ValueError, match="a is down"):
        cluster.command("a", Do(()))
    cluster.inflict(Restart("a"))
    cluster.run(100)
    assert notes(cluster) == [("a", "recovered 1")]
    assert cluster.data("a") == Data()


def test_a_torn_crash_does_a_beginning_of_the_effects_and_no_more():
    outcomes = set()
    for seed in range(40):
        cluster = two(seed=seed)
        cluster.inflict(Crash("a", torn=True))
        cluster.command("a", Do((Persist((Write("k", Number(1)),)), Notify(Noted("one")), Send("b", Ping(1)))))
        assert not cluster.processes["a"].is_up
        cluster.run(10)
        outcomes.add((len(cluster.processes["a"].durable), tuple(notes(cluster))))
    assert outcomes == {(0, ()), (1, ()), (1, (("a", "one"),))}


def test_a_restart_also_ends_a_torn_crash_that_has_not_come_yet():
    cluster = two()
    cluster.inflict(Crash("a", torn=True))
    cluster.inflict(Restart("a"))
    cluster.command("a", Do((Notify(Noted("one")), Notify(Noted("two")))))
    assert notes(cluster) == [("a", "one"), ("a", "two")]


def test_messages_to_a_process_that_is_down_are_gone():
    cluster = two()
    cluster.command("a", Do((Send("b", Ping(1)),)))
    cluster.inflict(Crash("b"))
    cluster.run(100)
    cluster.inflict(Restart("b"))
    cluster.run(100)
    assert notes(cluster) == [("b", "recovered 0")]


def test_a_partition_swallows_what_is_under_way_and_heals():
    cluster = two()
    cluster.command("a", Do((Send("b", Ping(1)),)))
    cluster.inflict(Partition((("a",), ("b",))))
    cluster.run(10)
    cluster.command("b", Do((Send("a", Ping(2)),)))
    cluster.run(10)
    cluster.inflict(Heal())
    cluster.command("a", Do((Send("b", Ping(3)),)))
    cluster.run(10)
    assert notes(cluster) == [("b", "ping 3 from a")]


def test_a_link_can_be_cut_in_one_direction():
    cluster = two()
    cluster.inflict(CutLinks(("a",), ("b",)))
    cluster.command("a", Do((Send("b", Ping(1)),)))
    cluster.command("b", Do((Send("a", Ping(2)),)))
    cluster.run(10)
    assert notes(cluster) == [("a", "ping 2 from b")]


def test_bad_weather_loses_repeats_and_reorders():
    cluster = two(weather=Weather(1, 50, loss=0.3, duplicate=0.3))
    cluster.command("a", Do(tuple(Send("b", Ping(number)) for number in range(100))))
    cluster.run(1000)
    arrived = [int(what.split()[1]) for _, what in notes(cluster)]
    assert set(arrived) < set(range(100))
    assert len(arrived) > len(set(arrived))
    assert arrived != sorted(arrived)


@pytest.mark.parametrize("wrong", [{"fastest_ms": 9}, {"loss": 1.5}, {"duplicate": -0.1}])
def test_impossible_weather_is_refused(wrong):
    with pytest.raises(ValueError, match=r"not (9|1\.5|-0\.1)"):
        Weather(**wrong)


def test_a_condition_that_never_holds_ends_at_the_limit():
    with pytest.raises(TimeoutError, match="not within 50 ms"):
        two().run_until(lambda: False, 50)


def test_a_random_schedule_ends_with_everyone_up_and_connected():
    names = ("a", "b", "c")
    schedule = random_schedule(3, names, until_ms=10_000, faults=30, weather=Weather(loss=0.5))
    assert schedule == random_schedule(3, names, until_ms=10_000, faults=30, weather=Weather(loss=0.5))
    last = [fault for at_ms, fault in schedule if at_ms == 10_000]
    assert {Heal(), ChangeWeather(Weather()), *(Restart(name) for name in names)} <= set(last)
    assert max(at_ms for at_ms, _ in schedule) == 10_000
    assert {type(fault) for _, fault in schedule} == {Crash, Restart, Partition, CutLinks, Heal, ChangeWeather}


def test_a_schedule_without_time_or_processes_is_refused():
    with pytest.raises(ValueError, match="need a process"):
        random_schedule(1, (), until_ms=1000)
    with pytest.raises(ValueError, match="10 faults need"):
        random_schedule(1, ("a",), until_ms=10)
