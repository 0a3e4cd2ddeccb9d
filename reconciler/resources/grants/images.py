"""ECR: the repositories of the declared images."""

from __future__ import annotations

from collections.abc import Iterator

from reconciler.resources import image
from reconciler.resources.grants.statement import Names, Statement, allow


def reads(names: Names) -> Iterator[Statement]:
    """Grant finding the digest of a tag, and the platforms that a new digest is for."""
    found = set()
    for reference in names.app.image_references():
        host, _, path = image.parse(reference).repository.partition("/")
        if match := image.ECR_HOST.fullmatch(host):
            region, registry = match["region"], match["registry"]
            found.add(f"arn:{names.partition}:ecr:{region}:{registry}:repository/{path}")
    if found:
        yield allow(
            "ReadImages",
            ["ecr:DescribeImages", "ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"],
            found,
        )
