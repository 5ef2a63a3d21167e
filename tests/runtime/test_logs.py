"""A log is one JSON object a line, whatever is in it, and nothing that a terminal acts on."""

import json
import logging

from coordfsm_runtime.logs import JsonFormatter


def test_what_is_logged_makes_no_second_line_and_no_escape():
    record = logging.makeLogRecord({"msg": "refused", "levelname": "INFO", "fields": {"by": "a\n{}\x1b[2J\x9b\u2028"}})
    line = JsonFormatter("n1").format(record)
    assert line.isprintable()
    assert json.loads(line)["by"] == "a\n{}\x1b[2J\x9b\u2028"
