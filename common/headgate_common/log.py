"""Logs of the programs: one line for each event, `event key=value …` or JSON, on standard error.

Code logs with the standard library, `log.info("vpc realised", extra={"vpc": name})`; the keys of `extra` are rendered
after the event in the order they were given.
"""

import json as json_format
import logging
import sys
from datetime import UTC, datetime

LEVELS = ("debug", "info", "warning", "error")
"""The levels that configuration may name."""

_STANDARD = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName"}


def setup(level: str, json: bool = False) -> None:
    """Send this process's log to standard error from `level` on; a second call replaces the first.

    Raises:
        ValueError: there is no such level.
    """
    if level not in LEVELS:
        raise ValueError(f"log_level: expected one of {', '.join(LEVELS)}; got {level!r}.")
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonFormatter() if json else LineFormatter())
    root = logging.getLogger()
    for old in tuple(root.handlers):
        root.removeHandler(old)
    root.addHandler(handler)
    root.setLevel(level.upper())


class LineFormatter(logging.Formatter):
    """Renders `time LEVEL logger event key=value …`; values with spaces or quotes are quoted."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the line for `record`, with the traceback below it if there is one."""
        pairs = (f" {key}={_quoted(value)}" for key, value in _fields(record).items())
        line = f"{_time(record)} {record.levelname} {record.name} {record.getMessage()}{''.join(pairs)}"
        if record.exc_info:
            line = f"{line}\n{self.formatException(record.exc_info)}"
        return line


class JsonFormatter(logging.Formatter):
    """Renders one JSON object per line: time, level, logger, event, the fields, and the traceback as text."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the JSON object for `record`."""
        entry = {
            "time": _time(record),
            "level": record.levelname,
            "logger": record.name,
            "event": record.getMessage(),
            **_fields(record),
        }
        if record.exc_info:
            entry["traceback"] = self.formatException(record.exc_info)
        return json_format.dumps(entry, default=str, ensure_ascii=False)


def _fields(record: logging.LogRecord) -> dict[str, object]:
    return {key: value for key, value in vars(record).items() if key not in _STANDARD}


def _time(record: logging.LogRecord) -> str:
    return datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _quoted(value: object) -> str:
    text = str(value)
    plain = text and not any(character.isspace() or character in '"=' for character in text)
    return text if plain else json_format.dumps(text, ensure_ascii=False)
