"""DynamoDB under threads: nothing acknowledged is lost, transactions roll back and are idempotent."""

from __future__ import annotations

import gc
import sys
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from botocore.exceptions import ClientError

from tests.local.talk import code_of


@pytest.fixture
def table(talk):
    """Return an embedded AWS with a table `t` (pk, sk) and one `k` (k alone)."""
    for name, keys in (("t", ["pk", "sk"]), ("k", ["k"])):
        talk.dynamodb.create_table(
            TableName=name,
            AttributeDefinitions=[{"AttributeName": k, "AttributeType": "S"} for k in keys],
            KeySchema=[
                {"AttributeName": k, "KeyType": kind}
                for k, kind in zip(keys, ("HASH", "RANGE"), strict=False)
            ],
            BillingMode="PAY_PER_REQUEST",
        )
    return talk


@pytest.fixture
def fine_switching():
    """Let the interpreter change threads very often, which widens every race."""
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-5)
    yield
    sys.setswitchinterval(before)


def put(name, table="t", **fields):
    """Return a Put action; `unless` is a condition."""
    key = {"pk": {"S": name}, "sk": {"S": "x"}} if table == "t" else {"k": {"S": name}}
    condition = fields.pop("unless", None)
    action = {"TableName": table, "Item": {**key, **{k: {"S": v} for k, v in fields.items()}}}
    return {"Put": action | ({"ConditionExpression": condition} if condition else {})}


def items(talk, table="t"):
    """Return all items as plain dicts of text."""
    scanned = talk.dynamodb.scan(TableName=table)["Items"]
    return [{k: next(iter(v.values())) for k, v in item.items()} for item in scanned]


def test_no_acknowledged_write_is_lost(table, fine_switching):
    """Every conditional increment that was answered with success is in the item."""
    key = {"pk": {"S": "n"}, "sk": {"S": "x"}}
    table.dynamodb.put_item(TableName="t", Item={**key, "v": {"N": "0"}})

    def increment(_):
        while True:
            answer = table.dynamodb.get_item(TableName="t", Key=key, ConsistentRead=True)
            seen = int(answer["Item"]["v"]["N"])
            try:
                table.dynamodb.update_item(
                    TableName="t",
                    Key=key,
                    UpdateExpression="SET v = :n",
                    ConditionExpression="v = :o",
                    ExpressionAttributeValues={":n": {"N": str(seen + 1)}, ":o": {"N": str(seen)}},
                )
            except ClientError:
                continue
            return

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(increment, range(40)))
    assert items(table)[0]["v"] == "40"


def test_one_transaction_wins_and_others_leave_no_trace(table, fine_switching):
    """A lost transaction's rollback neither keeps its puts nor undoes another's."""

    def race(n):
        mine = put(f"mine{n}")
        lock = put("lock", by=str(n), unless="attribute_not_exists(pk)")
        try:
            table.dynamodb.transact_write_items(TransactItems=[mine, lock])
        except table.dynamodb.exceptions.TransactionCanceledException:
            table.dynamodb.put_item(TableName="t", Item=put(f"plain{n}")["Put"]["Item"])
            return False
        return True

    with ThreadPoolExecutor(8) as pool:
        won = [n for n, w in enumerate(pool.map(race, range(16))) if w]
    assert len(won) == 1
    names = {item["pk"] for item in items(table)}
    plain = {f"plain{n}" for n in range(16) if n not in won}
    assert names == {"lock", f"mine{won[0]}"} | plain


def test_a_cancelled_transaction_restores_what_it_touched(table):
    """Updates, deletes and puts of both tables are undone; the reasons are aligned with the actions."""
    table.dynamodb.put_item(TableName="t", Item=put("a", v="old")["Put"]["Item"])
    table.dynamodb.put_item(TableName="k", Item=put("b", "k", v="old")["Put"]["Item"])
    update = {
        "Update": {
            "TableName": "t",
            "Key": {"pk": {"S": "a"}, "sk": {"S": "x"}},
            "UpdateExpression": "SET v = :v, w = :v",
            "ExpressionAttributeValues": {":v": {"S": "new"}},
        }
    }
    delete = {"Delete": {"TableName": "k", "Key": {"k": {"S": "b"}}}}
    refused = {
        "ConditionCheck": {
            "TableName": "t",
            "Key": {"pk": {"S": "none"}, "sk": {"S": "x"}},
            "ConditionExpression": "attribute_exists(pk)",
        }
    }
    with pytest.raises(ClientError) as raised:
        table.dynamodb.transact_write_items(TransactItems=[put("c"), update, delete, refused])
    codes = [r["Code"] for r in raised.value.response["CancellationReasons"]]
    assert codes == ["None", "None", "None", "ConditionalCheckFailed"]
    assert items(table) == [{"pk": "a", "sk": "x", "v": "old"}]
    assert items(table, "k") == [{"k": "b", "v": "old"}]


def counter(**fields):
    """Return a transaction that adds one."""
    action = {
        "TableName": "t",
        "Key": {"pk": {"S": "n"}, "sk": {"S": "x"}},
        "UpdateExpression": "ADD v :one",
        "ExpressionAttributeValues": {":one": {"N": "1"}},
    }
    return {"TransactItems": [{"Update": action}], **fields}


def test_a_transaction_token_makes_it_happen_once(table):
    """The repetition succeeds without effect for ten minutes, then it counts again."""
    write = table.dynamodb.transact_write_items
    for _ in range(3):
        write(**counter(ClientRequestToken="token"))
    assert items(table)[0]["v"] == "1"
    table.aws.clock.advance(timedelta(minutes=10))
    write(**counter(ClientRequestToken="token"))
    assert items(table)[0]["v"] == "2"


def test_a_transaction_token_with_other_content_is_refused(table):
    """IdempotentParameterMismatchException, and nothing happens."""
    write = table.dynamodb.transact_write_items
    write(**counter(ClientRequestToken="token"))
    other = {"TransactItems": [put("z")], "ClientRequestToken": "token"}
    assert code_of(write, **other) == "IdempotentParameterMismatchException"
    assert [i["pk"] for i in items(table)] == ["n"]


def test_a_cancelled_transaction_does_not_bind_its_token(table):
    """It may be repeated and then succeed."""
    request = {
        "TransactItems": [put("a", unless="attribute_not_exists(pk)")],
        "ClientRequestToken": "token",
    }
    table.dynamodb.put_item(TableName="t", Item=put("a")["Put"]["Item"])
    assert code_of(table.dynamodb.transact_write_items, **request) == "TransactionCanceledException"
    table.dynamodb.delete_item(TableName="t", Key={"pk": {"S": "a"}, "sk": {"S": "x"}})
    table.dynamodb.transact_write_items(**request)
    assert len(items(table)) == 1


def test_a_lost_answer_of_a_transaction_can_be_asked_again(table):
    """It happened once although it was sent twice."""
    table.aws.faults.drop_after("dynamodb:TransactWriteItems")
    with pytest.raises(Exception, match="Connection was closed"):
        table.dynamodb.transact_write_items(**counter(ClientRequestToken="token"))
    table.dynamodb.transact_write_items(**counter(ClientRequestToken="token"))
    assert items(table)[0]["v"] == "1"


def test_transactions_do_not_pile_up_in_memory(table):
    """Moto's lists of all instances ever made stay empty while the server runs."""
    from moto.dynamodb.models.dynamo_type import Item

    for n in range(20):
        table.dynamodb.transact_write_items(TransactItems=[put(f"i{n}")])
    gc.collect()
    assert sum(isinstance(o, Item) for o in gc.get_objects()) <= 2 * 20 + 5
    assert Item.instances_tracked == []


def test_the_patches_end_with_the_server(start):
    """After stop, moto is as it was."""
    from moto.core.common_models import BaseModel
    from moto.dynamodb.models import DynamoDBBackend

    before = (BaseModel.__dict__["__new__"], DynamoDBBackend.transact_write_items)
    talk = start()
    during = (BaseModel.__dict__["__new__"], DynamoDBBackend.transact_write_items)
    talk.aws.stop()
    after = (BaseModel.__dict__["__new__"], DynamoDBBackend.transact_write_items)
    assert before == after
    assert before[0] is not during[0]
    assert before[1] is not during[1]
