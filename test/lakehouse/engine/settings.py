"""Session parameters of a SQL warehouse. Source: docs.azure.cn/databricks/sql/language-manual/sql-ref-parameters."""

from pyspark.sql import SparkSession

from sql_errors import EngineError

_SPARK = {
    "ANSI_MODE": "spark.sql.ansi.enabled",
    "LEGACY_TIME_PARSER_POLICY": "spark.sql.legacy.timeParserPolicy",
    "MAX_FILE_PARTITION_BYTES": "spark.sql.files.maxPartitionBytes",
    "TIMEZONE": "spark.sql.session.timeZone",
}
# Taken and without effect: nothing here runs for hours or keeps results.
_IGNORED = {"STATEMENT_TIMEOUT", "USE_CACHED_RESULT", "QUERY_TAGS", "SPARK.THRIFTSERVER.ARROWBASEDROWSET.TIMESTAMPASSTRING"}


def apply_setting(session: SparkSession, name: str, value: str) -> None:
    known = name.strip().upper()
    if known in _SPARK:
        session.conf.set(_SPARK[known], value)
    elif known not in _IGNORED:
        raise EngineError("CONFIG_NOT_AVAILABLE", f"Configuration {name} is not available.", "42K0I")
