"""Composition root: one function for each verb of the command line. Called by `cli`; holds no rules.

Each opens AWS for an app, calls the packages below and returns what they said. Printing and exit codes
are the CLI's business; concrete classes meet in `app.world` and `app.act` only.
"""
