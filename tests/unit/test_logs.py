"""What reaches stderr, and how often."""

from __future__ import annotations

import logging

import orjson
import pytest

from pipeline import logs


@pytest.fixture(autouse=True)
def _restored() -> object:
    root = logging.getLogger()
    handlers, level = list(root.handlers), root.level
    yield
    root.handlers[:] = handlers
    root.setLevel(level)


def test_a_library_that_repeats_itself_is_heard_once(capsys: pytest.CaptureFixture[str]) -> None:
    logs.setup("info", "text")
    for _ in range(50):
        logging.getLogger("aiokafka.consumer").error("connection refused")
    logging.getLogger("pipeline.stream").info("ours")
    logging.getLogger("pipeline.stream").info("ours")
    said = capsys.readouterr().err
    assert said.count("connection refused") == 1
    assert said.count("ours") == 2


def test_json_is_one_object_a_line(capsys: pytest.CaptureFixture[str]) -> None:
    logs.setup("info", "json")
    logging.getLogger("pipeline.x").warning("two\nlines")
    [line] = capsys.readouterr().err.splitlines()
    assert orjson.loads(line)["message"] == "two\nlines"
