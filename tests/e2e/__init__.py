"""Stories over real processes and the wire: an embedded AWS here, controllers and commands as processes."""
