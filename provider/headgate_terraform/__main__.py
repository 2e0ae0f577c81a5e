"""The program that Terraform starts: headgate-terraform-provider."""

import gc
import os
import sys

USAGE = """\
This is the Headgate provider of Terraform; Terraform starts it by itself.

  headgate terraform install              puts it where `terraform init` finds it
  headgate-terraform-provider --debug     serves until stopped; prints the variable by which Terraform finds it

Kinds from further proto files: HEADGATE_EXTRA_PROTOS, names of generated Python modules separated by commas.
"""

INCOMPLETE = 'The Headgate provider lacks the Python package {name}: install headgate with its extra "terraform".'


def main() -> int:
    """Serve Terraform, or explain why not."""
    try:
        return _serve()
    except ModuleNotFoundError as error:
        # On stdout, of which Terraform shows its user the first line; of stderr nothing.
        print(INCOMPLETE.format(name=error.name))
        return 1


def _serve() -> int:
    debug = sys.argv[1:] == ["--debug"]
    # Terraform starts the provider three to five times for one command, so nothing heavy is imported that a start does
    # not need; and while modules are being made there is no garbage to look for, only more and more to look through.
    gc.disable()
    from headgate_terraform.start import COOKIE, pass_on

    if not debug and (len(sys.argv) > 1 or os.environ.get(COOKIE[0]) != COOKIE[1]):
        print(USAGE, end="")
        return 2
    if not debug and (status := pass_on()) is not None:
        return status
    import asyncio

    from headgate_terraform.plugin import serve
    from headgate_terraform.provider import Provider
    from headgate_terraform.spans import telemetry_of

    asyncio.run(serve(Provider(telemetry=telemetry_of(os.environ)), debug=debug))
    return 0


if __name__ == "__main__":
    sys.exit(main())
