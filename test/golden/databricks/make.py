"""Record batches as Apache Spark itself writes them: ArrowUtils for the schema, toArrowBatchRdd for the bytes."""
import json, os, sys
from pyspark.sql import SparkSession
from pyspark.serializers import NoOpSerializer
try:
    from pyspark.util import _local_iterator_from_socket
except ImportError:
    from pyspark.rdd import _local_iterator_from_socket
spark = (SparkSession.builder.master('local[1]').config('spark.ui.enabled','false').config('spark.sql.session.timeZone','Etc/UTC')
  .config('spark.driver.bindAddress','127.0.0.1').config('spark.driver.host','127.0.0.1').config('spark.sql.ansi.enabled','true').config('spark.log.level','ERROR')
  .config('spark.sql.timeType.enabled','true').getOrCreate())
jvm = spark.sparkContext._jvm
print('spark', spark.version)
def sqlname(jt): return jt.sql()
NAMES = {'v': 'VARIANT', 'dt': 'INTERVAL DAY TO SECOND', 'ym': 'INTERVAL YEAR TO MONTH', 'nothing': 'VOID', 't': 'TIME(6)', 'vec': 'VECTORUDT', 'vc': 'VARCHAR(10)'}
def dump(name, sql, out):
    df = spark.sql(sql)
    jschema = df._jdf.schema()
    js = jvm.org.apache.spark.sql.util.ArrowUtils.toArrowSchema(jschema, 'Etc/UTC', True, False)
    j = json.loads(js.toJson())
    for i, fj in enumerate(j['fields']):
        dt = jschema.fields()[i].dataType()
        fj['metadata'] = (fj.get('metadata') or []) + [{'key': 'Spark:DataType:SqlName', 'value': NAMES.get(fj['name'], dt.sql()) if name == 'as-text' else dt.sql()}, {'key': 'Spark:DataType:JsonType', 'value': dt.json()}]
    s = jvm.org.apache.arrow.vector.types.pojo.Schema.fromJSON(json.dumps(j))
    bos = jvm.java.io.ByteArrayOutputStream()
    MS = jvm.org.apache.arrow.vector.ipc.message.MessageSerializer
    MS.serialize(jvm.org.apache.arrow.vector.ipc.WriteChannel(jvm.java.nio.channels.Channels.newChannel(bos)), s)
    open(f'{out}/{name}.schema.arrow', 'wb').write(bytes(bos.toByteArray()))
    info = jvm.org.apache.spark.api.python.PythonRDD.toLocalIteratorAndServe(df._jdf.toArrowBatchRdd(), False)
    batches = [bytes(b) for b in _local_iterator_from_socket(info, NoOpSerializer())]
    print(name, len(batches), [len(b) for b in batches], js.toString())
    assert len(batches) == 1
    open(f'{out}/{name}.batch.arrow', 'wb').write(batches[0])
out = sys.argv[1]
for name, path in (l.split(' ', 1) for l in open(sys.argv[2]).read().splitlines() if l):
    try: dump(name, open(path).read(), out)
    except Exception as e: print('FAILED', name, str(e)[:600])
