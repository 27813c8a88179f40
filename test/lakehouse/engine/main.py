"""Real Spark and Delta behind the protocol that the npm package @databricks/sql speaks. See docs/lakehouse.md.

Prints one line of JSON when it is ready, and ends when its standard input does.
"""

import argparse
import json
import os
import shutil
import signal
import sys
import tempfile
import threading
from pathlib import Path

import arrow
import certificate
import wire_types
from catalog_rest import CatalogRest
from http_door import CLIENT_ID, Door
from lab import Lab
from lake_spark import Lake
from service import Service


# engine.ts looks for it, and then shows what Spark has logged.
STOPPED_ITSELF = "lakehouse: Spark ended its context by itself"


def warm(lake: Lake) -> None:
    """The first statement of a JVM takes seconds: not those of the first test."""
    frame = lake.session().sql("SELECT 1 AS one")
    schema = wire_types.schema_of(frame)
    arrow.schema_message(lake, frame, schema)
    list(arrow.batches(lake, frame))


def main() -> None:
    options = argparse.ArgumentParser()
    options.add_argument("--port", type=int, default=0)
    options.add_argument("--jars", type=Path, required=True)
    given = options.parse_args()
    jars = given.jars.resolve()
    home = Path(tempfile.mkdtemp(prefix="lakehouse-"))  # the list of tables is kept in memory, so none can outlive us
    os.chdir(home)  # Spark leaves files where it stands
    try:
        run(given.port, home, jars)
    finally:
        shutil.rmtree(home, ignore_errors=True)


def run(port: int, home: Path, jars: Path) -> None:
    lake = Lake(home, jars)
    warm(lake)
    service = Service(lake)
    door = Door(port, service, CatalogRest(lake), Lab(lake, service))
    pem, key = certificate.make(home)
    door.serve_tls(pem, key)
    ready = {
        "port": door.server_address[1],
        "token": door.token,
        "clientId": CLIENT_ID,
        "clientSecret": door.client_secret,
        "ca": pem.read_text(),
        "spark": lake.spark.version,
    }
    print(json.dumps(ready), flush=True)
    threading.Thread(target=lambda: (sys.stdin.read(), door.shutdown()), daemon=True).start()
    signal.signal(signal.SIGTERM, lambda *_: threading.Thread(target=door.shutdown).start())
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # of the terminal: the parent decides, by closing our input
    try:
        door.serve_forever()
    finally:
        if lake.has_stopped():
            print(STOPPED_ITSELF, file=sys.stderr, flush=True)
        lake.stop()


if __name__ == "__main__":
    main()
