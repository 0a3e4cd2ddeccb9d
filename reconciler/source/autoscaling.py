"""`services.X.autoscaling` → DesiredAutoscaling: short words, and what describe-* answers.

Called by `services`. Short words become target tracking policies named `cpu`, `memory` and `requests`; raw
policies and scheduled actions are `scaling_policies`' business.
"""

from __future__ import annotations

from typing import Any

from reconciler.model.desired import DesiredAutoscaling
from reconciler.model.diagnostics import Origin
from reconciler.model.lookups import Deferred
from reconciler.model.names import Address, Path
from reconciler.plan.autoscaling.document import (
    ACTIONS,
    API,
    CAPACITIES,
    POLICIES,
    TAGS,
    TRACKING,
)
from reconciler.plan.autoscaling.resource_label import BY_REQUESTS, lacks_label, target_groups
from reconciler.shapes.botocore_model import input_of, shape_named, suggest
from reconciler.shapes.tables import AUTOSCALING
from reconciler.source.api_names import as_written, with_written_names
from reconciler.source.lift import OWNED_TAGS
from reconciler.source.nodes import Entry, Mapping, Node, Null, Place, Scalar, Sequence, describe
from reconciler.source.report import Report
from reconciler.source.scaling_part import Part, drop_read_only
from reconciler.source.scaling_policies import check_policies, label_problem, same_metric
from reconciler.source.scheduled_actions import check_actions
from reconciler.source.typed import OMIT, Typing
from reconciler.source.workload import Assembled

BOUNDS = {"min": "minCapacity", "max": "maxCapacity"}
TARGETS = {
    "targetCpu": ("cpu", "ECSServiceAverageCPUUtilization"),
    "targetMemory": ("memory", "ECSServiceAverageMemoryUtilization"),
    "requestCountPerTarget": ("requests", BY_REQUESTS),
}
_PERCENT = ("targetCpu", "targetMemory")
SHARED = ("scaleInCooldown", "scaleOutCooldown", "disableScaleIn")
_LABEL = "resourceLabel"
RAW = (*CAPACITIES, "roleARN", "suspendedState", TAGS)
_PASTED = {"scalingPolicies": POLICIES}
_TARGET_LISTING = "scalableTargets"
WORDS = frozenset(
    {*BOUNDS, *TARGETS, *SHARED, _LABEL, *RAW, POLICIES, ACTIONS, *_PASTED, _TARGET_LISTING}
)


def build_autoscaling(
    workload: Assembled, entry: Entry, report: Report
) -> DesiredAutoscaling | None:
    """Return what the service declares; None when it declares nothing or mistakes were reported."""
    if isinstance(entry.value, Null):
        return None
    label = f"{workload.label}.autoscaling"
    if not isinstance(entry.value, Mapping):
        message = f"must be a map, not {describe(entry.value)}"
        report.error(entry.place, message, "wrong-type", path=label)
        return None
    before = len(report.errors)
    reader = _Reader(label, _flat(entry.value, label, report), report)
    reader.read()
    wanted = reader.result(Address("autoscaling", workload.name))
    _check_service(workload, wanted, reader, entry.place)
    return wanted if len(report.errors) == before else None


def _flat(node: Mapping, label: str, report: Report) -> Mapping:
    """Return the section with every word at its place, whatever answer of AWS it was pasted from."""
    node = with_written_names(node, WORDS, report, label)
    listing = node.entries.get(_TARGET_LISTING)
    if listing is not None:
        node = node.without({_TARGET_LISTING})
        targets = listing.value.items if isinstance(listing.value, Sequence) else []
        if len(targets) == 1 and isinstance(targets[0], Mapping):
            inner = with_written_names(targets[0], WORDS, report, label)
            node = _merged(node, inner, label, report)
        else:
            message = (
                "takes a list of one: the service's own target, as describe-scalable-targets has it"
            )
            report.error(listing.place, message, "wrong-type", path=f"{label}.{_TARGET_LISTING}")
    for pasted, section in _PASTED.items():
        if pasted in node.entries:
            entry = Mapping(node.place, {section: node.entries[pasted]})
            node = _merged(node.without({pasted}), entry, label, report)
    return drop_read_only(node, report, label)


def _merged(node: Mapping, more: Mapping, label: str, report: Report) -> Mapping:
    for name, entry in more.entries.items():
        if name in node.entries:
            message = f"'{name}' is also set at line {node.entries[name].place.line}"
            report.error(entry.place, message, "two-forms", path=label)
        else:
            node = node.plus(name, entry)
    return node


class _Reader:
    """Reads one section; what it found is in `result`."""

    def __init__(self, label: str, node: Mapping, report: Report) -> None:
        self.label, self.node, self.report = label, node, report
        self.target: dict[str, Any] = {}
        self.policies: dict[str, Any] = {}
        self.scheduled: dict[str, Any] = {}
        self.origins: dict[Path, Origin] = {}
        self.places: dict[str, Place] = {}
        """Of the policies."""

    def read(self) -> None:
        """Read everything; mistakes are reported."""
        for word, entry in self.node.entries.items():
            if word not in WORDS:
                hint = suggest(word, WORDS)
                self._error(entry.place, f"unknown field '{word}'{hint}", "unknown-field")
        self._read_target()
        self._read_bounds()
        self._read_raw()
        self._read_short()
        for name, first in same_metric(self.policies):
            message = (
                f"policy {name} follows the same metric as policy {first}: AWS takes one target "
                "tracking policy for each"
            )
            self._error(self.places[name], message, "two-forms")

    def result(self, address: Address) -> DesiredAutoscaling:
        """Return what was read."""
        return DesiredAutoscaling(address, self.target, self.policies, self.scheduled, self.origins)

    def _error(self, place: Place, message: str, rule: str, field: str = "") -> None:
        path = f"{self.label}.{field}" if field else self.label
        self.report.error(place, message, rule, path=path)

    def _typing(self) -> Typing:
        return Typing(self.label, "target", AUTOSCALING, self.report)

    def _read_target(self) -> None:
        shape = input_of("RegisterScalableTarget", API)
        raw = self.node.only({"roleARN", "suspendedState", TAGS})
        typing = self._typing()
        self.target = typing.convert(as_written(raw, shape, self.report, self.label), shape)
        self.origins |= typing.origins
        for key in self.target.get(TAGS) or {}:
            if key.startswith(OWNED_TAGS):
                message = f"tags that begin with '{key.partition(':')[0]}:' are reserved"
                self._error(self.node.entries[TAGS].place, message, "managed-field", TAGS)

    def _read_bounds(self) -> None:
        members = input_of("RegisterScalableTarget", API).members
        for short, name in BOUNDS.items():
            written = [w for w in (short, name) if self.node.get(w) is not None]
            if not written:
                self._error(self.node.place, f"'{short}' is required", "required")
                continue
            place = self.node.entries[written[-1]].place
            if len(written) > 1:
                self._error(place, f"'{short}' and '{name}' are the same: write one", "two-forms")
            value_node = self.node.entries[written[0]].value
            value = self._typing().convert(value_node, members[name], (written[0],))
            if value is OMIT:
                continue
            if isinstance(value, int) and value < 0:
                self._error(
                    value_node.place,
                    f"must not be negative, but is {value}",
                    "out-of-range",
                    written[0],
                )
            self.target[name] = value
            self.origins["target", name] = self.node.entries[written[0]].place.origin
        low, high = (self.target.get(name) for name in CAPACITIES)
        if isinstance(low, int) and isinstance(high, int) and low > high:
            place = next(
                self.node.entries[w].place for w in ("min", CAPACITIES[0]) if w in self.node.entries
            )
            self._error(place, f"min {low} is greater than max {high}", "out-of-range")

    def _read_raw(self) -> None:
        for section, check, documents in (
            (POLICIES, check_policies, self.policies),
            (ACTIONS, check_actions, self.scheduled),
        ):
            if self.node.get(section) is None:
                continue
            part = Part(self.label, section, self.report).read(self.node.entries[section])
            check(part)
            documents.update(part.documents)
            self.origins |= part.origins
            if section == POLICIES:
                self.places |= {name: tree.place for name, tree in part.trees.items()}

    def _read_short(self) -> None:
        shape = shape_named("TargetTrackingScalingPolicyConfiguration", API)
        shared = self._typing().convert(self.node.only({*SHARED}), shape)
        used = [word for word in TARGETS if self.node.get(word) is not None]
        for word in used:
            entry = self.node.entries[word]
            value = self._typing().convert(entry.value, shape.members["targetValue"], (word,))
            if value is not OMIT:
                self._short_policy(word, entry, {"targetValue": value, **shared})
        needs = {name: [*TARGETS] for name in SHARED} | {_LABEL: ["requestCountPerTarget"]}
        for word, words in needs.items():
            if self.node.get(word) is not None and not {*words} & {*used}:
                self._error(
                    self.node.entries[word].place,
                    f"'{word}' goes with {' or '.join(words)}",
                    "required",
                )

    def _short_policy(self, word: str, entry: Entry, tracking: dict[str, Any]) -> None:
        name, metric = TARGETS[word]
        top = 100 if word in _PERCENT else None
        value = tracking["targetValue"]
        known = not isinstance(value, Deferred)
        if known and (value <= 0 or (top is not None and value > top)):
            wanted = f"more than 0 and at most {top}" if top else "more than 0"
            self._error(entry.value.place, f"must be {wanted}, not {value:g}", "out-of-range", word)
        if name in self.policies:
            self._error(
                entry.place,
                f"'{word}' makes the policy {name}, which is also under policies",
                "two-forms",
            )
            return
        specification = {"predefinedMetricType": metric}
        if metric == BY_REQUESTS and (label := self._resource_label()):
            specification["resourceLabel"] = label
        self.policies[name] = {
            "policyType": "TargetTrackingScaling",
            TRACKING: {**tracking, "predefinedMetricSpecification": specification},
        }
        self.places[name] = entry.place
        self.origins["policies", name] = entry.place.origin
        for shared in SHARED:
            if self.node.get(shared) is not None:
                self.origins["policies", name, TRACKING, shared] = self.node.entries[
                    shared
                ].place.origin

    def _resource_label(self) -> str:
        node: Node | None = self.node.get(_LABEL)
        if node is None:
            return ""
        if not isinstance(node, Scalar):
            self._error(
                node.place, f"must be a single value, not {describe(node)}", "wrong-type", _LABEL
            )
            return ""
        if problem := label_problem(node.value):
            self._error(node.place, problem, "invalid-value", _LABEL)
        return node.value


def _check_service(
    workload: Assembled, wanted: DesiredAutoscaling, reader: _Reader, place: Place
) -> None:
    """Check what the service has to be for this: one that has a count, and a target group to count at."""
    report, label = reader.report, reader.label
    if workload.api.get("schedulingStrategy") == "DAEMON":
        message = "a DAEMON service has one task on each instance: there is no count to scale"
        report.error(place, message, "not-possible", path=label)
    for name, policy in wanted.policies.items():
        groups = list(target_groups(workload.api))
        if lacks_label(policy) and len(groups) != 1:
            why = "has no target group" if not groups else f"has {len(groups)} target groups"
            message = f"policy {name} counts requests, and the service {why}: declare resourceLabel"
            report.error(reader.places[name], message, "required", path=label)
    count = workload.api.get("desiredCount")
    low, high = (wanted.target.get(bound) for bound in CAPACITIES)
    numbers = [number for number in (low, count, high) if isinstance(number, int)]
    if len(numbers) != len((low, count, high)) or numbers == sorted(numbers):
        return
    entry = workload.api_tree.entries.get("desiredCount")
    message = (
        f"desiredCount {count} is outside of autoscaling's {low} to {high}: the service is created with "
        "it and scaled at once"
    )
    report.warning(entry.place if entry else place, message, "out-of-range", path=workload.label)
