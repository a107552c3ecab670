from __future__ import annotations

from dataclasses import dataclass, field

import pytest
from typer.testing import CliRunner

from pipeline.cli import reclassify
from pipeline.cli.main import app
from pipeline.errors import ConfigError


@dataclass
class Stored:
    """What the warehouse says of topics."""

    topics: set[str] = field(default_factory=set)

    def have(self, topic: str) -> bool:
        return topic in self.topics


@dataclass
class Work:
    """A run that is over."""

    revision: str = "r2"
    taxonomy_version: int = 1
    done: int = 0


@pytest.mark.parametrize("until", ["2026-01-01", "2025-01-01"])
def test_a_period_that_ends_before_it_begins_is_refused(until: str) -> None:
    found = CliRunner().invoke(app, ["reclassify", "--since", "2026-01-01", "--until", until])
    assert isinstance(found.exception, ConfigError)
    assert "not before --until" in found.exception.message


def test_a_topic_that_nobody_has_is_refused() -> None:
    stored = Stored({"once"})
    with pytest.raises(ConfigError, match="--topic delivry"):
        reclassify._require_topic(stored, "delivry", None)  # type: ignore[arg-type]
    for known in ("", "once", "delivery"):
        reclassify._require_topic(stored, known, None)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("left", "selected", "dry_run", "said"),
    [
        (0, 0, False, "no stored contact matches"),
        (0, 7, False, "all 7 contacts were read by r2, taxonomy 1 already"),
        (0, 7, True, "all 7 contacts were read by r2, taxonomy 1 already"),
        (3, 7, True, "3 of 7 contacts were read by another"),
        (3, 7, False, "3 of 7 contacts read again by r2"),
    ],
)
def test_nothing_to_do_is_told_from_nothing_found(
    left: int, selected: int, dry_run: bool, said: str
) -> None:
    work = Work(done=left)
    text = reclassify._said(work, left, selected, dry_run=dry_run)  # type: ignore[arg-type]
    assert said in text
