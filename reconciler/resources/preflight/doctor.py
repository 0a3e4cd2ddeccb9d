"""`doctor`: whether the controller could work here at all, then every family of checks for an app.

Called by `app.look`. Permissions are probed by using them: what AWS denies is named, with the action
to add.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import replace

from reconciler.aws.door import Aws
from reconciler.aws.registry import Registry
from reconciler.model.desired import DesiredApp
from reconciler.model.errors import AccessDenied, AwsError, BadCredentials, Unreachable
from reconciler.model.finding import CheckState, Finding, not_permitted
from reconciler.plan.lookups import filled
from reconciler.plan.unresolved import told
from reconciler.resources import lookups
from reconciler.resources.preflight import guarantee, images, permissions, place
from reconciler.resources.preflight.families import findings
from reconciler.resources.preflight.reader import PATIENCE, Reader
from reconciler.resources.preflight.scope import whole

CREDENTIALS = "credentials"
"""The first check. It needs no permission: where it fails nothing else is asked."""

Probe = Callable[[Aws, DesiredApp], Iterator[Finding]]

_BEFORE_IMAGES: tuple[tuple[str, Probe], ...] = (
    (CREDENTIALS, place.credentials),
    ("clock", place.clock),
    ("tables", place.tables),
    ("permissions", permissions.probes),
)
"""In order: what comes first explains what comes after."""


def check_app(
    aws: Aws,
    desired: DesiredApp,
    registry: Registry | None = None,
    pins: Callable[[], Mapping[str, str]] = dict,
) -> list[Finding]:
    """Run every check for one app; `registry` asks for images outside ECR.

    `pins` reads the ledger's: image reference → digest form. Never raises AwsError: that is a failed check.

    Without usable credentials, or without a way to AWS, the remaining checks are left out; so they are
    where who we are is not answered, as by an endpoint that is not AWS.
    """

    def in_registries(aws: Aws, desired: DesiredApp) -> Iterator[Finding]:
        return images.in_registries(aws, desired, registry=registry, pins=pins())

    found: list[Finding] = []
    probes: tuple[tuple[str, Probe], ...] = (
        *_BEFORE_IMAGES,
        ("images", in_registries),
        ("guarantee", guarantee.runs),
    )
    for name, probe in probes:
        answers, goes_on = _probed(aws.within(PATIENCE), desired, name, probe)
        found += answers
        if not goes_on or any(f.guards and f.state is CheckState.FAILED for f in answers):
            return [replace(f, key=desired.key) for f in found]
    known = _looked_up(aws, desired)
    found += [*_look_ups(known), *findings(Reader(aws), whole(known))]
    return [replace(f, key=desired.key) for f in found]


def _looked_up(aws: Aws, desired: DesiredApp) -> DesiredApp:
    """Fill in the look-ups as a pass does. Where a Redis group is says nothing about what is checked."""
    names = [name for name in desired.lookups if name.startswith("redis.")]
    try:
        values = lookups.read(aws, desired, {})
    except AwsError:
        values = {}  # said by the probes, which come first
    return filled(desired, {**values, **{name: f"${{{name}}}" for name in names}})


def _look_ups(known: DesiredApp) -> Iterator[Finding]:
    """Say which workloads have no value for something that their files look up."""
    if not known.lookups:
        return
    lacking = [(one, s.address) for s in known.services for one in s.unresolved]
    lacking += [(one, m.address) for m in known.launched for one in m.unresolved]
    for why, ones in told(one for one, _ in lacking).items():
        needing = tuple(dict.fromkeys(address for one, address in lacking if one in ones))
        names = ", ".join(map(str, needing))
        yield Finding(f"look-up for {names}", CheckState.FAILED, why, needing)
    if not lacking:
        count = len(known.lookups)
        yield Finding("look-ups", CheckState.OK, f"{count} found" if count > 1 else "found")


def unanswered(found: list[Finding]) -> Finding | None:
    """Return the failure after which nothing was asked, alike for every app of the region; else None."""
    first = found[0]
    is_all = len(found) == 1 and first.name == CREDENTIALS
    return first if is_all and first.state is CheckState.FAILED else None


def exit_code(found: Iterable[Finding]) -> int:
    """Return the code of the gravest failed check; warnings and unseen things are 0."""
    return max((finding.exit_code for finding in found), default=0)


def _probed(aws: Aws, desired: DesiredApp, name: str, probe: Probe) -> tuple[list[Finding], bool]:
    """Return what a probe found, and whether the next one can find anything."""
    found: list[Finding] = []
    try:
        found.extend(probe(aws, desired))
    except (BadCredentials, Unreachable) as error:
        return [*found, Finding(name, CheckState.FAILED, str(error))], False
    except AccessDenied as error:
        found.append(not_permitted(name, error))
    except AwsError as error:
        found.append(Finding(name, CheckState.FAILED, str(error)))
        return found, name != CREDENTIALS
    return found, True
