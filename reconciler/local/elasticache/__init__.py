"""ElastiCache for Redis and Valkey as AWS documents it; `servers` puts a real server behind it.

`dispatch` answers API operations, `changes` moves groups along with the clock; both work on `state`,
always under the world's lock. `wire` speaks the Query protocol by botocore's model.
"""
