"""The plan of scaling: what Application Auto Scaling is to do with a service. Called by `plan.planner`."""
