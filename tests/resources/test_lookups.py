"""What the files look up, read: batches, types, refusals; on the fakes and on moto's wire."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace

import pytest

from reconciler.aws.clock import SystemClock
from reconciler.aws.door import Aws
from reconciler.aws.translate import from_code
from reconciler.model.errors import OutcomeUnknown
from reconciler.model.lookups import Unresolved
from reconciler.plan.unresolved import said
from reconciler.resources.lookups import read
from tests.fakes.lookup_sources import FakeCloudFormation, FakeS3, FakeSsm
from tests.fakes.timeline import Timeline
from tests.fakes.transport import FakeTransport
from tests.plan.builders import an_app
from tests.resources.samples import Recorder

STATE = {
    "version": 4,
    "outputs": {
        "zones": {"value": ["a", "c"]},
        "password": {"value": "hunter2", "sensitive": True},
    },
    "resources": [],
}
TEMPLATE = {
    "Resources": {"T": {"Type": "AWS::SNS::Topic"}},
    "Outputs": {"Subnets": {"Value": "subnet-1,subnet-2"}, "Host": {"Value": "h.example"}},
}


@dataclass
class Sources:
    """An AWS with parameters, a stack and a state."""

    aws: Aws
    recorder: Recorder

    def read(self, *names, environment=(), **fields):
        """Read these names for an app."""
        app = replace(an_app(), lookups=frozenset(names), **fields)
        return read(self.aws, app, dict(environment))


@pytest.fixture
def fakes():
    """Return the fakes with a transport before them."""
    timeline = Timeline()
    ssm, cfn, s3 = FakeSsm(), FakeCloudFormation(), FakeS3()
    handlers = {"ssm": ssm.handle, "cloudformation": cfn.handle, "s3": s3.handle}
    transport = FakeTransport(timeline, handlers)
    transport.ssm, transport.cfn, transport.s3 = ssm, cfn, s3
    for name, kind, value in PARAMETERS:
        ssm.put(name, value, kind)
    cfn.stacks["network"] = {k: o["Value"] for k, o in TEMPLATE["Outputs"].items()}
    s3.objects["states", "net.tfstate"] = json.dumps(STATE).encode()
    return transport


PARAMETERS = (
    ("/shop/host", "String", "h"),
    ("/shop/subnets", "StringList", "subnet-1,subnet-2"),
    ("/shop/secret", "SecureString", "hunter2"),
)


@pytest.fixture(scope="module")
def _seeded(_embedded):
    """Put the same into moto, once."""
    aws = Aws(_embedded, SystemClock())
    for name, kind, value in PARAMETERS:
        aws.call("ssm", "PutParameter", Name=name, Type=kind, Value=value)
    aws.call(
        "cloudformation", "CreateStack", StackName="network", TemplateBody=json.dumps(TEMPLATE)
    )
    where = {"LocationConstraint": "ap-northeast-1"}
    aws.call("s3", "CreateBucket", Bucket="states", CreateBucketConfiguration=where)
    aws.call("s3", "PutObject", Bucket="states", Key="net.tfstate", Body=json.dumps(STATE).encode())
    return _embedded


@pytest.fixture(params=["fake", "wire"])
def sources(request):
    """Return both, one after the other."""
    if request.param == "wire":
        recorder = Recorder(request.getfixturevalue("_seeded"))
        return Sources(Aws(recorder, SystemClock()), recorder)
    fakes = request.getfixturevalue("fakes")
    recorder = Recorder(fakes)
    return Sources(Aws(recorder, fakes.clock), recorder)


def faked(transport):
    """Return the fakes as sources."""
    recorder = Recorder(transport)
    return Sources(Aws(recorder, transport.clock), recorder)


def test_values_of_every_family(sources):
    """A String is a text, a StringList a list, an output a text, a state's list a list."""
    found = sources.read(
        "ssm:/shop/host",
        "ssm:/shop/subnets",
        "cfn:network.Host",
        "tfstate:output.zones[1]",
        "tfstate:output.zones",
        "env:HOST",
        "redis.main.url",
        states={"": "s3://states/net.tfstate"},
        sync=replace(an_app().sync, allow_env=frozenset({"HOST"})),
        environment={"HOST": "here"},
    )
    assert found == {
        "ssm:/shop/host": "h",
        "ssm:/shop/subnets": ("subnet-1", "subnet-2"),
        "cfn:network.Host": "h.example",
        "tfstate:output.zones[1]": "c",
        "tfstate:output.zones": ("a", "c"),
        "env:HOST": "here",
    }


def test_a_pass_asks_once_for_each_source(sources):
    """Two parameters are one call, two outputs of a stack one, two addresses of a state one."""
    sources.read(
        "ssm:/shop/host",
        "ssm:/shop/subnets",
        "cfn:network.Host",
        "cfn:network.Subnets",
        "tfstate:output.zones",
        "tfstate:output.zones[0]",
        states={"": "s3://states/net.tfstate"},
    )
    assert sorted(sources.recorder.sent) == [
        ("cloudformation", "DescribeStacks"),
        ("s3", "GetObject"),
        ("ssm", "GetParameters"),
    ]


@pytest.mark.parametrize(
    ("name", "part"),
    [
        ("ssm:/shop/nope", "there is no such parameter in ap-northeast-1"),
        ("cfn:nope.Host", "there is no stack nope in ap-northeast-1"),
        ("cfn:network.Nope", "the stack network has no output Nope; it has Host, Subnets"),
        ("tfstate:output.nope", "the state has no output nope"),
    ],
)
def test_what_is_absent_says_so(sources, name, part):
    """Each is a reason of its own, for which a default may stand in."""
    found = sources.read(name, "ssm:/shop/host", states={"": "s3://states/net.tfstate"})
    assert isinstance(found[name], Unresolved)
    assert part in found[name].reason
    assert found[name].absent
    assert found["ssm:/shop/host"] == "h"


@pytest.mark.parametrize(
    ("name", "part"),
    [
        ("ssm:/shop/secret", "secrets: {NAME: /shop/secret}"),
        ("tfstate:output.password", "is sensitive"),
        ("tfstate.none:output.x", "there is no s3://states/none"),
        ("tfstate.bucket:output.x", "there is no s3://nowhere/none"),
    ],
)
def test_what_is_refused_says_what_to_do(sources, name, part):
    """No secret is read, shown, or replaced by a default."""
    found = sources.read(
        name,
        states={
            "": "s3://states/net.tfstate",
            "none": "s3://states/none",
            "bucket": "s3://nowhere/none",
        },
    )[name]
    assert part in found.reason
    assert not found.absent
    assert "hunter2" not in found.reason


def test_eleven_parameters_are_two_calls(fakes):
    """SSM takes ten names at a time."""
    names = [f"/p/{n:02}" for n in range(11)]
    for name in names:
        fakes.ssm.put(name, name)
    found = faked(fakes).read(*(f"ssm:{name}" for name in names))
    assert found == {f"ssm:{name}": name for name in names}
    assert [len(params["Names"]) for _, _, params in fakes.calls] == [10, 1]


def test_a_version_of_a_parameter(fakes):
    """`${ssm:/path:1}` is the first value that was written."""
    fakes.ssm.put("/v", "one")
    fakes.ssm.put("/v", "two")
    found = faked(fakes).read("ssm:/v", "ssm:/v:1")
    assert found == {"ssm:/v": "two", "ssm:/v:1": "one"}


def test_one_parameter_that_iam_refuses_does_not_hide_the_others(fakes):
    """A refusal is for the whole call: the names are then asked one by one, and the permission is named."""
    fakes.ssm.denied.add("/shop/subnets")
    found = faked(fakes).read("ssm:/shop/host", "ssm:/shop/subnets")
    assert found["ssm:/shop/host"] == "h"
    assert (
        "add the permission ssm:GetParameters on /shop/subnets" in found["ssm:/shop/subnets"].reason
    )
    assert not found["ssm:/shop/subnets"].absent


def test_a_permission_that_is_lacking_is_one_reason_for_all_that_it_keeps(fakes):
    """Each look-up is named, the permission once, without the resource of one of them."""
    fakes.ssm.denied.update(("/shop/subnets", "/shop/host"))
    fakes.cfn.denied = True
    found = faked(fakes).read(
        "ssm:/shop/host", "ssm:/shop/subnets", "cfn:network.A", "cfn:network.B"
    )
    parameters, stack = said(tuple(found.values())).removeprefix("look-up failed: ").split("; $")
    assert parameters.startswith(
        "${ssm:/shop/host}, ${ssm:/shop/subnets}: AWS refused ssm:GetParameters"
    )
    assert parameters.count("ssm:GetParameters") == 2
    assert "on /shop" not in parameters
    assert stack.startswith("{cfn:network.A}, ${cfn:network.B}: AWS refused cloudformation:")


def test_a_stack_that_may_not_be_seen(fakes):
    """The permission is named."""
    fakes.cfn.denied = True
    found = faked(fakes).read("cfn:network.Host")["cfn:network.Host"]
    assert "add the permission cloudformation:DescribeStacks" in found.reason
    assert not found.absent


def test_an_aws_that_is_away_fails_the_pass(fakes):
    """That a parameter cannot be read now is no fact about it."""

    def away(_operation, _params):
        raise from_code("ssm:GetParameters", "InternalServerError", "sorry", status=500)

    fakes.handlers["ssm"] = away
    with pytest.raises(OutcomeUnknown):
        faked(fakes).read("ssm:/shop/host")


def test_a_state_in_a_file(fakes, tmp_path):
    """A path begins in the app's folder; what is wrong with the file is said."""
    (tmp_path / "app").mkdir()
    (tmp_path / "net.tfstate").write_text(json.dumps(STATE))
    (tmp_path / "old.tfstate").write_text('{"version": 3}')
    states = {"net": "../net.tfstate", "old": "../old.tfstate", "dir": "."}
    names = [f"tfstate.{name}:output.zones" for name in states]
    found = faked(fakes).read(*names, states=states, folder=str(tmp_path / "app"))
    assert found[names[0]] == ("a", "c")
    assert "version 4: version 3" in found[names[1]].reason
    assert "there is no such file" in found[names[2]].reason
    assert fakes.calls == []


def test_a_variable_needs_leave(fakes):
    """Desired state is the same for everybody, unless the files say that it need not be."""
    allowed = replace(an_app().sync, allow_env=frozenset({"SET", "UNSET"}))
    found = faked(fakes).read(
        "env:SET", "env:UNSET", "env:HOME", sync=allowed, environment={"SET": "1", "HOME": "/x"}
    )
    assert found["env:SET"] == "1"
    assert found["env:UNSET"].absent
    assert "allowEnv: [HOME]" in found["env:HOME"].reason
