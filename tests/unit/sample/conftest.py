from __future__ import annotations

import pytest

from pipeline import sample
from pipeline.sample import Labelled


@pytest.fixture(scope="session")
def demo() -> list[Labelled]:
    """The contacts of the demo."""
    return list(sample.labelled(7, "demo"))


@pytest.fixture(scope="session")
def company() -> list[Labelled]:
    """Half a year of the company."""
    return list(sample.labelled(7, "company"))
