"""One file per verb; each has a `command` and is imported only when its verb is called."""
