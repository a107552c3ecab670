"""What the model has to beat: logistic regression on character n-grams and on frozen embeddings."""

from __future__ import annotations

import random
from collections.abc import Sequence
from typing import Any, TypeAlias

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.sparse import csr_matrix
from sklearn.feature_extraction.text import HashingVectorizer, TfidfVectorizer
from sklearn.linear_model import LogisticRegression, SGDClassifier
from tokenizers import Tokenizer
from transformers import BertModel

from models.training import calibrate, metrics
from models.training.batches import encode
from models.training.data import Corpus, Example
from models.training.network import padded

Features: TypeAlias = NDArray[np.float64] | csr_matrix


def _texts(examples: Sequence[Example]) -> list[str]:
    return [e.text for e in examples]


def _yes(model_input: Features, target: NDArray[np.int64], asked: Features) -> NDArray[np.bool_]:
    """Predictions of one yes-no question; never yes where training has no yes."""
    if not target.any():
        return np.zeros(asked.shape[0], np.bool_)
    head = LogisticRegression(C=10.0, max_iter=400, class_weight="balanced", solver="liblinear")
    guess: NDArray[np.bool_] = head.fit(model_input, target).predict(asked) == 1
    return guess


def _heads(
    train: Features, dev: Features, known: calibrate.Truth, asked: calibrate.Truth
) -> dict[str, Any]:
    """One head a question on given features, scored on dev."""
    head = LogisticRegression(C=10.0, max_iter=400)
    sentiment = head.fit(train, known.sentiment).predict(dev)
    columns = range(known.topic.shape[1])
    topics = np.stack([_yes(train, known.topic[:, c], dev) for c in columns], axis=1)
    real = asked.topic == 1
    hits, said, there = (float(x.sum()) for x in (topics & real, topics, real))
    return {
        "sentiment_accuracy": metrics.accuracy(sentiment == asked.sentiment),
        "sentiment_macro_f1": round(calibrate.macro_f1(sentiment, asked.sentiment), 4),
        "complaint": metrics.binary(_yes(train, known.complaint, dev), asked.complaint),
        "churn": metrics.binary(_yes(train, known.churn, dev), asked.churn),
        "topics_micro_f1": round(calibrate.f1(hits, said, there), 4),
    }


def characters(corpus: Corpus, names: Sequence[str]) -> dict[str, Any]:
    """TF-IDF of character 1- to 3-grams, trained on the annotations alone."""
    counter = TfidfVectorizer(
        analyzer="char", ngram_range=(1, 3), min_df=2, max_features=150_000, sublinear_tf=True
    )
    train = counter.fit_transform(_texts(corpus.annotated))
    dev = counter.transform(_texts(corpus.dev))
    known = calibrate.truth(corpus.annotated, names)
    return _heads(train, dev, known, calibrate.truth(corpus.dev, names))


def pools(corpus: Corpus) -> dict[str, Any]:
    """Hashed character 1- to 3-grams on every training text whose sentiment is known."""
    taught = [e for e in (*corpus.weak, *corpus.annotated) if e.sentiment >= 0]
    counter = HashingVectorizer(
        analyzer="char", ngram_range=(1, 3), n_features=1 << 20, alternate_sign=False
    )
    head = SGDClassifier(loss="log_loss", alpha=1e-6, max_iter=8, tol=None, random_state=0)
    head.fit(counter.transform(_texts(taught)), [e.sentiment for e in taught])
    return {name: _pool(head, counter, tests) for name, tests in corpus.tests.items()}


def _pool(
    head: SGDClassifier, counter: HashingVectorizer, examples: Sequence[Example]
) -> dict[str, Any]:
    scores = head.decision_function(counter.transform(_texts(examples)))
    return _right(scores, examples)


def _right(scores: NDArray[np.float64], examples: Sequence[Example]) -> dict[str, Any]:
    """Accuracy; of two sides where the source knows two."""
    target = np.array([e.sentiment for e in examples])
    if not (target == 1).any():
        scores[:, 1] = -np.inf
    return metrics.accuracy(scores.argmax(-1) == target)


class Frozen:
    """Mean states of the whole base encoder, unit length, with its own prefix for queries."""

    def __init__(self, encoder: BertModel, tokenizer: Tokenizer) -> None:
        self.encoder, self.tokenizer = encoder.eval(), tokenizer

    @torch.no_grad()
    def __call__(self, examples: Sequence[Example], cap: int = 96) -> NDArray[np.float64]:
        """[N, H] vectors."""
        ids = encode(self.tokenizer, [f"query: {e.text}" for e in examples], cap)
        order = sorted(range(len(ids)), key=lambda i: len(ids[i]))
        found = np.zeros((len(ids), self.encoder.config.hidden_size))
        for start in range(0, len(order), 32):
            at = order[start : start + 32]
            matrix, mask = padded([ids[i] for i in at])
            with torch.autocast("cpu", dtype=torch.bfloat16):
                states = self.encoder(input_ids=matrix, attention_mask=mask).last_hidden_state
            shown = mask.unsqueeze(-1).float()
            mean = (states.float() * shown).sum(1) / shown.sum(1)
            found[at] = torch.nn.functional.normalize(mean, dim=-1).numpy()
        return found


def embeddings(frozen: Frozen, corpus: Corpus, names: Sequence[str]) -> dict[str, Any]:
    """Frozen embeddings, heads trained on the annotations alone."""
    known = calibrate.truth(corpus.annotated, names)
    asked = calibrate.truth(corpus.dev, names)
    return _heads(frozen(corpus.annotated), frozen(corpus.dev), known, asked)


SAMPLE, TESTED = 4000, 300
"""Texts that teach, and texts a source that test, the frozen embeddings: they are slow."""


def embedded_pools(frozen: Frozen, corpus: Corpus, seed: int) -> dict[str, Any]:
    """Frozen embeddings on a sample of the texts whose sentiment is known."""
    taught = [e for e in (*corpus.weak, *corpus.annotated) if e.sentiment >= 0]
    taught = random.Random(seed).sample(taught, min(SAMPLE, len(taught)))
    head = LogisticRegression(C=10.0, max_iter=400)
    head.fit(frozen(taught), [e.sentiment for e in taught])
    chosen = {
        n: random.Random(seed).sample(t, min(TESTED, len(t))) for n, t in corpus.tests.items()
    }
    return {n: _right(head.decision_function(frozen(t)), t) for n, t in chosen.items()}
