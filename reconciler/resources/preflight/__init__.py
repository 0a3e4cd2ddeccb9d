"""Preflight: what would stop a rollout, found by asking AWS nothing but reads.

`doctor` asks everything, a plan only what the steps that start tasks rely on (`preflight.plan`). One
file for each family of checks, all of them listed in `preflight.families`.
"""
