"""The exit codes of the whole program: one table, printed in docs/cli.md and checked against it."""

from __future__ import annotations

from collections.abc import Mapping

EXIT_CODES: Mapping[int, str] = {
    0: "Done, or no differences, or already done.",
    1: "Differences (`diff`); otherwise a failure without a code of its own.",
    2: "Wrong usage, or invalid desired state. Any error of `diff` is 2 or more.",
    3: "AWS refused or could not be reached.",
    4: "A guard refused: account, prune limit, suspended, files changed since the question.",
    5: "Held by another: the lease or, for `once`, the key; `--no-wait`, waited in vain, or lost.",
    6: "An earlier run failed or its outcome is unknown: `migration retry` or `resolve`, "
    "`once --resolve` settle it.",
    7: "Timed out.",
    8: "Rolled out but unhealthy, or rolled back by ECS.",
    124: "`once`, `task run`, `job trigger --wait`: ran too long. Otherwise the command's own code.",
    125: "`once`, `task run`, `job trigger --wait`: could not be started; nothing was run.",
    126: "`once`, `task run`, `job trigger --wait`: the command is not executable.",
    127: "`once`, `task run`, `job trigger --wait`: the command was not found.",
    130: "Interrupted (Ctrl-C); `run` and `local` end with 0 when they have handed over in time.",
    141: "Whoever read the output has gone away, as `head` does.",
    143: "Terminated (SIGTERM, or SIGHUP when the terminal was closed); `run` and `local` as above.",
}
"""`diff --detailed-exitcode` has Terraform's instead: 0 none, 2 differences, 1 any error."""
