"""Tags that move and secrets that change: told or followed, once, and only where the files ask."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

import pytest

from reconciler.model.desired import OnChange
from reconciler.model.plan import Verb, Why
from reconciler.plan.planner import make_plan
from tests.controller.lab import Controller, Lab, files, service
from tests.fakes.lookup_sources import FakeSecretsManager, FakeSsm
from tests.plan.builders import REPOSITORY, a_task_definition, digest, image

SECRET = "arn:aws:secretsmanager:ap-northeast-1:123456789012:secret:shop/db-AbCdEf"
REPORT, REDEPLOY = OnChange.REPORT, OnChange.REDEPLOY


def web(*, name="web", tag=None, secret=None, references=()):
    """Return a service that asks for what is given."""
    secrets = [{"name": f"S{n}", "valueFrom": text} for n, text in enumerate(references)]
    task = a_task_definition(secrets=secrets) if secrets else None
    made = service(name, td=task) if task else service(name)
    return replace(made, on_moved_tag=tag, on_changed_secret=secret)


class Shop:
    """A lab with secrets, and one controller in it."""

    def __init__(self, *services):
        self.lab = Lab()
        self.ssm = FakeSsm(self.lab.timeline)
        self.secrets = FakeSecretsManager(self.lab.timeline)
        self.lab.handlers |= {"ssm": self.ssm.handle, "secretsmanager": self.secrets.handle}
        self.ssm.put("/shop/key", "x", "SecureString")
        self.secrets.put(SECRET, "v1")
        self.lab.go_on(5)
        self.lab.files = files(*services)
        self.controller = Controller(self.lab, "a")
        assert self.controller.settle().status.converged
        self.controller.did()
        self.lab.go_on(601)

    def move(self):
        """Have the tag mean other bits."""
        self.lab.ecr.digests["shop", "1"] = f"sha256:{7:064x}"

    def passes(self):
        """Take passes until all is done; return what was sent to ECS."""
        self.controller.settle()
        return self.controller.did()

    def step(self, name="web"):
        """Return what a fresh `diff` says of a service."""
        ledger = self.lab.store.read([])
        observer = type(self.controller.observer)()
        observed = observer.observe(self.controller.aws, self.lab.files, ledger)
        plan = make_plan(self.lab.files, observed)
        return next(s for s in plan.steps if s.address.name == name)

    def calls(self):
        """Return what one pass in sync asks of registries and of secrets' stores."""
        self.controller.transport.calls.clear()
        self.controller.reconcile()
        calls = Counter(f"{s}:{o}" for s, o, _ in self.controller.transport.calls)
        return {
            c: n
            for c, n in calls.items()
            if c.partition(":")[0] in ("ecr", "ssm", "secretsmanager")
        }


def test_who_does_not_ask_pays_nothing():
    """A tag that moves and a secret that changes are nobody's business by themselves."""
    shop = Shop(web(references=["/shop/key", SECRET]))
    shop.move()
    shop.ssm.put("/shop/key", "y", "SecureString")
    assert shop.calls() == {}
    assert (shop.step().verb, shop.step().notes) == (Verb.NONE, ())


def test_a_moved_tag_is_reported():
    """Both digests are said, nothing is a difference, nothing is done."""
    shop = Shop(web(tag=REPORT))
    shop.move()
    step = shop.step()
    assert step.verb is Verb.NONE
    [note] = step.notes
    assert f"image {image('1')} has moved: pinned is sha256:0000" in note
    assert shop.passes() == []


def test_a_tag_that_is_gone_is_reported():
    """What runs stays, and nobody is told to follow nothing."""
    shop = Shop(web(tag=REDEPLOY))
    del shop.lab.ecr.digests["shop", "1"]
    assert "no longer in its registry" in shop.step().notes[0]
    assert shop.passes() == []


def test_a_moved_tag_is_followed_once():
    """A new pin and a new revision, with the change's reason; afterwards all is in sync."""
    shop = Shop(web(tag=REDEPLOY))
    shop.move()
    step = shop.step()
    [change] = step.changes
    assert (step.verb, change.why) == (Verb.UPDATE, Why.LOOKUP)
    assert shop.passes() == ["RegisterTaskDefinition", "UpdateService"]
    assert shop.lab.ledger.pins[image("1")].endswith(f"{7:064x}")
    assert shop.lab.image() == "7"
    shop.lab.go_on(601)
    assert shop.passes() == []
    assert shop.step().notes == ()


def test_a_tag_is_followed_by_all_who_run_it_or_by_nobody():
    """One service that only reports keeps the bits of the whole app together."""
    shop = Shop(web(tag=REDEPLOY), web(name="worker", tag=REPORT))
    shop.move()
    assert shop.passes() == []
    assert "has moved" in shop.step("worker").notes[0]


@pytest.mark.parametrize("text", ["/shop/key", SECRET])
def test_a_changed_secret_is_reported(text):
    """It has changed since the tasks were deployed; no value is read."""
    shop = Shop(web(secret=REPORT, references=[text]))
    assert shop.step().notes == ()
    shop.ssm.put("/shop/key", "y", "SecureString")
    shop.secrets.put(SECRET, "v2")
    [note] = shop.step().notes
    assert f"secret {text} has changed" in note
    assert shop.passes() == []


@pytest.mark.parametrize("text", ["/shop/key", SECRET, f"{SECRET}:password::"])
def test_a_changed_secret_is_redeployed_once(text):
    """One forced deployment of the same revision per version, journaled before it is asked for."""
    shop = Shop(web(secret=REDEPLOY, references=[text]))
    before = shop.lab.live()["taskDefinition"]
    shop.ssm.put("/shop/key", "y", "SecureString")
    shop.secrets.put(SECRET, "v2")
    [change] = shop.step().changes
    assert (change.why, change.path) == (Why.LOOKUP, "containerDefinitions.app.secrets.S0")
    shop.lab.entries()
    assert shop.passes() == ["UpdateService"]
    assert shop.lab.live()["taskDefinition"] == before
    told = [e["after"] for e in shop.lab.entries() if e["kind"] == "LOOKUP"]
    assert told == [{f"secret:{text}": "2" if text.startswith("/") else "v2"}]
    for _ in range(3):
        shop.lab.go_on(601)
        assert shop.passes() == []


def test_a_redeployment_that_fails_is_not_repeated():
    """The breaker reverts it; the version is remembered, and the next one is tried again."""
    shop = Shop(web(secret=REDEPLOY, references=["/shop/key"]))
    shop.lab.ecs.services.bad_images.add(f"{REPOSITORY}@sha256:{1:064x}")
    shop.ssm.put("/shop/key", "bad", "SecureString")
    shop.controller.reconcile()
    assert shop.controller.did() == ["UpdateService"]
    for _ in range(40):
        shop.lab.go_on(1)
        if any(d["rolloutState"] == "FAILED" for d in shop.lab.live()["deployments"]):
            break
    shop.lab.ecs.services.bad_images.clear()
    assert any(d["rolloutState"] == "FAILED" for d in shop.lab.live()["deployments"])
    for _ in range(3):
        shop.lab.go_on(601)
        assert shop.passes() == []
    shop.ssm.put("/shop/key", "good", "SecureString")
    shop.lab.go_on(601)
    assert shop.passes() == ["UpdateService"]


def test_a_secret_whose_version_is_named_never_changes():
    """Nobody asks about it."""
    text = f"{SECRET}:::v1"
    shop = Shop(web(secret=REDEPLOY, references=[text]))
    shop.secrets.put(SECRET, "v2")
    assert shop.calls() == {}
    assert shop.passes() == []


def test_a_controller_asks_every_ten_minutes():
    """Two secrets and a tag: three calls, and then none until it is time again."""
    shop = Shop(web(tag=REPORT, secret=REPORT, references=["/shop/key", SECRET]))
    asked = {
        "ecr:DescribeImages": 1,
        "ssm:DescribeParameters": 1,
        "secretsmanager:DescribeSecret": 1,
    }
    assert shop.calls() == asked
    assert shop.calls() == {}
    shop.lab.go_on(599)
    assert shop.calls() == {}
    shop.lab.go_on(2)
    assert shop.calls() == asked


def test_a_digest_in_the_files_never_moves():
    """Nothing is asked about what cannot change."""
    pinned = a_task_definition(image=digest(image("1")))
    shop = Shop(replace(service(td=pinned), on_moved_tag=REDEPLOY))
    assert shop.calls() == {}
