"""Creating the tables on first use, and what is said when that is not possible."""

from __future__ import annotations

import pytest

from reconciler.aws.door import Aws
from reconciler.aws.translate import from_code
from reconciler.model.errors import AccessDenied, CorruptLedger, TemporaryError
from reconciler.store.tables import Tables
from tests.fakes.clock import VirtualClock
from tests.fakes.dynamodb import FakeDynamoDB
from tests.fakes.transport import FakeTransport
from tests.store.world import World


def empty(**fake):
    """Return clock, database, transport and door of an account without tables."""
    clock = VirtualClock()
    dynamodb = FakeDynamoDB(clock, **fake)
    transport = FakeTransport(clock, {"dynamodb": dynamodb.handle})
    return clock, dynamodb, transport, Aws(transport, clock)


def deny(transport: FakeTransport, operation: str) -> None:
    """Make AWS refuse an operation for want of a permission."""

    def refuse(_service, name, _params) -> None:
        if name == operation:
            message = (
                f"User: arn:aws:iam::1:user/me is not authorized to perform: dynamodb:{name} on "
                "resource: arn:aws:dynamodb:r:1:table/x because no identity-based policy allows it"
            )
            raise from_code(f"dynamodb:{name}", "AccessDeniedException", message)

    transport.before = refuse


def test_tables_are_created_protected_and_waited_for():
    """On-demand, deletion protection, recovery, member expiry; nothing is left for doctor to say."""
    clock, dynamodb, _, aws = empty()
    tables = Tables("shop")
    assert tables.missing(aws) == ("shop-state", "shop-journal", "shop-claims")
    created = tables.ensure(aws, clock)
    assert created == ("shop-state", "shop-journal", "shop-claims")
    assert tables.missing(aws) == ()
    assert tables.problems(aws) == []
    assert {t.description["BillingMode"] for t in dynamodb.tables.values()} == {"PAY_PER_REQUEST"}
    assert dynamodb.tables["shop-state"].ttl == "exp"
    assert clock.seconds >= 5


def test_tables_that_exist_cost_reads_only():
    """A second ensure creates and changes nothing."""
    world = World()
    sent = len(world.transport.calls)
    assert world.tables.ensure(world.aws, world.clock) == ()
    assert set(world.transport.operations()[sent:]) == {"DescribeTable"}


def test_only_what_is_missing_is_created():
    """A start that was interrupted is continued."""
    clock, dynamodb, _, aws = empty()
    tables = Tables()
    tables.ensure(aws, clock)
    del dynamodb.tables[tables.journal]
    assert tables.missing(aws) == (tables.journal,)
    assert tables.ensure(aws, clock) == (tables.journal,)


@pytest.mark.parametrize(
    "operation", ["CreateTable", "UpdateContinuousBackups", "UpdateTimeToLive"]
)
def test_a_missing_permission_is_named_with_the_table(operation):
    """AccessDenied says which permission on what, and what state that leaves."""
    clock, _, transport, aws = empty()
    deny(transport, operation)
    with pytest.raises(AccessDenied, match=rf"(?s)the table .*dynamodb:{operation} on") as caught:
        Tables().ensure(aws, clock)
    assert caught.value.permission == f"dynamodb:{operation}"


def test_a_foreign_table_of_that_name_is_refused():
    """A table with another key is not ours: the prefix must change."""
    clock, dynamodb, _, aws = empty()
    params = {
        "TableName": "reconciler-claims",
        "KeySchema": [{"AttributeName": "id", "KeyType": "HASH"}],
        "AttributeDefinitions": [{"AttributeName": "id", "AttributeType": "S"}],
    }
    dynamodb.handle("CreateTable", params)
    with pytest.raises(CorruptLedger, match="another prefix"):
        Tables().ensure(aws, clock)
    assert any("not reconciler's" in problem for problem in Tables().problems(aws))


def test_a_lost_answer_to_creating_a_table_is_no_failure():
    """Creating goes on when CreateTable took effect without an answer."""
    world = World()
    world.lose("CreateTable", 2, applied=True)
    tables = Tables("second")
    tables.ensure(world.aws, world.clock)
    assert tables.problems(world.aws) == []


def test_somebody_else_creating_the_same_tables_is_no_failure():
    """Two controllers on first use: the slower one finds the table in use and waits for it."""
    world = World()
    tables = Tables("second")
    world.once_before("CreateTable", lambda: tables.ensure(world.aws, world.clock))
    tables.ensure(world.aws, world.clock)
    assert tables.problems(world.aws) == []


def test_a_table_that_never_becomes_active_ends_the_wait():
    """Waiting is bounded and says for what."""
    clock, _, _, aws = empty(creation_seconds=1e6)
    with pytest.raises(TemporaryError, match="still CREATING"):
        Tables().ensure(aws, clock)


def test_doctor_learns_what_is_missing():
    """Tables without recovery or protection, and missing ones, are listed in words."""
    clock, dynamodb, _, aws = empty()
    tables = Tables()
    assert tables.problems(aws)[0] == "table reconciler-state does not exist"
    tables.ensure(aws, clock)
    dynamodb.tables[tables.state].recoverable = False
    dynamodb.tables[tables.claims].description["DeletionProtectionEnabled"] = False
    assert tables.problems(aws) == [
        "table reconciler-state has no point-in-time recovery",
        "table reconciler-claims has no deletion protection",
    ]
