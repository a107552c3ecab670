"""Fits the classifier in stages: weak labels first, careful annotations last.

The first stage keeps its rate, so it can be stopped at any time; the later ones let it fall.
"""

from __future__ import annotations

import json
import logging
import random
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from math import inf
from pathlib import Path
from typing import Any

import torch
from tokenizers import Tokenizer
from torch import Tensor, nn
from torch.nn import functional

from models.training.batches import Batch, batch, encode, groups
from models.training.data import Corpus, traditional
from models.training.network import ContactClassifier
from models.training.variation import varied

log = logging.getLogger(__name__)

SMOOTHING = 0.05
_SAVE_EVERY = 50
_THINNED = 0.05
_CONVERTED = 0.4
"""Share of Simplified texts that are shown in Traditional characters."""


@dataclass(frozen=True)
class Stage:
    """How long and how fast to learn.

    A pass shows each annotation `repeats` times and `weak_share` of the weak texts. `cap` is the
    most tokens of a text.
    """

    name: str
    visits: int
    rate: float
    head_rate: float
    cap: int
    repeats: int
    weak_share: float
    falls: bool
    warm_up: float = 0.03

    def scale(self, share: float) -> float:
        """Rises to 1 in the first `warm_up` of the visits, then stays, or falls in a line."""
        rise = min(share / self.warm_up, 1.0)
        return min(rise, max(1.0 - share, 0.01) / (1.0 - self.warm_up)) if self.falls else rise


def first_stage(visits: int) -> Stage:
    """Weak labels, with every annotation three times a pass."""
    return Stage("weak", visits, 2e-4, 1e-3, 64, 3, 1.0, falls=False)


def second_stage(visits: int) -> Stage:
    """As many annotations as weak labels, longer texts, and the rate falls."""
    return Stage("annotated", visits, 2e-4, 5e-4, 160, 1, 0.06, falls=True)


def _mean(losses: Tensor, weight: Tensor) -> Tensor:
    return (losses * weight).sum() / weight.sum().clamp(min=1)


def _binary(logits: Tensor, target: Tensor) -> Tensor:
    known = (target >= 0).float()
    wanted = target.clamp(min=0).float() * (1 - SMOOTHING) + SMOOTHING / 2
    losses = functional.binary_cross_entropy_with_logits(logits, wanted, reduction="none")
    return _mean(losses, known)


def _classes(logits: Tensor, target: Tensor) -> Tensor:
    losses = functional.cross_entropy(
        logits, target.clamp(min=0), reduction="none", label_smoothing=SMOOTHING
    )
    return _mean(losses, (target >= 0).float())


def loss_of(outputs: Sequence[Tensor], known: Batch) -> Tensor:
    """Sum of the questions' mean losses over the texts whose answer is known.

    Topics count six times: their loss is a mean over eighteen mostly easy answers.
    """
    sentiment, complaint, churn, topic, polarity = (o.float() for o in outputs[:5])
    topics = functional.binary_cross_entropy_with_logits(topic, known.topic, reduction="none")
    return (
        _classes(sentiment, known.sentiment)
        + 0.5 * _binary(complaint, known.complaint)
        + 0.5 * _binary(churn, known.churn)
        + 6.0 * _mean(topics, known.topic_weight)
        + _classes(polarity.reshape(-1, 3), known.polarity.reshape(-1))
    )


def _groups(model: ContactClassifier, stage: Stage) -> list[dict[str, Any]]:
    encoder = [p for p in model.encoder.parameters() if p.requires_grad]
    mine = {id(p) for p in model.encoder.parameters()}
    heads = [p for p in model.parameters() if id(p) not in mine]
    return [
        {"params": encoder, "lr": stage.rate, "top": stage.rate},
        {"params": heads, "lr": stage.head_rate, "top": stage.head_rate},
    ]


def _passes(
    corpus: Corpus, tokenizer: Tokenizer, names: Sequence[str], stage: Stage, seed: int, skip: int
) -> Iterator[Batch]:
    """Batches for ever, the first `skip` left out."""
    passed = 0
    while True:
        chance = random.Random(seed + passed)
        weak = chance.sample(corpus.weak, int(len(corpus.weak) * stage.weak_share))
        chosen = [*weak, *corpus.annotated * stage.repeats]
        examples = varied(traditional(chosen, _CONVERTED, seed + passed), seed + passed)
        ids = [
            _thinned(r, chance) for r in encode(tokenizer, [e.text for e in examples], stage.cap)
        ]
        log.info("stage %s, pass %d: %d texts", stage.name, passed, len(ids))
        for group in groups([len(row) for row in ids], seed + passed):
            if skip:
                skip -= 1
                continue
            yield batch([examples[i] for i in group], [ids[i] for i in group], names)
        passed += 1


def _thinned(ids: list[int], chance: random.Random) -> list[int]:
    """Without one of twenty pieces: no answer may hang on a single one."""
    return [i for at, i in enumerate(ids) if at in (0, len(ids) - 1) or chance.random() > _THINNED]


def fit(
    model: ContactClassifier,
    corpus: Corpus,
    tokenizer: Tokenizer,
    names: Sequence[str],
    stage: Stage,
    checkpoint: Path,
    seed: int,
    minutes: float = inf,
) -> None:
    """Trains in place and writes `checkpoint` every few hundred steps and at the end.

    Ends after `minutes` at the latest; a rate that falls has fallen by then. A `.state` file beside
    the checkpoint lets an interrupted stage go on where it was.
    """
    torch.manual_seed(seed)
    optimizer = torch.optim.AdamW(_groups(model, stage), weight_decay=0.01, fused=True)
    state = checkpoint.with_suffix(".state")
    step, visits = _resume(model, optimizer, state)
    model.train()
    started, before, smooth = time.time(), visits, 0.0
    for known in _passes(corpus, tokenizer, names, stage, seed, step):
        share = max(visits / stage.visits, (time.time() - started) / 60 / minutes)
        for group in optimizer.param_groups:
            group["lr"] = group["top"] * stage.scale(share)
        loss = _step(model, optimizer, known)
        smooth += (loss - smooth) * (0.02 if smooth else 1.0)
        visits, step = visits + len(known.ids), step + 1
        if step % 20 == 0:
            pace = (visits - before) / (time.time() - started)
            log.info("%s %d visits, loss %.4f, %.0f/s", stage.name, visits, smooth, pace)
        if step % _SAVE_EVERY == 0 or share >= 1:
            _save(model.state_dict(), checkpoint)
            done = {"step": step, "visits": visits, "planned": stage.visits, "seed": seed}
            checkpoint.with_suffix(".json").write_text(json.dumps(done), encoding="utf-8")
            _save({"model": model.state_dict(), "optimizer": optimizer.state_dict(), **done}, state)
        if share >= 1:
            return


def _resume(model: nn.Module, optimizer: torch.optim.Optimizer, state: Path) -> tuple[int, int]:
    if not state.exists():
        return 0, 0
    found = torch.load(state, weights_only=True)
    model.load_state_dict(found["model"])
    optimizer.load_state_dict(found["optimizer"])
    log.info("going on at step %d", found["step"])
    return int(found["step"]), int(found["visits"])


def _step(model: ContactClassifier, optimizer: torch.optim.Optimizer, known: Batch) -> float:
    with torch.autocast("cpu", dtype=torch.bfloat16):
        outputs = model(known.ids, known.mask)
    loss = loss_of(outputs, known)
    optimizer.zero_grad(set_to_none=True)
    loss.backward()
    nn.utils.clip_grad_norm_(model.encoder.parameters(), 1.0)
    optimizer.step()
    return float(loss.detach())


def _save(value: Any, path: Path) -> None:
    """Replaces the file in one move, so that a reader never sees half of it."""
    part = path.with_suffix(path.suffix + ".part")
    torch.save(value, part)
    part.replace(path)
