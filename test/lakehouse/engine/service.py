"""The calls of the driver's protocol."""

import threading
import uuid

import sql_errors
from lake_spark import CATALOGS, Lake
from operation import OK, Operation, State
from settings import apply_setting
from tcli import ttypes

# Below version 8 the driver drops parameters without a word.
PROTOCOL = ttypes.TProtocolVersion.SPARK_CLI_SERVICE_PROTOCOL_V8

DIRECT_WAIT_S = 5.0
ROWS_MAX = 100_000


def refused(message: str, state: str | None = None):
    return ttypes.TStatus(
        statusCode=ttypes.TStatusCode.ERROR_STATUS, errorMessage=message, displayMessage=message, sqlState=state
    )


class Session:
    def __init__(self, lake: Lake, request) -> None:
        self.id = uuid.uuid4().bytes
        self.spark = lake.session()
        self.operations: set[bytes] = set()
        for name, value in (request.configuration or {}).items():
            apply_setting(self.spark, name, value)
        first = request.initialNamespace
        if first and first.catalogName:
            self.spark.catalog.setCurrentCatalog(first.catalogName)
        if first and first.schemaName:
            self.spark.sql(f"USE {_quoted(first.schemaName)}")


class Service:
    """Handler of the generated processor: a method per call, named as the protocol names it."""

    def __init__(self, lake: Lake) -> None:
        self._lake = lake
        self._sessions: dict[bytes, Session] = {}
        self._operations: dict[bytes, Operation] = {}
        self._lock = threading.Lock()

    def expire_sessions(self) -> int:
        with self._lock:
            count = len(self._sessions)
            self._sessions.clear()
            return count

    def counts(self) -> dict[str, int]:
        return {"sessions": len(self._sessions), "operations": len(self._operations)}

    def OpenSession(self, request):
        try:
            session = Session(self._lake, request)
        except Exception as error:
            return ttypes.TOpenSessionResp(status=refused(*sql_errors.told(error)), serverProtocolVersion=PROTOCOL)
        with self._lock:
            self._sessions[session.id] = session
        identifier = ttypes.THandleIdentifier(session.id, session.id)
        return ttypes.TOpenSessionResp(
            status=OK,
            serverProtocolVersion=PROTOCOL,
            sessionHandle=ttypes.TSessionHandle(identifier, PROTOCOL),
            configuration={},
            initialNamespace=request.initialNamespace,
            canUseMultipleCatalogs=True,
        )

    def CloseSession(self, request):
        with self._lock:
            session = self._sessions.pop(request.sessionHandle.sessionId.guid, None)
        for one in session.operations if session else ():
            operation = self._operations.pop(one, None)
            if operation:
                operation.cancel()
                operation.close()
        return ttypes.TCloseSessionResp(status=OK)

    def GetInfo(self, request):
        name = {13: "Spark SQL", 17: "Spark SQL", 18: self._lake.spark.version}.get(request.infoType, "")
        return ttypes.TGetInfoResp(status=OK, infoValue=ttypes.TGetInfoValue(stringValue=name))

    def ExecuteStatement(self, request):
        return self._execute(request, request.statement, request.parameters)

    def GetCatalogs(self, request):
        rows = ", ".join(f"('{name}')" for name in ("spark_catalog", *CATALOGS))
        return self._execute(request, f"SELECT * FROM VALUES {rows} AS t(TABLE_CAT)")

    # Columns as JDBC names them: java.sql.DatabaseMetaData. A pattern is matched by LIKE.
    def GetSchemas(self, request):
        catalog = request.catalogName or "spark_catalog"
        rows = [(row[0], catalog) for row in self._listed(request, f"SHOW SCHEMAS IN {_quoted(catalog)}")]
        return self._rows(request, ["TABLE_SCHEM", "TABLE_CATALOG"], [row for row in rows if _like(row[0], request.schemaName)])

    def GetTables(self, request):
        catalog, schema = request.catalogName or "spark_catalog", request.schemaName or "default"
        listed = self._listed(request, f"SHOW TABLES IN {_quoted(catalog)}.{_quoted(schema)}")
        rows = [
            (catalog, schema, row["tableName"], "TABLE", "")
            for row in listed
            if not row["isTemporary"] and _like(row["tableName"], request.tableName)
        ]
        return self._rows(request, ["TABLE_CAT", "TABLE_SCHEM", "TABLE_NAME", "TABLE_TYPE", "REMARKS"], rows)

    def GetColumns(self, request):
        name = [request.catalogName or "spark_catalog", request.schemaName or "default", request.tableName]
        session = self._sessions[request.sessionHandle.sessionId.guid]
        self._lake.activate(session.spark)
        fields = session.spark.table(".".join(map(_quoted, name))).schema.fields
        rows = [
            (*name, field.name, field.dataType.simpleString().upper(), "YES" if field.nullable else "NO", at)
            for at, field in enumerate(fields)
            if _like(field.name, request.columnName)
        ]
        columns = ["TABLE_CAT", "TABLE_SCHEM", "TABLE_NAME", "COLUMN_NAME", "TYPE_NAME", "IS_NULLABLE", "ORDINAL_POSITION"]
        return self._rows(request, columns, rows)

    def _listed(self, request, statement: str):
        session = self._sessions[request.sessionHandle.sessionId.guid]
        self._lake.activate(session.spark)
        return session.spark.sql(statement).collect()

    def _rows(self, request, columns: list[str], rows: list[tuple]):
        names = ", ".join(columns)
        values = ", ".join("(" + ", ".join(_text(value) for value in row) + ")" for row in rows)
        if not values:
            nulls = ", ".join(f"CAST(NULL AS STRING) AS {name}" for name in columns)
            return self._execute(request, f"SELECT {nulls} WHERE false")
        return self._execute(request, f"SELECT * FROM VALUES {values} AS t({names})")

    def _execute(self, request, statement: str, parameters=None):
        session = self._sessions.get(request.sessionHandle.sessionId.guid)
        if session is None:
            handle = uuid.UUID(bytes=request.sessionHandle.sessionId.guid)
            gone = refused(f"Invalid SessionHandle: SessionHandle [{handle}]", "HY000")
            return ttypes.TExecuteStatementResp(status=gone)
        operation = Operation(self._lake, session.spark, statement, parameters)
        self._operations[operation.id] = operation
        session.operations.add(operation.id)
        answer = ttypes.TExecuteStatementResp(status=OK, operationHandle=operation.handle())
        wanted = getattr(request, "getDirectResults", None)
        if wanted is not None and operation.ready.wait(DIRECT_WAIT_S):
            answer.directResults = self._direct(operation, wanted.maxRows or ROWS_MAX)
        return answer

    def _direct(self, operation: Operation, rows_max: int):
        """The first page with the answer. `closeOperation` stands there only where there is no second one."""
        if operation.state != State.FINISHED_STATE:
            return ttypes.TSparkDirectResults(operationStatus=operation.status())
        try:
            page = operation.fetch(rows_max)
        except Exception as error:  # a late row failed while the first page was being filled
            operation.fail(error)
            return ttypes.TSparkDirectResults(operationStatus=operation.status())
        direct = ttypes.TSparkDirectResults(
            operationStatus=operation.status(), resultSetMetadata=operation.metadata(), resultSet=page
        )
        if not page.hasMoreRows:
            direct.closeOperation = ttypes.TCloseOperationResp(status=OK)
            self._closed(operation.id)
        return direct

    def GetOperationStatus(self, request):
        operation = self._operation(request)
        if operation is None:
            return ttypes.TGetOperationStatusResp(status=refused("Invalid OperationHandle", "HY000"))
        operation.ready.wait(0.05)
        return operation.status()

    def GetResultSetMetadata(self, request):
        operation = self._operation(request)
        if operation is None:
            return ttypes.TGetResultSetMetadataResp(status=refused("Invalid OperationHandle", "HY000"))
        return operation.metadata()

    def FetchResults(self, request):
        operation = self._operation(request)
        if operation is None:
            return ttypes.TFetchResultsResp(status=refused("Invalid OperationHandle", "HY000"))
        try:
            return operation.fetch(request.maxRows or ROWS_MAX)
        except Exception as error:
            return ttypes.TFetchResultsResp(status=refused(*sql_errors.told(error)))

    def CancelOperation(self, request):
        operation = self._operation(request)
        if operation:
            operation.cancel()
        return ttypes.TCancelOperationResp(status=OK)

    def CloseOperation(self, request):
        self._closed(request.operationHandle.operationId.guid)
        return ttypes.TCloseOperationResp(status=OK)

    def _operation(self, request) -> Operation | None:
        return self._operations.get(request.operationHandle.operationId.guid)

    def _closed(self, one: bytes) -> None:
        operation = self._operations.pop(one, None)
        if operation:
            operation.close()


def _quoted(name: str) -> str:
    return "`" + name.replace("`", "``") + "`"


def _text(value) -> str:
    if isinstance(value, int):
        return str(value)
    return "'" + str(value).replace("\\", "\\\\").replace("'", "\\'") + "'"


def _like(name: str, pattern: str | None) -> bool:
    import re

    if not pattern:
        return True
    expression = "".join(".*" if one == "%" else "." if one == "_" else re.escape(one) for one in pattern)
    return re.fullmatch(expression, name, re.I) is not None
