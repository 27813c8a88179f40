"""Results as Arrow messages. The JVM makes all bytes; nothing is decoded here."""

import json
from collections.abc import Iterator

from pyspark.serializers import NoOpSerializer
from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as sql
from pyspark.sql import types as spark
from pyspark.util import _local_iterator_from_socket

from lake_spark import Lake
from wire_types import sql_name

_FIELD_LENGTH = 0  # of a RecordBatch
_FIELD_HEADER = 2  # of a Message


def on_the_wire(frame: DataFrame, schema: spark.StructType) -> DataFrame:
    """The same rows with variants, intervals, times and voids as text, as the driver asks a warehouse for them.

    The text of VARIANT is to_json's and that of TIME is the cast's: what a warehouse sends there is not known.
    """
    names = [f"__c{at}" for at in range(len(schema.fields))]
    columns = [_as_text(sql.col(f"`{name}`"), name, field.dataType) for name, field in zip(names, schema.fields)]
    unique = len({field.name for field in schema.fields}) == len(names)
    if unique and all(column is None for column in columns):
        return frame
    kept = [column if column is not None else sql.col(f"`{name}`") for name, column in zip(names, columns)]
    return frame.toDF(*names).select(*[column.alias(name) for name, column in zip(names, kept)])


def _as_text(column: Column, name: str, kind: spark.DataType) -> Column | None:
    if isinstance(kind, spark.VariantType):
        return sql.to_json(column)
    if isinstance(kind, spark.YearMonthIntervalType):
        sign = f"if({name} < interval '0' month, '-', '')"
        parts = f"abs(extract(year from {name})), '-', abs(extract(month from {name}))"
        return sql.expr(f"concat({sign}, {parts})")
    if isinstance(kind, spark.DayTimeIntervalType):
        sign = f"if({name} < interval '0' second, '-', '')"
        seconds = f"abs(extract(second from {name}))"
        two = "lpad(abs(extract({part} from " + name + ")), 2, '0')"
        clock = f"{two.format(part='hour')}, ':', {two.format(part='minute')}, ':', "
        whole = f"lpad(cast(floor({seconds}) as string), 2, '0')"
        fraction = f"rpad(split_part(cast({seconds} as string), '.', 2), 9, '0')"
        return sql.expr(f"concat({sign}, abs(extract(day from {name})), ' ', {clock}{whole}, '.', {fraction})")
    if isinstance(kind, (spark.NullType, spark.CalendarIntervalType)) or type(kind).__name__ == "TimeType":
        return column.cast("string")
    return None


def schema_message(lake: Lake, wire: DataFrame, schema: spark.StructType) -> bytes:
    """The JVM's Arrow schema with the names and the metadata that a warehouse puts on each column."""
    jvm = lake.jvm
    zone = wire.sparkSession.conf.get("spark.sql.session.timeZone")
    made = jvm.org.apache.spark.sql.util.ArrowUtils.toArrowSchema(wire._jdf.schema(), zone, True, False)
    described = json.loads(made.toJson())
    for field, column in zip(described["fields"], schema.fields):
        field["name"] = column.name
        field["metadata"] = [
            {"key": "Spark:DataType:SqlName", "value": sql_name(column.dataType)},
            {"key": "Spark:DataType:JsonType", "value": column.dataType.json()},
        ]
    named = jvm.org.apache.arrow.vector.types.pojo.Schema.fromJSON(json.dumps(described))
    out = jvm.java.io.ByteArrayOutputStream()
    channel = jvm.org.apache.arrow.vector.ipc.WriteChannel(jvm.java.nio.channels.Channels.newChannel(out))
    jvm.org.apache.arrow.vector.ipc.message.MessageSerializer.serialize(channel, named)
    return bytes(out.toByteArray())


def batches(lake: Lake, wire: DataFrame) -> Iterator[tuple[bytes, int]]:
    """(record-batch message, its rows). One Spark job per partition, so that memory stays flat."""
    rdd = wire._jdf.toArrowBatchRdd()
    served = lake.jvm.org.apache.spark.api.python.PythonRDD.toLocalIteratorAndServe(rdd, False)
    for message in _local_iterator_from_socket(served, NoOpSerializer()):
        yield message, _rows(message)


def _rows(message: bytes) -> int:
    """The length in the header of a record batch: flatbuffer root -> header -> length."""

    def uint(at: int, size: int) -> int:
        return int.from_bytes(message[at : at + size], "little")

    def field(table: int, number: int) -> int:
        vtable = table - int.from_bytes(message[table : table + 4], "little", signed=True)
        slot = 4 + 2 * number
        offset = uint(vtable + slot, 2) if slot < uint(vtable, 2) else 0
        return table + offset if offset else 0

    start = 8 if message[:4] == b"\xff\xff\xff\xff" else 4
    header = field(start + uint(start, 4), _FIELD_HEADER)
    length = field(header + uint(header, 4), _FIELD_LENGTH)
    return uint(length, 8) if length else 0
