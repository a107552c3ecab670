"""The shipped taxonomy, and the errors of files that people edited."""

from __future__ import annotations

from pathlib import Path

import pytest

from pipeline import resources
from pipeline.domain.scales import LOCALES
from pipeline.domain.taxonomy import Gap, Pillar, Rater, Side, Taxonomy, Touchpoint
from pipeline.errors import TaxonomyError

SHIPPED = resources.schemas() / "taxonomy.yaml"

GOOD = """version: 3
topics:
  wait:
    labels: {zh-Hans: 等待, zh-Hant: 等待, ko: 대기, en: Waiting}
    definition: {zh-Hans: 排队, zh-Hant: 排隊, ko: 줄, en: Queues}
    rater: responsiveness
    gap: standards
    pillar: process
    side: procedural
    touchpoint: human
    owner: operations
"""


def _load(folder: Path, text: str) -> Taxonomy:
    path = folder / "taxonomy.yaml"
    path.write_text(text, encoding="utf-8")
    return Taxonomy.load(path)


def test_the_shipped_taxonomy_has_its_18_topics_in_the_model_s_order() -> None:
    taxonomy = Taxonomy.load(SHIPPED)
    assert taxonomy.version == 1
    assert taxonomy.codes == (
        *("wait", "transfer", "staff_attitude", "staff_competence", "resolution"),
        *("product_quality", "product_usability", "delivery", "order_accuracy", "price_value"),
        *("billing_payment", "returns_refunds", "promise", "app_website", "account_security"),
        *("policy_process", "facilities", "information"),
    )


def test_every_shipped_topic_is_named_and_defined_in_one_line_in_every_locale() -> None:
    taxonomy = Taxonomy.load(SHIPPED)
    for topic in taxonomy.topics:
        assert set(topic.labels) == set(topic.definitions) == set(LOCALES)
        assert "\n" not in "".join(topic.definitions.values())
    for locale in LOCALES:
        assert len({topic.labels[locale] for topic in taxonomy.topics}) == len(taxonomy)


def test_every_value_of_the_mappings_is_used() -> None:
    topics = Taxonomy.load(SHIPPED).topics
    assert {topic.rater for topic in topics} == set(Rater)
    assert {topic.gap for topic in topics} == set(Gap)
    assert {topic.pillar for topic in topics} == set(Pillar)
    assert {topic.side for topic in topics} == set(Side)
    assert {topic.touchpoint for topic in topics} == set(Touchpoint)


def test_a_file_is_read_in_full(tmp_path: Path) -> None:
    taxonomy = _load(tmp_path, GOOD)
    topic = taxonomy["wait"]
    assert (taxonomy.version, len(taxonomy), list(taxonomy)) == (3, 1, ["wait"])
    assert (topic.code, topic.definition, topic.labels["ko"]) == ("wait", "Queues", "대기")
    assert (topic.rater, topic.gap) == (Rater.RESPONSIVENESS, Gap.STANDARDS)
    assert (topic.pillar, topic.side) == (Pillar.PROCESS, Side.PROCEDURAL)
    assert (topic.touchpoint, topic.owner) == (Touchpoint.HUMAN, "operations")
    assert "queue" not in taxonomy


@pytest.mark.parametrize(
    ("was", "becomes", "message"),
    [
        ("version: 3", "version: 0", "line 1: version is not a whole number from 1"),
        ("version: 3", "version: true", "line 1: version is not a whole number from 1"),
        ("rater: responsiveness", "rater: speed", "line 6: topics.wait.rater is 'speed'"),
        ("gap: standards", "gap: 2", "line 7: topics.wait.gap is 2"),
        ("pillar: process", "pillar: money", "line 8: topics.wait.pillar is 'money'"),
        ("side: procedural", "side: left", "line 9: topics.wait.side is 'left'"),
        ("touchpoint: human", "touchpoint: app", "line 10: topics.wait.touchpoint is 'app'"),
        ("owner: operations", "owner: ''", "line 11: topics.wait.owner is not a text"),
        ("    owner: operations\n", "", "line 3: topics.wait.owner is missing"),
        ("    gap:", "    gaps:", "topics.wait.gap is missing"),
        ("    gap:", "    note: x\n    gap:", "line 7: topics.wait.note is not known here"),
        (", ko: 줄", "", "line 5: topics.wait.definition.ko is missing"),
        ("ko: 대기", "ko: 1", "line 4: topics.wait.labels.ko is not a text"),
        ("  wait:", "  Wait time:", "line 3: topics.Wait time is not a topic code"),
        ("  wait:", "  7:", "line 3: topics.7 is not a topic code"),
        ("version: 3\n", "version: 3\nversion: 4\n", "line 2: version is there twice"),
    ],
)
def test_a_fault_in_the_file_is_named_with_its_line(
    tmp_path: Path, was: str, becomes: str, message: str
) -> None:
    assert was in GOOD
    with pytest.raises(TaxonomyError) as refused:
        _load(tmp_path, GOOD.replace(was, becomes, 1))
    assert message in refused.value.message
    assert refused.value.fix


def test_a_topic_that_is_there_twice_is_refused(tmp_path: Path) -> None:
    topic = GOOD.split("topics:\n")[1]
    with pytest.raises(TaxonomyError, match=r"line 12: topics\.wait is there twice"):
        _load(tmp_path, GOOD + topic)


def test_topics_must_not_be_empty(tmp_path: Path) -> None:
    with pytest.raises(TaxonomyError, match=r"line 2: topics is not a mapping"):
        _load(tmp_path, "version: 1\ntopics: {}\n")


def test_a_value_that_only_looks_like_a_date_is_read_as_text(tmp_path: Path) -> None:
    taxonomy = _load(tmp_path, GOOD.replace("owner: operations", "owner: 2026-13-45"))
    assert taxonomy["wait"].owner == "2026-13-45"
