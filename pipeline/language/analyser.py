"""The analyser: contacts in, what they say out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from pipeline.domain.analysis import Classifier, Clause, ClauseReading, ContactAnalysis
from pipeline.domain.contact import Contact, Language
from pipeline.language import aggregate
from pipeline.language.aggregate import Thresholds
from pipeline.language.cache import ReadingCache
from pipeline.language.clauses import MAX_CLAUSES, split
from pipeline.language.detect import Detector, Scripts
from pipeline.language.evidence import Likelihoods, evidence, to_compare
from pipeline.language.mask import Masker
from pipeline.language.normalise import clean, normalise
from pipeline.language.passages import Passage, pack
from pipeline.language.pseudonym import Pseudonyms
from pipeline.language.turns import customer_text


@dataclass(frozen=True, slots=True)
class _Prepared:
    """A contact's masked text, cut up.

    The classifier reads `passages`, and `keys`, one per clause, where it has to tell them apart.
    """

    text: str
    masked: Mapping[str, int]
    language: Language
    clauses: tuple[tuple[str, Language], ...]
    keys: tuple[str, ...]
    passages: tuple[Passage, ...]
    dropped: int


class ContactAnalyser:
    """Implements `pipeline.domain.analysis.Analyser`.

    Masks before anything else, so neither the classifier nor the cache ever holds personal data.
    Raises nothing of its own: every text, however broken, has an analysis. What the classifier
    raises passes through.

    What a contact says is decided on passages, as many clauses together as the model takes: a
    short contact is read whole. Clauses are read alone only to find the one that shows a topic.
    """

    def __init__(
        self,
        classifier: Classifier,
        masker: Masker,
        pseudonyms: Pseudonyms,
        *,
        thresholds: Thresholds | None = None,
        cache_size: int = 20_000,
    ) -> None:
        self._classifier = classifier
        self._masker = masker
        self._pseudonyms = pseudonyms
        self._detector = Detector()
        self._thresholds = thresholds or Thresholds()
        self._limit = classifier.max_tokens
        self._columns = {topic: at for at, topic in enumerate(classifier.topics)}
        self.cache = ReadingCache(cache_size)

    @property
    def identity(self) -> tuple[str, int]:
        """The model's revision and the taxonomy's version that every analysis carries."""
        return self._classifier.revision, self._classifier.taxonomy_version

    def analyse(self, contacts: Sequence[Contact]) -> list[ContactAnalysis]:
        """One analysis per contact, same order; at most two calls of the classifier for all."""
        prepared = [self._prepare(contact) for contact in contacts]
        readings = self._read(
            list(dict.fromkeys(passage.key for each in prepared for passage in each.passages))
        )
        likelihoods = self._likelihoods(prepared, readings)
        return [
            self._analysis(contact, each, readings, likelihoods)
            for contact, each in zip(contacts, prepared, strict=True)
        ]

    def _prepare(self, contact: Contact) -> _Prepared:
        masked = self._masker.mask(clean(customer_text(contact)))
        scripts = Scripts.of(masked.text)
        hint = contact.language
        clauses: list[tuple[str, Language]] = []
        keys: list[str] = []
        dropped = 0
        for piece in split(masked.text):
            key = normalise(piece)
            if not key:
                continue
            if len(keys) == MAX_CLAUSES:
                dropped += 1
                continue
            clauses.append((piece, self._detector.detect(piece, context=scripts, hint=hint)))
            keys.append(key)
        language = self._detector.decide(masked.text, scripts, hint=hint)
        passages = pack(masked.text, [text for text, _ in clauses], keys, self._limit)
        return _Prepared(
            masked.text,
            masked.counts,
            language,
            tuple(clauses),
            tuple(keys),
            tuple(passages),
            dropped,
        )

    def _read(self, keys: Sequence[str]) -> dict[str, ClauseReading]:
        found = self.cache.lookup(keys)
        missing = [key for key in keys if key not in found]
        if missing:
            fresh = dict(zip(missing, self._classifier.read(missing), strict=True))
            self.cache.store(fresh)
            found |= fresh
        return found

    def _likelihoods(
        self, prepared: Sequence[_Prepared], readings: Mapping[str, ClauseReading]
    ) -> Likelihoods:
        keys = list(
            dict.fromkeys(
                key for each in prepared for key in to_compare(each.passages, each.keys, readings)
            )
        )
        if not keys:
            return {}
        return dict(zip(keys, self._classifier.likelihoods(keys), strict=True))

    def _analysis(
        self,
        contact: Contact,
        prepared: _Prepared,
        readings: Mapping[str, ClauseReading],
        likelihoods: Likelihoods,
    ) -> ContactAnalysis:
        parts = tuple(
            Clause(passage.key, prepared.language, readings[passage.key])
            for passage in prepared.passages
        )
        mood = aggregate.mood(parts, self._thresholds.sentiment)
        topics, _ = aggregate.topics(parts)
        shown = evidence(
            topics, self._columns, prepared.passages, prepared.keys, readings, likelihoods
        )
        complaint = max((part.reading.complaint for part in parts), default=0.0)
        churn = max((part.reading.churn for part in parts), default=0.0)
        truncated = sum(part.reading.truncated for part in parts)
        return ContactAnalysis(
            text=prepared.text,
            language=prepared.language,
            sentiment=mood.sentiment,
            score=mood.score,
            confidence=mood.confidence,
            complaint=bool(parts) and complaint >= self._thresholds.complaint,
            complaint_confidence=complaint,
            churn=bool(parts) and churn >= self._thresholds.churn,
            churn_confidence=churn,
            topics=topics,
            clauses=_clauses(prepared, readings),
            evidence={topic: prepared.clauses[at][0] for topic, at in shown.items()},
            attributes={k: self._masker.mask(v).text for k, v in contact.attributes.items()},
            masked=prepared.masked,
            truncated_clauses=truncated + prepared.dropped,
            uncertain=mood.uncertain,
            customer_hash=self._pseudonyms.customer(contact.customer_id),
            agent_hash=self._pseudonyms.agent(contact.agent_id),
            model_revision=self._classifier.revision,
            taxonomy_version=self._classifier.taxonomy_version,
        )


def _clauses(prepared: _Prepared, readings: Mapping[str, ClauseReading]) -> tuple[Clause, ...]:
    """Every clause with the reading of the passage that it stands in."""
    return tuple(
        Clause(*prepared.clauses[at], readings[passage.key])
        for passage in prepared.passages
        for at in range(passage.first, passage.last + 1)
    )
