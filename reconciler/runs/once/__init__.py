"""`once`: a command that runs once per key, whoever starts it. Standard library only, importable alone."""
