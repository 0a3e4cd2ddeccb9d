"""`init`: the way in for a cluster that is there already. Reads AWS, writes files, changes nothing."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from reconciler.cli.apps import API_VERSION
from reconciler.cli.naming import names_of
from reconciler.cli.options import Invocation, option, verb
from reconciler.cli.prompt import asked, can_ask

if TYPE_CHECKING:
    from reconciler.app.importing import ImportReport
    from reconciler.source.imports.files import Imported

INCOMPLETE = 1


@verb("init", short_help="Write the YAML of what runs already.")
@option("--cluster", metavar="NAME", help="The ECS cluster; asked for on a terminal.")
@option("--service", "services", multiple=True, metavar="NAME", help="A service; may be repeated.")
@option("--all", "everything", is_flag=True, help="Every service of the cluster.")
@option(
    "--redis", multiple=True, metavar="ID", help="An ElastiCache replication group; repeatable."
)
@option(
    "--env", "environment", metavar="NAME", help="The environment; else guessed from the names."
)
@option("--region", metavar="NAME", help="The region; else as botocore finds it.")
@option("--force", is_flag=True, help="Overwrite the files of an earlier import.")
def command(invocation: Invocation, **options: Any) -> int:
    """Write the YAML of services that run already, below --dir, so that `diff` has nothing to say.

    The app is named by -a ENV/APP, or guessed from the names. No secret is written: what looks like
    one stays as it is live, `${live}`. Exit code 1 when a service could not be written.
    """
    if options["everything"]:
        invocation.without_effect("contradicts --all", "--service")
    from reconciler.app import importing  # noqa: PLC0415 - brings boto3

    environment, app = names_of(invocation, options.pop("environment"))
    cluster = options.pop("cluster") or _asked(invocation, options["region"])
    report = importing.init(
        invocation.settings,
        importing.ImportOptions(cluster=cluster, environment=environment, app=app, **options),
        say=lambda text: _progress(invocation, text),
    )
    if invocation.output.is_json:
        invocation.output.document(_document(report))
    else:
        for line in _lines(report):
            invocation.output.result(line)
    return INCOMPLETE if _is_incomplete(report) else 0


def _asked(invocation: Invocation, region: str | None) -> str:
    """Ask which cluster; where nobody can be asked, name the flag."""
    if not can_ask(invocation):
        raise invocation.usage_error("which cluster? give --cluster NAME")
    from reconciler.app import importing  # noqa: PLC0415 - brings boto3

    names = importing.clusters(invocation.settings, region)
    answer = asked(f"Cluster ({', '.join(names) or 'there are none'}): ")
    if not answer:
        raise invocation.usage_error("no cluster was named: give --cluster NAME")
    return answer


def _progress(invocation: Invocation, text: str) -> None:
    if not invocation.values["quiet"]:
        invocation.output.note(f"► {text}")


def _is_incomplete(report: ImportReport) -> bool:
    return bool(report.absent or report.differences or any(s.problems for s in report.services))


def _lines(report: ImportReport) -> Iterator[str]:
    for service in report.services:
        sign = "✗" if service.problems else "✔"
        yield f"{sign} {f'service/{service.key}':<24} {_summary(service)}"
    for key, name in report.redis.items():
        yield f"✔ {f'redis/{key}':<24} {name}"
    for name, why in report.absent.items():
        yield f"✗ {name:<24} not imported: {why}"
    for service in report.services:
        for problem in service.problems:
            yield f"✗ service/{service.key}: not imported: {problem}"
        if not service.problems:
            yield from (f"! service/{service.key}: {note}" for note in service.notes)
    yield from (f"! diff would still show {text}" for text in report.differences)
    yield from (f"! {text}" for text in report.warnings)
    if not report.files:
        yield "nothing was written"
        return
    written = ", ".join(f"{path} ({lines} lines)" for path, lines in report.files.items())
    yield f"✔ wrote {written}"
    yield f"Next: reconciler -a {report.key} diff        # should say: no difference"


def _summary(service: Imported) -> str:
    live = service.live
    names = [str(c["name"]) for c in live.task_definition.get("containerDefinitions", ())]
    said = [live.name, f"container {names[0]}" if len(names) == 1 else f"{len(names)} containers"]
    if not names:
        said[1] = "no containers"
    groups = [str(b.get("targetGroupArn", "")) for b in live.service.get("loadBalancers", ())]
    said += [f"target group {arn.split('/')[1]}" for arn in groups if "/" in arn]
    if "desiredCount" in live.service:
        count = live.service["desiredCount"]
        said.append(f"{count} task" + ("" if count == 1 else "s"))
    if service.shares:
        said.append(f"shares the container {service.shares}")
    return ", ".join(said)


def _document(report: ImportReport) -> dict[str, Any]:
    return {
        "apiVersion": API_VERSION,
        "kind": "Import",
        "key": report.key,
        "files": [{"path": path, "lines": lines} for path, lines in report.files.items()],
        "services": [
            {
                "address": f"service/{s.key}",
                "serviceName": s.live.name,
                "notes": list(s.notes),
                "problems": list(s.problems),
            }
            for s in report.services
        ],
        "redis": [{"address": f"redis/{k}", "id": name} for k, name in report.redis.items()],
        "absent": dict(report.absent),
        "differences": list(report.differences),
        "warnings": list(report.warnings),
    }
