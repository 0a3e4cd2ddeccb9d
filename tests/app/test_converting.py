"""`convert` as a whole: what is written below the desired folder, and what is said of it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from reconciler.app.converting import convert
from reconciler.model.errors import UsageError
from reconciler.settings import Settings
from reconciler.source.converters.conversion import Wanted

HAKO = """\
scheduler: {type: ecs, region: ap-northeast-1, cluster: production, desired_count: 2}
app: {image: example/hello, memory: 128, cpu: 256}
"""


def converted(root: Path, app: str, text: str = HAKO, *, force: bool = False):
    """Convert a hako application of this name into `production/<app>`."""
    file = root / f"{app}.yml"
    file.write_text(text)
    settings = replace(Settings(), directory=root / "desired")
    return convert(settings, "hako", [file], Wanted(environment="production", app=app), force=force)


def test_only_the_mistakes_of_what_was_written_are_listed(tmp_path):
    """Not those of another app, whose name begins with the same letters."""
    converted(tmp_path, "hello-worker")
    report = converted(tmp_path, "hello")
    assert report.key == "production/hello"
    assert [text.split("/desired/")[1].split(":")[0] for text in report.diagnostics] == [
        "production/hello/app.yaml"
    ]


def test_a_hako_application_without_launch_type_stays_on_ec2(tmp_path):
    """Nothing is written down for it, and nothing of Fargate is asked of it: a tag is all it lacks."""
    report = converted(tmp_path, "hello", HAKO.replace("example/hello", "example/hello:1.2"))
    assert report.diagnostics == []


def test_files_that_are_there_are_kept(tmp_path):
    """Unless --force says otherwise."""
    converted(tmp_path, "hello")
    with pytest.raises(UsageError, match="--force"):
        converted(tmp_path, "hello")
    assert converted(tmp_path, "hello", force=True).files
