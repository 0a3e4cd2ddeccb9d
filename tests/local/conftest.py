"""An embedded AWS for each test, boto3 clients for it, and the few words the tests share."""

from __future__ import annotations

import pytest

from reconciler.local.server import EmbeddedAws
from tests.local.hours import midweek
from tests.local.talk import Talk


@pytest.fixture
def start():
    """Return a function that starts an embedded AWS; it is stopped after the test."""
    started = []

    def begin(**settings):
        aws = EmbeddedAws(**{"clock": midweek(), **settings}).start()
        started.append(aws)
        return Talk(aws)

    yield begin
    for aws in started:
        aws.stop()


@pytest.fixture
def image(tmp_path):
    """Return a folder that stands behind the image `app`."""
    folder = tmp_path / "app"
    (folder / "bin").mkdir(parents=True)
    return folder


@pytest.fixture
def talk(start, image):
    """Return an embedded AWS with one cluster `c` and the image `app`."""
    talk = start(images={"app": image})
    talk.ecs.create_cluster(clusterName="c")
    return talk
