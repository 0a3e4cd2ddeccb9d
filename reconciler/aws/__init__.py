"""The one door to AWS: transport, retries, budget, fence and error translation."""
