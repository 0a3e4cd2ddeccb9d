"""From live documents to the YAML that declares them: pure, the way back of `source`."""
