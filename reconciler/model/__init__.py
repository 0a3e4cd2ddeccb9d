"""The words of the project: values without behaviour. Imports nothing else of ours."""
