"""A live Redis group: what may go now, what waits and for what, what is held, and what AWS has accepted.

Called by `plan.redis.steps`, which handles groups that are absent, coming or going.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from reconciler.model.names import Address
from reconciler.model.plan import Change, ResourceRequest, Step, Verb
from reconciler.model.status import Health
from reconciler.plan.adoption import are_marks, taken_over
from reconciler.plan.ownership import Owner, owner_of
from reconciler.plan.redis import reboot
from reconciler.plan.redis.compare import is_same
from reconciler.plan.redis.group import GroupSide
from reconciler.plan.redis.order import window
from reconciler.plan.redis.parameters import KIND, ParameterSide
from reconciler.plan.redis.subject import RedisSubject

ONE_AT_A_TIME = "one change at a time"
_AVAILABLE = "available"
_TAGGING = "AddTagsToResource"
_NAMED = 3


@dataclass(frozen=True)
class Existing:
    """A live group with both sides compared."""

    subject: RedisSubject
    parameters: ParameterSide
    group: GroupSide

    def steps(self) -> tuple[Step, ...]:
        """Return the free step, then what waits, then what is held."""
        waits = self._waits()
        held = [text for text in (self.parameters.hold, self.group.hold) if text]
        free = self._free() if not waits else None
        steps = [free] if free else []
        later = self._later(waits)
        if later:
            steps.append(later)
        if held:
            changes = self.parameters.changes if self.parameters.hold else ()
            steps.append(
                Step(
                    self._address,
                    Verb.HOLD,
                    "; ".join(held),
                    changes=(*changes, *self.group.refused),
                )
            )
        if not steps:
            steps.append(self._in_sync())
        return (self._told(steps[0]), *steps[1:])

    @property
    def _address(self) -> Address:
        return self.subject.redis.address

    def _waits(self) -> str:
        """Say why nothing may be sent now, empty when it may."""
        status = self.subject.live.status
        if status != _AVAILABLE:
            return f"{self.subject.group_id} is {status}"
        if self.subject.live.parameter_status == "applying":
            return f"parameters of {self.subject.group_id} are being applied"
        return ""

    def _free(self) -> Step | None:
        """Return what goes now: the parameters, and the first change of the group."""
        operation = self.group.now
        parameters = () if self.parameters.hold else self.parameters.calls
        calls = (*parameters, *(operation.calls if operation else ()))
        if not calls:
            return None
        changes = (
            *(() if self.parameters.hold else self.parameters.changes),
            *(operation.changes if operation else ()),
        )
        fields = operation.fields if operation else {}
        tags = self.subject.live.tags
        adopt = (
            self.subject.is_managed
            and not self.subject.applied
            and tags is not None
            and owner_of(self.subject.app, tags) is Owner.NOBODY
        )
        taken = any(call.kind == KIND and call.operation == _TAGGING for call in parameters)
        whole = Step(
            self._address,
            Verb.ADOPT if adopt or (taken and not changes) else Verb.UPDATE,
            summary(changes),
            changes=changes,
            request=ResourceRequest(self._memory(fields), calls),
        )
        return self._as_adopted(whole) if whole.verb is Verb.ADOPT else whole

    def _as_adopted(self, whole: Step) -> Step:
        """Say that it is taken over; when our tags are all that is missing, that is no difference."""
        alone = not (self.group.later or self.group.refused or self.parameters.hold)
        if alone and (not whole.changes or are_marks(whole.changes)):
            return taken_over(whole, self.subject.group_id)
        text = f"take over {self.subject.group_id}"
        return replace(whole, summary=", ".join(filter(None, (text, whole.summary))))

    def _later(self, waits: str) -> Step | None:
        """Return what has to wait: for the group, for what is pending, or for its turn."""
        changes = self.group.later
        if waits:
            parameters = () if self.parameters.hold else self.parameters.changes
            now = self.group.now.changes if self.group.now else ()
            changes = (*parameters, *now, *changes)
        if not changes:
            return None
        blocked = waits or self.group.waits_for or ONE_AT_A_TIME
        return Step(
            self._address,
            Verb.UPDATE,
            summary(changes),
            changes=changes,
            blocked_by=(blocked,),
        )

    def _in_sync(self) -> Step:
        """Return the step of nothing to send; its request, if any, only tells the ledger something."""
        if self.subject.live.is_changing:
            return Step(self._address, Verb.WAIT, self._state())
        memory = self._memory({})
        known = self.subject.applied == memory
        request = None if known else ResourceRequest(memory)
        return Step(self._address, Verb.NONE, self._state(), request=request)

    def _told(self, step: Step) -> Step:
        """Add to the first step what is said of the group as a whole."""
        notes = (*self.parameters.notes, *self.group.notes, *self._pending_notes())
        return replace(
            step,
            undeclared=(*self.parameters.undeclared, *self.group.undeclared),
            suppressed=(*self.parameters.suppressed, *self.group.suppressed),
            notes=(*step.notes, *notes),
            health=self._health(),
        )

    def _health(self) -> Health | None:
        live = self.subject.live
        if live.status == "modifying" or live.parameter_status == "applying":
            return Health.PROGRESSING
        unseen = self.group.sent.keys() - self.group.pending.keys()
        if unseen and live.status == _AVAILABLE and self.subject.redis.apply_immediately:
            return Health.PROGRESSING
        return None

    def _state(self) -> str:
        """Say in a few words what a group without differences is waiting for."""
        live, said = self.subject.live, []
        if live.status != _AVAILABLE:
            said.append(live.status)
        elif live.parameter_status == "applying":
            said.append("applying parameters")
        if self._accepted():
            said.append(f"converged, pending {self._accepted()}")
        if reboot.is_pending(self.subject):
            said.append(f"converged, {reboot.words(self.subject)}")
        return "; ".join(said)

    def _accepted(self) -> str:
        waiting = {**self.group.sent, **self.group.pending}
        if not waiting:
            return ""
        said = ", ".join(f"{name} {_short(value)}" for name, value in sorted(waiting.items()))
        when = "" if self.subject.redis.apply_immediately else f" until {window(self.subject)}"
        return f"{said}{when}"

    def _pending_notes(self) -> Iterable[str]:
        live, declared = self.subject.live, self.subject.redis.group
        if accepted := self._accepted():
            yield f"accepted by AWS, pending: {accepted}"
        others = {
            name: value
            for name, value in sorted(live.pending.items())
            if name not in declared or not is_same(name, declared[name], value)
        }
        if others and self.subject.is_managed:
            said = ", ".join(f"{name} {_short(value)}" for name, value in others.items())
            yield f"pending in AWS, not of these files: {said}"
        if reboot.is_pending(self.subject):
            member = f", as {min(live.members)} tells" if live.members else ""
            yield (
                f"{reboot.words(self.subject)}{member}: a node uses it once it is rebooted, which is "
                "never done here, since it empties a node"
            )

    def _memory(self, fields: Mapping[str, Any]) -> dict[str, Any]:
        """Return what the ledger remembers once `fields` are sent: no more than is true then."""
        before = self.subject.applied
        known = before.get("group", {})
        waiting = {c.path.split(".")[0] for c in (*self.group.later, *self.group.refused)}
        declared = self.subject.redis.group
        waiting -= {name for name, value in fields.items() if declared.get(name) == value}
        group = {name: value for name, value in {**known, **declared}.items() if name in declared}
        for name in waiting & group.keys():
            group.pop(name)
            if name in known:
                group[name] = known[name]
        held = self.parameters.hold
        memory: dict[str, Any] = {
            "group": group,
            "parameterGroup": dict(before.get("parameterGroup") or {})
            if held
            else dict(self.parameters.memory),
        }
        changed = () if held else self.parameters.changes
        if waiting_for_reboot := reboot.remembered_after(self.subject, changed):
            memory[reboot.MEMORY] = waiting_for_reboot
        sent = {**self.group.sent, **fields}
        if sent:
            at_once = self.subject.redis.apply_immediately
            memory["sent"] = {"fields": sent, "immediate": at_once}
        return memory


def summary(changes: Iterable[Change]) -> str:
    """Say what changes: the first fields with their values."""
    listed = list(changes)
    said = [
        f"{c.path.removeprefix('parameterGroup.parameters.')} {_short(c.observed)} → {_short(c.desired)}"
        for c in listed[:_NAMED]
    ]
    more = [f"{len(listed) - _NAMED} more"] if len(listed) > _NAMED else []
    return ", ".join([*said, *more])


def _short(value: Any) -> str:
    if value is None:
        return "(none)"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, list) and all(isinstance(item, str) for item in value):
        return ", ".join(value) or "none"
    return str(value) if isinstance(value, str | int | float) else "…"
