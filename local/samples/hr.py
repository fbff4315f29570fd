"""`hr`: departments, employees and salaries; small, with a schema that lives.

On day 4 a table `Review` appears, on day 6 `Absence` is renamed to `Leave`, on day 9 `Parking` is dropped.
"""

from __future__ import annotations

import numpy as np

from local.samples import words
from local.samples.chance import Ints
from local.samples.database import FIRST_TICKS, Database, Moment, RowValues, TableRows
from local.samples.schema import (
    Check,
    ForeignKey,
    Grant,
    Index,
    Key,
    Role,
    Schema,
    Table,
    User,
    View,
    bracketed,
    column,
)
from local.samples.values import TICKS_PER_DAY, Values, concatenate, constant, digits

REVIEW_FROM_DAY, LEAVE_FROM_DAY, PARKING_UNTIL_DAY = 4, 6, 8
_DEPARTMENTS = 12

_DEPARTMENT = Table(
    "hr",
    "Department",
    (column("DepartmentID", "smallint"), column("Name", "nvarchar(60)"), column("CostCentre", "nchar(8)")),
    Key(None, ("DepartmentID",)),
    unique=(Key(None, ("Name",), clustered=False),),
)
_EMPLOYEE = Table(
    "hr",
    "Employee",
    (
        column("EmployeeID", "int", identity=(1, 1)),
        column("DepartmentID", "smallint"),
        column("ManagerID", "int null"),
        column("FirstName", "nvarchar(50)"),
        column("LastName", "nvarchar(50)"),
        column("TaxNumber", "char(11) null"),
        column("HiredOn", "date"),
        column("Hours", "decimal(4,2)", default=("DF_Employee_Hours", "((38.5))")),
        column("StartsAt", "time(0) null"),
    ),
    Key("PK_Employee", ("EmployeeID",)),
    indexes=(Index("IX_Employee_Department", ("DepartmentID",)),),
    foreign_keys=(
        ForeignKey("FK_Employee_Department", ("DepartmentID",), ("hr", "Department"), ("DepartmentID",)),
        ForeignKey("FK_Employee_Manager", ("ManagerID",), ("hr", "Employee"), ("EmployeeID",)),
    ),
)
_SALARY = Table(
    "pay",
    "Salary",
    (
        column("EmployeeID", "int"),
        column("ValidFrom", "date"),
        column("Amount", "money"),
        column("Bonus", "smallmoney null"),
    ),
    Key("PK_Salary", ("EmployeeID", "ValidFrom")),
    foreign_keys=(ForeignKey("FK_Salary_Employee", ("EmployeeID",), ("hr", "Employee"), ("EmployeeID",)),),
    checks=(Check("CK_Salary_Amount", "[Amount]>(0)", ("Amount",)),),
)
_REVIEW = Table(
    "hr",
    "Review",
    (column("ReviewID", "int", identity=(1, 1)), column("EmployeeID", "int"), column("Text", "nvarchar(max)")),
    Key("PK_Review", ("ReviewID",)),
)
# A heap: no key at all.
_PARKING = Table("hr", "Parking", (column("Place", "smallint"), column("Plate", "varchar(12) null")))


def _absence(day: int) -> Table:
    return Table(
        "hr",
        "Leave" if day >= LEAVE_FROM_DAY else "Absence",
        (
            column("EmployeeID", "int"),
            column("FromDay", "date"),
            column("Days", "real"),
            column("Reason", "nvarchar(80) null"),
        ),
        Key("PK_Absence", ("EmployeeID", "FromDay")),
    )


def hr(moment: Moment) -> Database:
    """The database of that day."""
    chance, day = moment.chance, moment.day
    base, daily = moment.grown(800, 2)
    people = moment.ids(base, daily)

    def departments(keys: Ints) -> RowValues:
        return {
            "DepartmentID": Values(keys),
            "Name": concatenate((constant("Department ", len(keys)), digits(keys, 2))),
            "CostCentre": concatenate((constant("CC", len(keys)), digits(keys * 37, 6))),
        }

    def employees(keys: Ints) -> RowValues:
        born = moment.born(keys, base, daily)
        version = chance.version("employee changed", keys, born, day, 5)
        chief = keys // 8
        return {
            "EmployeeID": Values(keys),
            "DepartmentID": Values(1 + chance.below("department", keys, _DEPARTMENTS, version)),
            "ManagerID": Values(chief, chief == 0),
            "FirstName": words.FIRST_NAMES.take(chance.below("first", keys, len(words.FIRST_NAMES.lengths))),
            "LastName": words.LAST_NAMES.take(chance.below("last", keys, len(words.LAST_NAMES.lengths), version)),
            "TaxNumber": digits(chance.below("tax", keys, 10**11), 11).with_null(chance.share("no tax", keys, 40)),
            "HiredOn": Values(moment.since(keys, base, born)),
            "Hours": Values(1_000 + 25 * chance.below("hours", keys, 115, version)),
            "StartsAt": Values(
                (6 + chance.below("starts", keys, 5)) * (TICKS_PER_DAY // 24), chance.share("free", keys, 300)
            ),
        }

    def salaries(keys: Ints) -> RowValues:
        return {
            "EmployeeID": Values(keys // 10),
            "ValidFrom": Values(FIRST_TICKS + (keys % 10 - 4) * 365 * TICKS_PER_DAY),
            "Amount": Values((2_000 + chance.skewed("salary", keys, 9_000)) * 10_000),
            "Bonus": Values(chance.below("bonus", keys, 5_000_000), chance.share("no bonus", keys, 600)),
        }

    def absences(keys: Ints) -> RowValues:
        return {
            "EmployeeID": Values(keys // 100),
            "FromDay": Values(FIRST_TICKS + (7 * (keys % 100) - 300) * TICKS_PER_DAY),
            "Days": Values(((1 + chance.skewed("days away", keys, 40)) / 2).astype(np.float32)),
            "Reason": words.prose(chance, "reason", keys, 1 + chance.below("reason length", keys, 4)).with_null(
                chance.share("no reason", keys, 500)
            ),
        }

    def reviews(keys: Ints) -> RowValues:
        return {
            "ReviewID": Values(keys),
            "EmployeeID": Values(1 + chance.below("reviewed", keys, base)),
            "Text": words.prose(chance, "review", keys, 30 + chance.below("review length", keys, 100)),
        }

    def parking(keys: Ints) -> RowValues:
        plates = concatenate((constant("B-HF ", len(keys)), digits(chance.below("plate", keys, 10_000), 4)))
        return {"Place": Values(keys), "Plate": plates.with_null(chance.share("free place", keys, 300))}

    absence = _absence(day)
    rows = {
        ("hr", "Department"): TableRows(np.arange(1, _DEPARTMENTS + 1, dtype=np.int64), departments),
        ("hr", "Employee"): TableRows(people, employees),
        ("pay", "Salary"): TableRows((people[:, None] * 10 + np.arange(3)).reshape(-1), salaries),
        ("hr", absence.name): TableRows((people[:, None] * 100 + np.arange(0, 30, 6)).reshape(-1), absences),
    }
    tables = [_DEPARTMENT, _EMPLOYEE, _SALARY, absence]
    if day >= REVIEW_FROM_DAY:
        tables.append(_REVIEW)
        rows["hr", "Review"] = TableRows(np.arange(1, 40 * (day - 3) + 1, dtype=np.int64), reviews)
    if day <= PARKING_UNTIL_DAY:
        tables.append(_PARKING)
        rows["hr", "Parking"] = TableRows(np.arange(1, 121, dtype=np.int64), parking)
    return Database(_schema(tuple(tables)), rows)


def _schema(tables: tuple[Table, ...]) -> Schema:
    person = ("hr", "Employee")
    phone_book = View(
        "hr",
        "PhoneBook",
        "SELECT e.EmployeeID, e.FirstName + N' ' + e.LastName AS FullName\nFROM hr.Employee AS e",
        (
            ("EmployeeID", (bracketed(*person, "EmployeeID"),)),
            ("FullName", ()),
        ),
        tuple(bracketed(*person, *part) for part in ((), ("EmployeeID",), ("FirstName",), ("LastName",))),
    )
    return Schema(
        schemas=("hr", "pay"),
        tables=tables,
        views=(phone_book,),
        users=(User("payroll", "login", "payroll_login", "pay"), User("intranet")),
        roles=(Role("hr_readers", ("intranet",)), Role("pay_clerks", ("payroll",))),
        grants=(Grant("Select", "hr_readers", ("hr",)), Grant("Select", "pay_clerks", ("pay",))),
    )
