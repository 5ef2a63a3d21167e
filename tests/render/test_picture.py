"""Backends: found, or a clear refusal."""

import pytest

from coordfsm.render import picture
from coordfsm.render.picture import RenderError, draw, flowing


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


def test_the_words_of_one_row_follow_each_other_in_whatever_font():
    def text(x, y, words, fill):
        style = f'font-family="Helvetica,sans-Serif" font-size="10.00" fill="{fill}"'
        return f'<text xml:space="preserve" text-anchor="start" x="{x}" y="{y}" {style}>{words}</text>\n'

    rows = text(1, 5, "recv_a ", "black") + text(30, 5, "/ act", "blue") + text(1, 17, "recv_b", "black")
    joined, alone = flowing(rows).splitlines()
    assert joined == (
        '<text xml:space="preserve" text-anchor="start" x="1" y="5" '
        'font-family="Helvetica,sans-Serif" font-size="10.00">'
        '<tspan fill="black">recv_a </tspan><tspan fill="blue">/ act</tspan></text>'
    )
    assert alone + "\n" == text(1, 17, "recv_b", "black")
