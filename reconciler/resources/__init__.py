"""One file per kind of AWS resource: how to observe it and its verbs."""
