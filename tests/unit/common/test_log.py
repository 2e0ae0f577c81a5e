"""Logs: how an event and its fields are rendered."""

import json
import logging

import pytest

from headgate_common.log import JsonFormatter, LineFormatter, setup


def record(**extra: object) -> logging.LogRecord:
    made = logging.makeLogRecord({"msg": "vpc realised", "levelname": "INFO", "name": "headgate", "created": 0.0})
    vars(made).update(extra)
    return made


def test_a_line_is_the_event_and_its_fields_in_order():
    line = LineFormatter().format(record(vpc="projects/p/vpcs/blue", revision=4711))
    assert line == "1970-01-01T00:00:00.000Z INFO headgate vpc realised vpc=projects/p/vpcs/blue revision=4711"


def test_values_with_spaces_quotes_or_nothing_are_quoted():
    assert LineFormatter().format(record(reason='no "x"', empty="")).endswith(r'reason="no \"x\"" empty=""')


def test_json_holds_event_and_fields():
    entry = json.loads(JsonFormatter().format(record(writes=3)))
    assert (entry["event"], entry["writes"], entry["level"]) == ("vpc realised", 3, "INFO")


def test_an_unknown_level_is_refused():
    with pytest.raises(ValueError, match="log_level: expected one of debug"):
        setup("loud")
