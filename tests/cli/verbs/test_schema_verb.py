"""`schema`: printed or written, and what the verbs print fits what it says."""

from __future__ import annotations

import json
from pathlib import Path

import jsonschema
import pytest

from reconciler.cli.verbs.schema import KINDS, schema_of
from reconciler.model.journal import EntryKind
from reconciler.model.observed import LedgerView
from reconciler.model.plan import Effect, Why
from reconciler.model.status import Health, Sync
from reconciler.model.suspension import Suspension
from tests.cli import values

DOCS = Path(__file__).parents[3] / "docs" / "schemas"
SHIPPED = [kind for kind in KINDS if kind != "file"]


@pytest.mark.parametrize("kind", KINDS)
def test_each_kind_is_one_document(cli, kind):
    """Stdout is the schema and nothing else."""
    result = cli("schema", "--kind", kind)
    assert result.exit_code == 0
    jsonschema.Draft202012Validator.check_schema(json.loads(result.stdout))


@pytest.mark.parametrize(
    ("kind", "name"), [("file", "v1alpha1.json"), ("diff", "diff.schema.json")]
)
def test_written_into_a_folder(cli, tmp_path, kind, name):
    """The folder is made, the path is the result, and the file is what would be printed."""
    folder = tmp_path / "desired" / ".schema"
    result = cli("schema", "--kind", kind, "--write", str(folder))
    assert result.stdout == f"{folder / name}\n"
    assert json.loads((folder / name).read_text()) == json.loads(
        cli("schema", "--kind", kind).stdout
    )


def test_a_folder_that_cannot_be_written(cli, tmp_path):
    """Wrong usage, with the path and no traceback."""
    (tmp_path / "file").write_text("")
    result = cli("schema", "--write", str(tmp_path / "file" / "below"))
    assert result.exit_code == 2
    assert "cannot write" in result.stderr


@pytest.mark.parametrize("kind", SHIPPED)
def test_the_documentation_has_the_same(kind):
    """docs/schemas is what `reconciler schema --kind … ` prints."""
    assert json.loads((DOCS / f"{kind}.schema.json").read_text()) == schema_of(kind)


def test_words_are_those_of_the_model():
    """A new kind of entry, health or sync is in the schemas too."""
    assert set(schema_of("journal")["$defs"]["kind"]["enum"]) == set(EntryKind)
    change = schema_of("diff")["$defs"]["change"]["properties"]
    assert set(change["effect"]["enum"]) == set(Effect)
    assert set(change["why"]["enum"]) == set(Why)
    status = schema_of("status")["$defs"]
    assert set(status["health"]["enum"]) == set(Health)
    assert set(status["sync"]["enum"]) == set(Sync)


def test_history_fits_its_schema(cli, apps, monkeypatch):
    """Several entries, and one by its number."""
    records = [values.record(n) for n in (2, 1)]
    for record in records:
        record.content.update({"content_hash": "c" * 64, "nonce": "n"})
    monkeypatch.setattr("reconciler.app.ledger.history", lambda *_a, **_k: records)
    schema = schema_of("journal")
    whole = json.loads(cli("history", "-o", "json").stdout)
    jsonschema.validate(whole, schema)
    (app,) = whole["apps"]
    assert len(app["entries"]) == 2
    app["entries"][0]["more"] = 1
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(whole, schema)


@pytest.mark.parametrize(
    "suspension",
    [None, Suspension("r", "b", "2026-11-22T10:00:00+00:00", "", {"service/web": 4})],
)
def test_status_fits_its_schema(cli, apps, monkeypatch, suspension):
    """Suspended or not."""
    report = values.report(apps[0])
    ledger = LedgerView(apps[0].key, suspension=suspension)
    object.__setattr__(report.observed, "ledger", ledger)
    monkeypatch.setattr("reconciler.app.look.status", lambda *_: report)
    document = json.loads(cli("status", "-o", "json").stdout)
    jsonschema.validate(document, schema_of("status"))
    assert (document["apps"][0]["suspended"] is None) == (suspension is None)
