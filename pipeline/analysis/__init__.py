"""Root-cause contact analysis: pure functions from the views' columns to results.

Conventions
-----------
* `Columns` (columns.py) is what `Result.dict()` of the warehouse gives: column names to sequences
  of one length. Each function names the columns it reads; more do no harm. Missing text is "",
  a missing number None or NaN. Where a function names a column `contacts` of counts, rows may have
  been summed in SQL.
* `Period(start, end)` (period.py): end excluded; `.previous`, `.days`, `.weeks()`.
* `Estimate` (intervals.py): `value`, `low`, `high`, `n`, `unit` (`Unit`: share 0..1, rate, ratio,
  score, points, money, count, index), `level` 0.95; `.above(x)` and `.below(x)`: the whole interval
  lies there. Format by `unit`.
* `TooFew(what, have, needed)` (few.py; `WORDS` are all the `what`) stands wherever data do not
  carry a number: every entry below may return it unless it returns a tuple, and fields typed
  `... | TooFew` may be it.
* Results are frozen dataclasses without prose. Groups come sorted, the most important first.
* Nothing reads a clock; simulations take a `seed`. Topics are codes: labels, owners and so on are
  `taxonomy[code].labels[locale]`, `.owner`, `.gap` ...

Index: question, entry, view
----------------------------
cpx             how many contacts per X, and what changed            contact_topics, volumes
    skyline(columns, period, *, by="topic", volumes=None, previous=None, per=1000) -> Skyline
    weekly(columns, period, *, by="topic", volumes=None, per=1000) -> tuple[WeekBar, ...]
snowball        who had to come back, first-contact resolution       contact_topics
    snowballs(columns, period, *, window_days=7, by=("topic",), observed_until=None,
              cost_per_contact=None) -> Snowballs
value_irritant  eliminate, simplify, automate, leverage              contact_topics
    quadrants(columns, taxonomy, *, defaults=None) -> Portfolio
kano            must-be, performance, attractive                     ratings
    kano(columns, *, whole="csat") -> Kano
    from_polarity(columns, whole="score") -> Kano                    contacts (+ a rating's score)
kano_grid       stated beside derived importance (Vavra)             ratings
    vavra(columns, contrasts: Kano | TooFew) -> Vavra
kano_questions  better and worse from Kano questions (Timko)         ratings
    timko(columns) -> Timko
boundary        from which level on more of it moves nothing         ratings
    resource_boundaries(columns, *, whole="csat") -> tuple[(name, Boundary | TooFew), ...]
servqual        perception minus expectation                         ratings
    servqual(columns, *, items=None, weights=None) -> Servqual
    from_contacts(columns, taxonomy) -> Derived (not asked: no gap)  contact_topics
gaps            where in the company problems are made               contact_topics
    breakdown(columns, taxonomy, facet, period, *, previous=None) -> Breakdown
        facet: gap, pillar, touchpoint, side, rater, owner
    moments_of_truth(columns, taxonomy) -> Moments
    with_class(columns, taxonomy, facet) -> columns with one more: for skyline(..., by="owner")
style           cold, factory, folksy, satisfying teams              contact_topics
    styles(columns, taxonomy, *, by="team", border=None) -> Styles
ratings         NPS, CSAT, CES, stars, loyalty                       ratings
    scorecard(columns, scales) -> Scorecard (never TooFew as a whole: each score may be)
    by_group(columns, scales, by) -> tuple[GroupScore, ...]
    loyalty(columns, scales) -> Loyalty
    nps_difference(now, before), top_box_difference(now, before) -> Estimate
layout          how much of a score is the questionnaire's           ratings
    layouts(columns, scales, *, kind="csat", adjust=(...)) -> LayoutBias
silent          how many say nothing, and who hears of it            contacts
    silent(columns, *, customers=None, assumptions=PUBLISHED) -> Silence
pyramid         whom it hurts, and what may be lost                  contacts
    pyramid(columns, *, customers=None, leave=None, seed=0) -> Pyramid
recovery        which steps were taken, what went with them          contacts
    recovery(columns, *, horizon_days=30, observed_until=None) -> Recovery
initiatives     did the fix work                                     contact_topics, initiatives
    judge(initiative, columns, now) -> Judgement (never TooFew as a whole: `effect` may be)
    judge_all(initiatives, columns, now) -> tuple[Judgement, ...], same order
emerging        what no topic explains (pass sentiment too)          contacts without topics
    emerging(columns, vectors=None, *, min_size=10, recent=None, seed=0) -> Emerging
verbatims       whose words to show                                  contact_topics (contacts)
    select(columns, *, how="typical", number=3, vectors=None, text="evidence")
        -> tuple[Verbatim, ...]
localise, change  which slices explain a change                      see their docstrings
spikes            what is a surprising rise of complaints            see its docstring
"""
