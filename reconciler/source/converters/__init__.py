"""From other tools' files to our YAML, where that is mechanical; what is not is said, never dropped."""
