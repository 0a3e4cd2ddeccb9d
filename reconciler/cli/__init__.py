"""The command line: one file per verb. Parse, call `app`, print, exit code: no logic."""
