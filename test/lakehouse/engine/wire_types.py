"""Spark's types as the driver's protocol names them."""

import json
import re

from pyspark.sql import DataFrame
from pyspark.sql import types as spark

from tcli import ttypes

_IDS = {
    "boolean": 0,
    "tinyint": 1,
    "smallint": 2,
    "int": 3,
    "bigint": 4,
    "float": 5,
    "double": 6,
    "string": 7,
    "timestamp": 8,
    "timestamp_ntz": 8,
    "binary": 9,
    "array": 10,
    "map": 11,
    "struct": 12,
    "decimal": 15,
    "void": 16,
    "date": 17,
    "variant": 7,
}
_STRUCT, _USER_DEFINED, _YEAR_MONTH, _DAY_TIME, _STRING = 12, 14, 20, 21, 7

# Which of the two a warehouse says of a vector column is not known: a test switches it (main.py, /_lab/vectors).
vectors_are_user_defined = True


def schema_of(frame: DataFrame) -> spark.StructType:
    """The columns of a frame; a user-defined type is its SQL form, with the class in `udt`.

    frame.schema would import pyspark.ml, and with it numpy, for a vector.
    """
    described = json.loads(frame._jdf.schema().json())
    schema = spark.StructType.fromJson(_plain(described))
    for field, before in zip(schema.fields, described["fields"]):
        kind = before["type"]
        if isinstance(kind, dict) and kind.get("type") == "udt":
            field.dataType.udt = kind.get("class") or kind.get("pyClass")
    return schema


def _plain(described):
    if isinstance(described, list):
        return [_plain(part) for part in described]
    if not isinstance(described, dict):
        return described
    if described.get("type") == "udt":
        return _plain(described["sqlType"])
    return {name: _plain(part) for name, part in described.items()}


def sql_name(kind: spark.DataType) -> str:
    """As the metadata `Spark:DataType:SqlName` of a column has it."""
    udt = getattr(kind, "udt", None)
    if udt and vectors_are_user_defined:
        return udt.rsplit(".", 1)[-1].upper()
    if isinstance(kind, spark.StructType):
        return "STRUCT<" + ", ".join(f"{field.name}: {sql_name(field.dataType)}" for field in kind.fields) + ">"
    if isinstance(kind, spark.ArrayType):
        return f"ARRAY<{sql_name(kind.elementType)}>"
    if isinstance(kind, spark.MapType):
        return f"MAP<{sql_name(kind.keyType)}, {sql_name(kind.valueType)}>"
    return kind.simpleString().upper()


def _type_id(kind: spark.DataType) -> int:
    if getattr(kind, "udt", None):
        return _USER_DEFINED if vectors_are_user_defined else _STRUCT
    if isinstance(kind, spark.YearMonthIntervalType):
        return _YEAR_MONTH
    if isinstance(kind, (spark.DayTimeIntervalType, spark.CalendarIntervalType)):
        return _DAY_TIME
    first = re.match(r"\w+", kind.simpleString())
    return _IDS.get(first.group(0) if first else "", _STRING)


def table_schema(schema: spark.StructType):
    columns = []
    for position, field in enumerate(schema.fields, 1):
        kind, qualifiers = field.dataType, None
        if isinstance(kind, spark.DecimalType):
            value = ttypes.TTypeQualifierValue
            qualifiers = ttypes.TTypeQualifiers(
                {"precision": value(i32Value=kind.precision), "scale": value(i32Value=kind.scale)}
            )
        entry = ttypes.TTypeEntry(primitiveEntry=ttypes.TPrimitiveTypeEntry(_type_id(kind), qualifiers))
        comment = (field.metadata or {}).get("comment", "")
        columns.append(ttypes.TColumnDesc(field.name, ttypes.TTypeDesc([entry]), position, comment))
    return ttypes.TTableSchema(columns)
