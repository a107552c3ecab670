"""The watcher: every minute, what is rising, why, and how the company stands.

    series    counts per slice and hour, as the rollups give them
    judge     which spikes are open, with `pipeline.analysis.spikes`
    changes   what is new since the last look, what the alerts topic hears of it
    figures   trailing figures for /metrics
    watcher   one look after another

It keeps nothing in memory that matters: every look starts from the warehouse, so a restart or a
second watcher changes nothing but who says it first.
"""
