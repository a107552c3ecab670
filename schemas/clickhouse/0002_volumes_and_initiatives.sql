-- Volumes and initiatives: the latest event of a key counts. `kafka_order` is the Kafka timestamp of
-- the block (high 64 bits) and the offset (low 64 bits): the order in which the events were sent.
CREATE TABLE IF NOT EXISTS {{ everywhere("volume_rows") }}
(
    name LowCardinality(String),
    period_start DateTime64(3, 'UTC'),
    period_end DateTime64(3, 'UTC'),
    product LowCardinality(String),
    region LowCardinality(String),
    site LowCardinality(String),
    channel LowCardinality(String),
    value Float64,
    loaded_at DateTime64(3, 'UTC'),
    kafka_topic LowCardinality(String),
    kafka_partition UInt32,
    kafka_offset UInt64,
    block_first UInt64,
    block_last UInt64,
    kafka_order UInt128
)
ENGINE = {{ engine("ReplacingMergeTree", "kafka_order", shared=True) }}
ORDER BY (name, period_start, period_end, product, region, site, channel)
SETTINGS {{ deduplication }};

CREATE TABLE IF NOT EXISTS {{ everywhere("initiative_rows") }}
(
    initiative_id String,
    title String,
    owner String,
    started_at DateTime64(3, 'UTC'),
    ended_at Nullable(DateTime64(3, 'UTC')),
    topics Array(String),
    slice Map(String, String),
    comparison Map(String, String),
    note String,
    withdrawn UInt8,
    loaded_at DateTime64(3, 'UTC'),
    kafka_topic LowCardinality(String),
    kafka_partition UInt32,
    kafka_offset UInt64,
    block_first UInt64,
    block_last UInt64,
    kafka_order UInt128
)
ENGINE = {{ engine("ReplacingMergeTree", "kafka_order", shared=True) }}
ORDER BY initiative_id
SETTINGS {{ deduplication }};

CREATE OR REPLACE VIEW {{ view("volumes") }} AS
SELECT name, period_start, period_end, value, product, region, site, channel
FROM volume_rows FINAL;

CREATE OR REPLACE VIEW {{ view("initiatives") }} AS
SELECT initiative_id, title, owner, started_at, ended_at, topics, slice, comparison, note
FROM initiative_rows FINAL
WHERE NOT withdrawn;
