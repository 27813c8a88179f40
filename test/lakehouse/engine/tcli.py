"""The Thrift types of the driver's protocol, out of the package databricks-sql-connector.

Its own __init__ imports pandas and pyarrow, which nothing here needs: the generated modules are taken from beside it.
"""

import importlib
import importlib.util
import sys
import types
from pathlib import Path


def _generated():
    spec = importlib.util.find_spec("databricks")
    if spec is None or spec.submodule_search_locations is None:
        raise ImportError("databricks-sql-connector is not installed: npm run lakehouse:setup")
    folder = Path(next(iter(spec.submodule_search_locations))) / "sql" / "thrift_api"
    package = types.ModuleType("thrift_stubs")
    package.__path__ = [str(folder)]
    sys.modules["thrift_stubs"] = package
    service = importlib.import_module("thrift_stubs.TCLIService.TCLIService")
    return service, importlib.import_module("thrift_stubs.TCLIService.ttypes")


service, ttypes = _generated()
