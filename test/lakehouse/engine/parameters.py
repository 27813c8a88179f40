"""Parameters of a statement as typed literals, cast by Spark itself."""

from pyspark.sql import Column, SparkSession
from pyspark.sql import functions as sql

from lake_spark import Lake
from sql_errors import EngineError

# Source: databricks-sql-python docs/parameters.md.
MARKERS_MAX = 255


def bound(lake: Lake, session: SparkSession, given) -> dict[str, Column] | list[Column] | None:
    if not given:
        return None
    if len(given) > MARKERS_MAX:
        raise EngineError("TOO_MANY_PARAMETERS", f"{len(given)} markers, {MARKERS_MAX} are allowed.", "54000")
    if given[0].name:
        return {one.name: _literal(lake, session, one) for one in given}
    return [_literal(lake, session, one) for one in given]


def _literal(lake: Lake, session: SparkSession, parameter) -> Column:
    kind = (parameter.type or "STRING").upper()
    text = parameter.value.stringValue if parameter.value is not None else None
    if text is None or kind == "VOID":
        return sql.lit(None)
    if kind.split("(")[0] in ("STRING", "CHAR", "VARCHAR"):
        return sql.lit(text)
    # A cast is refused as an argument, a literal is not: so it is evaluated first. The type goes through the parser of
    # types and never into a statement.
    kind = {"INTEGER": "INT"}.get(kind, kind)
    plan = session.range(1).select(sql.lit(text).cast(kind).alias("v"))._jdf.queryExecution().optimizedPlan()
    return _column(lake, plan)


def _column(lake: Lake, plan) -> Column:
    jvm = lake.jvm
    expressions = plan.expressions()
    first = expressions.head() if expressions.nonEmpty() else None
    if first is not None and first.getClass().getSimpleName() == "Alias":
        literal = first.child()
    else:  # the optimizer has made a relation of one row out of it
        kind = plan.output().head().dataType()
        value = plan.data().head().get(0, kind)
        literal = jvm.org.apache.spark.sql.catalyst.expressions.Literal.create(value, kind)
    from pyspark.sql.classic.column import Column as ClassicColumn

    return ClassicColumn(jvm.org.apache.spark.sql.classic.ExpressionUtils.column(literal))
