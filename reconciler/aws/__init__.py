"""The one door to AWS: calls, retries, error translation, request budget. See `reconciler.aws.door`."""
