"""A teacher of all twelve layers: learns the annotations, then answers for texts without any.

Its lower half stays as it was pretrained, so each text passes it once and only the upper half is
trained: a third of the time of full training.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from numpy.typing import NDArray
from tokenizers import Tokenizer
from torch import Tensor, nn
from transformers import BertModel

from models.training import calibrate
from models.training.batches import Batch, batch, encode, groups
from models.training.data import Example
from models.training.fit import loss_of
from models.training.network import ContactClassifier

log = logging.getLogger(__name__)

_FROZEN = 6
_RATE, _HEAD_RATE = 1e-4, 1e-3


@dataclass(frozen=True)
class Course:
    """`epochs` over the annotations; texts are cut at `cap` tokens."""

    epochs: int = 4
    cap: int = 80


class Teacher(nn.Module):
    """Twelve layers, of which the lower ones are frozen."""

    def __init__(self, encoder: BertModel, topics: int) -> None:
        super().__init__()
        self.whole = ContactClassifier(encoder, topics)
        layers = encoder.encoder.layer
        self.bottom, self.top = layers[:_FROZEN], layers[_FROZEN:]
        for parameter in (*encoder.embeddings.parameters(), *self.bottom.parameters()):
            parameter.requires_grad = False

    @torch.no_grad()
    def lower(self, ids: Tensor, mask: Tensor) -> Tensor:
        """[B, T] to [B, T, H] states under the trained layers."""
        with torch.autocast("cpu", dtype=torch.bfloat16):
            states = self.whole.encoder.embeddings(input_ids=ids)
            return self._through(self.bottom, states, mask).to(torch.bfloat16)

    def upper(self, states: Tensor, mask: Tensor) -> tuple[Tensor, ...]:
        """[B, T, H] states to the logits."""
        with torch.autocast("cpu", dtype=torch.bfloat16):
            states = self._through(self.top, states.float(), mask)
            shown = mask.unsqueeze(-1).to(states.dtype)
            return self.whole.answers((states * shown).sum(1) / shown.sum(1).clamp(min=1))

    def _through(self, layers: nn.ModuleList, states: Tensor, mask: Tensor) -> Tensor:
        closed = (1.0 - mask[:, None, None, :].float()) * -1e4
        for layer in layers:
            out = layer(states, closed)
            states = out[0] if isinstance(out, tuple) else out
        return states


def _lowered(teacher: Teacher, ids: Sequence[Sequence[int]]) -> list[Tensor]:
    found: list[Tensor] = [torch.empty(0)] * len(ids)
    for group in groups([len(row) for row in ids], 0):
        known = batch([_BLANK] * len(group), [ids[i] for i in group], ())
        for i, row in zip(group, teacher.lower(known.ids, known.mask), strict=True):
            found[i] = row[: len(ids[i])].clone()
    return found


_BLANK = Example("", "", "")


def _stacked(rows: Sequence[Tensor], mask: Tensor) -> Tensor:
    states = torch.zeros(*mask.shape, rows[0].shape[-1], dtype=rows[0].dtype)
    for at, row in enumerate(rows):
        states[at, : len(row)] = row
    return states


def _epoch(
    examples: Sequence[Example], ids: Sequence[Sequence[int]], states: Sequence[Tensor],
    names: Sequence[str], seed: int,
) -> Iterator[tuple[Tensor, Batch]]:  # fmt: skip
    for group in groups([len(row) for row in ids], seed):
        for half in (group[::2], group[1::2]):
            if half:
                known = batch([examples[i] for i in half], [ids[i] for i in half], names)
                yield _stacked([states[i] for i in half], known.mask), known


def learn(
    teacher: Teacher, annotated: Sequence[Example], tokenizer: Tokenizer, names: Sequence[str],
    course: Course, seed: int,
) -> None:  # fmt: skip
    """Trains the upper half in place."""
    ids = encode(tokenizer, [e.text for e in annotated], course.cap)
    states = _lowered(teacher, ids)
    heads = [p for n, p in teacher.whole.named_parameters() if not n.startswith("encoder.")]
    optimizer = torch.optim.AdamW(
        [{"params": [*teacher.top.parameters()], "lr": _RATE, "top": _RATE},
         {"params": heads, "lr": _HEAD_RATE, "top": _HEAD_RATE}],
        weight_decay=0.01, fused=True,
    )  # fmt: skip
    steps = course.epochs * sum(1 for _ in _epoch(annotated, ids, states, names, seed))
    teacher.train()
    step = 0
    for epoch in range(course.epochs):
        smooth = 0.0
        for given, known in _epoch(annotated, ids, states, names, seed + epoch):
            share, step = step / steps, step + 1
            for group in optimizer.param_groups:
                group["lr"] = group["top"] * min(share / 0.05, 1.02 - share)
            loss = loss_of(teacher.upper(given, known.mask), known)
            optimizer.zero_grad(set_to_none=True)
            loss.backward()
            nn.utils.clip_grad_norm_(teacher.top.parameters(), 1.0)
            optimizer.step()
            smooth += (float(loss.detach()) - smooth) * (0.05 if smooth else 1.0)
            if step % 20 == 0:
                log.info("teacher step %d of %d, loss %.4f", step, steps, smooth)
    teacher.eval()


@torch.no_grad()
def answer(
    teacher: Teacher, texts: Sequence[str], tokenizer: Tokenizer, cap: int
) -> NDArray[np.float16]:
    """[N, 5 + n + 3n] logits: sentiment, complaint, churn, topics, polarities."""
    ids = encode(tokenizer, texts, cap)
    found: list[NDArray[np.float16]] = [np.empty(0, np.float16)] * len(ids)
    for group in groups([len(row) for row in ids], 0):
        known = batch([_BLANK] * len(group), [ids[i] for i in group], ())
        out = teacher.upper(teacher.lower(known.ids, known.mask), known.mask)
        rows = torch.cat([o.float().reshape(len(group), -1) for o in out], 1)
        for i, row in zip(group, rows.numpy().astype(np.float16), strict=True):
            found[i] = row
    return np.stack(found)


def score(
    answers: NDArray[np.float16], dev: Sequence[Example], names: Sequence[str]
) -> dict[str, float]:
    """Sentiment and topic figures at plain thresholds, for the log."""
    known = calibrate.truth(dev, names)
    topics = answers[:, 5 : 5 + len(names)] > -0.6
    real = known.topic == 1
    hits, said, there = (float(x.sum()) for x in (topics & real, topics, real))
    guess = answers[:, :3].argmax(-1)
    return {
        "sentiment_macro_f1": round(calibrate.macro_f1(guess, known.sentiment), 4),
        "topics_micro_f1": round(calibrate.f1(hits, said, there), 4),
    }


def with_answers(
    teacher: Teacher, examples: Sequence[Example], tokenizer: Tokenizer, cap: int
) -> list[Example]:
    """The examples with the teacher's logits; a source's own labels are dropped."""
    answers = answer(teacher, [e.text for e in examples], tokenizer, cap)
    return [
        replace(e, sentiment=-1, complaint=-1, churn=-1, topics=None, taught=row)
        for e, row in zip(examples, answers, strict=True)
    ]
