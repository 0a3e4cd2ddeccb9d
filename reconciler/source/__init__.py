"""From a folder of YAML to desired state, with the position of every mistake."""
