"""Digests and platforms of all images of an app: pins first, registries for what is new.

Called by `resources.observe`, which keeps one for an app, and by `init`. In the steady state nothing is
asked.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from reconciler.aws.door import Aws
from reconciler.aws.registry import Closed, Registry
from reconciler.model.errors import AccessDenied, InvalidRequest, NotFound, RegistryError
from reconciler.model.lookups import Deferred
from reconciler.resources import image

_NOBODY: Mapping[str, str] = {}
_CLOSED_SECONDS = 300.0
"""How long a registry that cannot be asked is left alone."""


@dataclass(frozen=True)
class Images:
    """What was found: reference → digest form, → platforms of new ones, → why it has no digest."""

    digests: Mapping[str, str] = field(default_factory=dict)
    platforms: Mapping[str, frozenset[str]] = field(default_factory=dict)
    unpinned: Mapping[str, str] = field(default_factory=dict)


class Digests:
    """Resolves references; remembers what a digest runs on, and which registries are closed to us."""

    def __init__(self, registry: Registry | None = None) -> None:
        """Start with nothing remembered; without `registry` only ECR is asked."""
        self._registry = registry
        self._platforms: dict[str, frozenset[str]] = {}
        self._closed: dict[str, tuple[float, str]] = {}

    def read(
        self,
        aws: Aws,
        references: Iterable[str],
        pins: Mapping[str, str],
        followed: Mapping[str, str] = _NOBODY,
    ) -> Images:
        """Return everything about the references. Raises AwsError, RegistryError.

        The pin decides, not the registry: a tag that is moved must not roll a service without a
        commit, and every controller must register the same bits. `followed` are the moved tags of
        services that ask for it, with their new digest forms.
        """
        digests: dict[str, str] = {}
        platforms: dict[str, frozenset[str]] = {}
        unpinned: dict[str, str] = {}
        for reference in sorted(r for r in references if not isinstance(r, Deferred)):
            if reference in followed:
                digests[reference] = followed[reference]
                platforms[reference] = self._platforms_of(aws, followed[reference])
                continue
            if reference in pins:
                digests[reference] = pins[reference]
                continue
            digest, problem = self._resolve(aws, reference)
            if problem:
                unpinned[reference] = problem
            if digest is not None:
                digests[reference] = digest
                platforms[reference] = self._platforms_of(aws, digest)
        return Images(digests, {r: p for r, p in platforms.items() if p}, unpinned)

    def _resolve(self, aws: Aws, reference: str) -> tuple[str | None, str]:
        """Return the digest form, or the reference itself and why there is no digest."""
        until, problem = self._closed.get(reference, (0.0, ""))
        if aws.clock.boot_seconds() < until:
            return reference, problem
        try:
            return image.resolve(aws, reference, self._registry), ""
        except Closed as closed:
            until = aws.clock.boot_seconds() + _CLOSED_SECONDS
            self._closed[reference] = (until, str(closed))
            return reference, str(closed)

    def _platforms_of(self, aws: Aws, pinned: str) -> frozenset[str]:
        """Return what a digest runs on: it never changes. Who may not see it is not stopped by that."""
        if "@" not in pinned:
            return frozenset()
        if pinned not in self._platforms:
            try:
                found = image.platforms(aws, pinned, self._registry)
            except (AccessDenied, NotFound, InvalidRequest, Closed, RegistryError):
                found = frozenset()
            self._platforms[pinned] = found
        return self._platforms[pinned]
