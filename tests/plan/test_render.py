"""Text, Markdown and JSON of a plan."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import jsonschema
import pytest

from reconciler.model.diagnostics import Origin
from reconciler.model.names import Address
from reconciler.model.plan import Plan, Step, Suppressed, UndeclaredChange, Verb
from reconciler.plan.render import (
    MARKDOWN_LIMIT,
    as_document,
    as_markdown,
    as_text,
    whole_document,
)
from tests.plan.world import World, a_migration, a_service, a_task_definition, an_app

SCHEMA = json.loads(
    (Path(__file__).parents[2] / "docs" / "schemas" / "diff.schema.json").read_text()
)


@pytest.fixture
def plan() -> Plan:
    """Return a plan with a run, a free and a gated part and an undeclared change."""
    world = World()
    world.converge(an_app(a_service("web", desiredCount=1), a_service("worker")))
    world.edit("shop-production-worker", enableExecuteCommand=True)
    td = a_task_definition("2", environment=[{"name": "DB_PASSWORD", "value": "hunter2"}])
    web = a_service(
        "web", td=td, desiredCount=2, origins={("taskDefinition",): Origin("app.yaml", 3, 5)}
    )
    return world.plan(an_app(web, a_service("worker"), migrations=(a_migration(),)))


def test_every_document_fits_the_schema(plan: Plan) -> None:
    """With and without --explain, for several apps, and with an app that failed."""
    for explain in (False, True):
        one = as_document(plan, explain=explain)
        document = whole_document([one, one])
        jsonschema.validate(json.loads(json.dumps(document)), SCHEMA)
        document["apps"].append({"key": "production/blog", "error": {"message": "no"}})
        jsonschema.validate(json.loads(json.dumps(document)), SCHEMA)
    with_desired = as_document(plan, desired=an_app())
    jsonschema.validate(whole_document([with_desired]), SCHEMA)


def test_the_schema_knows_every_word() -> None:
    """Each verb, reason and effect of the model is in the schema's lists."""
    defs = SCHEMA["$defs"]
    assert set(defs["action"]["enum"]) == {str(v) for v in Verb}
    from reconciler.model.plan import Effect, Why

    assert set(defs["change"]["properties"]["why"]["enum"]) == {str(w) for w in Why}
    assert set(defs["change"]["properties"]["effect"]["enum"]) == {str(e) for e in Effect}


def test_text_has_a_sign_and_a_word_for_everything(plan: Plan) -> None:
    """What runs, waits, differs and is only reported can be read without colour."""
    text = as_text(plan)
    assert "> run" in text
    assert "~ update" in text
    assert "blocked by migration/db" in text
    assert "desiredCount  1 → 2  git, no rollout" in text
    assert "undeclared change: enableExecuteCommand is true (default false), left alone" in text
    assert "= in sync service/worker" in text
    assert "app.yaml:3:5" in text
    assert text.endswith("Plan: 1 to run, 2 to update, 1 in sync, 1 of them blocked.\n")


def test_no_form_shows_a_secret(plan: Plan) -> None:
    """Text, Markdown and JSON are masked alike."""
    for form in (as_text(plan), as_markdown(plan), json.dumps(as_document(plan))):
        assert "hunter2" not in form
        assert "(sensitive)" in form


def test_style_gets_roles_and_changes_nothing_else(plan: Plan) -> None:
    """Colour is added around the text, never in place of it."""
    roles = set()

    def style(text: str, role: str) -> str:
        roles.add(role)
        return text

    assert as_text(plan, style=style) == as_text(plan)
    assert {"run", "update", "dim"} <= roles


def test_explain_lists_what_is_silent() -> None:
    """The suppressed differences and their rule are shown only when asked for."""
    step = Step(
        Address("service", "web"),
        Verb.NONE,
        suppressed=(Suppressed("launchType", "EC2", "follows the cluster"),),
        undeclared=(UndeclaredChange("propagateTags", "SERVICE", "NONE"),),
    )
    quiet, loud = (as_text(Plan("e/a", (step,)), explain=e) for e in (False, True))
    assert "follows the cluster" not in quiet
    assert "no difference: launchType EC2: follows the cluster" in loud


@pytest.mark.parametrize("explain", [False, True])
def test_each_resource_is_listed_once(explain) -> None:
    """With a note, with an undeclared change, alike with others, or with nothing to say: one line each."""
    undeclared = (UndeclaredChange("propagateTags", "SERVICE", "NONE"),)
    steps = (
        Step(Address("service", "a"), Verb.NONE, notes=("the tag moved",)),
        Step(Address("service", "b"), Verb.NONE, notes=("the tag moved",)),
        Step(Address("service", "c"), Verb.NONE, undeclared=undeclared),
        Step(Address("service", "d"), Verb.NONE),
        Step(Address("job", "e"), Verb.NONE, summary="next run tomorrow", notes=("a new image",)),
    )
    text = as_text(Plan("e/a", steps), explain=explain)
    assert [text.count(str(step.address)) for step in steps] == [1] * len(steps)
    assert "5 in sync" in text


def test_markdown_is_found_again_and_fits_a_comment(plan: Plan) -> None:
    """The first line is a hidden marker; a long plan is cut at a resource and says so."""
    text = as_markdown(plan)
    assert text.startswith("<!-- reconciler:diff app=production/shop -->\n")
    assert "| `>` run | migration/db |" in text
    many = replace(plan, steps=plan.steps * 300)
    cut = as_markdown(many)
    assert len(cut) <= MARKDOWN_LIMIT
    assert "left out" in cut
    assert cut.count("<details>") == cut.count("</details>")


def test_markdown_cannot_be_broken_out_of() -> None:
    """Pipes, tags and fences in values stay text."""
    step = Step(Address("service", "web"), Verb.HOLD, "a | <b> ```", notes=("``` x",))
    text = as_markdown(Plan("e/a", (step,)))
    assert "a \\| &lt;b>" in text
    assert text.count("```diff") == 1
    assert "\n    ``` x" not in text


def test_what_many_say_alike_is_said_once() -> None:
    """Services of one tag that moved are one paragraph; another note, or a change besides, is its own."""
    none = {name: Step(Address("service", name), Verb.NONE) for name in "abcd"}
    steps = [
        replace(none["a"], notes=("moved",)),
        replace(none["b"], notes=("moved", "and more")),
        none["c"],
        replace(none["d"], notes=("moved",)),
        Step(Address("service", "e"), Verb.UPDATE, notes=("moved",)),
    ]
    plan = Plan("production/shop", tuple(steps))
    lines = as_text(plan).splitlines()
    start = lines.index("= in sync service/a, service/d")
    assert lines[start : start + 6] == [
        "= in sync service/a, service/d",
        "    moved",
        "= in sync service/b",
        "    moved",
        "    and more",
        "~ update service/e",
    ]
    assert lines.count("    moved") == 3
    assert "= in sync service/d" in as_text(plan, explain=True).splitlines()
    told = {r["address"]: r["notes"] for r in as_document(plan)["resources"]}
    assert told["service/d"] == ["moved"]
