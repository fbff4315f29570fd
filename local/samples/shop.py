"""`shop`: customers, products, orders and order lines; what a small web shop has.

From day to day: 1 % of the orders change, 2 % new ones come with their lines, prices move. On day 3 customers get a loyalty
tier (a new column: every row grows by a byte). On day 5, and every 10 days after, the oldest orders are purged.
"""

from __future__ import annotations

import numpy as np

from local.samples import words
from local.samples.chance import Ints
from local.samples.database import Database, Moment, RowValues, TableRows, guid, row_versions
from local.samples.schema import (
    Alias,
    Check,
    Column,
    ForeignKey,
    Grant,
    Index,
    Key,
    Parameter,
    Procedure,
    Role,
    Schema,
    Sequence,
    Table,
    Type,
    User,
    View,
    aliased,
    bracketed,
    column,
    computed,
)
from local.samples.values import TICKS_PER_DAY, Ragged, Values, concatenate, constant, digits

PHONE = Alias("dbo", "Phone", Type("nvarchar", 25))
LOYALTY_FROM_DAY = 3
_CUSTOMERS, _PRODUCTS = 1_500, 240
_LINES = 8  # an order's number times this plus the line's number is the line's key here


def _customer_columns(day: int) -> tuple[Column, ...]:
    first = (
        column("CustomerID", "int", identity=(1, 1)),
        column("PublicID", "uniqueidentifier", default=("DF_Customer_PublicID", "(newid())"), row_guid=True),
        column("FirstName", "nvarchar(50)"),
        column("LastName", "nvarchar(50)"),
        column("Email", "varchar(120)"),
        aliased("Phone", PHONE, nullable=True),
        column("Birthday", "date null"),
        column("Credit", "money", default=("DF_Customer_Credit", "((0))")),
        column("Active", "bit", default=(None, "((1))")),
        column("CreatedAt", "datetime2(3)", default=("DF_Customer_CreatedAt", "(sysutcdatetime())")),
        column("Notes", "nvarchar(max) null"),
        computed("FullName", "(([FirstName]+N' ')+[LastName])", "FirstName", "LastName"),
        column("RowVersion", "rowversion"),
    )
    return (*first, column("LoyaltyTier", "tinyint null")) if day >= LOYALTY_FROM_DAY else first


def _tables(day: int) -> tuple[Table, ...]:
    customer = Table(
        "Sales",
        "Customer",
        _customer_columns(day),
        Key("PK_Customer", ("CustomerID",)),
        unique=(Key("UQ_Customer_PublicID", ("PublicID",), clustered=False),),
        indexes=(
            Index("IX_Customer_LastName", ("LastName", "FirstName"), included=("Email",)),
            Index("IX_Customer_Birthday", ("Birthday",), where=("([Birthday] IS NOT NULL)", ("Birthday",))),
        ),
        checks=(Check("CK_Customer_Email", "[Email] like '%_@_%'", ("Email",)),),
    )
    product = Table(
        "Catalog",
        "Product",
        (
            column("ProductID", "int", identity=(1, 1)),
            column("Sku", "char(12)"),
            column("Name", "nvarchar(120)"),
            column("Price", "decimal(10,2)"),
            column("Weight", "float null"),
            column("Colour", "nvarchar(20) null"),
            column("Description", "nvarchar(max) null"),
            column("DiscontinuedAt", "smalldatetime null"),
            column("Attributes", "xml null"),
        ),
        Key("PK_Product", ("ProductID",)),
        indexes=(Index("UX_Product_Sku", ("Sku",), unique=True),),
        checks=(Check("CK_Product_Price", "[Price]>=(0)", ("Price",)),),
    )
    price_list = Table(
        "Catalog",
        "Price List",
        (column("ProductID", "int"), column("Valid from", "date"), column("Price", "decimal(10,2)")),
        Key(None, ("ProductID", "-Valid from")),
        foreign_keys=(
            ForeignKey(
                "FK_PriceList_Product", ("ProductID",), ("Catalog", "Product"), ("ProductID",), on_delete_cascade=True
            ),
        ),
    )
    line = Table(
        "Sales",
        "OrderLine",
        (
            column("OrderID", "bigint"),
            column("Line", "tinyint"),
            column("ProductID", "int"),
            column("Quantity", "smallint", default=("DF_OrderLine_Quantity", "((1))")),
            column("UnitPrice", "decimal(10,2)"),
            column("Discount", "real null"),
            computed("LineTotal", "([UnitPrice]*[Quantity])", "UnitPrice", "Quantity", persisted=True),
        ),
        Key("PK_OrderLine", ("OrderID", "Line")),
        indexes=(Index("IX_OrderLine_Product", ("ProductID",)),),
        foreign_keys=(
            ForeignKey("FK_OrderLine_Orders", ("OrderID",), ("Sales", "Orders"), ("OrderID",), on_delete_cascade=True),
            ForeignKey("FK_OrderLine_Product", ("ProductID",), ("Catalog", "Product"), ("ProductID",)),
        ),
        checks=(Check("CK_OrderLine_Quantity", "[Quantity]>(0) AND [Quantity]<=(999)", ("Quantity",)),),
    )
    customers = ForeignKey("FK_Orders_Customer", ("CustomerID",), ("Sales", "Customer"), ("CustomerID",))
    return product, price_list, customer, orders_table("Sales", customers), line


def orders_table(schema: str, *foreign_keys: ForeignKey) -> Table:
    """Orders, clustered on a growing number."""
    return Table(
        schema,
        "Orders",
        (
            column("OrderID", "bigint", identity=(1, 1)),
            column("CustomerID", "int"),
            column("OrderedAt", "datetime2(7)"),
            column("ChangedAt", "datetimeoffset(3)"),
            column("Status", "tinyint"),
            column("Currency", "char(3)"),
            column("Total", "decimal(12,2)"),
            column("Comment", "nvarchar(200) null"),
            column("Token", "uniqueidentifier"),
        ),
        Key("PK_Orders", ("OrderID",)),
        indexes=(Index("IX_Orders_Customer", ("CustomerID", "-OrderedAt"), included=("Total",)),),
        foreign_keys=foreign_keys,
    )


def orders_rows(moment: Moment, at_scale_one: int, customers: int, daily_per_mille: int, *, purge: bool) -> TableRows:
    """Orders: 1 % of the rows are updated every day, at random, and new ones come at the end."""
    base, daily = moment.grown(at_scale_one, daily_per_mille)
    chance = moment.chance
    ids = moment.ids(base, daily, _purged(moment, base) if purge else 0)

    def build(keys: Ints) -> RowValues:
        born = moment.born(keys, base, daily)
        version = chance.version("orders updated", keys, born, moment.day, 10)
        ordered = moment.since(keys, base, born)
        changed = np.where(version > born, moment.on(version, "order changed", keys), ordered)
        offsets = 60 * (1 + chance.below("order offset", keys, 2))
        silent = ~chance.share("order comment", keys, 300, version)
        comment = words.prose(chance, "order words", keys, 3 + chance.below("order length", keys, 12, version), version)
        return {
            "OrderID": Values(keys),
            "CustomerID": Values(1 + chance.skewed("order customer", keys, customers)),
            "OrderedAt": Values(ordered),
            "ChangedAt": Values(np.stack((changed, offsets), axis=1)),
            "Status": Values(chance.below("order status", keys, 6, version)),
            "Currency": words.CURRENCIES.take(chance.skewed("order currency", keys, 6)),
            "Total": Values(500 + chance.skewed("order total", keys, 90_000, version)),
            "Comment": comment.with_null(silent),
            "Token": guid(chance, "order token", keys),
        }

    return TableRows(ids, build)


def _purged(moment: Moment, base: int) -> int:
    """How many of the oldest orders are gone: a tenth of the first ones on day 5 and every 10 days after."""
    return min((moment.day + 5) // 10, 9) * (base // 10)


def _lines(moment: Moment, orders: Ints, products: int) -> TableRows:
    chance = moment.chance
    count = 1 + chance.skewed("lines of order", orders, _LINES - 2)
    places = np.arange(int(count.sum())) - np.repeat(np.cumsum(count) - count, count)
    keys = np.repeat(orders, count) * _LINES + places + 1

    def build(keys: Ints) -> RowValues:
        return {
            "OrderID": Values(keys // _LINES),
            "Line": Values(keys % _LINES),
            "ProductID": Values(1 + chance.skewed("line product", keys, products)),
            "Quantity": Values(1 + chance.skewed("line quantity", keys, 9)),
            "UnitPrice": Values(100 + chance.skewed("line price", keys, 40_000)),
            "Discount": Values(
                chance.below("line discount", keys, 40) / np.float32(100), ~chance.share("line discounted", keys, 200)
            ),
        }

    return TableRows(keys.astype(np.int64), build)


def _customers(moment: Moment) -> TableRows:
    base, daily = moment.grown(_CUSTOMERS, 4)
    chance = moment.chance
    ids = moment.ids(base, daily)

    def build(keys: Ints) -> RowValues:
        born = moment.born(keys, base, daily)
        version = chance.version("customers updated", keys, born, moment.day, 5)
        made = moment.since(keys, base, born)
        first = chance.below("first name", keys, len(words.FIRST_NAMES.lengths))
        last = chance.below("last name", keys, len(words.LAST_NAMES.lengths), version // 5)
        birthday = (made // TICKS_PER_DAY - 7_000 - chance.below("birthday", keys, 20_000)) * TICKS_PER_DAY
        mail = concatenate(
            (
                words.MAIL_NAMES.take(chance.below("mail name", keys, len(words.MAIL_NAMES.lengths))),
                digits(keys, 7),
                words.MAIL_HOSTS.take(chance.below("mail host", keys, len(words.MAIL_HOSTS.lengths))),
            )
        )
        phone = concatenate((constant("+49 30 ", len(keys)), digits(chance.below("phone", keys, 10**8, version), 8)))
        notes = words.prose(chance, "notes", keys, 5 + chance.below("notes length", keys, 60, version), version)
        rows: RowValues = {
            "CustomerID": Values(keys),
            "PublicID": guid(chance, "customer id", keys),
            "FirstName": words.FIRST_NAMES.take(first),
            "LastName": words.LAST_NAMES.take(last),
            "Email": mail,
            "Phone": phone.with_null(chance.share("no phone", keys, 250)),
            "Birthday": Values(birthday, chance.share("no birthday", keys, 400)),
            "Credit": Values(100 * (chance.below("credit", keys, 500_000, version) - 50_000)),
            "Active": Values(~chance.share("inactive", keys, 80, version)),
            "CreatedAt": Values(made),
            "Notes": notes.with_null(~chance.share("has notes", keys, 150)),
            "RowVersion": row_versions(keys, version),
        }
        if moment.day >= LOYALTY_FROM_DAY:
            tier = chance.below("tier", keys, 4, version)
            rows["LoyaltyTier"] = Values(tier, version < LOYALTY_FROM_DAY)
        return rows

    return TableRows(ids, build)


def _products(moment: Moment) -> tuple[TableRows, TableRows]:
    base, daily = moment.grown(_PRODUCTS, 5)
    chance = moment.chance
    ids = moment.ids(base, daily)

    def build(keys: Ints) -> RowValues:
        born = moment.born(keys, base, daily)
        version = chance.version("products updated", keys, born, moment.day, 20)
        kind = chance.below("product kind", keys, len(words.PRODUCTS.lengths))
        colour = words.COLOURS.take(chance.below("colour", keys, len(words.COLOURS.lengths)))
        space = constant(words.SPACE, len(keys))
        attributes = Ragged.text(
            f'<attributes><width unit="mm">{w}</width><fragile>{"yes" if w % 3 else "no"}</fragile></attributes>'
            for w in chance.below("width", keys, 2_000).tolist()
        )
        return {
            "ProductID": Values(keys),
            "Sku": concatenate((constant("HF-", len(keys)), digits(keys * 7_919 % 10**9, 9))),
            "Name": concatenate((words.PRODUCTS.take(kind), space, colour)),
            "Price": Values(199 + chance.skewed("price", keys, 60_000, version)),
            "Weight": Values(chance.below("weight", keys, 30_000) / 1000, chance.share("no weight", keys, 100)),
            "Colour": colour.with_null(chance.share("no colour", keys, 200)),
            "Description": words.prose(chance, "description", keys, 20 + chance.below("long", keys, 120), version),
            "DiscontinuedAt": Values(moment.since(keys, base, born), ~chance.share("discontinued", keys, 60, version)),
            "Attributes": attributes.with_null(chance.share("no attributes", keys, 500)),
        }

    def build_prices(keys: Ints) -> RowValues:
        product, age = keys // 100, keys % 100
        return {
            "ProductID": Values(product),
            "Valid from": Values((738_000 - 90 * age) * TICKS_PER_DAY),
            "Price": Values(199 + chance.skewed("list price", keys, 60_000)),
        }

    prices = (ids[:, None] * 100 + np.arange(3)).reshape(-1)
    return TableRows(ids, build), TableRows(prices, build_prices)


def _ref(table: str, *name: str) -> str:
    return bracketed("Sales", table, *name)


def shop(moment: Moment) -> Database:
    """The database of that day."""
    customer_rows = _customers(moment)
    product_rows, price_rows = _products(moment)
    # Who orders what is told by the numbers of day 0: a number that grows would deal all orders anew every day.
    orders = orders_rows(moment, 5_000, moment.count(_CUSTOMERS), 20, purge=True)
    customer, order = "Customer", "Orders"
    turnover = View(
        "Sales",
        "Turnover",
        "SELECT c.CustomerID, c.LastName, COUNT(*) AS Orders, SUM(o.Total) AS Total\n"
        "FROM Sales.Customer AS c JOIN Sales.Orders AS o ON o.CustomerID = c.CustomerID\n"
        "GROUP BY c.CustomerID, c.LastName",
        (
            ("CustomerID", (_ref(customer, "CustomerID"),)),
            ("LastName", (_ref(customer, "LastName"),)),
            ("Orders", ()),
            ("Total", ()),
        ),
        (
            _ref(customer),
            _ref(order),
            _ref(order, "CustomerID"),
            _ref(customer, "CustomerID"),
            _ref(customer, "LastName"),
            _ref(order, "Total"),
        ),
    )
    orders_of = Procedure(
        "Sales",
        "OrdersOf",
        "BEGIN\n    SET NOCOUNT ON;\n    SELECT TOP (@Top) OrderID, OrderedAt, Total\n    FROM Sales.Orders\n"
        "    WHERE CustomerID = @CustomerID\n    ORDER BY OrderedAt DESC;\nEND",
        (Parameter("@CustomerID", Type("int")), Parameter("@Top", Type("int"), "100")),
        (
            _ref(order),
            "[Sales].[OrdersOf].[@Top]",
            _ref(order, "OrderID"),
            _ref(order, "OrderedAt"),
            _ref(order, "Total"),
            _ref(order, "CustomerID"),
            "[Sales].[OrdersOf].[@CustomerID]",
        ),
    )
    schema = Schema(
        schemas=("Catalog", "Sales"),
        aliases=(PHONE,),
        tables=_tables(moment.day),
        views=(turnover,),
        procedures=(orders_of,),
        sequences=(Sequence("Sales", "InvoiceNumber", Type("bigint"), 100_000),),
        users=(User("shop_web"), User("shop_reports")),
        roles=(Role("clerks", ("shop_web",)),),
        grants=(Grant("Select", "clerks", ("Catalog",)), Grant("Execute", "clerks", ("Sales", "OrdersOf"))),
        fixed_role_members=(("db_datareader", "shop_reports"),),
    )
    return Database(
        schema,
        {
            ("Catalog", "Product"): product_rows,
            ("Catalog", "Price List"): price_rows,
            ("Sales", "Customer"): customer_rows,
            ("Sales", "Orders"): orders,
            ("Sales", "OrderLine"): _lines(moment, orders.keys, moment.count(_PRODUCTS)),
        },
    )
