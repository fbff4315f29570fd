"""`legacy`: a database that cannot be exported, for three reasons that old databases have.

A view reads a table of another database, a user's login is gone, and a user belongs to a Windows domain. Its package is
whole and loads; Microsoft's model validation, preflight and SqlPackage name the three.
"""

from __future__ import annotations

from local.samples import words
from local.samples.chance import Ints
from local.samples.database import Database, Moment, RowValues, TableRows
from local.samples.schema import Key, Schema, Table, User, View, column
from local.samples.values import Values

EXTERNAL_VIEW, ORPHAN, WINDOWS_USER = "InvoiceInEuro", "reporting", "CONTOSO\\backup"

_INVOICE = Table(
    "dbo",
    "Invoice",
    (
        column("InvoiceID", "int"),
        column("Issued", "datetime"),
        column("Amount", "money"),
        column("Currency", "nchar(3)"),
        column("Remark", "ntext null"),
    ),
    Key("PK_Invoice", ("InvoiceID",)),
)


def legacy(moment: Moment) -> Database:
    """The database of that day."""
    chance = moment.chance
    base, daily = moment.grown(500, 10)

    def invoices(keys: Ints) -> RowValues:
        return {
            "InvoiceID": Values(keys),
            "Issued": Values(moment.since(keys, base, moment.born(keys, base, daily))),
            "Amount": Values(10_000 + 100 * chance.skewed("amount", keys, 100_000)),
            "Currency": words.CURRENCIES.take(chance.skewed("currency", keys, 6)),
            "Remark": words.prose(chance, "remark", keys, 1 + chance.below("remark length", keys, 30)).with_null(
                chance.share("no remark", keys, 600)
            ),
        }

    view = View(
        "dbo",
        EXTERNAL_VIEW,
        "SELECT i.InvoiceID, i.Amount * r.Rate AS Amount\n"
        "FROM dbo.Invoice AS i JOIN [Finance].[dbo].[ExchangeRate] AS r ON r.Currency = i.Currency",
        (("InvoiceID", ("[dbo].[Invoice].[InvoiceID]",)), ("Amount", ())),
        (
            "[dbo].[Invoice]",
            "",
            "",
            "[dbo].[Invoice].[Currency]",
            "[dbo].[Invoice].[InvoiceID]",
            "[dbo].[Invoice].[Amount]",
            "",
        ),
    )
    return Database(
        Schema(
            tables=(_INVOICE,),
            views=(view,),
            users=(User(ORPHAN, "orphaned", "reporting_login"), User(WINDOWS_USER, "windows"), User("app")),
        ),
        {("dbo", "Invoice"): TableRows(moment.ids(base, daily), invoices)},
    )
