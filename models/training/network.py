"""The classifier: a shallow BERT with one head per question, and two tables of letter n-grams."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional
from transformers import BertModel

from models.training.hashing import BASE, FEELING_ROWS, LONGEST, SUBJECT_ROWS
from models.training.package import OUTPUTS, PAD

LAYERS = {3: (0, 5, 11), 4: (0, 1, 2, 3), 6: (0, 2, 4, 7, 9, 11), 12: tuple(range(12))}
"""Which of the base encoder's twelve layers a student keeps."""

_BATCH = 32

SIDES = torch.tensor([-0.5, 0.0, 0.5])
"""What one logit of positive against negative adds to the three sentiments."""


def student(base: BertModel, rows: list[int], layers: int) -> BertModel:
    """The base with the embedding rows `rows` and every few of its layers."""
    weight = base.embeddings.word_embeddings.weight.data[torch.tensor(rows)].clone()
    table = nn.Embedding(len(rows), weight.shape[1], padding_idx=1)
    table.weight.data = weight
    base.embeddings.word_embeddings = table
    base.encoder.layer = nn.ModuleList([base.encoder.layer[i] for i in LAYERS[layers]])
    base.config.vocab_size, base.config.num_hidden_layers = len(rows), layers
    for index, layer in enumerate(base.encoder.layer):
        if hasattr(layer.attention.self, "layer_idx"):
            layer.attention.self.layer_idx = index
    return base


class NgramLogits(nn.Module):
    """Adds up the table's rows of a text's known n-grams, over the root of their number."""

    def __init__(self, rows: int, outputs: int) -> None:
        super().__init__()
        self.table = nn.Embedding(rows, outputs)
        nn.init.zeros_(self.table.weight)
        self.bias = nn.Parameter(torch.zeros(outputs))
        self.register_buffer("keys", torch.full((rows, 1), -1, dtype=torch.int32))
        self.rows = rows

    def forward(self, numbers: Tensor, real: Tensor) -> Tensor:
        """[B, n] numbers of n-grams, and which of them are no padding, to [B, outputs]."""
        row = numbers % self.rows
        keys = functional.embedding(row, self.keys).squeeze(-1)
        known = ((keys == (numbers // self.rows).to(torch.int32)) & real).to(torch.float32)
        found = (self.table(row) * known.unsqueeze(-1)).sum(1)
        return found / known.sum(1, keepdim=True).clamp(min=1).sqrt() + self.bias


class Spelling(nn.Module):
    """Ids of pieces to numbers of the letter n-grams of the text."""

    def __init__(self, letters: NDArray[np.int64]) -> None:
        super().__init__()
        self.register_buffer("letters", torch.from_numpy(letters.astype(np.int32)))

    def forward(self, ids: Tensor, mask: Tensor) -> tuple[Tensor, Tensor]:
        """[B, T] ids and mask to [B, n] numbers, and which of them are no padding."""
        text = self._text(ids, mask)
        found = [text]
        for reach in range(2, LONGEST + 1):
            found.append(found[-1][:, :-1] * BASE + text[:, reach - 1 :])
        real = [text[:, reach:] > 0 for reach in range(LONGEST)]
        return torch.cat(found, dim=1), torch.cat(real, dim=1)

    def _text(self, ids: Tensor, mask: Tensor) -> Tensor:
        """[B, n] letters without the gaps that short pieces leave, 0 behind the last."""
        spelt = functional.embedding(ids, self.letters).to(torch.int64) * mask.unsqueeze(-1)
        flat = spelt.flatten(1)
        there = (flat > 0).to(torch.int64)
        place = torch.cumsum(there, dim=1)
        # Gaps go to column 0, which is cut off; LONGEST empty columns follow the longest text.
        room = torch.zeros_like(flat[:, : LONGEST + 1])
        target = torch.cat([flat * 0, room], dim=1)
        dense = target.scatter(1, place * there, flat)
        width = place[:, -1].max() + LONGEST
        return dense.index_select(1, torch.arange(1, width))


class ContactClassifier(nn.Module):
    """Raw logits of every question; see OUTPUTS for the order."""

    def __init__(self, encoder: BertModel, topics: int, dropout: float = 0.1) -> None:
        super().__init__()
        hidden = encoder.config.hidden_size
        self.encoder, self.topics = encoder, topics
        self.drop = nn.Dropout(dropout)
        self.sentiment = nn.Linear(hidden, 3)
        self.complaint = nn.Linear(hidden, 1)
        self.churn = nn.Linear(hidden, 1)
        self.topic = nn.Linear(hidden, topics)
        self.polarity = nn.Linear(hidden, topics * 3)

    def forward(self, input_ids: Tensor, attention_mask: Tensor) -> tuple[Tensor, ...]:
        """[B, T] ids and mask to [B, 3], [B], [B], [B, n], [B, n, 3] logits and [B, H] vector."""
        states = self.encoder(input_ids=input_ids, attention_mask=attention_mask).last_hidden_state
        mask = attention_mask.unsqueeze(-1).to(states.dtype)
        pooled = (states * mask).sum(1) / mask.sum(1).clamp(min=1)
        return (*self.answers(pooled), functional.normalize(pooled, dim=-1))

    def answers(self, pooled: Tensor) -> tuple[Tensor, ...]:
        """[B, H] mean states to the logits."""
        seen = self.drop(pooled)
        return (
            self.sentiment(seen),
            self.complaint(seen).squeeze(-1),
            self.churn(seen).squeeze(-1),
            self.topic(seen),
            self.polarity(seen).reshape(-1, self.topics, 3),
        )


class WithNgrams(nn.Module):
    """The classifier with the logits of two n-gram tables added; this is what is exported.

    The tables are fitted apart (`ngrams.py`): trained together with the encoder they would know
    their training texts by heart, and the encoder would leave those texts to them.
    """

    def __init__(self, model: ContactClassifier, letters: NDArray[np.int64]) -> None:
        super().__init__()
        self.model, self.spelling = model, Spelling(letters)
        self.feelings = NgramLogits(FEELING_ROWS, 2)
        self.subjects = NgramLogits(SUBJECT_ROWS, 1 + model.topics + 4)

    def forward(self, input_ids: Tensor, attention_mask: Tensor) -> tuple[Tensor, ...]:
        """As ContactClassifier."""
        sentiment, complaint, churn, topic, polarity, vector = self.model(input_ids, attention_mask)
        found, real = self.spelling(input_ids, attention_mask)
        feelings, subjects = self.feelings(found, real), self.subjects(found, real)
        return (
            sentiment + feelings[:, :1] * SIDES + subjects[:, -4:-1],
            complaint + feelings[:, 1] + subjects[:, -1],
            churn + subjects[:, 0],
            topic + subjects[:, 1:-4],
            polarity,
            vector,
        )


@torch.no_grad()
def logits(model: ContactClassifier, ids: Sequence[Sequence[int]]) -> dict[str, NDArray[Any]]:
    """The model's outputs for texts of any length, by name, in the given order."""
    order = sorted(range(len(ids)), key=lambda i: len(ids[i]))
    parts = []
    for start in range(0, len(order), _BATCH):
        given = padded([ids[i] for i in order[start : start + _BATCH]])
        parts.append([out.float().numpy() for out in model.eval()(*given)])
    back = np.argsort(order)
    joined = (np.concatenate(column)[back] for column in zip(*parts, strict=True))
    return dict(zip(OUTPUTS, joined, strict=True))


def padded(ids: Sequence[Sequence[int]]) -> tuple[Tensor, Tensor]:
    """[B, T] ids and mask, padded on the right."""
    width = max(len(row) for row in ids)
    matrix = torch.full((len(ids), width), PAD, dtype=torch.long)
    mask = torch.zeros((len(ids), width), dtype=torch.long)
    for at, row in enumerate(ids):
        matrix[at, : len(row)] = torch.tensor(row)
        mask[at, : len(row)] = 1
    return matrix, mask
