"""Fixtures: an embedded AWS with the sample on it, and the stage that acts on both."""

from __future__ import annotations

import re
import shutil
import socket
from pathlib import Path

import pytest

from reconciler.local.sample import sample_images
from reconciler.local.server import EmbeddedAws
from tests.e2e.stage import Stage
from tests.local.hours import midweek

SAMPLE = Path(__file__).parents[2] / "desired"


@pytest.fixture
def clock():
    """Return the clock of the AWS that the sample is on."""
    return midweek()


@pytest.fixture
def stage_of_the_sample(tmp_path, clock):
    """Return the sample exactly as it is shipped, on an AWS that has what it names."""
    shutil.copytree(SAMPLE, tmp_path / "desired")
    aws = EmbeddedAws(images=sample_images(), clock=clock).start()
    stage = Stage(aws, tmp_path / "desired")
    try:
        stage.seed()
        yield stage
        stage.aws.faults.clear()
        stage.end()
    finally:
        for controller in stage.controllers:
            controller.kill()
        stage.aws.stop()


@pytest.fixture
def stage(stage_of_the_sample):
    """Return the sample with one task for each service and no job: what is told here needs no more."""
    stage = stage_of_the_sample
    text = stage.file.read_text().partition("\njobs:")[0]
    stage.write(stage.file, re.sub(r"autoscaling: .*|desiredCount: 2", "desiredCount: 1", text))
    return stage


@pytest.fixture
def shop(stage):
    """Return the small sample, converged, with nobody holding its lease."""
    stage.converge()
    stage.aws.faults.forget_calls()
    return stage


@pytest.fixture
def unused_port():
    """Return a port on which nobody listens."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]
