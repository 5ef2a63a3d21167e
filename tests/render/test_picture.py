"""Backends: found, or a clear refusal."""

import pytest

from coordfsm.render import picture
from coordfsm.render.picture import RenderError, draw


def test_without_a_backend_the_refusal_says_what_to_install(monkeypatch):
    monkeypatch.setattr(picture, "backend", lambda: None)
    with pytest.raises(RenderError, match="graphviz-pure"):
        draw("digraph {}", "svg")


def test_a_backend_that_fails_is_named(monkeypatch):
    monkeypatch.setenv("COORDFSM_DOT", "/nowhere/dot")
    with pytest.raises(RenderError, match="/nowhere/dot"):
        draw("digraph {}", "svg")


def test_text_that_is_no_graph_is_refused():
    with pytest.raises(RenderError, match="failed"):
        draw("digraph {", "svg")
