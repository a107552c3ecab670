-- Complaint spikes: one row per state a spike reached; the view shows the latest.
CREATE TABLE IF NOT EXISTS {{ everywhere("spike_rows") }}
(
    spike_id String,
    state LowCardinality(String) COMMENT 'opened, updated, closed',
    changed_at DateTime64(3, 'UTC'),
    slice Map(String, String) COMMENT 'dimension values; empty: everything',
    kind LowCardinality(String) COMMENT 'jump, rise',
    severity LowCardinality(String),
    opened_at DateTime64(3, 'UTC'),
    window_end DateTime64(3, 'UTC'),
    expected Float64,
    observed Float64,
    window_limit Float64,
    score Float64 COMMENT '-log10 of the chance of such counts',
    topic LowCardinality(String),
    owner LowCardinality(String),
    explanation Array(String),
    verbatims Array(String),
    part_of String COMMENT 'the spike that this one is a shadow of'
)
ENGINE = {{ engine("ReplacingMergeTree", shared=True) }}
PARTITION BY toYYYYMM(opened_at)
ORDER BY (opened_at, spike_id, changed_at);

CREATE OR REPLACE VIEW {{ view("spikes") }} AS
SELECT
    spike_id,
    argMax(state, changed_at) AS state,
    max(changed_at) AS updated_at,
    any(slice) AS slice,
    argMax(kind, changed_at) AS kind,
    argMax(severity, changed_at) AS severity,
    any(opened_at) AS opened_at,
    argMax(window_end, changed_at) AS window_end,
    argMax(expected, changed_at) AS expected,
    argMax(observed, changed_at) AS observed,
    argMax(window_limit, changed_at) AS window_limit,
    argMax(score, changed_at) AS score,
    argMax(topic, changed_at) AS topic,
    argMax(owner, changed_at) AS owner,
    argMax(explanation, changed_at) AS explanation,
    argMax(verbatims, changed_at) AS verbatims,
    argMax(part_of, changed_at) AS part_of
FROM spike_rows
GROUP BY spike_id;
