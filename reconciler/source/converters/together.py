"""Several files of another tool → one app, as one folder is here. Pure; called by `app.converting`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from reconciler.model.errors import UsageError
from reconciler.source.converters.conversion import UNKNOWN_ACCOUNT, Converted, Wanted
from reconciler.source.imports.live import Target
from reconciler.source.imports.names import guess_app
from reconciler.source.imports.tree import Keys


def together(parts: Sequence[Converted], wanted: Wanted) -> Converted:
    """Return several conversions as one app.

    Raises UsageError when they are not of one environment, account, region and cluster, or say different
    things of one section: these are several apps.
    """
    first, *others = parts
    if not others:
        return first
    return Converted(
        _target(
            [part.target for part in parts], wanted, [s.name for p in parts for s in p.services]
        ),
        tuple(service for part in parts for service in part.services),
        tuple(dict.fromkeys(remark for part in parts for remark in part.remarks)),
        _sections([part.sections for part in parts]),
    )


def _target(targets: Sequence[Target], wanted: Wanted, services: Sequence[str]) -> Target:
    for word in ("environment", "account", "region", "cluster"):
        found = {str(getattr(target, word)) for target in targets} - {UNKNOWN_ACCOUNT}
        if len(found) > 1:
            raise UsageError(
                f"the files are of several {word}s: {', '.join(sorted(found))}; convert each by itself, or "
                f"give --{'env' if word == 'environment' else word}"
            )
    account = next((t.account for t in targets if t.account != UNKNOWN_ACCOUNT), UNKNOWN_ACCOUNT)
    app = wanted.app or guess_app(services, (), targets[0].app)
    return replace(targets[0], app=app, account=account)


def _sections(parts: Sequence[Keys]) -> Keys:
    whole = Keys()
    for part in parts:
        for name, section in part.items():
            known = whole.setdefault(name, section)
            if isinstance(known, Keys) and isinstance(section, Keys):
                whole[name] = Keys({**known, **section})
            elif known != section:
                raise UsageError(
                    f"{name} is {known} in one file and {section} in another: convert each by itself"
                )
    return whole
