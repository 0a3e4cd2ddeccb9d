"""Listener rules of a blue/green deployment: they exist, and lead to the service's two target groups.

elasticloadbalancing:DescribeRules, and DescribeListeners for Network Load Balancers. What ECS says of
each mistake is from the developer guide, troubleshooting-blue-green.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import partial
from typing import Any

from reconciler.model.errors import NotFound
from reconciler.resources.preflight.reader import Reader
from reconciler.resources.preflight.scope import (
    Question,
    Scope,
    Verdict,
    Workload,
    failed,
    ok,
    warning,
)

_FIELDS = ("productionListenerRule", "testListenerRule")
_LISTENER, _RULE, _ALB_LISTENER = ":listener/net/", ":listener-rule/app/", ":listener/app/"
Weights = Mapping[str, int]
"""Target group → the weight with which a rule forwards to it."""


def questions(reader: Reader, scope: Scope) -> Iterator[Question]:
    """Ask once for each load balancer of a service: its two rules are judged together."""
    for workload in scope.services:
        for balancer in workload.fields.get("loadBalancers") or ():
            arns = dict(rules(balancer))
            group = str(balancer.get("targetGroupArn", ""))
            if arns and "${" not in str([group, *arns.values()]):
                name = f"listener rules of target group {group.split('/')[-2] if '/' in group else group}"
                look = partial(_rules, reader, workload, balancer)
                yield Question(name, (workload.address,), look)


def rules(balancer: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Yield field and ARN of each rule that an entry of `loadBalancers` names."""
    advanced = balancer.get("advancedConfiguration") or {}
    for field in _FIELDS:
        if advanced.get(field):
            yield field, str(advanced[field])


def is_listener(arn: str) -> bool:
    """Say whether it is a Network Load Balancer's listener, which has no rules."""
    return _LISTENER in arn


def _rules(reader: Reader, workload: Workload, balancer: Mapping[str, Any]) -> Verdict:
    """Look at both rules; while the service rolls in place they are not used, and stop nothing."""
    arns = dict(rules(balancer))
    problem = _form_problem(arns)
    forwards = {} if problem else {f: _forwards(reader, arn) for f, arn in arns.items()}
    weights = {field: found for field, found in forwards.items() if found is not None}
    for field in sorted(set(forwards) - set(weights)):
        problem = f"there is no {field} {arns[field]}"
    problem = problem or _association_problem(balancer, weights)
    if problem:
        return failed(problem) if _shifts(workload) else warning(f"{problem}; not used yet")
    serving = [arn for arn, weight in weights.get(_FIELDS[0], {}).items() if weight]
    if len(serving) > 1 and _shifts(workload):
        # In the middle of a deployment, too: what begins then is rolled back.
        return warning("two target groups have traffic: ECS begins no deployment until one has")
    return ok("lead to the target groups of the service")


def _shifts(workload: Workload) -> bool:
    configuration = workload.fields.get("deploymentConfiguration") or {}
    return bool(configuration.get("strategy", "ROLLING") != "ROLLING")


def _form_problem(arns: Mapping[str, str]) -> str:
    for field, arn in arns.items():
        if _ALB_LISTENER in arn:
            return f"{field} is a listener: of an Application Load Balancer ECS wants a rule"
        if _RULE not in arn and _LISTENER not in arn:
            return f"{field} {arn} is the ARN of neither a listener rule nor a listener"
    if len(arns) > len(set(arns.values())):
        return "one rule cannot be for production and for test traffic"
    return ""


def _forwards(reader: Reader, arn: str) -> Weights | None:
    """Return where a rule, or a listener, forwards to; None when it does not exist."""
    try:
        if is_listener(arn):
            answer = reader.ask("elbv2", "DescribeListeners", ListenerArns=[arn])
            found = [
                a for one in answer.get("Listeners", ()) for a in one.get("DefaultActions", ())
            ]
            there = answer.get("Listeners")
        else:
            answer = reader.ask("elbv2", "DescribeRules", RuleArns=[arn])
            found = [a for one in answer.get("Rules", ()) for a in one.get("Actions", ())]
            there = answer.get("Rules")
    except NotFound:
        return None
    return dict(_weights(found)) if there else None


def _weights(actions: list[Mapping[str, Any]]) -> Iterator[tuple[str, int]]:
    for action in actions:
        groups = (action.get("ForwardConfig") or {}).get("TargetGroups") or ()
        if action.get("TargetGroupArn"):
            yield str(action["TargetGroupArn"]), 1
        for group in groups:
            yield str(group.get("TargetGroupArn", "")), int(group.get("Weight", 1))


def _association_problem(balancer: Mapping[str, Any], weights: Mapping[str, Weights]) -> str:
    """Say which of the two target groups no rule leads to, and where production leads besides."""
    advanced = balancer.get("advancedConfiguration") or {}
    wanted = [balancer.get("targetGroupArn"), advanced.get("alternateTargetGroupArn")]
    ours = {str(arn) for arn in wanted if arn}
    production = weights.get(_FIELDS[0])
    if production is None:
        return ""
    if others := sorted(arn for arn in production if arn not in ours and production[arn]):
        return f"productionListenerRule forwards to {others[0]}, which is not of this service"
    reached = {arn for found in weights.values() for arn in found}
    if missing := sorted(ours - reached):
        return f"{' and '.join(weights)} {'do' if len(weights) > 1 else 'does'} not lead to {missing[0]}"
    return ""
