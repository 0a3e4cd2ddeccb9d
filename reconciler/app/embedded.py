"""`reconciler local`: the embedded AWS, alone or with the controller on it."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import timedelta
from pathlib import Path

from reconciler.app.act import run
from reconciler.app.desired import load
from reconciler.controller.verdict import Ending
from reconciler.local.standalone import LocalOptions, embedded, serve
from reconciler.model.events import Event
from reconciler.settings import Settings

CREDENTIALS = {"AWS_ACCESS_KEY_ID": "embedded", "AWS_SECRET_ACCESS_KEY": "embedded"}
"""What our own client signs with here: the embedded AWS believes everybody, and no real key is used."""


@dataclass(frozen=True)
class EmbeddedOptions:
    """What the command line says about the embedded AWS."""

    aws_only: bool = False
    aws_port: int = 0
    until_converged: bool = False
    timeout: timedelta | None = None
    images: Mapping[str, Path] = field(default_factory=dict)
    data_directory: Path | None = None
    real_times: bool = False


def local(
    settings: Settings,
    options: EmbeddedOptions,
    *,
    say: Callable[[str], None],
    on_event: Callable[[Event], None],
) -> Ending:
    """Serve an AWS on this machine and, unless `aws_only`, be the controller on it.

    The controller's files are seeded: what they name and do not make themselves exists. Raises
    UsageError for a taken port, ReconcilerError when moto is not the one we know.
    """
    served = LocalOptions(
        port=options.aws_port,
        images=options.images,
        real_times=options.real_times,
        data_directory=options.data_directory,
    )
    if options.aws_only:
        serve(served, say)
        return Ending(0)
    apps = load(settings).apps
    accounts = {app.account for app in apps.values()}
    regions = {app.region for app in apps.values()}
    if accounts and regions:
        served = replace(served, account=min(accounts), region=min(regions))
    with embedded(served) as aws:
        aws.seed(apps.values())
        say(f"embedded AWS at {aws.endpoint_url}; its data is in {aws.data_directory}")
        if not options.until_converged:
            say(f"in another terminal: reconciler --endpoint-url {aws.endpoint_url} status")
        # botocore has no other way to be kept from the user's own profile and keys.
        os.environ.pop("AWS_PROFILE", None)
        os.environ.update(CREDENTIALS)
        here = replace(settings, endpoint_url=aws.endpoint_url, profile=None)
        return run(
            here,
            until_converged=options.until_converged,
            timeout=options.timeout,
            on_event=on_event,
        )
