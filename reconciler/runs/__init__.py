"""Exactly once: the run ledger, its pure decisions, launches, evidence and the guard."""
