"""Files as people write them by mistake: code 2, file:line:column, never a traceback, nothing touched."""

from __future__ import annotations

import re

import pytest

from tests.e2e.stage import INVALID, NEW_TAG, OK, TAG, eventually

APP = "desired/production/shop/app.yaml"

MISTAKES = {
    "half a file": lambda text: text[: text.index("services:") + 20],
    "a tab": lambda text: text.replace("  web:\n", "\tweb:\n"),
    "an unclosed bracket": lambda text: text.replace("[80]", "[80"),
    "an unclosed quote": lambda text: text.replace('"20261122093000"', '"20261122093000'),
    "a duplicate key": lambda text: text + "cluster: production\n",
    "an unknown section": lambda text: text + "servcies: {}\n",
    "an unknown field": lambda text: text.replace("stopTimeout", "stopTimout"),
    "a section of a later version": lambda text: text + "redis: {main: {port: 6379}}\n",
    "no tag": lambda text: text.replace(f"/shop:{TAG}", "/shop"),
    "the tag latest": lambda text: text.replace(f"/shop:{TAG}", "/shop:latest"),
    "an unknown reference": lambda text: text.replace("${images.app}", "${images.ap}"),
    "a cycle": lambda text: text.replace("after: [service/web]", "after: [service/sidekiq]"),
    "a number that is none": lambda text: text.replace("desiredCount: 1", "desiredCount: one"),
    "a negative count": lambda text: text.replace("desiredCount: 1", "desiredCount: -1"),
    "a missing revision": lambda text: re.sub(r"    revision: .*\n", "", text),
    "a missing account": lambda text: re.sub(r"account: .*\n", "", text),
    "a folder that contradicts": lambda text: text.replace(
        "environment: production", "environment: staging"
    ),
    "a list at the top": lambda text: "- " + text.replace("\n", "\n  "),
    "a second document": lambda text: text + "---\n" + text,
    "a tag of YAML": lambda text: text.replace(
        "cluster: production", "cluster: !!python/name:os.system production"
    ),
    "an empty value": lambda text: text.replace("cluster: production", "cluster:"),
    "an empty file": lambda _: "",
}


@pytest.mark.parametrize("kind", MISTAKES)
def test_mistakes_have_a_place(stage, kind):
    """Every kind of mistake is 2 with file:line:column; nothing is asked of AWS."""
    stage.aws.faults.forget_calls()
    good = stage.file.read_text()
    bad = MISTAKES[kind](good)
    assert bad != good
    stage.file.write_text(bad)

    done = stage.cli("diff")

    assert done.code == INVALID
    assert re.search(rf"^{APP}:\d+:\d+: error: ", done.err, re.MULTILINE), done
    assert stage.calls() == []


def test_bytes_that_are_no_text_have_a_place(stage):
    """A file that is not UTF-8 is 2 with the place of the first wrong byte."""
    stage.file.write_bytes(stage.file.read_bytes().replace(b"# The shop", b"# Caf\xe9"))

    done = stage.cli("validate")

    assert done.code == INVALID
    assert f"{APP}:1:6: error: " in done.out


def test_all_mistakes_of_all_files_at_once(stage):
    """`validate` says every mistake in one pass, `run` and `apply` refuse with the same words."""
    stage.edit(("stopTimeout", "stopTimout"), ("healthCheckGracePeriodSeconds", "healthCheckGrace"))
    other = stage.folder / "staging" / "blog" / "app.yaml"
    stage.write(other, "app: blog\n")

    validated = stage.cli("validate")
    assert validated.code == INVALID
    for place in (f"{APP}:79:5", f"{APP}:74:5", "desired/staging/blog/app.yaml:1:1"):
        assert place in validated.out
    assert "did you mean" in validated.out
    for verb in (["run", "--until", "converged"], ["apply", "--yes"]):
        refused = stage.cli(*verb)
        assert refused.code == INVALID
        assert f"{APP}:79:5" in refused.err
    assert stage.mutations() == [] or not [
        c for c in stage.mutations() if c.startswith("ecs:Create")
    ]


def test_no_folder_and_no_app(stage):
    """A folder that is missing or holds no app is 2, and says which folder."""
    stage.file.unlink()
    done = stage.cli("diff")
    assert done.code == INVALID
    assert "desired" in done.err
    gone = stage.cli("-C", "nowhere", "diff")
    assert gone.code == INVALID
    assert "nowhere" in gone.err


def test_running_controller_keeps_the_last_good_state(shop):
    """A broken save changes nothing and is said with its place; the next good save is carried out."""
    controller = shop.controller()
    controller.until("converged")
    good = shop.file.read_text()
    shop.aws.faults.forget_calls()

    shop.write(shop.file, good.replace("services:", "servcies:"))
    controller.until(r"app\.yaml:\d+:\d+: error: .*services")
    controller.until("the last good state stays")
    shop.ecs.update_service(cluster="production", service="shop-production-web", desiredCount=2)
    eventually(lambda: shop.service()["desiredCount"], lambda count: count == 1)
    # The second task, on its way up or down, answers for a moment without a version.
    eventually(shop.web_versions, lambda versions: versions == {TAG})

    shop.write(shop.file, good)
    shop.release()
    eventually(shop.web_versions, lambda versions: versions == {NEW_TAG})
    assert controller.alive


def test_broken_app_does_not_stop_another(stage):
    """One app's mistake is its own: another app of the folder converges beside it."""
    other = stage.folder / "staging" / "shop" / "app.yaml"
    text = stage.file.read_text().replace("environment: production", "environment: staging")
    text = text.replace("Id: shop-production", "Id: shop-staging")
    stage.write(other, text.replace("/shop/production/", "/shop/staging/"))
    stage.seed()
    stage.edit(("stopTimeout", "stopTimout"))

    controller = stage.controller()
    controller.until("staging/shop converged")

    assert stage.service("shop-staging-web")["runningCount"] == 1
    assert not stage.service()
    assert "production/shop" in controller.said
    assert stage.cli("-a", "staging/shop", "diff").code == OK
    assert stage.cli("-a", "production/shop", "diff").code == INVALID
