"""`holdfast schema`: what files that people write may hold."""

from __future__ import annotations

import typer

from holdfast.cli.output import Output, OutputOption, print_object
from holdfast.model.policy import Policy

app = typer.Typer(help="JSON schemas of the files that people write.", no_args_is_help=True)


@app.callback()
def nouns() -> None:
    """JSON schemas of the files that people write."""


@app.command()
def policy(output: OutputOption = Output.JSON) -> None:  # noqa: ARG001 (a schema has one form)
    """Prints the JSON schema of a policy."""
    schema = {"$schema": "https://json-schema.org/draft/2020-12/schema", **Policy.model_json_schema()}
    print_object(schema, Output.JSON)
