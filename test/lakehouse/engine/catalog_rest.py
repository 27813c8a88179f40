"""Unity Catalog over REST, as far as Spark knows what it answers: catalogs, schemas, tables and their columns.

No grants, constraints, masks or row filters: open-source Spark has none.
"""

import json
import re
import threading
from urllib.parse import unquote

import sql_errors
import wire_types
from lake_spark import CATALOGS, Lake

PREFIX = "/api/2.1/unity-catalog/"
# Unity Catalog has names of its own for some types. Source: databricks-sdk-py service/catalog.py.
_NAMES = {"bigint": "LONG", "smallint": "SHORT", "tinyint": "BYTE", "void": "NULL"}


class CatalogRest:
    def __init__(self, lake: Lake) -> None:
        self._lake = lake
        self._session = lake.session()
        self._turn = threading.Lock()

    def get(self, path: str, query: dict[str, str]) -> tuple[int, dict]:
        """(status, body) of a path behind PREFIX."""
        kind, _, name = path.partition("/")
        with self._turn:
            self._lake.activate(self._session)
            try:
                if kind == "catalogs" and not name:
                    return 200, {"catalogs": [{"name": one, "catalog_type": "MANAGED_CATALOG"} for one in CATALOGS]}
                if kind == "schemas" and not name:
                    return 200, {"schemas": self._schemas(query["catalog_name"])}
                if kind == "tables":
                    return 200, self._table(unquote(name)) if name else {"tables": self._tables(query)}
            except Exception as error:
                message, _state = sql_errors.told(error)
                # The second is what Spark says of a catalog that nobody has.
                missing = "NOT_FOUND" in message or "REQUIRES_SINGLE_PART_NAMESPACE" in message
                code = "TABLE_DOES_NOT_EXIST" if missing else "INTERNAL_ERROR"
                return (404 if missing else 500), {"error_code": code, "message": message.split("\n")[0]}
        return 404, {"error_code": "ENDPOINT_NOT_FOUND", "message": f"No API found for {path}"}

    def _schemas(self, catalog: str) -> list[dict]:
        rows = self._session.sql(f"SHOW SCHEMAS IN `{catalog}`").collect()
        return [{"name": row[0], "catalog_name": catalog, "full_name": f"{catalog}.{row[0]}"} for row in rows]

    def _tables(self, query: dict[str, str]) -> list[dict]:
        catalog, schema = query["catalog_name"], query["schema_name"]
        rows = self._session.sql(f"SHOW TABLES IN `{catalog}`.`{schema}`").collect()
        full = query.get("omit_columns") != "true"
        return [self._told([catalog, schema, row["tableName"]], full) for row in rows if not row["isTemporary"]]

    def _table(self, name: str) -> dict:
        return self._told(name.split("."), True)

    def _told(self, parts: list[str], columns: bool) -> dict:
        frame = self._session.table(".".join(f"`{part}`" for part in parts))
        catalog, schema, name = parts
        told = {"name": name, "catalog_name": catalog, "schema_name": schema, "full_name": ".".join(parts)}
        delta = self._delta(schema, name)
        fields = json.loads(frame._jdf.schema().json())["fields"]
        if delta is None:
            told |= {"table_type": "VIEW"}
        else:
            properties = self._lake.jvm.scala.jdk.javaapi.CollectionConverters.asJava(delta.configuration())
            told |= {
                "table_type": "MANAGED",
                "data_source_format": "DELTA",
                "table_id": delta.id(),
                "properties": dict(properties),
            }
            # The log keeps the ids of column mapping; Spark's own schema has lost them.
            fields = json.loads(delta.schema().json())["fields"]
        if columns:
            kinds = wire_types.schema_of(frame).fields
            told["columns"] = [
                _column(at, field, kind.dataType.simpleString()) for at, (field, kind) in enumerate(zip(fields, kinds))
            ]
        return told

    def _delta(self, schema: str, name: str):
        """The metadata in the table's log: DESCRIBE DETAIL, which also counts its files, takes half a second."""
        jvm, spark = self._lake.jvm, self._session._jsparkSession
        none = jvm.scala.Option.empty()
        identifier = jvm.org.apache.spark.sql.catalyst.TableIdentifier(name, jvm.scala.Option.apply(schema))
        known = spark.sessionState().catalog().getTableMetadata(identifier)
        if known.provider().isEmpty() or known.provider().get() != "delta":
            return None
        place = jvm.org.apache.hadoop.fs.Path(known.location())
        return jvm.org.apache.spark.sql.delta.DeltaLog.forTable(spark, place).update(False, none, none).metadata()


def _column(position: int, field: dict, text: str) -> dict:
    first = re.match(r"\w+", text)
    base = first.group(0) if first else text
    told = {
        "name": field["name"],
        "type_text": text,
        "type_name": _NAMES.get(base, base.upper()),
        "type_json": json.dumps(field),
        "position": position,
        "nullable": field["nullable"],
    }
    comment = (field.get("metadata") or {}).get("comment")
    return told | ({"comment": comment} if comment else {})
