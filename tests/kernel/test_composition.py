"""Compositions: routing, families, raised commands between siblings and through nested compositions."""

import pytest
from statemachine import State

from coordfsm.kernel import (
    Command,
    Composition,
    Family,
    Machine,
    Map,
    Message,
    Notify,
    Part,
    Raise,
    Received,
    UndeclaredEventError,
    Value,
    compile_machine,
)


class Order(Message):
    table: str


class Cook(Command):
    table: str


class Close(Command):
    pass


class Dish(Value):
    number: int


class WaiterData(Value):
    state: str = "serving"
    orders: int = 0


class CookData(Value):
    state: str = "idle"
    dishes: int = 0


def take_order(data, given):
    return WaiterData(data.state, data.orders + 1), (Raise(Cook(given.message.table)),)


def cook(data, given, context):
    # The context is the composition's data: what the waiter did before is visible here.
    return CookData(data.state, data.dishes + 1), (Notify(Dish(context.waiter.orders)),)


def reset(data, given):
    return CookData(), ()


class Waiter(Machine):
    serving = State(initial=True)
    closed = State(final=True)
    recv_order = serving.to(serving, internal=True, on=take_order)
    local_close = serving.to(closed)
    ignored = {("closed", "recv_order"): "closed", ("closed", "local_close"): "closed already"}


class Stove(Machine):
    idle = State(initial=True)
    local_cook = idle.to(idle, on=cook)
    local_close = idle.to(idle, on=reset)


def measure(data, given):
    return CookData(data.state, len(given.table)), ()


class Shelf(Machine):
    idle = State(initial=True)
    local_cook = idle.to(idle, on=measure)


class RestaurantData(Value):
    waiter: WaiterData = WaiterData()
    stoves: Map[str, CookData] = Map()


def stoves_concerned(data, given):
    return (given.table,) if isinstance(given, Cook) else sorted(data.stoves)


RESTAURANT = Composition(
    "restaurant",
    (
        Part("waiter", compile_machine(Waiter)),
        Part("stoves", compile_machine(Stove), Family(stoves_concerned, lambda _key: CookData())),
    ),
)


class StreetData(Value):
    left: RestaurantData = RestaurantData()
    right: CookData = CookData()


class Chimney(Machine):
    idle = State(initial=True)
    local_cook = idle.to(idle)


def test_a_raised_command_reaches_the_sibling_within_the_step():
    step = RESTAURANT.step(RestaurantData(), Received("guest", Order("t1")))
    assert step.data == RestaurantData(WaiterData("serving", 1), Map({"t1": CookData("idle", 1)}))
    assert step.effects == (Raise(Cook("t1")), Notify(Dish(1)))
    assert len(step.fired) == 2


def test_a_family_member_back_to_its_initial_data_is_dropped():
    busy = RestaurantData(stoves=Map({"t1": CookData("idle", 1), "t2": CookData("idle", 3)}))
    step = RESTAURANT.step(busy, Close())
    assert step.data == RestaurantData(WaiterData("closed"), Map())


def test_each_member_may_be_given_a_share_of_the_input():
    def each_its_own(_data, given):
        return {table: Cook(table * 2) for table in given.table.split()}

    shelves = Part("stoves", compile_machine(Shelf), Family(each_its_own, lambda _key: CookData()))
    step = Composition("pantry", (shelves,)).step(RestaurantData(), Cook("a bb"))
    assert step.data.stoves == Map({"a": CookData("idle", 2), "bb": CookData("idle", 4)})


def test_a_nested_composition_is_not_given_its_own_command_again():
    street = Composition("street", (Part("left", RESTAURANT), Part("right", compile_machine(Chimney))))
    step = street.step(StreetData(), Received("guest", Order("t1")))
    assert step.data.left.stoves["t1"].dishes == 1
    assert [name.split(":")[0] for name in step.fired] == ["Waiter", "Stove", "Chimney"]


def test_an_event_that_no_part_declares_is_an_error():
    class Dance(Command):
        pass

    with pytest.raises(UndeclaredEventError, match="restaurant: event 'local_dance'"):
        RESTAURANT.step(RestaurantData(), Dance())


def test_machines_that_raise_in_a_circle_are_stopped():
    class Echo(Command):
        pass

    class EchoData(Value):
        state: str = "on"

    def echo(data, given):
        return data, (Raise(Echo()),)

    class Parrot(Machine):
        on = State(initial=True)
        local_echo = on.to(on, on=echo)

    class CageData(Value):
        parrot: EchoData = EchoData()

    cage = Composition("cage", (Part("parrot", compile_machine(Parrot)),))
    with pytest.raises(RecursionError, match="cage"):
        cage.step(CageData(), Echo())
