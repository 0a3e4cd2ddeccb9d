"""Whether an image can be pulled. Asked by `engine` before the containers of a task are started.

Our account's ECR has what was seeded, mapped or pushed, and what somebody put into a repository that they
created. Of other registries nothing is known: whatever they are asked for is there.
"""

from __future__ import annotations

import re

from reconciler.local.images import ImageReference, Images
from reconciler.local.moto_backend import MotoBackend, MotoError

_ECR = re.compile(r"(?P<account>\d{12})\.dkr\.ecr\.(?P<region>[a-z0-9-]+)\.amazonaws\.com/.+")


class Pulls:
    """The images of one account."""

    def __init__(self, images: Images, moto: MotoBackend) -> None:
        self._images, self._moto = images, moto

    def problem(self, text: str) -> str:
        """Return the stoppedReason of a task with this image that cannot be pulled, or nothing."""
        reason = self._images.refusal(text)
        if not reason and self._is_absent(text):
            # As containerd says it, which ECS passes on: AmazonECS task_cannot_pull_image.
            reason = (
                "pull image manifest has been retried 1 time(s): "
                f"failed to resolve ref {text}: {text}: not found"
            )
        return f"CannotPullContainerError: {reason}" if reason else ""

    def _is_absent(self, text: str) -> bool:
        registry = _ECR.fullmatch(text)
        if registry is None or registry["account"] != self._moto.account:
            return False
        image = ImageReference.parse(text)
        tag = "" if image.digest else image.tag or "latest"
        if self._images.has_every_tag(image.repository):
            return bool(tag) and not self._images.digest(image.repository, tag)
        wanted = {"imageTag": tag} if tag else {"imageDigest": image.digest}
        try:
            self._moto.call(
                "ecr",
                "DescribeImages",
                registry["region"],
                repositoryName=image.repository,
                imageIds=[wanted],
            )
        except MotoError:
            return True
        return False
