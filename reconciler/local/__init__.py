"""AWS on a laptop: a moto server and an ECS engine that really runs processes."""
