-- Contacts: one row per contact, everything about it in that row, so that a contact is stored whole
-- or not at all. Its topics and ratings are parallel arrays.
--
-- A row is never changed. Reclassification adds a row that cancels the old one (sign -1, the same
-- version) and one that replaces it (sign 1, version + 1); both are in one block, so that sums over
-- `sign` move in one step. The order of merges does not matter: a row and its cancel share a version.
--
-- The partition is the month of the block's Kafka timestamp: a block is one part, and a block that
-- is sent again meets the part that has its token.
--
-- The projections are part of each part: stored with it, merged with it, gone with it, so that no
-- crash can come between them and the rows.
--   by_id     who has this contact_id: the repeated-event check of the worker. In the order of the
--             ids, so that ids which count upwards are looked for in a few places only; for random
--             ids everything is looked through, which the 8 bytes of id_hash keep cheap
--   blocks    which blocks of a Kafka partition are stored: where the worker goes on
--   by_hour   the rollup contact_hours
-- The rollup topic_hours is summed when it is read. Stored as a map of topics per hour and slice it was
-- ten times slower to read than the arrays themselves, and a projection with a row per topic is not
-- used by the server (both measured with ClickHouse 26.9, a million contacts).
CREATE TABLE IF NOT EXISTS {{ storage("contact_rows") }}
(
    contact_id String CODEC(ZSTD(1)),
    id_hash UInt64 CODEC(NONE) COMMENT 'first 8 bytes of BLAKE2b of contact_id',
    occurred_at DateTime64(3, 'UTC') CODEC(Delta, ZSTD(1)),
    loaded_at DateTime64(3, 'UTC') CODEC(Delta, ZSTD(1)) COMMENT 'Kafka timestamp of the first record of the block',
    channel LowCardinality(String),
    language LowCardinality(String),
    text String CODEC(ZSTD(1)) COMMENT 'masked text of the customer',
    sentiment LowCardinality(String),
    score Float32,
    confidence Float32,
    complaint UInt8,
    complaint_confidence Float32,
    churn UInt8,
    churn_confidence Float32,
    uncertain UInt8,
    truncated_clauses UInt32,
    masked Map(String, UInt32) COMMENT 'placeholders in the text, by kind',
    customer String COMMENT 'keyed hash; empty: unknown',
    customer_tier LowCardinality(String),
    customer_value Nullable(Float64),
    product LowCardinality(String),
    version LowCardinality(String) COMMENT 'of the product',
    region LowCardinality(String),
    site LowCardinality(String),
    team LowCardinality(String),
    agent String COMMENT 'keyed hash; empty: unknown',
    campaign LowCardinality(String),
    order_id String,
    order_value Nullable(Float64),
    reply_to String,
    wait_seconds Nullable(Float64),
    duration_seconds Nullable(Float64),
    transfers Nullable(UInt32),
    resolved Nullable(UInt8),
    recovery Array(LowCardinality(String)),
    attributes Map(String, String),
    topics Array(LowCardinality(String)),
    polarities Array(Int8),
    topic_confidences Array(Float32),
    evidence Array(String) CODEC(ZSTD(1)),
    rating_kinds Array(LowCardinality(String)),
    rating_dimensions Array(LowCardinality(String)),
    rating_values Array(Float64),
    rating_scales Array(LowCardinality(String)),
    rating_scores Array(Float32),
    model_revision LowCardinality(String),
    taxonomy_version UInt32,
    kafka_topic LowCardinality(String),
    kafka_partition UInt32,
    kafka_offset UInt64 CODEC(Delta, ZSTD(1)),
    block_first UInt64 CODEC(Delta, ZSTD(1)),
    block_last UInt64 CODEC(Delta, ZSTD(1)),
    row_version UInt32 DEFAULT 0 COMMENT 'times this contact was reclassified',
    sign Int8 DEFAULT 1,

    INDEX customer_index customer TYPE bloom_filter(0.01) GRANULARITY 1,

    PROJECTION by_id
    (
        SELECT contact_id, id_hash, loaded_at, kafka_topic, kafka_partition, kafka_offset
        ORDER BY contact_id
    ),
    PROJECTION blocks
    (
        SELECT kafka_topic, kafka_partition, block_first, block_last, max(loaded_at), sum(sign)
        GROUP BY kafka_topic, kafka_partition, block_first, block_last
    ),
    PROJECTION by_hour
    (
        SELECT
            toStartOfHour(occurred_at), language, channel, product, region, sentiment,
            sum(sign), sum(sign * complaint), sum(sign * churn), sum(sign * toFloat64(score))
        GROUP BY toStartOfHour(occurred_at), language, channel, product, region, sentiment
    )
)
ENGINE = {{ engine("VersionedCollapsingMergeTree", "sign", "row_version") }}
PARTITION BY toYYYYMM(loaded_at)
ORDER BY (occurred_at, kafka_topic, kafka_partition, kafka_offset)
SETTINGS
    {{ deduplication }},
    deduplicate_merge_projection_mode = 'rebuild',
    merge_with_ttl_timeout = 86400;

-- A Kafka partition lives on one shard, so that a block is one part there too.
{{ distributed("contact_rows", "cityHash64(kafka_topic, kafka_partition)") }}

-- Positions that must outlive an erasure: when the last block of a Kafka partition goes, the worker
-- would read it again and undo the erasure.
CREATE TABLE IF NOT EXISTS {{ everywhere("kept_spans") }}
(
    kafka_topic LowCardinality(String),
    kafka_partition UInt32,
    block_first UInt64,
    block_last UInt64,
    loaded_at DateTime64(3, 'UTC')
)
ENGINE = {{ engine("ReplacingMergeTree", "block_first", shared=True) }}
ORDER BY (kafka_topic, kafka_partition);

CREATE OR REPLACE VIEW {{ view("contacts") }} AS
SELECT
    contact_id, occurred_at, loaded_at, channel, language, text, sentiment, score, confidence,
    complaint, complaint_confidence, churn, churn_confidence, uncertain, truncated_clauses, masked,
    customer, customer_tier, customer_value, product, version, region, site, team, agent, campaign,
    order_id, order_value, reply_to, wait_seconds, duration_seconds, transfers, resolved, recovery,
    attributes, topics, polarities, topic_confidences, evidence, model_revision, taxonomy_version,
    kafka_topic, kafka_partition, kafka_offset
FROM contact_rows FINAL
SETTINGS do_not_merge_across_partitions_select_final = 1;

CREATE OR REPLACE VIEW {{ view("contact_topics") }} AS
SELECT
    contact_id, occurred_at, channel, language, sentiment, score, complaint, churn, customer,
    customer_tier, customer_value, product, version, region, site, team, campaign, resolved,
    topic, polarity, confidence, evidence
FROM
(
    SELECT
        contact_id, occurred_at, channel, language, sentiment, score, complaint, churn, customer,
        customer_tier, customer_value, product, version, region, site, team, campaign, resolved,
        topics, polarities, topic_confidences, evidence AS clauses
    FROM contact_rows FINAL
    SETTINGS do_not_merge_across_partitions_select_final = 1
)
ARRAY JOIN
    topics AS topic,
    polarities AS polarity,
    topic_confidences AS confidence,
    clauses AS evidence;

CREATE OR REPLACE VIEW {{ view("ratings") }} AS
SELECT
    contact_id, occurred_at, channel, language, sentiment, customer, customer_tier, product, region,
    site, team, campaign, kind, dimension, value, scale, score
FROM
(
    SELECT
        contact_id, occurred_at, channel, language, sentiment, customer, customer_tier, product,
        region, site, team, campaign, rating_kinds, rating_dimensions, rating_values, rating_scales,
        rating_scores
    FROM contact_rows FINAL
    SETTINGS do_not_merge_across_partitions_select_final = 1
)
ARRAY JOIN
    rating_kinds AS kind,
    rating_dimensions AS dimension,
    rating_values AS value,
    rating_scales AS scale,
    rating_scores AS score;

-- The rollups are to be read with sum(...) GROUP BY. They do not group themselves: a question is then
-- answered in one step, from the projection by_hour where that has what it asks for. The expressions
-- have to stay those of the projection.
CREATE OR REPLACE VIEW {{ view("contact_hours") }} AS
SELECT
    toStartOfHour(occurred_at) AS hour, language, channel, product, region, sentiment,
    sign AS contacts,
    sign * complaint AS complaints,
    sign * churn AS churns,
    sign * toFloat64(score) AS score_sum
FROM contact_rows;

CREATE OR REPLACE VIEW {{ view("topic_hours") }} AS
SELECT
    toStartOfHour(occurred_at) AS hour, topic, polarity, language, channel, product, region,
    sign AS mentions,
    sign * complaint AS complaints
FROM contact_rows
ARRAY JOIN topics AS topic, polarities AS polarity;
