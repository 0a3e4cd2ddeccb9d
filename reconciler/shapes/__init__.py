"""What botocore and AWS documentation say about fields: types, checks, defaults, orderings, effects."""
