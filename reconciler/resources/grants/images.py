"""ECR: the repositories of the declared images."""

from __future__ import annotations

from collections.abc import Iterator

from reconciler.model.lookups import Deferred
from reconciler.plan.image_names import taken_apart
from reconciler.resources import image
from reconciler.resources.grants.statement import Names, Statement, allow


def reads(names: Names) -> Iterator[Statement]:
    """Grant finding the digest of a tag, and the platforms that a new digest is for."""
    found = {arn for r in names.app.image_references() if (arn := _repository(names, r))}
    if found:
        actions = ["ecr:DescribeImages", "ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"]
        yield allow("ReadImages", actions, found)


def _repository(names: Names, reference: str) -> str:
    """Spell the ARN of an image's repository, empty for one outside ECR.

    Of an image that is looked up only what stands before the look-up is known: a whole repository
    where that ends with its tag's colon, else every repository that begins so.
    """
    text, rest = reference, ""
    if isinstance(reference, Deferred):
        first = reference.parts[0]
        text = first if isinstance(first, str) else ""
        if "/" not in text:
            return names.arn("ecr", "repository/*")
        rest = "*" if text == taken_apart(text).repository else ""
    repository = taken_apart(text).repository
    host, _, path = repository.partition("/")
    match = image.ECR_HOST.fullmatch(host)
    if match is None:
        return ""
    region, registry = match["region"], match["registry"]
    return f"arn:{names.partition}:ecr:{region}:{registry}:repository/{path}{rest}"
