"""One statement: run in a thread of its own, fetched page by page, cancelled by its tag."""

import re
import threading
import uuid

from pyspark.sql import DataFrame

import arrow
import sql_errors
import wire_types
from lake_spark import Lake
from parameters import bound
from settings import apply_setting
from tcli import ttypes

OK = ttypes.TStatus(statusCode=ttypes.TStatusCode.SUCCESS_STATUS)
State = ttypes.TOperationState

_SET = re.compile(r"^\s*SET\s+(?!VAR\b|spark\.)(\w+)\s*=\s*(.+)$", re.I | re.S)
_NAME = r"(?:`(?:[^`]|``)+`|\w+)(?:\.(?:`(?:[^`]|``)+`|\w+)){0,2}"
_INSERT = re.compile(rf"^\s*INSERT\s+(?:INTO|OVERWRITE)\s+(?:TABLE\s+)?({_NAME})", re.I)


class Operation:
    def __init__(self, lake: Lake, session, statement: str, parameters) -> None:
        self.id = uuid.uuid4().bytes  # the driver takes nothing but a real UUID
        self.ready = threading.Event()
        self.state = State.RUNNING_STATE
        self.has_rows = True
        self.modified: int | None = None
        self._lake, self._session = lake, session
        self._statement = statement.strip().rstrip(";")
        self._parameters = parameters
        self._tag = "op" + self.id.hex()
        self._error = ("", "")
        self._schema = wire_types.spark.StructType()
        self._arrow: bytes | None = None
        self._batches = iter(())
        self._held: tuple[bytes, int] | None = None  # one ahead, so that "more rows" is always true
        self._offset = 0
        self._fetching = threading.Lock()
        threading.Thread(target=self._run, daemon=True).start()

    def _run(self) -> None:
        try:
            self._lake.activate(self._session)
            self._lake.context.addJobTag(self._tag)
            self._serve(self._result())
            if self.state == State.RUNNING_STATE:
                self.state = State.FINISHED_STATE
        except Exception as error:
            if self.state != State.CANCELED_STATE:
                self.fail(error)
        finally:
            self.ready.set()

    def _result(self) -> DataFrame:
        setting = _SET.match(self._statement)
        if setting:
            apply_setting(self._session, setting.group(1), setting.group(2).strip().strip("'\""))
            return self._session.sql("SELECT 1 WHERE false")
        arguments = bound(self._lake, self._session, self._parameters)
        frame = self._session.sql(self._statement, args=arguments) if arguments else self._session.sql(self._statement)
        insert = _INSERT.match(self._statement)
        if insert and not frame._jdf.schema().fields():
            return self._inserted(insert.group(1))
        return frame

    def _inserted(self, table: str) -> DataFrame:
        """Open-source Delta answers INSERT with nothing, Databricks with these counts: they stand in the history."""
        [newest] = self._session.sql(f"DESCRIBE HISTORY {table} LIMIT 1").select("operationMetrics").collect()
        count = int((newest[0] or {}).get("numOutputRows", 0))
        return self._session.sql(f"SELECT {count}L num_affected_rows, {count}L num_inserted_rows")

    def _serve(self, frame: DataFrame) -> None:
        self._schema = wire_types.schema_of(frame)
        self.has_rows = bool(self._schema.fields)
        if not self.has_rows:
            return
        wire = arrow.on_the_wire(frame, self._schema)
        self._arrow = arrow.schema_message(self._lake, wire, self._schema)
        self._batches = arrow.batches(self._lake, wire)
        self._held = next(self._batches, None)
        if any(field.name == "num_affected_rows" for field in self._schema.fields):
            counted = frame.select("num_affected_rows").head()
            self.modified = counted[0] if counted else None

    def fail(self, error: Exception) -> None:
        self._error = sql_errors.told(error)
        self.state = State.ERROR_STATE

    def handle(self):
        return ttypes.TOperationHandle(
            ttypes.THandleIdentifier(self.id, self.id), ttypes.TOperationType.EXECUTE_STATEMENT, True
        )

    def status(self):
        # A failed statement has to say that it has a result, or the driver's fetchAll() gives no rows and no error.
        answer = ttypes.TGetOperationStatusResp(
            status=OK,
            operationState=self.state,
            hasResultSet=self.state != State.FINISHED_STATE or self.has_rows,
            operationStarted=0,
            operationCompleted=0,
            numModifiedRows=self.modified,
        )
        if self.state == State.ERROR_STATE:
            message, state = self._error
            answer.sqlState, answer.errorCode = state, 0
            answer.displayMessage = answer.diagnosticInfo = message
            answer.errorMessage = f"org.apache.hive.service.cli.HiveSQLException: Error running query: {message}"
        return answer

    def metadata(self):
        return ttypes.TGetResultSetMetadataResp(
            status=OK,
            schema=wire_types.table_schema(self._schema),
            resultFormat=ttypes.TSparkRowSetType.ARROW_BASED_SET,
            lz4Compressed=False,
            arrowSchema=self._arrow,
            isStagingOperation=False,
        )

    def fetch(self, rows_max: int):
        """Whole batches, one at least: a page is larger than asked where a batch is."""
        with self._fetching:
            page, rows = [], 0
            while self._held is not None and (rows == 0 or rows + self._held[1] <= rows_max):
                message, count = self._held
                if count:
                    page.append(ttypes.TSparkArrowBatch(message, count))
                    rows += count
                self._held = next(self._batches, None)
            start, self._offset = self._offset, self._offset + rows
            return ttypes.TFetchResultsResp(
                status=OK,
                hasMoreRows=self._held is not None,
                results=ttypes.TRowSet(startRowOffset=start, rows=[], arrowBatches=page),
            )

    def cancel(self) -> None:
        if self.state == State.RUNNING_STATE:
            self.state = State.CANCELED_STATE
        self._lake.context.cancelJobsWithTag(self._tag)

    def close(self) -> None:
        if self._held is not None:
            self._lake.context.cancelJobsWithTag(self._tag)
        self._batches, self._held = iter(()), None
