"""What a test asks of the engine and of no warehouse: POST /_lab/<name>."""

import wire_types
from lake_spark import Lake
from service import Service


class Lab:
    def __init__(self, lake: Lake, service: Service) -> None:
        self._lake, self._service = lake, service

    def post(self, name: str, body: dict) -> tuple[int, dict]:
        if name == "expire-sessions":
            return 200, {"expired": self._service.expire_sessions()}
        if name == "vectors":  # { "as": "user-defined" | "struct" }
            wire_types.vectors_are_user_defined = body["as"] == "user-defined"
            return 200, {}
        if name == "vector-table":  # { "table": "main.s.t" }: a dense, a sparse and no vector
            return 200, self._vector_table(body["table"])
        return 404, {"error_code": "ENDPOINT_NOT_FOUND", "message": name}

    def _vector_table(self, table: str) -> dict:
        """By way of the JVM: Python's own vectors would need numpy."""
        jvm, gateway = self._lake.jvm, self._lake.context._gateway
        session = self._lake.session()
        linalg = jvm.org.apache.spark.ml.linalg

        def array(kind, values):
            made = gateway.new_array(kind, len(values))
            for at, value in enumerate(values):
                made[at] = value
            return made

        indices, values = array(jvm.int, [0, 3]), array(jvm.double, [1.0, 2.0])
        vectors = [
            linalg.Vectors.dense(array(jvm.double, [0.1, 0.9])),
            linalg.Vectors.sparse(4, indices, values),
            None,
        ]
        rows = jvm.java.util.ArrayList()
        for at, vector in enumerate(vectors):
            rows.add(jvm.org.apache.spark.sql.RowFactory.create(array(jvm.Object, [at, vector])))
        kinds = jvm.org.apache.spark.sql.types
        schema = kinds.StructType().add("id", "int").add("features", linalg.SQLDataTypes.VectorType(), True)
        frame = session._jsparkSession.createDataFrame(rows, schema)
        frame.write().format("delta").mode("overwrite").saveAsTable(table)
        return {"rows": len(vectors)}
