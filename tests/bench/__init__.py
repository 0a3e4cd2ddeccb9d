"""Measurements, run by hand (`make bench`): no test asserts a duration."""
