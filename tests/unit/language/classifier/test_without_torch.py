"""Without the extra `torch`; with it, tests/torch reads real checkpoints."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from pipeline.errors import ModelError
from pipeline.language.classifier import load


@pytest.mark.parametrize("name", ["torch", "transformers"])
def test_a_missing_extra_says_how_to_get_it(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, name: str
) -> None:
    monkeypatch.delitem(sys.modules, "pipeline.language.classifier.torch", raising=False)
    monkeypatch.setitem(sys.modules, name, None)
    with pytest.raises(ModelError, match="is not installed") as caught:
        load(tmp_path, engine="torch")
    assert "voc[torch]" in caught.value.fix
