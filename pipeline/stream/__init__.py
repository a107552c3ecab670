"""The worker: Kafka in, blocks out, each event's effect exactly once.

The only package that imports Faust.  The rules that carry the promise:

* the position comes from the warehouse: after every assignment a partition is read again from the
  first offset of its last stored block, whatever offset Kafka has committed;
* that block is inserted again under the same token: the server recognises it, and a view that a
  crash left behind is healed;
* a block is a run of offsets of one partition, and is repeated unchanged until it is accepted;
* an offset is acknowledged only after its block is stored and its dead letters are confirmed.
"""
