from __future__ import annotations

from pathlib import Path

import pytest

from pipeline import resources
from pipeline.errors import ConfigError


def test_a_model_without_a_taxonomy_of_its_own_has_the_shipped_one(tmp_path: Path) -> None:
    shipped = resources.schemas() / "taxonomy.yaml"
    assert resources.taxonomy(tmp_path) == shipped
    own = tmp_path / "taxonomy.yaml"
    own.write_bytes(shipped.read_bytes())
    assert resources.taxonomy(tmp_path) == own


def test_a_model_that_is_not_there_is_no_reason_for_another_taxonomy(tmp_path: Path) -> None:
    # A watcher without the model's volume named no owners for the model's own topics.
    file = tmp_path / "model.onnx"
    file.touch()
    for path in (tmp_path / "missing", file):
        with pytest.raises(ConfigError, match="there is no model directory") as caught:
            resources.taxonomy(path)
        assert "model.path" in caught.value.fix
