"""`headgate doctor`: what is wrong with this machine and with the site, and what to do about it."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

import typer

from headgate_cli.connection import connected
from headgate_cli.errors import CliError, NotLeadingError, Status, UnreachableError

if TYPE_CHECKING:
    from headgate_cli.api import Api
    from headgate_common.diagnosis import Finding

TERRAFORM = ("terraform", "tofu")
OLDEST_TERRAFORM = (1, 11)


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(doctor)


@connected
def doctor(api: "Api") -> None:
    """Check this machine, the controller, OVN's databases and every host, and say what to do.

    On a hypervisor, `headgate-agent doctor` checks that machine.
    """
    from headgate_common.diagnosis import State, table

    findings = [*_machine(), *_site(api)]
    for line in table(findings):
        typer.echo(line)
    worst = max(finding.state for finding in findings)
    if worst is not State.OK:
        raise typer.Exit(Status.FAULTS if worst is State.FAILED else Status.WARNINGS)


def _machine() -> "Iterator[Finding]":
    """Yield what is found on this machine."""
    yield _terraform()
    yield _provider()


def _terraform() -> "Finding":
    import re
    import shutil
    import subprocess

    from headgate_common.diagnosis import ok, warning

    fix = "Install Terraform 1.11 or newer, or OpenTofu 1.11, unless you work without it."
    for program in TERRAFORM:
        if shutil.which(program) is None:
            continue
        said = subprocess.run([program, "version"], capture_output=True, text=True, timeout=30, check=False).stdout
        found = re.search(r"v(\d+)\.(\d+)\.\S+", said)
        if found and (int(found[1]), int(found[2])) >= OLDEST_TERRAFORM:
            return ok("terraform", f"{program} {found[0]}")
        return warning("terraform", f"{program} {found[0] if found else 'does not run'} is too old", fix)
    return warning("terraform", "neither terraform nor tofu is on PATH", fix)


def _provider() -> "Finding":
    from pathlib import Path

    from headgate_common.diagnosis import ok, warning
    from headgate_terraform.install import installed

    releases = installed(Path.home())
    if not releases:
        fix = "headgate terraform install, unless you work without Terraform."
        return warning("provider", "it is not where terraform init looks for it", fix)
    return ok("provider", f"release {', '.join(releases)} is where terraform init finds it")


def _site(api: "Api") -> "Iterator[Finding]":
    """Yield what the controller's own checks find, or why they cannot be asked for."""
    from importlib.metadata import version

    from headgate.v1 import diagnosis_pb2, types_pb2
    from headgate_common.diagnosis import Finding, State, failed, ok, warning
    from headgate_common.methods import Method

    states = {
        types_pb2.SEVERITY_INFO: State.OK,
        types_pb2.SEVERITY_WARNING: State.WARNING,
        types_pb2.SEVERITY_ERROR: State.FAILED,
    }
    request, response = diagnosis_pb2.GetDiagnosisRequest, diagnosis_pb2.GetDiagnosisResponse
    try:
        answer = api.call(Method("/headgate.v1.DiagnosisService/GetDiagnosis", request, response), request())
    except NotLeadingError as error:
        fix = "Let HEADGATE_ENDPOINTS name every controller, so that the one that leads is asked."
        yield failed("controller", " ".join(str(error).split("\n")), fix)
        return
    except UnreachableError as error:
        fix = "On the controller's machine: systemctl status headgate-controller"
        yield failed("controller", " ".join(str(error).split("\n")), fix)
        return
    except CliError as error:
        fix = "Use a token for the whole site (headgate token create NAME --all-projects) to see the site's checks."
        yield warning("controller", " ".join(str(error).split("\n")), fix)
        return
    if answer.version == version("headgate"):
        yield ok("controller", f"it answers, version {answer.version}")
    else:
        text = f"it answers, version {answer.version}; this program is {version('headgate')}"
        yield warning("controller", text, "Upgrade the older of the two.")
    for found in answer.findings:
        yield Finding(found.check, states.get(found.severity, State.WARNING), found.text, found.fix)
