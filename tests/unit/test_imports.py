"""The folder tree tells the architecture: imports go one way, clients have one home each."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[2] / "pipeline"

HOMES = {
    "faust": "stream",
    "mode": "stream",
    "aiokafka": "stream",
    "kafka": "kafka",
    "clickhouse_driver": "warehouse",
    "chdb": "local",
    "onnxruntime": "language",
    "transformers": "language",
    "torch": "language",
    "prometheus_client": "metrics",
    "typer": "cli",
}
"""A third-party client and the only package of ours that may import it."""

EXCEPTIONS = {
    # The embedded server speaks ClickHouse's wire protocol and reuses the client's column codecs.
    ("clickhouse_driver", "local"),
}

STRANGERS = {"stream", "kafka", "warehouse", "watch", "gateway"}
"""These meet through `domain` types and protocols; only the command line knows them all."""

FOUNDATION = {"errors", "clock", "resources", "__version__"}

INNER: dict[str, set[str]] = {
    "errors": set(),
    "domain": FOUNDATION,
    "contract": FOUNDATION | {"domain"},
    "language": FOUNDATION | {"domain"},
    "analysis": FOUNDATION | {"domain"},
}
"""What the inner packages may import of ours."""


def _modules() -> list[Path]:
    return sorted(PACKAGE.rglob("*.py"))


def _part(path: Path) -> str:
    first = path.relative_to(PACKAGE).parts[0]
    return first.removesuffix(".py")


def _imports(path: Path) -> set[str]:
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative import"
            found |= {f"{node.module}.{alias.name}" for alias in node.names}
    return found


@pytest.mark.parametrize("path", _modules(), ids=lambda p: str(p.relative_to(PACKAGE)))
def test_imports_go_one_way(path: Path) -> None:
    part = _part(path)
    for name in _imports(path):
        top, *rest = name.split(".")
        home = HOMES.get(top, part)
        assert home == part or (top, part) in EXCEPTIONS, f"{top} is imported outside {home}"
        if top != "pipeline" or not rest:
            continue
        target = rest[0]
        if part in STRANGERS:
            assert target not in STRANGERS - {part}, f"{part} imports {target}"
        if part in INNER:
            assert target in INNER[part] | {part}, f"{part} imports {target}"


def test_the_rule_finds_an_offender(tmp_path: Path) -> None:
    offender = tmp_path / "x.py"
    offender.write_text("import faust\nfrom pipeline.kafka import admin\n")
    assert _imports(offender) == {"faust", "pipeline.kafka.admin"}
