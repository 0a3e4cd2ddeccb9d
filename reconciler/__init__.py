"""ecs-reconciler: commit YAML, ECS follows, your migration runs once."""

__version__ = "0.1.0"
