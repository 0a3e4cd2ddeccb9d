"""Images in the files: their form, and the policy of `plan.image_names` with a place for each mistake.

Called by `checks` and `document`.
"""

from __future__ import annotations

from reconciler.plan.image_names import parse_image, tag_problem
from reconciler.source.nodes import Place
from reconciler.source.report import Report, show


def check_image(text: str, place: Place, path: str, report: Report) -> None:
    """Report an image that is not one, or whose name may mean other bits tomorrow."""
    image = parse_image(text)
    if image is None:
        message = f"{show(text)} is not an image: write repository:tag or repository@sha256:…"
        report.error(place, message, "image-name", path=path)
        return
    problem = tag_problem(image)
    if problem and not image.tag:
        report.error(place.find(text), f"{show(text)} {problem}", "image-tag", path=path)
    elif problem:
        report.error(place.find(image.tag), problem, "image-tag", path=path)
