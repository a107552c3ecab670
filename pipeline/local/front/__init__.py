"""A loopback server that speaks ClickHouse's native protocol over chDB, the embedded engine.

    server ─ accepts connections, one thread each
    session ─ one client: hello, ping, queries, blocks      cancel ─ kills what nobody waits for
    packets ─ what a packet consists of                     settings ─ per query, never leaking
    frames ─ compression            layout ─ where a column ends            wire ─ bytes
    sql ─ what kind of statement it is                      engine ─ the only import of chdb

It answers `clickhouse-driver` as a server of protocol revision 54440 would.  Known limits: no
accounts, no TLS, no server-side parameters, no progress packets, blocks with JSON, Dynamic,
Variant or AggregateFunction columns cannot be sent to it, totals and extremes are dropped.
"""
