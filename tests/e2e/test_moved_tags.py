"""Somebody pushes over a tag that services run, and rotates a secret: it is told, and nothing else."""

from __future__ import annotations

import pytest

from reconciler.local.clock import WorldClock
from tests.e2e.stage import OK, TAG, WEB, eventually

REPOSITORY = "shop"


@pytest.fixture
def clock():
    """Return real time: moto keeps the secrets, and has no other."""
    return WorldClock()


def push_over(shop) -> str:
    """Have the tag of both services mean the bits of another one, as `docker push` does; return its digest."""
    ecr = shop.client("ecr")
    other = ecr.batch_get_image(repositoryName=REPOSITORY, imageIds=[{"imageTag": "hotfix"}])
    [image] = other["images"]
    ecr.put_image(
        repositoryName=REPOSITORY,
        imageTag=TAG,
        imageManifest=image["imageManifest"],
        imageManifestMediaType=image["imageManifestMediaType"],
    )
    return str(image["imageId"]["imageDigest"])


def notes(shop) -> dict[str, list[str]]:
    """Return what `diff` notes of each service, which is no difference."""
    done = shop.cli("diff", "-o", "json")
    assert done.code == OK, done
    resources = done.document["apps"][0]["resources"]
    assert not [r for r in resources if r["difference"]]
    return {r["address"]: r["notes"] for r in resources if r["address"].startswith("service/")}


def test_what_moves_is_told_and_nothing_follows(shop):
    """`diff` says it once and is 0; a controller sees it, and neither status, journal nor tasks change."""
    quiet = shop.cli("diff")
    assert quiet.code == OK
    assert "moved" not in quiet.text
    assert "changed" not in quiet.text
    before = (shop.service()["taskDefinition"], shop.status()["resources"])

    digest = push_over(shop)
    shop.client("ssm").put_parameter(
        Name="/shop/production/DATABASE_URL", Value="postgres://other", Overwrite=True
    )

    shown = shop.cli("diff")
    assert shown.code == OK, shown
    assert "= in sync service/web, service/sidekiq" in shown.out
    assert shown.out.count(f":{TAG} has moved: pinned is sha256:") == 1
    assert f"the registry has {digest[:19]}" in shown.out
    assert shown.out.count("secret /shop/production/DATABASE_URL has changed") == 1
    assert {address: len(said) for address, said in notes(shop).items()} == {
        "service/web": 2,
        "service/sidekiq": 2,
    }

    shop.aws.faults.forget_calls()
    controller = shop.controller()
    controller.until("converged")
    entries = shop.entries()
    seen = len(shop.calls("ecs:DescribeServices"))
    eventually(lambda: len(shop.calls("ecs:DescribeServices")), lambda n: n >= seen + 4)
    assert len(shop.calls("ssm:DescribeParameters")) == 1
    assert len(shop.calls("ecr:DescribeImages")) == 2, "one for each repository, in the first pass"
    assert shop.entries() == entries
    assert (shop.service(WEB)["taskDefinition"], shop.status()["resources"]) == before
    assert len(shop.starts) == 1

    shop.edit(("    after: [service/web]", "    onMovedTag: ignore\n    after: [service/web]"))
    found = notes(shop)
    assert (len(found["service/web"]), len(found["service/sidekiq"])) == (2, 1)
