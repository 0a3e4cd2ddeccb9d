"""The plan of Redis groups: compared, ordered, and changed one step at a time. Called by `plan.planner`."""
