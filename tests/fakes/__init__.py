"""AWS as our tests need it: real semantics, virtual time, no sockets."""
