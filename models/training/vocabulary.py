"""Cuts the vocabulary of 250,000 pieces to those that zh, ko and en texts use."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from tokenizers import Tokenizer

SPECIAL = 4
"""`<s>`, `<pad>`, `</s>`, `<unk>` come first and keep their ids."""

_BATCH = 2000


def _always(piece: str) -> bool:
    """Single characters that contact texts may hold although no training text does."""
    bare = piece.strip("▁")
    if len(bare) > 1:
        return False
    if not bare:
        return True
    code = ord(bare)
    return (
        code < 0x250
        or 0x2000 <= code <= 0x2BFF  # punctuation, symbols
        or 0x3000 <= code <= 0x303F
        or 0x3131 <= code <= 0x318E  # Korean letters: ㅋㅋ, ㅠㅠ
        or 0xAC00 <= code <= 0xD7A3  # Hangul syllables
        or 0xFF00 <= code <= 0xFFEF
        or 0x1F300 <= code <= 0x1FAFF  # emoji
    )


def _common_han() -> set[str]:
    """Han characters of GB 2312 and of Big5's first level."""
    found = set()
    for lead in range(0xA1, 0xF8):
        for trail in (*range(0x40, 0x7F), *range(0xA1, 0xFF)):
            pair = bytes([lead, trail])
            for encoding, allowed in (("gb2312", lead >= 0xB0), ("big5", lead <= 0xC6)):
                if allowed:
                    found.add(pair.decode(encoding, "ignore"))
    return {char for char in found if len(char) == 1 and "\u4e00" <= char <= "\u9fff"}


def count_pieces(tokenizer: Tokenizer, texts: Sequence[str]) -> Counter[int]:
    """How often each piece occurs."""
    counts: Counter[int] = Counter()
    for start in range(0, len(texts), _BATCH):
        chunk = list(texts[start : start + _BATCH])
        for encoding in tokenizer.encode_batch_fast(chunk, add_special_tokens=False):
            counts.update(encoding.ids)
    return counts


def choose(pieces: Sequence[str], corpora: Mapping[str, Counter[int]], size: int) -> list[int]:
    """Old ids to keep, ascending, specials first: mandatory characters, then by mean frequency."""
    han = _common_han()
    keep = {i for i, p in enumerate(pieces) if i >= SPECIAL and (_always(p) or p.strip("▁") in han)}
    share: Counter[int] = Counter()
    for counts in corpora.values():
        total = sum(counts.values())
        for piece, number in counts.items():
            share[piece] += number / total  # type: ignore[assignment]
    for piece, _ in share.most_common():
        if len(keep) >= size - SPECIAL - 1:
            break
        if piece >= SPECIAL:
            keep.add(piece)
    return [*range(SPECIAL), *sorted(keep)]


def prune(source: Path, keep: Iterable[int], mask_id: int) -> tuple[dict[str, Any], list[int]]:
    """The edited tokenizer.json, and the old embedding row of every new id.

    `mask_id` is the old id of `<mask>`, which moves to the end.
    """
    config: dict[str, Any] = json.loads(source.read_text(encoding="utf-8"))
    old = config["model"]["vocab"]
    ids = list(keep)
    config["model"]["vocab"] = [old[i] for i in ids] + [["<mask>", 0.0]]
    config["model"]["unk_id"] = 3
    for token in config["added_tokens"]:
        if token["content"] == "<mask>":
            token["id"] = len(ids)
    return config, [*ids, mask_id]


def common_words() -> dict[str, list[str]]:
    """Frequent words of each language: what the training texts happen not to say."""
    from wordfreq import top_n_list  # noqa: PLC0415 -- needed by this stage alone

    return {f"words-{lang}": top_n_list(lang, 20_000) for lang in ("en", "ko")}
