"""Where answers about tables come from: a repository opened here, or the app, whose worker writes them down."""

from __future__ import annotations

import json
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

import typer

from holdfast.cli.app import App
from holdfast.cli.direct import is_url, open_repository
from holdfast.cli.downloading import fetch
from holdfast.cli.output import Output
from holdfast.cli.session_views import exit_code, print_session
from holdfast.cli.watching import watch_session
from holdfast.model.errors import InvalidInput
from holdfast.model.table_ask import TableAsk


@dataclass(frozen=True)
class TableReading:
    """The options that say where, and how a session that failed is printed."""

    repository: str | None
    password_file: Path | None
    state: Path | None
    output: Output

    @property
    def direct(self) -> bool:
        """Whether the repository is opened here."""
        return is_url(self.repository)

    def answer(self, point: str, ask: TableAsk) -> Any:
        """The answer to `list`, `show` and `diff`. Raises what reading raises; ends as the session did."""
        if self.direct:
            from holdfast.repository import answer_about_tables

            opened = open_repository(str(self.repository), self.password_file)
            return answer_about_tables(opened.tables, point, ask)
        with tempfile.TemporaryDirectory(prefix="holdfast-table-") as folder:
            file = Path(folder) / "answer.json"
            self._through_app(point, ask, file)
            return json.loads(file.read_text(encoding="utf-8"))

    def export(self, point: str, table: str, to: Path) -> dict[str, Any]:
        """Writes the table's file, whole or not at all; what is to be told of it. Raises as `answer`."""
        from holdfast.bacpac.names import table_name
        from holdfast.bacpac.values.table_files import FORMATS, write_table

        if to.suffix.lower() not in FORMATS:
            raise InvalidInput(
                f"{to.name}: a table is written as {' or '.join(FORMATS)}", help="Give such a name to --to."
            )
        if self.direct:
            tables = open_repository(str(self.repository), self.password_file).tables(point)
            found = tables.table(*table_name(table))
            written = write_table(found.decodable(), tables.pieces(found), to)
            told: dict[str, Any] = {"point": point, "table": found.full_name, "file": str(to)}
            return {**told, "rows": written.rows, "bytes": written.bytes, "losses": written.losses}
        ask = TableAsk.model_validate({"act": "export", "table": table, "format": to.suffix.lower().lstrip(".")})
        session, done = self._through_app(point, ask, to)
        told = {"point": point, "table": ".".join(table_name(table)), "file": str(to), "session": session}
        return {**told, **{name: done.get(name) for name in ("rows", "bytes", "losses")}}

    def _through_app(self, point: str, ask: TableAsk, to: Path) -> tuple[str, dict[str, Any]]:
        app = App(self.state)
        wanted = {"show": ("table", "rows"), "export": ("table", "format"), "diff": ("table", "other", "rows")}
        body = ask.model_dump(include=set(wanted.get(ask.act, ())))
        started = app.post(f"points/{quote(point)}/tables/{ask.act}", {**body, "repository": self.repository})
        ended = watch_session(app, str(started["id"]))
        done = ended.get("download")
        if ended["state"] != "succeeded" or not done:
            print_session(ended, self.output)
            raise typer.Exit(exit_code(ended) or 1)
        fetch(done, to, app.address.ca_file)
        return str(ended["id"]), dict(done)
