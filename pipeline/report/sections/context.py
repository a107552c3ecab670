"""What every section is made with: results, words, and a few shapes that recur."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from pipeline.analysis.few import TooFew
from pipeline.analysis.intervals import Estimate
from pipeline.domain.scales import Scale
from pipeline.domain.taxonomy import Taxonomy
from pipeline.report import charts
from pipeline.report.formats import Format
from pipeline.report.model import Block, Chart, Note, Part, Results, Section, Sentence, Table
from pipeline.report.wording import Words

Value = str | Estimate | TooFew | None


class Context:
    """Results and words of one report."""

    def __init__(
        self, results: Results, words: Words, taxonomy: Taxonomy, scales: Mapping[str, Scale]
    ) -> None:
        self.results = results
        self.words = words
        self.taxonomy = taxonomy
        self.scales = scales

    @property
    def format(self) -> Format:
        """Numbers and dates of the locale."""
        return self.words.format

    def say(self, key: str, query: str, **values: str | float | Estimate) -> Sentence:
        """A sentence in which every number and estimate links to `query`."""
        return self.words(key, **{name: self._linked(v, query) for name, v in values.items()})

    def _linked(self, value: str | float | Estimate, query: str) -> str | Part:
        if isinstance(value, str):
            return value
        if isinstance(value, Estimate):
            return self.link(self.format.estimate(value), query)
        return self.link(self.format.count(value), query)

    def link(self, text: str, query: str) -> Part:
        """A formatted number that links to its query; an interval in brackets is its detail."""
        number, bracket, rest = text.partition(" (")
        return Part(number, query, bracket + rest)

    def few(self, missing: TooFew, key: str = "") -> Note:
        """A remark that data are too few; `key` says for what."""
        sentence = self.words.few(missing)
        if not key:
            return Note("few", sentence)
        what = Part(self.words.text(key))
        return Note("few", Sentence((what, Part(" "), *sentence.parts)))

    def care(self, key: str, **values: str) -> Note:
        """A remark that advises care."""
        return Note("care", self.words(key, **values))

    def section(self, name: str, blocks: Iterable[Block], *, reading: bool = True) -> Section:
        """A section whose texts are `section.<name>`."""
        words = self.words
        return Section(
            id=name,
            title=words.text(f"section.{name}.title"),
            question=words.text(f"section.{name}.question"),
            blocks=tuple(blocks),
            reading=words.text(f"section.{name}.reading") if reading else "",
        )

    def table(
        self,
        caption: str,
        columns: Sequence[str],
        rows: Iterable[Sequence[Value]],
        query: str,
        *,
        texts: Sequence[int] = (0,),
    ) -> Table:
        """A table; `columns` are keys under `column`, an estimate fills its cell with value and
        interval. Columns but those in `texts` hold numbers."""
        made = tuple(tuple(self.cell(value) for value in row) for row in rows)
        names = tuple(self.words.text(f"column.{name}") for name in columns)
        numeric = frozenset(range(len(columns))) - frozenset(texts)
        return Table(caption, names, made, query, numeric)

    def cell(self, value: Value) -> str:
        """A value as a table's cell."""
        if value is None:
            return "–"
        if isinstance(value, Estimate):
            return self.format.estimate(value)
        if isinstance(value, TooFew):
            return self.words.text(
                "few.cell", have=self.format.count(value.have), needed=str(value.needed)
            )
        return value

    def bars(
        self, name: str, rows: Sequence[tuple[str, Estimate]], axis: str, table: Table
    ) -> Chart:
        """A bar chart called `chart.<name>` of labelled estimates."""
        made = [charts.Bar(label, e, self.format.estimate(e)) for label, e in rows]
        title = self.words.text(f"chart.{name}")
        return Chart(name, title, charts.bars(made, self.words.text(f"axis.{axis}")), table)

    def yes(self, value: bool) -> str:  # noqa: FBT001 - it is the value that is said
        """Yes or no."""
        return self.words.text("name.yes" if value else "name.no")
