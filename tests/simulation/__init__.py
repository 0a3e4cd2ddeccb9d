"""Deterministic simulation: the real code on fakes with AWS's rules, virtual time, and faults."""
