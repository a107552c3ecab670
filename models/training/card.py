"""MODEL_CARD.md from the figures that the evaluation wrote; no number is typed by hand."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

Figures = Mapping[str, Any]

_HEAD = """# contact-small {revision}

Reads a clause or a whole text of a customer contact in Simplified or Traditional Chinese, Korean
or English, and answers in one pass: sentiment, complaint, intention to leave, eighteen topics with
a polarity each, and an embedding of 384 numbers. {layers} transformer layers over {pieces:,} word
pieces, two tables of letter n-grams whose logits are added, 8-bit weights, {size:.1f} MB of
files. Runs on onnxruntime and tokenizers alone.

Every figure below was written by `python -m models.training evaluate` on the packaged files.
"""

_USE = """## Intended use

Counting what many contacts are about, finding the reasons behind a change, and choosing texts for
a person to read. Not meant for judging a single customer or a single employee, and not for texts
outside customer contact: on other subjects its answers mean nothing.
"""

_LIMITS = """## Limits

- The encoder has seen a text with weak labels about {passes:.0f} times. Double negation, irony and
  English in capitals mislead it more often than plain texts, and a page of small talk before the
  point often makes it neutral; the figures are above.
- Korean texts without a feeling are too often read as having one: hardly any of the Korean texts
  with weak labels is neutral.
- The careful annotations come from one annotator a text; two annotators agree on sentiment in
  94-98 of 100 texts and on topics at a micro-F1 of .91-.94, which is the ceiling.
- Annotated texts were drawn towards rare topics: class shares are not natural ones, so precision
  on a natural stream differs from the tables.
- Rare topics and churn rest on few examples (see the table by topic); read their counts as trends.
- The texts that test are whole reviews and single tweets, not clauses cut from longer texts; of
  those that train, some are.
- Texts beyond {tokens} pieces are cut. Sarcasm, negation, mixed languages and the wording of
  machine translation are measured on a few dozen texts of our own: read those figures as warnings.
- Probabilities were calibrated on the same kind of texts that they are scored on (one half for the
  other); on a new source they may be off. Recalibrate with texts of your own.
- Weights hold seven bits so that processors without VNNI give the same answers; that was reasoned
  from the instruction's width, and measured only on the machine of the table above.
"""


def table(head: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """A Markdown table, numbers to the right."""
    lines = [head, ["---", *["---:"] * (len(head) - 1)], *rows]
    return "\n".join("| " + " | ".join(str(cell) for cell in line) + " |" for line in lines) + "\n"


def _share(value: float) -> str:
    return f"{value:.3f}".removeprefix("0")


def _with(found: Figures) -> str:
    return f"{_share(found['value'])} ({_share(found['low'])}-{_share(found['high'])})"


def _between(value: float, interval: Sequence[float]) -> str:
    return f"{_share(value)} ({_share(interval[0])}-{_share(interval[1])})"


def _line(name: str, found: Figures) -> list[object]:
    return [
        name,
        found["n"],
        _with(found["sentiment_accuracy"]),
        _between(found["sentiment_macro_f1"], found["sentiment_macro_f1_interval"]),
        _between(found["complaint"]["f1"], found["complaint_interval"]),
        f"{_share(found['churn']['f1'])} ({found['churn']['positives']})",
        _between(found["topics_micro_f1"], found["topics_micro_f1_interval"]),
        _between(found["topics_polarity_micro_f1"], found["topics_polarity_micro_f1_interval"]),
        *(_share(found[f"{name}_ece"]) for name in ("sentiment", "complaint", "churn", "topics")),
    ]


def _annotated(figures: Figures) -> str:
    dev = figures["annotated"]
    head = ["", "n", "sentiment accuracy", "sentiment macro-F1", "complaint F1", "churn F1 (yes)",
            "topics micro-F1", "with polarity", "ECE sentiment", "complaint",
            "churn", "topics"]  # fmt: skip
    rows = [_line("all", dev["all"]), *(_line(k, v) for k, v in dev["languages"].items())]
    return (
        "## Annotated texts\n\nHeld-out annotations. Thresholds and temperatures for each half "
        "come from the other half. Brackets: 95 % intervals (Wilson; bootstrap over texts). The "
        "sentiment is neutral below the confidence threshold. ECE: 15 bins.\n\n" + table(head, rows)
    )


def _product(figures: Figures) -> str:
    found = figures["product"]
    groups = {"all": found["all"], **found["languages"]}
    rows = [
        [name, f["n"], _with(f["sentiment_accuracy"]), _share(f["sentiment_macro_f1"]),
         _share(f["complaint"]["f1"]), _share(f["churn"]["f1"]), _share(f["topics_micro_f1"]),
         _share(f["topics_polarity_micro_f1"])]
        for name, f in groups.items()
    ]  # fmt: skip
    head = ["", "n", "sentiment accuracy", "macro-F1", "complaint F1", "churn F1",
            "topics micro-F1", "with polarity"]  # fmt: skip
    return (
        "### As the product reads them\n\nThe same texts masked and in passages, with the "
        "thresholds of `config.json`, which were fitted on them: what `voc model eval` prints.\n\n"
        + table(head, rows)
    )


def _topics(figures: Figures) -> str:
    rows = [
        [name, f["positives"], _share(f["precision"]), _share(f["recall"]), _share(f["f1"])]
        for name, f in figures["annotated"]["topics"].items()
    ]
    return "### By topic\n\n" + table(["topic", "texts", "precision", "recall", "F1"], rows)


def _sources(figures: Figures) -> str:
    rows = [[name, f["n"], _with(f)] for name, f in figures["annotated"]["sources"].items()]
    return "### Sentiment by source\n\n" + table(["source", "n", "accuracy"], rows)


def _targets(figures: Figures) -> str:
    rows = []
    for found in figures["targets"]:
        sign = "at most" if found["most"] else "at least"
        interval = (found["low"], found["high"])
        value = (
            _signed(found["value"]) if found["low"] is None else _between(found["value"], interval)
        )
        wanted = f"{sign} {_share(found['wanted'])}"
        rows.append([found["name"], wanted, value, "yes" if found["reached"] else "**no**"])
    return "## Targets\n\n" + table(["", "wanted", "measured", "reached"], rows)


def _signed(value: float) -> str:
    return f"-{_share(-value)}" if value < 0 else _share(value)


def _held_out(figures: Figures) -> str:
    rivals = figures.get("baselines", {})
    rows = []
    for name, found in figures["held_out"].items():
        source, lang = name.split(", ", 1)
        beside = [
            _with(rivals[key][source])
            if "converted" not in lang and source in rivals.get(key, {})
            else ""
            for key in ("pools", "pools_embedded")
        ]
        rows.append([name, found["classes"], found["n"], _with(found), *beside])
    head = ["source", "classes", "n", "accuracy", "character n-grams", "frozen e5 embeddings"]
    return (
        "## Held-out texts with the sources' own labels\n\nNSMC: films that training never saw, "
        "half positive, half negative. The others: a tenth by a hash of the text. Near-duplicates "
        "(same first 40 letters) of any of them were removed from training. Labels are the "
        "sources', noise included. Baselines: logistic regression on hashed character 1-3-grams "
        "of the texts that the encoder may draw from; and on the embeddings of the unchanged "
        "twelve-layer base, taught by 4,000 of those texts and tested on 300 a source because it "
        "is slow.\n\n" + table(head, rows)
    )


def _reliability(figures: Figures) -> str:
    parts = ["### Calibration\n\nMean confidence, share that was right, texts, by confidence.\n"]
    for name, bins in figures["annotated"]["reliability"].items():
        rows = [[_share(c), _share(r), f"{n:,}"] for c, r, n in bins]
        parts.append(table([name, "right", "answers"], rows))
    return "\n".join(parts)


def _robustness(figures: Figures) -> str:
    rows = [
        [name, f["texts"], _with(f["before"]), _with(f["after"]),
         (f"{_signed(f['after']['value'] - f['before']['value'])} "
         f"({_signed(f['change'][0])} to {_signed(f['change'][1])})"),
         f"{_share(f['topics_before'])} -> {_share(f['topics_after'])}"]
        for name, f in figures["changed"].items()
    ]  # fmt: skip
    head = ["change", "texts", "sentiment before", "after", "difference", "topics micro-F1"]
    own = [
        [name.replace("_", " "), *(_with(f[k]) for k in ("all", "zh-Hans", "zh-Hant", "ko", "en"))]
        for name, f in figures["written"].items()
    ]
    return (
        "## Robustness\n\nAnnotated texts before and after a change of their writing: accuracy of "
        "the sentiment, and the difference with an interval over the same texts.\n\n"
        + table(head, rows)
        + "\nTexts of our own (`models/training/robustness/`), accuracy of the sentiment:\n\n"
        + table(["", "all", "zh-Hans", "zh-Hant", "ko", "en"], own)
        + f"\nTexts of a single character: {_with(figures['single'])} of "
        f"{figures['single']['n']}.\n"
    )


def _baselines(figures: Figures) -> str:
    rows = []
    for name, found in figures.get("baselines", {}).get("annotated", {}).items():
        rows.append(
            [name, _with(found["sentiment_accuracy"]), _share(found["sentiment_macro_f1"]),
             _share(found["complaint"]["f1"]), _share(found["churn"]["f1"]),
             _share(found["topics_micro_f1"])]
        )  # fmt: skip
    if not rows:
        return ""
    ours = figures["annotated"]["all"]
    rows.append(["this model", _with(ours["sentiment_accuracy"]),
                 _share(ours["sentiment_macro_f1"]), _share(ours["complaint"]["f1"]),
                 _share(ours["churn"]["f1"]), _share(ours["topics_micro_f1"])])  # fmt: skip
    head = ["annotated texts, all", "accuracy", "macro-F1", "complaint", "churn", "topics"]
    return (
        "## Baselines\n\nBoth learn from the annotations alone, at plain thresholds.\n\n"
        + table(head, rows)
    )


def _machine(figures: Figures) -> str:
    pace, batch, bits = figures["speed"], figures["neighbours"], figures["eight_bits"]
    rows = [[name, f"{value:,}"] for name, value in pace["texts_per_second"].items()]
    return (
        "## Speed and arithmetic\n\n"
        f"Batch 64, {pace['processors']} processors ({pace['machine']}), load average before: "
        f"{pace['load_average_before']}; tokenizing not included.\n\n"
        + table(["", "texts/s"], rows)
        + f"\nEach token has its own activation scale, so a text's answer does not depend on its "
        f"batch: over {batch['texts']} texts alone and in mixed batches, the largest difference of "
        f"a sentiment logit is {batch['largest_logit_difference']:.1e}, changed sentiments: "
        f"{batch['changed_sentiments']}. Against the float model: same sentiment "
        f"{_with(bits['same_sentiment'])}, same side of every topic logit "
        f"{bits['same_topic_sides']:.4f}, least embedding cosine "
        f"{bits['least_embedding_cosine']:.3f}.\n"
    )


_OWN = {"written": {"lang": "all", "licence": "that of this repository"}}


def _data(sources: Mapping[str, Figures], figures: Figures) -> str:
    plan = figures["training"]
    rows = [
        [name, spec["lang"], spec["licence"] or "none stated", f"{plan['drawn'].get(name, 0):,}",
         f"{plan['careful'].get(name, 0):,}"]
        for name, spec in {**sources, **_OWN}.items()
    ]  # fmt: skip
    return (
        "## Training data\n\n"
        f"Base: multilingual-e5-small (MIT), its first layers, vocabulary cut. Seed "
        f"{plan['seed']}. The encoder was shown {plan['weak_visits']:,} texts, nearly all with "
        f"their sources' weak labels, then {plan['tune_visits']:,} in a second stage, about "
        f"half of them annotated. Annotated are {plan['annotated']:,} different texts. Some "
        "40 % of Simplified texts were shown in Traditional characters, and a fifth to a third of "
        "all with slips, pictures, fillers, without spaces or in capitals. The n-gram tables were "
        "fitted on every text with a label, and on the annotations. Seven numbers, how much of the "
        f"tables' logits, and to neutral, is added ({plan['shares']}), were chosen on "
        f"{plan['choice']:,} annotated and {plan['spare']:,} further held-out texts that neither "
        "train nor test.\n\n"
        + _further(figures["agreement"])
        + "Where no licence is stated the texts are research material: a licence does not reach "
        "the texts themselves. `--permissive-only` trains without those sources. "
        f"{plan['permissive']}\n\n"
        + table(["source", "script", "licence stated", "weak labels drawn", "annotated"], rows)
    )


def _further(found: Figures) -> str:
    return (
        "The annotations are of three kinds: careful ones from the data folder; further ones of "
        "texts of the same sources and of clauses cut out of them, which a large language model "
        "made by the same guide for this project (`models/training/annotations/`, labels by id); "
        f"and texts of our own (`models/training/written/`). On {found['texts']} texts that have "
        "both, the further ones agree with the careful ones on sentiment at "
        f"{_with(found['sentiment'])}, on complaint at {_with(found['complaint'])}, on topics at a "
        f"micro-F1 of {_share(found['topics_micro_f1'])}, with polarity "
        f"{_share(found['topics_polarity_micro_f1'])}.\n\n"
    )


def _passes(plan: Figures) -> float:
    """How often a text with weak labels was shown: in the second stage half of all are such."""
    shown: float = plan["weak_visits"] + plan["tune_visits"] / 2
    return shown / max(sum(plan["drawn"].values()), 1)


def card(figures: Figures, sources: Mapping[str, Figures]) -> str:
    """The whole card."""
    model = figures["model"]
    parts = [
        _HEAD.format(**model), _USE, _targets(figures), _annotated(figures), _product(figures),
        _topics(figures),
        _sources(figures), _reliability(figures), _held_out(figures), _baselines(figures),
        _robustness(figures), _machine(figures), _data(sources, figures),
        _LIMITS.format(tokens=model["tokens"], passes=_passes(figures["training"])),
    ]  # fmt: skip
    return "\n".join(part for part in parts if part)
