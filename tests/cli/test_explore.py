"""`coordfsm explore`: the page of a state, its links, and what is refused."""

import argparse
import re
import threading
import urllib.error
import urllib.request
from pathlib import Path

import pytest
from check.native.test_liveness import PROPERTIES, built

from coordfsm.check import native
from coordfsm.check.exploration.reference import explore
from coordfsm.check.models import twophase
from coordfsm.check.traces.explorer import Explorer, WayError, serve
from coordfsm.check.traces.trace import action_key
from coordfsm.cli.commands import explore as command
from coordfsm.testing.mutants import catalogue


def links(page):
    return re.findall(r'<td><a href="/([\d.]+)">', page)


def test_every_state_is_reached_by_its_links_alone():
    explorer = Explorer(twophase.build(1))
    seen, waiting = {}, [""]
    while waiting:
        address = waiting.pop()
        state = explorer.place(address).state
        if state not in seen:
            seen[state] = address
            ahead = explorer.page(address).partition("What can happen next")[2].partition("</main>")[0]
            waiting += links(ahead)
    assert len(seen) == explore(twophase.build(1)).distinct_states == 12


def test_the_page_tells_state_properties_and_way():
    page = Explorer(twophase.build(2)).page("/0.0")
    assert "<title>twophase: step 2</title>" in page
    assert 'class="good">holds' in page
    assert 'href="/0">one step back' in page
    assert links(page.partition("The way so far")[2]) == ["0", "0.0"]


def test_a_violation_is_told_before_it_is_taken_and_after():
    [mutant] = [item for item in catalogue() if item.name == "commit-before-all-prepared"]
    model = mutant.break_model(twophase.build(2))
    explorer, shortest = Explorer(model), explore(model).counterexample
    taken = []
    for step in shortest.steps:
        page = explorer.page(".".join(map(str, taken)))
        actions = [action for action, _ in explorer.place(".".join(map(str, taken))).enabled]
        taken.append([action_key(action) for action in actions].index(step.action))
    assert "violates TC" in page
    assert 'class="bad">VIOLATED' in explorer.page(".".join(map(str, taken)))


@pytest.mark.parametrize("address", ["/x", "/-1", "/9999", "/0.77", "/" + ".".join(["0"] * 1001), "/12345678901"])
def test_an_address_that_is_no_way_is_refused(address):
    with pytest.raises(WayError):
        Explorer(twophase.build(1)).page(address)


@pytest.fixture
def port():
    with serve(Explorer(twophase.build(2)), 0) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield server.server_port
        server.shutdown()
        thread.join()


def ask(port, path, **headers):
    request = urllib.request.Request(f"http://127.0.0.1:{port}{path}", headers=headers)
    try:
        with urllib.request.urlopen(request, timeout=5) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.read().decode()


def test_it_is_served_on_loopback_to_those_who_ask_for_loopback(port):
    assert ask(port, "/")[0] == 200
    status, page = ask(port, "/<b>")
    assert (status, "<b>" in page) == (404, False)
    assert ask(port, "/", Host="elsewhere.example:80")[0] == 403


def test_a_port_that_is_taken_is_a_mistake_of_the_user(run, port):
    outcome = run("explore", "twophase", "--port", str(port))
    assert (outcome.code, outcome.out) == (2, "")
    assert f"cannot serve on 127.0.0.1 port {port}" in outcome.err


# -- counterexamples ---------------------------------------------------------------------------------------------------


@pytest.fixture
def saved(run):
    run("verify", "--mutants", "commit-before-all-prepared", "--output", "found")
    [path] = Path("found").iterdir()
    return path


def opened(*arguments):
    parser = argparse.ArgumentParser()
    command.configure(parser)
    return command.explorer_of(parser.parse_args([str(item) for item in arguments]))


def test_a_counterexample_opens_at_its_end_and_is_followed_step_by_step(saved):
    explorer = opened(saved)
    end = explorer.page(explorer.begin)
    assert 'class="bad">VIOLATED' in end
    assert "Its end" in end
    address, pages = "", 0
    while address != explorer.begin:
        [address] = re.findall(r'<a href="/([\d.]+)">next</a>', explorer.page(address))
        pages += 1
    assert pages == 5
    assert "off its way" in explorer.page("1" if explorer.begin[0] == "0" else "0")


def test_a_lasso_says_where_it_goes_on():
    [item] = [item for item in PROPERTIES if item.id == "comes to rest"]
    model = built("retries without end", item)
    explorer = Explorer(model, native.explore(model).counterexample)
    assert re.search(r'the steps after <a href="/\d+">step 1</a> repeat', explorer.page(explorer.begin))


def test_a_counterexample_that_does_not_fit_is_refused(run, saved):
    assert "goes with a counterexample" in run("explore", "twophase", "--model", "tcommit").err
    assert "has its own" in run("explore", str(saved), "-p", "rms=2").err
    Path("three.json").write_text(saved.read_text().replace('"rms": 2', '"rms": 3'))
    assert "it is of nodes tm, rm1, rm2, the model has tm, rm1, rm2, rm3" in run("explore", "three.json").err
    for name, text, message in (
        ("x.json", "{}", "trace format None"),
        ("y.json", None, "cannot read y.json"),
        ("z", '{"trace": 1, "node": "n1"}\n', "`coordfsm replay` steps it"),
    ):
        if text is not None:
            Path(name).write_text(text)
        outcome = run("explore", name)
        assert (outcome.code, outcome.out) == (2, "")
        assert message in outcome.err
