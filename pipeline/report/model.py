"""What a report holds: the request, the results of the analyses, and the page made of them.

`Results` are numbers and codes, the same in every language. `Report` adds the words of one locale;
the HTML page and the JSON document are two renderings of it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from pipeline.analysis.boundary import Boundary
from pipeline.analysis.change import Decomposition
from pipeline.analysis.cpx import Skyline, WeekBar
from pipeline.analysis.emerging import Cluster
from pipeline.analysis.few import TooFew
from pipeline.analysis.gaps import Breakdown, Moments
from pipeline.analysis.initiatives import Judgement
from pipeline.analysis.intervals import Estimate
from pipeline.analysis.kano import Kano
from pipeline.analysis.kano_grid import Vavra
from pipeline.analysis.kano_questions import Timko
from pipeline.analysis.layout import LayoutBias
from pipeline.analysis.period import Period
from pipeline.analysis.pyramid import Pyramid
from pipeline.analysis.ratings import Loyalty, Scorecard
from pipeline.analysis.recovery import Recovery
from pipeline.analysis.servqual import Derived, Servqual
from pipeline.analysis.silent import Silence
from pipeline.analysis.snowball import Snowballs
from pipeline.analysis.style import Styles
from pipeline.analysis.value_irritant import Portfolio
from pipeline.domain.contact import Initiative
from pipeline.explain import Answer


@dataclass(frozen=True, slots=True)
class Request:
    """What is asked for.

    `volume` names the business volume that contacts are divided by ("": orders if there are any,
    else the first by name), `contact_cost` what one contact costs the company, if it is known.
    """

    period: Period
    locale: str = "en"
    volume: str = ""
    contact_cost: float | None = None

    @property
    def previous(self) -> Period:
        """The period that this one is compared with."""
        return self.period.previous


@dataclass(frozen=True, slots=True)
class Asked:
    """One statement that was run: its text, the values of its parameters, how many rows came."""

    sql: str
    parameters: Mapping[str, Any]
    rows: int


@dataclass(frozen=True, slots=True)
class Counts:
    """The contacts of one period."""

    contacts: int = 0
    complaints: int = 0
    negative: int = 0
    churns: int = 0
    customers: int = 0
    uncertain: int = 0
    without_topic: int = 0
    first: datetime | None = None
    last: datetime | None = None


@dataclass(frozen=True, slots=True)
class Cell:
    """Contacts of one value of a dimension."""

    value: str
    contacts: int
    complaints: int
    negative: int


@dataclass(frozen=True, slots=True)
class Overview:
    """Both periods, and this one by language and channel; `complaint_share` and `negative_share`
    compare their shares (difference of shares)."""

    now: Counts
    before: Counts
    languages: tuple[Cell, ...] = ()
    channels: tuple[Cell, ...] = ()
    complaint_share: Estimate | None = None
    complaint_change: Estimate | None = None
    negative_share: Estimate | None = None


@dataclass(frozen=True, slots=True)
class Hotspot:
    """A slice that names a topic's problem more often than the rest does.

    `share` of its customers do, `elsewhere` of all others; `ratio` of both, `p_value` with Holm's
    correction over everything that was compared.
    """

    topic: str
    dimension: str
    value: str
    problems: int
    share: Estimate
    elsewhere: float
    ratio: float
    p_value: float


@dataclass(frozen=True, slots=True)
class Rise:
    """A topic's problems that grow week by week in a slice.

    `slope` is the change per week of their share in the slice's contacts; `first` and `last` are
    the mean shares of the oldest and the newest quarter of the weeks.
    """

    topic: str
    dimension: str
    value: str
    slope: Estimate
    first: float
    last: float
    p_value: float


@dataclass(frozen=True, slots=True)
class Moved:
    """A slice that explains part of a change, checked by itself.

    `change` compares the slice with its own past: a ratio of counts, a difference of shares or of
    mean scores. `inside` are narrower slices that hold most of it, `share` the slice's part of the
    whole change.
    """

    slice: Mapping[str, str]
    before: float
    after: float
    change: Estimate
    share: float
    topic: str
    owner: str
    inside: tuple[Mapping[str, str], ...]
    quotes: tuple[Quote, ...]


@dataclass(frozen=True, slots=True)
class Change:
    """Why a metric changed: the whole before and after, and the slices that moved, if any did."""

    metric: str
    answer: Answer
    whole: Estimate | None
    moved: tuple[Moved, ...]


@dataclass(frozen=True, slots=True)
class Quote:
    """A masked text that a customer wrote."""

    contact_id: str
    language: str
    text: str


@dataclass(frozen=True, slots=True)
class Spiked:
    """A spike that the watcher found in the period."""

    slice: Mapping[str, str]
    state: str
    severity: str
    opened_at: datetime
    window_end: datetime
    expected: float
    observed: float
    topic: str
    owner: str
    explanation: tuple[str, ...]
    verbatims: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Theme:
    """An emerging subject: the analysis's cluster with typical texts of it."""

    cluster: Cluster
    quotes: tuple[Quote, ...]


@dataclass(frozen=True, slots=True)
class Themes:
    """Emerging subjects. `without_topic` contacts had text and no topic; `read` of them, a sample
    if fewer, were looked at."""

    without_topic: int
    read: int
    embedded: bool
    found: tuple[Theme, ...] | TooFew


@dataclass(frozen=True, slots=True)
class Scores:
    """The rating scores of both periods, and what changed between them."""

    now: Scorecard
    before: Scorecard
    nps_change: Estimate | None
    csat_change: Estimate | None
    loyalty: Loyalty | TooFew


@dataclass(frozen=True, slots=True)
class Results:
    """What the analyses found, by method; `mentions` are negative mentions by topic."""

    overview: Overview
    mentions: Mapping[str, int]
    volume: str
    volumes: tuple[str, ...]
    skyline: Skyline | TooFew
    problems: Skyline | TooFew
    owners: Skyline | TooFew
    weeks: tuple[WeekBar, ...]
    mixes: tuple[Decomposition, ...]
    snowballs: Snowballs | TooFew
    portfolio: Portfolio | TooFew
    kano: Kano | TooFew
    kano_derived: Kano | TooFew
    vavra: Vavra | TooFew
    timko: Timko | TooFew
    boundaries: tuple[tuple[str, Boundary | TooFew], ...]
    servqual: Servqual | TooFew
    servqual_derived: Derived | TooFew
    facets: Mapping[str, Breakdown | TooFew]
    moments: Moments | TooFew
    styles: Styles | TooFew
    scores: Scores
    layouts: Mapping[str, LayoutBias | TooFew]
    silence: Silence | TooFew
    pyramid: Pyramid | TooFew
    recovery: Recovery | TooFew
    initiatives: tuple[tuple[Initiative, Judgement], ...]
    changes: tuple[Change, ...]
    rises: tuple[Rise, ...]
    hotspots: tuple[Hotspot, ...]
    themes: Themes
    spikes: tuple[Spiked, ...]
    quotes: Mapping[str, tuple[Quote, ...]]


@dataclass(frozen=True, slots=True)
class Claim:
    """Something that the report asserts about a part of the company.

    `kind` is the method, `slice` what it is about (a topic is a dimension), `verdict` what is said,
    `query` the id of the query that it rests on. Whoever checks the report checks these.
    """

    kind: str
    slice: Mapping[str, str]
    verdict: str
    query: str


@dataclass(frozen=True, slots=True)
class Part:
    """A piece of a sentence; `query` is the id of the query that its number comes from, `detail`
    what follows the number in smaller weight, its interval."""

    text: str
    query: str = ""
    detail: str = ""


@dataclass(frozen=True, slots=True)
class Sentence:
    """A sentence in pieces, so that its numbers can be links."""

    parts: tuple[Part, ...]

    @property
    def text(self) -> str:
        """The sentence as plain text."""
        return "".join(part.text + part.detail for part in self.parts)

    @property
    def queries(self) -> tuple[str, ...]:
        """The queries behind its numbers, each once."""
        return tuple(dict.fromkeys(part.query for part in self.parts if part.query))


@dataclass(frozen=True, slots=True)
class Table:
    """Rows of text under headings; the first column names the row, `numeric` are the columns that
    hold numbers. All numbers come from `query`."""

    caption: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    query: str
    numeric: frozenset[int] = frozenset()


@dataclass(frozen=True, slots=True)
class Chart:
    """A plotly figure (`data`, `layout`), what it shows in words, and the same as a table.

    `legend` names numbered points, the first is 1.
    """

    id: str
    title: str
    figure: Mapping[str, Any]
    table: Table
    legend: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Quotes:
    """Customers' words under a heading."""

    title: str
    quotes: tuple[Quote, ...]
    query: str


@dataclass(frozen=True, slots=True)
class Note:
    """A remark: `few` where data were too few to say something, `care` where care is advised."""

    kind: str
    sentence: Sentence


@dataclass(frozen=True, slots=True)
class Heading:
    """A heading inside a section."""

    text: str


Block = Sentence | Table | Chart | Quotes | Note | Heading


@dataclass(frozen=True, slots=True)
class Section:
    """One method's part of the page: its question, what was found, how to read it."""

    id: str
    title: str
    question: str
    blocks: tuple[Block, ...]
    reading: str = ""


@dataclass(frozen=True, slots=True)
class Answered:
    """One question of the first page with its answers, the most important first."""

    id: str
    question: str
    sentences: tuple[Sentence, ...]
    quotes: tuple[Quote, ...] = ()
    more: str = ""


@dataclass(frozen=True, slots=True)
class Tile:
    """A figure of the first page; `detail` says what it was before."""

    label: str
    value: str
    detail: str
    query: str


@dataclass(frozen=True, slots=True)
class Report:
    """The whole report in one locale. `empty` where the period has no contacts."""

    request: Request
    made_at: datetime
    version: str
    empty: bool
    title: str
    subtitle: str
    tiles: tuple[Tile, ...]
    story: tuple[Answered, ...]
    sections: tuple[Section, ...]
    claims: tuple[Claim, ...]
    queries: Mapping[str, Sequence[Asked]]
    results: Results | None = field(default=None)
