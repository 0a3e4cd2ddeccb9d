"""The loop: watch, queue, reconcile, execute. Read `reconcile.py` first."""
