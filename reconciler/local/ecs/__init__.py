"""ECS as AWS documents it, on local processes.

`dispatch` answers API operations and `agent` moves tasks and services along; both work on `state`,
always under the world's lock. Nothing here knows moto or HTTP.
"""
