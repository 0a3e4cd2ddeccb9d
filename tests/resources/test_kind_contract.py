"""What every kind of AWS resource keeps to, on the fake ECS and on the wire: see `samples`."""

from __future__ import annotations

import importlib
import pkgutil
import subprocess
import sys
from collections.abc import Mapping
from typing import Any

import pytest

import reconciler.resources
from reconciler.model.errors import AwsError, NotFound
from reconciler.resources.ecs_service import ecs_service
from reconciler.resources.kind import Kind
from tests.resources.samples import CLUSTER, SAMPLES, ServiceSample


def modules() -> list[str]:
    """Return every module of the package."""
    path = reconciler.resources.__path__
    return [f"reconciler.resources.{module.name}" for module in pkgutil.iter_modules(path)]


def kinds() -> dict[int, Kind]:
    """Return every Kind value that some module of the package holds, by identity."""
    values = [v for name in modules() for v in vars(importlib.import_module(name)).values()]
    return {id(value): value for value in values if isinstance(value, Kind)}


def common(seen: Any, sent: Any) -> Any:
    """Return of `seen` what `sent` speaks of: only AWS's additions inside mappings are left out."""
    if isinstance(seen, Mapping) and isinstance(sent, Mapping):
        return {name: common(seen[name], sent[name]) for name in sent if name in seen}
    if isinstance(seen, list) and isinstance(sent, list) and len(seen) == len(sent):
        return [common(a, b) for a, b in zip(seen, sent, strict=True)]
    return seen


MUTABLE = [s for s in SAMPLES if not s.kind.immutable and not s.kind.calls]
each_kind = pytest.mark.parametrize("sample", SAMPLES, ids=lambda s: s.kind.name)
each_mutable = pytest.mark.parametrize("sample", MUTABLE, ids=lambda s: s.kind.name)


@pytest.fixture
def made(sample, sandbox):
    """Return a resource that was created, and what its creation answered."""
    resource = sample()
    resource.prepare(sandbox)
    resource.answer = resource.create(sandbox.aws)
    sandbox.recorder.take()
    return resource


def test_every_kind_has_a_sample():
    """A kind that somebody adds is not in the suite until it has a sample, and this test says so."""
    assert {kind.name for kind in kinds().values()} == {sample.kind.name for sample in SAMPLES}


def test_no_kind_lacks_a_verb():
    """Observe and create always, update and delete unless AWS offers none that we would use."""
    assert {kind.name: kind.missing_verbs() for kind in kinds().values()} == {
        kind.name: () for kind in kinds().values()
    }


def test_a_missing_verb_is_named():
    """A kind without verbs lists what it lacks; an immutable one needs only two."""
    assert Kind("a", {}).missing_verbs() == ("observe", "create", "update", "delete")
    assert Kind("b", {}, immutable=True).missing_verbs() == ("observe", "create")


def test_importing_kinds_has_no_effect():
    """No connection, process, thread or written file comes from importing the package's modules."""
    program = (
        "import sys, threading\n"
        "seen = []\n"
        "def hook(event, args):\n"
        "    writes = event == 'open' and isinstance(args[1], str) and set(args[1]) & set('wax+')\n"
        "    if writes or event in ('socket.connect', 'subprocess.Popen', 'os.mkdir'):\n"
        "        seen.append((event, args[0]))\n"
        "sys.addaudithook(hook)\n"
        f"for name in {modules()!r}:\n"
        "    __import__(name)\n"
        "assert not seen, seen\n"
        "assert threading.active_count() == 1\n"
        "assert 'boto3' not in sys.modules\n"
    )
    done = subprocess.run(
        [sys.executable, "-B", "-c", program], capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")


@each_kind
def test_what_is_absent_is_left_out(sample, sandbox):
    """A service nobody made is not in the answer; a revision nobody registered is an error of AWS's."""
    if sample.kind.immutable:
        with pytest.raises(AwsError):
            sample.kind.observe(sandbox.aws, CLUSTER, [sample.absent])
    else:
        assert sample.kind.observe(sandbox.aws, CLUSTER, [sample.absent]) == {}
    assert sample.kind.observe(sandbox.aws, CLUSTER, []) == {}


@each_kind
def test_what_was_created_is_observed(made, sandbox):
    """Each value that was sent is observed as it was sent; what AWS adds to it are its defaults."""
    sent = made.sent()
    assert common(made.seen(sandbox.aws), sent) == sent


@each_kind
def test_an_answer_names_its_request(made):
    """The journal keeps AWS's request id of each mutation."""
    assert made.answer.request_id


@each_kind
def test_creating_twice_is_safe(made, sandbox):
    """A repeated create answers the same service, or registers a revision with the same content."""
    before = made.seen(sandbox.aws)
    again = made.create(sandbox.aws)
    assert made.identity(again) == made.identity(made.answer)
    assert made.seen(sandbox.aws) == before


@each_mutable
def test_creating_twice_starts_one_deployment(made, sandbox):
    """The client token makes the second request the first one."""
    assert made.create(sandbox.aws).result["deploymentId"] == made.answer.result["deploymentId"]


@each_mutable
def test_an_update_changes_what_it_says(made, sandbox):
    """And nothing else, nor does it start tasks for a field that needs none."""
    before = made.seen(sandbox.aws)
    answer = made.update(sandbox.aws, desiredCount=2)
    assert made.seen(sandbox.aws) == {**before, "desiredCount": 2}
    assert answer.result["deploymentId"] == made.answer.result["deploymentId"]


@each_mutable
def test_a_repeated_update_starts_no_second_deployment(made, sandbox):
    """The same parameters again are answered with the deployment of the first time."""
    first = made.update(sandbox.aws, taskDefinition=made.revisions[1])
    again = made.update(sandbox.aws, taskDefinition=made.revisions[1])
    assert first.result == again.result
    assert first.result["taskDefinition"] == made.revisions[1]
    assert first.result["deploymentId"] not in ("", made.answer.result["deploymentId"])


@each_mutable
def test_deleting_twice_is_fine(made, sandbox):
    """Already gone, draining or never there is success."""
    assert made.delete(sandbox.aws).request_id
    made.delete(sandbox.aws)
    live = made.reads(sandbox.aws).get(made.name)
    assert live is None or live.presence in ("DRAINING", "INACTIVE")
    ecs_service.delete(sandbox.aws, {"cluster": CLUSTER, "service": ServiceSample.absent})


@each_mutable
def test_deleting_in_a_missing_cluster_is_an_error(made, sandbox):
    """Only the resource may be gone already, not the place that the files name."""
    with pytest.raises(NotFound):
        made.kind.delete(sandbox.aws, {"cluster": "no-such-cluster", "service": made.name})


@each_kind
def test_permissions_are_what_the_verbs_call(made, sandbox):
    """Each verb needs the IAM actions of the operations that it called, and of what these imply."""
    made.reads(sandbox.aws)
    called = {"observe": sandbox.recorder.take()}
    made.create(sandbox.aws)
    called["create"] = sandbox.recorder.take() - called["observe"]
    if not made.kind.immutable:
        made.updates(sandbox.aws)
        called["update"] = sandbox.recorder.take() - called["observe"]
    if not made.kind.immutable and not made.kind.calls:
        made.delete(sandbox.aws)
        called["delete"] = sandbox.recorder.take()
    needed = {verb: calls | made.implied.get(verb, set()) for verb, calls in called.items()}
    assert {verb: set(actions) for verb, actions in made.kind.permissions.items()} == needed
