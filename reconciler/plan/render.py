"""A plan for people and for machines. The terminal's width never has a say in it.

Called by `cli` for `diff` and before `apply` and `rollback`. Values are masked already; colour is the
caller's `style`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from reconciler.model.desired import DesiredApp
from reconciler.model.plan import Change, Plan, Step, Verb
from reconciler.plan.canonical import canonical_json
from reconciler.plan.preflight import check_lines, shortened

API_VERSION = "reconciler/v1alpha1"
MARKDOWN_LIMIT = 65_536
"""The longest comment that GitHub takes."""

Style = Callable[[str, str], str]
"""Gives a text the looks of a role (a verb's word, or `dim`)."""

_INLINE = 60
_WORDS = (
    (Verb.RUN, "to run"),
    (Verb.CREATE, "to create"),
    (Verb.UPDATE, "to update"),
    (Verb.ADOPT, "to adopt"),
    (Verb.DELETE, "to delete"),
    (Verb.HOLD, "held"),
    (Verb.WAIT, "in flight"),
    (Verb.NONE, "in sync"),
)


def plain(text: str, _role: str) -> str:
    """Return the text without any looks."""
    return text


def as_text(
    plan: Plan, *, desired: DesiredApp | None = None, style: Style = plain, explain: bool = False
) -> str:
    """Return the plan as lines for a terminal; every state has a sign and a word, colour is extra.

    `explain` also lists the differences that are none, with the rule that says so.
    """
    lines = [_heading(plan, desired), ""]
    for step, names in _shown(plan.steps, explain=explain):
        lines += _step_lines(step, names, style, explain=explain)
    quiet = [str(s.address) for s in plan.steps if not _says_something(s, explain=explain)]
    if quiet:
        lines.append(style(f"= in sync {', '.join(quiet)}", "none"))
    lines += [f"note: {note}" for note in plan.notes]
    lines += ["", f"Plan: {_counts(plan)}."]
    return "\n".join(lines) + "\n"


def as_markdown(plan: Plan, *, desired: DesiredApp | None = None, explain: bool = False) -> str:
    """Return the plan as a comment for a pull request, found again by its hidden first line.

    Cut to 65,536 characters at the end of a resource; what is left out is counted.
    """
    marker = f"<!-- reconciler:diff app={plan.key} -->"
    head = [marker, f"### {_heading(plan, desired)}", "", f"{_counts(plan)}", ""]
    shown = [s for s in plan.steps if s.is_difference or s.verb is Verb.WAIT]
    if shown:
        head += ["| | Resource | Change |", "|---|---|---|"]
        head += [f"| `{s.verb.sign}` {s.verb} | {s.address} | {_cell(s)} |" for s in shown]
    undeclared = [(s, u) for s in plan.steps for u in s.undeclared]
    if undeclared:
        head += ["", "Changed outside git and not declared (left alone):"]
        head += [f"- `{s.address}.{u.path}` is `{_value(u.observed)}`" for s, u in undeclared]
    head += [f"\n> {_escaped(note)}" for note in plan.notes]
    return _cut("\n".join(head) + "\n", [_details(s, explain=explain) for s in shown])


def as_document(
    plan: Plan, *, desired: DesiredApp | None = None, explain: bool = False
) -> dict[str, Any]:
    """Return one app's plan as a JSON value: an element of `apps` in docs/schemas/diff.schema.json."""
    document: dict[str, Any] = {
        "key": plan.key,
        "inSync": plan.in_sync,
        "summary": {str(verb): n for verb, n in sorted(_count(plan).items())},
        "notes": list(plan.notes),
        "resources": [_resource(step, explain=explain) for step in plan.steps],
    }
    if desired is not None:
        document["desired"] = {
            "commit": desired.commit,
            "contentHash": desired.content_hash,
            "account": desired.account,
            "region": desired.region,
            "cluster": desired.cluster,
        }
    return document


def whole_document(apps: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Return the whole document of `diff -o json`, made of those of its apps."""
    return {"apiVersion": API_VERSION, "kind": "Diff", "apps": list(apps)}


def _heading(plan: Plan, desired: DesiredApp | None) -> str:
    if desired is None:
        return plan.key
    version = desired.commit[:12] or desired.content_hash[:12]
    where = f"{desired.account}/{desired.region} cluster {desired.cluster}"
    return f"{plan.key} @ {version}   against {where}"


def _shown(steps: Sequence[Step], *, explain: bool) -> Iterator[tuple[Step, str]]:
    """Yield what there is to say about, with its name.

    Many services run one tag: those of which there are nothing but the same notes are one step here, with
    all their names.
    """
    alike: dict[tuple[str, ...], list[str]] = {}
    for step in steps:
        if _is_only_noted(step) and not explain:
            alike.setdefault(step.notes, []).append(str(step.address))
    for step in steps:
        if _is_only_noted(step) and not explain:
            if names := alike.pop(step.notes, None):
                yield step, ", ".join(names)
        elif _says_something(step, explain=explain):
            yield step, str(step.address)


def _says_something(step: Step, *, explain: bool) -> bool:
    return bool(step.verb is not Verb.NONE or step.undeclared or step.notes or explain)


def _is_only_noted(step: Step) -> bool:
    said = step.changes or step.undeclared or step.blocked_by or step.findings or step.summary
    return step.verb is Verb.NONE and bool(step.notes) and not said


def _step_lines(step: Step, names: str, style: Style, *, explain: bool) -> list[str]:
    word = f"{step.verb.sign} {'in sync' if step.verb is Verb.NONE else step.verb}"
    summary = f"  {step.summary}" if step.summary else ""
    lines = [f"{style(f'{word:<8}', str(step.verb))} {names:<24}{summary}".rstrip()]
    if step.blocked_by:
        reasons = (shortened(reason, step.findings) for reason in step.blocked_by)
        lines.append(f"    blocked by {', '.join(reasons)}")
    for change in step.changes:
        lines += _change_lines(change, style)
    lines += [
        f"    undeclared change: {u.path} is {_value(u.observed)}"
        + (f" (default {_value(u.default)})" if u.default is not None else "")
        + ", left alone"
        for u in step.undeclared
    ]
    lines += [f"    {note}" for note in step.notes]
    lines += [f"    {line}" for line in check_lines(step.findings)]
    if explain:
        lines += [
            style(f"    no difference: {s.path} {_value(s.observed)}: {s.rule}", "dim")
            for s in step.suppressed
        ]
    return lines


def _change_lines(change: Change, style: Style) -> list[str]:
    old, new = _value(change.observed), _value(change.desired)
    origin = f"  {change.origin}" if change.origin else ""
    tail = style(f"  {change.why}, {change.effect}{origin}", "dim")
    if len(old) + len(new) <= _INLINE and "\n" not in old + new:
        return [f"    {change.path}  {old} → {new}{tail}"]
    lines = [f"    {change.path}{tail}"]
    if change.observed is not None:
        lines.append(style(f"      - {old}", "delete"))
    if change.desired is not None:
        lines.append(style(f"      + {new}", "create"))
    return lines


def _details(step: Step, *, explain: bool) -> str:
    body = "\n".join(_step_lines(step, str(step.address), plain, explain=explain)[1:]).replace(
        "```", "'''"
    )
    if not body:
        return ""
    title = f"{step.verb} {step.address}"
    return f"\n<details><summary>{title}</summary>\n\n```diff\n{body}\n```\n</details>\n"


def _cut(head: str, details: Sequence[str]) -> str:
    room = MARKDOWN_LIMIT - 200
    text = head if len(head) <= room else head[:room].rpartition("\n")[0] + "\n"
    left_out = int(len(head) > room)
    for detail in details:
        if len(text) + len(detail) <= room:
            text += detail
        else:
            left_out += 1
    if left_out:
        text += "\nToo long for a comment: some resources are left out; run `reconciler diff`.\n"
    return text


def _cell(step: Step) -> str:
    waits = f" (blocked by {', '.join(step.blocked_by)})" if step.blocked_by else ""
    return _escaped(f"{step.summary}{waits}")


def _escaped(text: str) -> str:
    return text.replace("|", "\\|").replace("<", "&lt;").replace("\n", " ")


def _count(plan: Plan) -> Counter[Verb]:
    return Counter(step.verb for step in plan.steps)


def _counts(plan: Plan) -> str:
    counted = _count(plan)
    said = [f"{counted[verb]} {word}" for verb, word in _WORDS if counted[verb]]
    blocked = sum(1 for step in plan.steps if step.blocked)
    if blocked:
        said.append(f"{blocked} of them blocked")
    return ", ".join(said) or "nothing"


def _value(value: Any) -> str:
    match value:
        case None:
            return "(none)"
        case str():
            return value or '""'
        case _:
            return canonical_json(value)


def _resource(step: Step, *, explain: bool) -> dict[str, Any]:
    resource: dict[str, Any] = {
        "address": str(step.address),
        "action": str(step.verb),
        "summary": step.summary,
        "difference": step.is_difference,
        "blockedBy": list(step.blocked_by),
        "notes": list(step.notes),
        "changes": [_change(change) for change in step.changes],
        "undeclared": [
            {"path": u.path, "observed": u.observed, "default": u.default} for u in step.undeclared
        ],
    }
    if step.findings:
        resource["checks"] = [
            {"name": f.name, "state": str(f.state), "message": f.message} for f in step.findings
        ]
    if explain:
        resource["suppressed"] = [
            {"path": s.path, "observed": s.observed, "rule": s.rule} for s in step.suppressed
        ]
    return resource


def _change(change: Change) -> dict[str, Any]:
    document: dict[str, Any] = {
        "path": change.path,
        "observed": change.observed,
        "desired": change.desired,
        "why": str(change.why),
        "effect": str(change.effect),
        "sensitive": change.sensitive,
    }
    if change.origin is not None:
        document["file"] = change.origin.file
        document["line"] = change.origin.line
        document["column"] = change.origin.column
    return document
