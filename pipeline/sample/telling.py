"""A contact put into words: the customer's text, or the turns of a conversation."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from random import Random

from pipeline.sample import company, people
from pipeline.sample.case import Case
from pipeline.sample.noise import finished, roughened
from pipeline.sample.phrasebook import MOODS, Phrasebook, Template, phrasebook

Turns = list[dict[str, str]]
Topics = tuple[tuple[str, int], ...]

_SPACELESS = ("zh",)
_PRIVATE = {
    "billing_payment": ("card", "phone", "name", "email"),
    "returns_refunds": ("phone", "card", "name", "email", "address"),
    "delivery": ("address", "phone", "name"),
    "order_accuracy": ("address", "phone", "name"),
    "account_security": ("email", "phone", "name"),
}
_PRIVATE_CHANNELS = frozenset({"call", "chat", "email", "app", "sms"})
_SHORT_CHANNELS = frozenset({"review", "survey", "social", "app"})


@dataclass(frozen=True, slots=True)
class Told:
    """The words of a contact and what they mean to say.

    One of `text` and `turns` is filled, or none. `topics` are those that the words speak of.
    """

    text: str = ""
    turns: Turns = field(default_factory=list)
    topics: Topics = ()
    churn: bool = False


def tell(case: Case, order: str, random: Random, *, resolved: bool) -> Told:
    """What the customer says; nothing where only keys were pressed."""
    silent = {"ivr": 0.85, "survey": 0.25}.get(case.channel, 0.0)
    if random.random() < silent:
        return Told()
    teller = _Teller(case, order, random)
    if case.language == "und":
        return Told(text=teller.said("short", MOODS[case.mood + 1]))
    if case.channel in _SHORT_CHANNELS and not case.cause and random.random() < 0.05:
        return Told(text=teller.said("short", MOODS[case.mood + 1]))
    if case.channel in ("call", "chat"):
        return teller.conversation(resolved=resolved)
    return teller.message()


class _Teller:
    """Composes one contact's sentences."""

    def __init__(self, case: Case, order: str, random: Random) -> None:
        self.case = case
        self.random = random
        self.book: Phrasebook = phrasebook(case.book)
        self.words = self.book.words_in(case.region.name)
        self.slots = self._slots(order)
        self.gap = "" if case.book.startswith(_SPACELESS) else " "
        self.mood = MOODS[case.mood + 1]
        self.topics: list[tuple[str, int]] = []
        self.churn = False

    def message(self) -> Told:
        """A text in one piece."""
        parts = self._story()
        if self.case.channel == "sms":
            parts = parts[:2]
        text = self.gap.join(parts)
        if self.case.channel == "email":
            greeting, end = self.said("greetings", "neutral"), self.said("signoffs", "neutral")
            text = f"{greeting}\n{text}\n{end}"
        elif self.case.channel == "social" and self._chance(0.5):
            text = f"{text} {self.said('tags', self.mood)}"
        return Told(text=text, topics=tuple(self.topics), churn=self.churn)

    def conversation(self, *, resolved: bool) -> Told:
        """Turns: somebody greets, the customer tells, the company answers."""
        parts = self._story()
        half = len(parts) // 2 + 1 if len(parts) > 2 and self._chance(0.6) else len(parts)
        turns = self._greeting()
        turns.append(self._turn("customer", self.gap.join(parts[:half])))
        turns.append(self._turn("agent", self._answer()))
        if rest := self.gap.join(parts[half:]):
            turns.append(self._turn("customer", rest))
            turns.append(self._turn("agent", self.said("agent", self._manner("noted"))))
        if self._chance(0.55):
            turns.append(self._turn("customer", self._ending(resolved=resolved)))
            turns.append(self._turn("agent", self.said("agent", self._manner("bye"))))
        return Told(turns=turns, topics=tuple(self.topics), churn=self.churn)

    def _ending(self, *, resolved: bool) -> str:
        kind = "solved" if self.case.mood >= 0 else "settled" if resolved else "open"
        mood = "negative" if kind == "open" else "neutral"
        return finished(self.said("ends", kind), self.book.name, mood, self.random, last=True)

    def said(self, name: str, mood: str) -> str:
        """A sentence of one of the book's lists."""
        return self.book.pick(name, mood, self.random).fill(self.slots, self.words, self.random)

    def _slots(self, order: str) -> Mapping[str, str]:
        case = self.case
        app = self._one(self.book.products["app"])
        slots = {"order": order, "app": app, "carrier": case.carrier}
        if case.product:
            name = self._one(self.book.products[case.product.key])
            slots |= dict.fromkeys(("product", case.product.key, *case.product.groups), name)
        return slots

    def _story(self) -> list[str]:
        """The finished sentences in order."""
        parts = []
        if self.case.parent >= 0 and self._chance(0.8):
            parts.append(self.said("again", self.mood))
        elif self._opens() and self._chance(0.33):
            parts.append(self.said("openers", self.mood))
        parts += self._middle()
        if self.case.mood < 0 and self._chance(0.09):
            self.churn = True
            parts.append(self.said("closers", "churn"))
        elif self._chance(0.38):
            parts.append(self.said("closers", self.mood))
        parts = [roughened(part, self.book.name, self.random) for part in parts]
        if self._is_private():
            parts.append(self._private())
        finished_parts = [self._finish(part, last=False) for part in parts[:-1]]
        return [*finished_parts, self._decorated(self._finish(parts[-1]))]

    def _opens(self) -> bool:
        """E-mails greet already."""
        return self.case.channel != "email" or self.case.mood != 0

    def _middle(self) -> list[str]:
        """The subject, and the second one where there is one."""
        case = self.case
        main = self._main()
        self._mention(case.topic, case.mood)
        if not case.other or case.channel == "sms":
            return [main]
        other_mood = MOODS[case.other_mood + 1]
        template = self.book.sentence(case.other, other_mood, case.product_key, self.random)
        second = template.fill(self.slots, self.words, self.random)
        self._mention(case.other, case.other_mood)
        if case.other_mood == case.mood:
            return [main, second]
        mixed = self.book.pick("mixed", "any", self.random)
        pair = {"first": second, "second": _lowered(main)}
        return [mixed.fill(pair, self.words, self.random)]

    def _main(self) -> str:
        return self._main_template().fill(self.slots, self.words, self.random)

    def _main_template(self) -> Template:
        case, book = self.case, self.book
        if not case.topic:
            return book.pick("unlisted", "neutral", self.random)
        if case.cause == "double_charge" or (case.cause and self._chance(0.65)):
            return book.pick("causes", case.cause, self.random)
        if case.mood < 0 and case.topic in book.lists["sarcasm"] and self._chance(0.08):
            return book.pick("sarcasm", case.topic, self.random)
        return book.sentence(case.topic, self.mood, case.product_key, self.random)

    def _mention(self, topic: str, mood: int) -> None:
        if topic and topic not in dict(self.topics):
            self.topics.append((topic, mood))

    def _is_private(self) -> bool:
        return self.case.channel in _PRIVATE_CHANNELS and self._chance(0.13)

    def _private(self) -> str:
        kinds = _PRIVATE.get(self.case.topic, ("phone", "name", "email"))
        kind = self._one(kinds)
        region = self.case.region.name
        name = people.name(self.book.name, self.random)
        slots = {
            **self.slots,
            "phone": people.phone(region, self.random),
            "email": people.mail(self.random),
            "card": people.card(self.random),
            "name": name,
            "surname": people.surname(name),
            "address": people.address(region, self.random),
        }
        return self.book.pick("private", kind, self.random).fill(slots, self.words, self.random)

    def _greeting(self) -> Turns:
        turns: Turns = []
        if self._chance(0.6):
            turns.append(self._turn("bot", self.said("bot", self.case.channel)))
        if self.case.channel == "chat" and self._chance(0.5):
            turns.append(self._turn("system", self.said("system", "neutral")))
        if self._chance(0.75):
            turns.append(self._turn("agent", self.said("agent", "hello")))
        return turns

    def _answer(self) -> str:
        if self.case.mood < 0:
            return self.said("agent", self._manner("sorry"))
        return self.said("agent", "pleased" if self.case.mood > 0 else "answer")

    def _manner(self, usual: str) -> str:
        return "cold" if self.case.cold and self._chance(0.7) else usual

    def _turn(self, speaker: str, text: str) -> dict[str, str]:
        return {"speaker": speaker, "text": text}

    def _finish(self, sentence: str, *, last: bool = True) -> str:
        return finished(sentence, self.book.name, self.mood, self.random, last=last)

    def _decorated(self, sentence: str) -> str:
        shown = {"chat": 0.2, "review": 0.25, "social": 0.4, "app": 0.25, "sms": 0.15}
        if self._chance(shown.get(self.case.channel, 0.0)):
            return f"{sentence}{self.gap}{self.said('emoji', self.mood)}"
        return sentence

    def _chance(self, share: float) -> bool:
        return self.random.random() < share

    def _one(self, values: tuple[str, ...]) -> str:
        return values[int(self.random.random() * len(values))]


_PROPER = frozenset(
    {"I", "I'm", "I've", "I'd", "I'll", "PIN", "OTP", "SMS", company.APP.split()[0]}
)


def _lowered(sentence: str) -> str:
    """The sentence as it goes on after a comma; names and I keep their capital."""
    first = sentence.split(" ", 1)[0]
    usual = first.isascii() and first[:1].isupper() and first[1:].islower()
    known = first in _PROPER or first in _BRANDS
    return sentence[0].lower() + sentence[1:] if (usual or first == "A") and not known else sentence


_BRANDS = frozenset(product.name.split()[0] for product in company.PRODUCTS) | {
    company.CARRIER_NEW,
    company.CARRIER_OLD,
}
