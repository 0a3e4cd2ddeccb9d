"""Tags that move and secrets that change: told, or followed once, or not even asked about."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

import pytest

from reconciler.aws.http import UrllibHttp
from reconciler.aws.registry import Registry
from reconciler.aws.translate import from_code
from reconciler.model.desired import OnChange
from reconciler.model.errors import AwsError, Unreachable
from reconciler.model.plan import Verb, Why
from reconciler.plan.planner import make_plan
from reconciler.resources.observe import Observer
from tests.aws.registries import PlayedRegistry, served
from tests.controller.lab import Controller, Lab, files, service
from tests.fakes.lookup_sources import FakeSecretsManager, FakeSsm
from tests.plan.builders import REPOSITORY, a_task_definition, digest, image

SECRET = "arn:aws:secretsmanager:ap-northeast-1:123456789012:secret:shop/db-AbCdEf"
REPORT, REDEPLOY, IGNORE = OnChange


def web(*, name="web", tag=None, secret=None, references=()):
    """Return a service of these secrets, silent or saying what is given."""
    secrets = [{"name": f"S{n}", "valueFrom": text} for n, text in enumerate(references)]
    made = service(name, td=a_task_definition(secrets=secrets))
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
        observer = Observer()
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


def test_who_says_ignore_pays_nothing():
    """A tag that moves and a secret that changes are then nobody's business."""
    shop = Shop(web(tag=IGNORE, secret=IGNORE, references=["/shop/key", SECRET]))
    shop.move()
    shop.ssm.put("/shop/key", "y", "SecureString")
    assert shop.calls() == {}
    assert (shop.step().verb, shop.step().notes) == (Verb.NONE, ())


@pytest.mark.parametrize("word", [None, REPORT])
def test_a_moved_tag_is_reported(word):
    """Silence is a report: both digests are said, nothing is a difference, nothing is done."""
    shop = Shop(web(tag=word))
    shop.move()
    step = shop.step()
    assert step.verb is Verb.NONE
    [note] = step.notes
    assert f"image {image('1')} has moved: pinned is sha256:0000" in note
    assert shop.passes() == []


def test_one_who_ignores_is_not_told_what_another_reports():
    """Of two services with one tag each has its own say."""
    shop = Shop(web(tag=IGNORE), web(name="worker"))
    shop.move()
    assert shop.step("web").notes == ()
    assert "has moved" in shop.step("worker").notes[0]


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


@pytest.mark.parametrize("word", [None, REPORT, IGNORE])
def test_a_tag_is_followed_by_all_who_run_it_or_by_nobody(word):
    """One service that does not say `redeploy` keeps the bits of the whole app together."""
    shop = Shop(web(tag=REDEPLOY), web(name="worker", tag=word))
    shop.move()
    assert shop.passes() == []
    assert "has moved" in shop.step("web").notes[0]


@pytest.mark.parametrize("word", [None, REPORT])
@pytest.mark.parametrize("text", ["/shop/key", SECRET])
def test_a_changed_secret_is_reported(text, word):
    """It has changed since the tasks were deployed; no value is read."""
    shop = Shop(web(secret=word, references=[text]))
    assert shop.step().notes == ()
    shop.ssm.put("/shop/key", "y", "SecureString")
    shop.secrets.put(SECRET, "v2")
    [note] = shop.step().notes
    assert f"secret {text} has changed" in note
    assert shop.passes() == []


def test_a_changed_secret_is_told_once_for_all_its_keys():
    """Secrets Manager has one version for all keys of a secret: one note, not one a variable."""
    keys = ("", ":user::", ":password::", ":password:AWSCURRENT:")
    shop = Shop(web(references=[f"{SECRET}{key}" for key in keys]))
    shop.secrets.put(SECRET, "v2")
    [note] = shop.step().notes
    assert note.startswith(f"secret {SECRET} has changed (")


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
    shop = Shop(web(tag=IGNORE, secret=REDEPLOY, references=[text]))
    shop.secrets.put(SECRET, "v2")
    assert shop.calls() == {}
    assert shop.passes() == []


ASKED = {"ecr:DescribeImages": 1, "ssm:DescribeParameters": 1, "secretsmanager:DescribeSecret": 1}
"""One tag, some parameters, one secret."""


@pytest.mark.parametrize("word", [None, REPORT, REDEPLOY])
def test_a_controller_asks_every_ten_minutes(word):
    """Two secrets and a tag: three calls, and then none until it is time again."""
    shop = Shop(web(tag=word, secret=word, references=["/shop/key", SECRET]))
    assert shop.calls() == ASKED
    assert shop.calls() == {}
    shop.lab.go_on(599)
    assert shop.calls() == {}
    shop.lab.go_on(2)
    assert shop.calls() == ASKED


def test_many_services_ask_together():
    """A tag, a parameter or a secret of ten services is asked about once; two tags are one call."""
    references = ["/shop/key", SECRET, f"{SECRET}:password::", f"{SECRET}:user:AWSCURRENT:"]
    services = [web(name=f"s{n}", references=references) for n in range(9)]
    shop = Shop(*services, service("other", tag="2"))
    assert shop.calls() == ASKED


def test_what_is_new_in_the_files_is_asked_about_at_once():
    """A word that is written today is not left for ten minutes; what was asked is not asked again."""
    shop = Shop(web(tag=IGNORE, secret=IGNORE, references=["/shop/key", SECRET]))
    shop.move()
    assert shop.calls() == {}
    shop.lab.files = files(web(tag=REDEPLOY, secret=IGNORE, references=["/shop/key", SECRET]))
    assert shop.passes() == ["RegisterTaskDefinition", "UpdateService"]
    shop.lab.files = files(web(tag=IGNORE, references=["/shop/key", SECRET]))
    assert shop.calls() == {k: n for k, n in ASKED.items() if not k.startswith("ecr")}
    assert shop.calls() == {}


def test_a_tag_that_is_gone_hides_no_other():
    """ECR fails the whole call; the halves are asked, and what moved is still told."""
    shop = Shop(web(), service("other", tag="2"))
    shop.move()
    del shop.lab.ecr.digests["shop", "2"]
    assert "has moved" in shop.step("web").notes[0]
    assert "no longer in its registry" in shop.step("other").notes[0]
    assert shop.calls()["ecr:DescribeImages"] == 3


def failing(shop, kind):
    """Have everything that is asked for a report fail."""

    def handle(operation, _params):
        if kind is Unreachable:
            raise Unreachable("no way to it", operation=operation)
        raise from_code(f"x:{operation}", kind, "not authorized to perform this")

    for name in ("ecr", "ssm", "secretsmanager"):
        shop.controller.transport.handlers[name] = handle


@pytest.mark.parametrize("kind", ["AccessDeniedException", "ValidationException", Unreachable])
def test_a_report_that_nobody_asked_for_fails_no_pass(kind):
    """Without a permission, or in a network without a way: it is left out, and the app converges."""
    shop = Shop(web(references=["/shop/key", SECRET]))
    shop.move()
    failing(shop, kind)
    assert shop.step().notes == ()
    assert shop.controller.settle().status.converged
    asked = shop.calls()
    assert asked == {}, "silence is not asked again before its time"


def test_what_a_service_asks_for_is_not_given_up_silently():
    """Who says `redeploy` is told when nobody can say whether to; it is tried again."""
    shop = Shop(web(tag=REDEPLOY))
    handle = shop.lab.ecr.handle
    failing(shop, Unreachable)
    with pytest.raises(AwsError, match="no way to it"):
        shop.controller.reconcile()
    shop.move()
    shop.controller.transport.handlers["ecr"] = handle
    assert shop.passes() == ["RegisterTaskDefinition", "UpdateService"]


@pytest.mark.parametrize(("word", "asked"), [(None, False), (IGNORE, False), (REPORT, True)])
def test_other_registries_are_asked_for_who_says_so(word, asked):
    """A controller that cannot reach Docker Hub must not wait for it unless a service names the wish."""
    with served(PlayedRegistry()) as played:
        played.push("nginx", "1", "linux/amd64")
        task = a_task_definition(image=f"{played.host}/nginx:1", secrets=[])
        made = replace(service(td=task), on_moved_tag=word)
        shop = Shop()
        shop.controller.observer = Observer(registry=Registry(UrllibHttp(), shop.lab.timeline))
        shop.lab.files = files(made)
        assert shop.controller.settle().status.converged
        shop.lab.go_on(601)
        before = len(played.requests)
        shop.controller.reconcile()
        assert (len(played.requests) > before) is asked


def test_a_digest_in_the_files_never_moves():
    """Nothing is asked about what cannot change."""
    pinned = a_task_definition(image=digest(image("1")), secrets=[])
    shop = Shop(replace(service(td=pinned), on_moved_tag=REDEPLOY))
    assert shop.calls() == {}


@pytest.mark.parametrize("changed", ["tag", "secret"])
def test_a_report_leaves_status_and_journal_alone(changed):
    """It is no difference: whatever moves back and forth, the ledger is not written."""
    shop = Shop(web(references=["/shop/key"]))
    shop.controller.reconcile()
    shop.controller.wrote()
    status = shop.lab.ledger.status
    for turn in range(3):
        if changed == "tag":
            shop.lab.ecr.digests["shop", "1"] = f"sha256:{7 + turn:064x}"
        else:
            shop.ssm.put("/shop/key", str(turn), "SecureString")
        shop.lab.go_on(601)
        shop.controller.transport.calls.clear()
        assert shop.controller.reconcile().requeue_after is None
        assert shop.controller.wrote() == []
        assert len(shop.step().notes) == 1
    assert shop.lab.ledger.status == status
