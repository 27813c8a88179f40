"""One local Spark with Delta, and sessions on it whose catalogs answer to three-level names."""

import logging
import threading
from pathlib import Path

from pyspark.sql import SparkSession

# Each is another name for the session catalog: the same schemas stand under all of them. Databricks keeps them apart.
CATALOGS = ("main", "catalog")

DELTA_CATALOG = "org.apache.spark.sql.delta.catalog.DeltaCatalog"


def settings(home: Path, jars: Path) -> dict[str, str]:
    on_path = ":".join(str(jar) for jar in sorted(jars.glob("*.jar")))
    conf = {
        "spark.driver.extraClassPath": on_path,
        # The suite lives in about 350 MB; a suite that ran beside others once lost its context, which is what Spark does
        # when one of its own threads runs out of memory.
        "spark.driver.memory": "3g",
        # Tests run many small statements once: the first compiler and no code generation cost less than they save.
        "spark.driver.extraJavaOptions": "-XX:+UseSerialGC -XX:TieredStopAtLevel=1 -Xss4m "
        f"-Dderby.system.home={home} -Dderby.stream.error.file={home}/derby.log",
        "spark.sql.codegen.wholeStage": "false",
        "spark.sql.codegen.factoryMode": "NO_CODEGEN",
        "spark.sql.adaptive.enabled": "false",
        "spark.sql.shuffle.partitions": "1",
        "spark.default.parallelism": "1",
        "spark.shuffle.compress": "false",
        "spark.databricks.delta.snapshotPartitions": "1",
        "spark.databricks.delta.merge.materializeSource": "none",
        "spark.databricks.delta.properties.defaults.checkpointInterval": "100",
        # The engine.
        "spark.sql.extensions": "io.delta.sql.DeltaSparkSessionExtension",
        "spark.sql.catalog.spark_catalog": DELTA_CATALOG,
        "spark.sql.warehouse.dir": str(home / "warehouse"),
        "spark.sql.sources.default": "delta",
        "spark.sql.session.timeZone": "UTC",
        "spark.sql.ansi.enabled": "true",
        "spark.sql.execution.arrow.maxRecordsPerBatch": "10000",
        "spark.sql.artifact.isolation.enabled": "false",
        # Spark 4.1 binds parameters in its parser, which Delta's parser stands in front of: without this they are lost.
        "spark.sql.legacy.parameterSubstitution.constantsOnly": "true",
        "spark.driver.bindAddress": "127.0.0.1",
        "spark.driver.host": "127.0.0.1",
        "spark.ui.enabled": "false",
        "spark.ui.showConsoleProgress": "false",
        "spark.log.level": "ERROR",
    }
    return conf | {f"spark.sql.catalog.{name}": DELTA_CATALOG for name in CATALOGS}


class Lake:
    """The Spark that all sessions share."""

    def __init__(self, home: Path, jars: Path) -> None:
        logging.getLogger("SQLQueryContextLogger").setLevel(logging.CRITICAL + 1)  # 20 kB a failed statement
        builder = SparkSession.builder.master("local[2]").appName("lakehouse")
        for name, value in settings(home, jars).items():
            builder = builder.config(name, value)
        self.spark = builder.getOrCreate()
        self.context = self.spark.sparkContext
        self.jvm = self.context._jvm
        self._opening = threading.Lock()

    def session(self) -> SparkSession:
        with self._opening:
            session = self.spark.newSession()
            self.activate(session)
            manager = session._jsparkSession.sessionState().catalogManager()
            for name in CATALOGS:
                manager.catalog(name).setDelegateCatalog(manager.v2SessionCatalog())
            return session

    def activate(self, session: SparkSession) -> None:
        """CatalogManager reads the settings of the thread's active session."""
        self.jvm.org.apache.spark.sql.classic.SparkSession.setActiveSession(session._jsparkSession)

    def has_stopped(self) -> bool:
        """True if Spark has ended its context by itself: every statement fails from then on."""
        return bool(self.context._jsc.sc().isStopped())

    def stop(self) -> None:
        self.spark.stop()
