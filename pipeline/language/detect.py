"""Which language a text is in: scripts first, a statistical detector only among Latin scripts."""

from __future__ import annotations

import re
from collections import Counter
from functools import cache

import opencc
from py3langid.langid import MODEL_FILE, LanguageIdentifier

from pipeline.domain.contact import Language

_HAN, _SIMPLIFIED, _TRADITIONAL, _HANGUL, _KANA, _LATIN, _OTHER = "hstkjlo"

_LATIN_LANGUAGES = (
    "en de fr es pt it nl sv da no fi pl cs sk hu ro hr tr vi id ms tl ca et lv lt".split()
)
_PLACEHOLDER = re.compile(r"<[A-Z][A-Z0-9_]{0,31}>|(?:https?://|www\.)\S+|[^\s@]{1,64}@[^\s@]+")
_ENGLISH = frozenset(
    "the is are was were and my you your i it to of not this that for have has with they very"
    " but when no been be a an good bad order delivery please thank thanks i'm don't can't"
    " would again just from had our out what why after there will only than about never"
    " because does did which who how these their them could should product service customer"
    " it's i've didn't doesn't won't".split()
)
_WORD = re.compile(r"[^\W\d_]+(?:'[^\W\d_]+)?")
_CERTAIN = 0.75
_ENOUGH = 2000
_SHORT_LETTERS = 16


class Scripts(Counter[str]):
    """Letters of a text by class: Han (either, only Simplified, only Traditional), Hangul, kana,
    Latin, others."""

    @classmethod
    def of(cls, text: str) -> Scripts:
        """Counts the letters of `text`; placeholders, URLs and e-mail addresses are nobody's."""
        if "<" in text or "://" in text or "www." in text or "@" in text:
            text = _PLACEHOLDER.sub(" ", text)
        counts = cls(map(_classes().get, text))  # type: ignore[arg-type]
        del counts[None]
        return counts

    @property
    def han(self) -> int:
        """Han characters of any kind."""
        return self[_HAN] + self[_SIMPLIFIED] + self[_TRADITIONAL]

    @property
    def lean(self) -> int:
        """More than 0: more Traditional characters than Simplified ones."""
        return self[_TRADITIONAL] - self[_SIMPLIFIED]


class Detector:
    """Detects zh-Hans, zh-Hant, ko, en, und. Thread-safe, deterministic."""

    def detect(
        self, text: str, *, context: Scripts | None = None, hint: Language | None = None
    ) -> Language:
        """The language that dominates `text`.

        `context` are the counts of the whole contact and `hint` what its source says: they decide
        between Traditional and Simplified where `text` has no character of only one of them, and
        `hint` is a weak prior among Latin scripts. Text without letters is `und`.
        """
        return self.decide(text, Scripts.of(text), context=context, hint=hint)

    def decide(
        self,
        text: str,
        scripts: Scripts,
        *,
        context: Scripts | None = None,
        hint: Language | None = None,
    ) -> Language:
        """`detect` for a text whose letters are counted already."""
        # A Han character or Hangul syllable carries about what three Latin letters do: a Korean
        # sentence with an English brand in it stays Korean.
        weights = {
            "han": 3.0 * scripts.han,
            "hangul": 3.0 * scripts[_HANGUL],
            "latin": float(scripts[_LATIN]),
            "other": 2.0 * scripts[_OTHER],
        }
        dominant = max(weights, key=lambda script: weights[script])
        if not any(weights.values()) and not scripts[_KANA]:
            return Language.UND
        if scripts[_KANA] * 8 > scripts.han + scripts[_HANGUL] + scripts[_KANA]:
            return Language.UND
        if dominant == "han":
            return _chinese(scripts, context, hint)
        if dominant == "hangul":
            return Language.KO
        return _latin(text, hint) if dominant == "latin" else Language.UND


def _chinese(scripts: Scripts, context: Scripts | None, hint: Language | None) -> Language:
    lean = scripts.lean or (context.lean if context else 0)
    if lean:
        return Language.ZH_HANT if lean > 0 else Language.ZH_HANS
    return Language.ZH_HANT if hint is Language.ZH_HANT else Language.ZH_HANS


def _latin(text: str, hint: Language | None) -> Language:
    """English unless the detector is sure of something else."""
    words = _WORD.findall(_PLACEHOLDER.sub(" ", text[:_ENOUGH].replace("’", "'")))
    letters = "".join(words)
    if letters.isascii():
        common = sum(word.lower() in _ENGLISH for word in words)
        if len(letters) < _SHORT_LETTERS or common * 4 >= len(words):
            return Language.EN
    language, probability = _identifier().classify(" ".join(words).lower())
    sure = _CERTAIN + (0.15 if hint is Language.EN else 0)
    return Language.EN if language == "en" or probability < sure else Language.UND


@cache
def _identifier() -> LanguageIdentifier:
    identifier = LanguageIdentifier.from_model_file(MODEL_FILE, norm_probs=True)
    identifier.set_languages(_LATIN_LANGUAGES)
    return identifier


@cache
def _classes() -> dict[str, str]:
    """The class of every letter that has one.

    A character is only Traditional if OpenCC turns it into another Simplified one and GB 2312 does
    not have it, and the other way round with Big5: 后, 台 and 里 are used in both.
    """
    han = [chr(code) for code in range(0x4E00, 0xA000)]
    classes = dict.fromkeys(han, _HAN)
    classes |= dict.fromkeys(map(chr, range(0x3400, 0x4DC0)), _HAN)
    for config, encoding, script in (
        ("t2s", "gb2312", _TRADITIONAL),
        ("s2t", "big5", _SIMPLIFIED),
    ):
        converted = opencc.OpenCC(config).convert("\n".join(han)).split("\n")
        for char, other in zip(han, converted, strict=True):
            if other != char and not char.encode(encoding, "ignore"):
                classes[char] = script
    for first, last, script in _BLOCKS:
        for code in range(first, last):
            if chr(code).isalpha():
                classes.setdefault(chr(code), script)
    return classes


_BLOCKS = (
    (0xAC00, 0xD7A4, _HANGUL),
    (0x1100, 0x1200, _HANGUL),
    (0x3131, 0x318F, _HANGUL),
    (0x3041, 0x30FB, _KANA),
    (0xFF66, 0xFF9E, _KANA),
    (0x0041, 0x0250, _LATIN),
    (0x1E00, 0x1F00, _LATIN),
    (0xFF21, 0xFF5B, _LATIN),
    (0x0370, 0x1100, _OTHER),  # Greek, Cyrillic, Hebrew, Arabic, Indic, Thai ...
    (0x1780, 0x1800, _OTHER),
)
