"""Batches of texts of like length, with targets and what is known of each."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import torch
from tokenizers import Tokenizer
from torch import Tensor

from models.training.data import Example
from models.training.labels import UNSIGNED
from models.training.network import padded
from pipeline.language.normalise import normalise

TOKENS = 2048
"""Tokens of a batch, padding included; short texts come in larger batches."""

_MOST = 128
"""Texts of a batch."""

_POOL = 4000
"""Texts that are sorted by length before they are cut into batches."""

ABSENT_WEIGHT = 0.15
"""How far a topic that a weak label does not name counts as absent."""


@dataclass(frozen=True)
class Batch:
    """Tensors of B texts: ids and mask [B, T]; targets [B], topics [B, n]; -1 is unknown."""

    ids: Tensor
    mask: Tensor
    sentiment: Tensor
    complaint: Tensor
    churn: Tensor
    topic: Tensor
    topic_weight: Tensor
    polarity: Tensor


def encode(tokenizer: Tokenizer, texts: Sequence[str], cap: int) -> list[list[int]]:
    """Ids of the texts as the product reads them, with `<s>` and `</s>`, at most `cap` a text."""
    tokenizer.enable_truncation(cap)
    tokenizer.no_padding()
    found: list[list[int]] = []
    for start in range(0, len(texts), 4000):
        chunk = [normalise(text) for text in texts[start : start + 4000]]
        found += [encoding.ids for encoding in tokenizer.encode_batch_fast(chunk)]
    return found


def _topics(examples: Sequence[Example], names: Sequence[str]) -> tuple[Tensor, Tensor, Tensor]:
    at = {name: i for i, name in enumerate(names)}
    topic = torch.zeros(len(examples), len(names))
    weight = torch.zeros(len(examples), len(names))
    polarity = torch.full((len(examples), len(names)), -1, dtype=torch.long)
    for row, example in enumerate(examples):
        if example.topics is None:
            continue
        weight[row] = 1.0 if example.careful else ABSENT_WEIGHT
        for name, sign in example.topics.items():
            topic[row, at[name]] = weight[row, at[name]] = 1.0
            if sign != UNSIGNED:
                polarity[row, at[name]] = sign + 1
    return topic, weight, polarity


def batch(examples: Sequence[Example], ids: Sequence[Sequence[int]], names: Sequence[str]) -> Batch:
    """One batch of these texts."""
    return Batch(
        *padded(ids),
        torch.tensor([e.sentiment for e in examples]),
        torch.tensor([e.complaint for e in examples]),
        torch.tensor([e.churn for e in examples]),
        *_topics(examples, names),
    )


def groups(lengths: Sequence[int], seed: int) -> list[list[int]]:
    """Every index once, in batches of like length, in random order."""
    chance = random.Random(seed)
    order = list(range(len(lengths)))
    chance.shuffle(order)
    found: list[list[int]] = []
    for start in range(0, len(order), _POOL):
        found += _cut(sorted(order[start : start + _POOL], key=lambda i: lengths[i]), lengths)
    chance.shuffle(found)
    return found


def _cut(pool: Sequence[int], lengths: Sequence[int]) -> list[list[int]]:
    found: list[list[int]] = [[]]
    for i in pool:
        if found[-1] and (len(found[-1]) == _MOST or (len(found[-1]) + 1) * lengths[i] > TOKENS):
            found.append([])
        found[-1].append(i)
    return found


def batches(
    examples: Sequence[Example], ids: Sequence[Sequence[int]], names: Sequence[str], seed: int
) -> Iterator[Batch]:
    """One pass in random order, in batches of like length."""
    for group in groups([len(row) for row in ids], seed):
        yield batch([examples[i] for i in group], [ids[i] for i in group], names)
