"""Composition root: the only file where concrete classes meet."""
