import pyarrow as pa, sys
out=sys.argv[1]
def split(t, name, **o):
    b = pa.BufferOutputStream()
    w = pa.ipc.new_stream(b, t.schema, options=pa.ipc.IpcWriteOptions(**o)); w.write_table(t); w.close()
    s = b.getvalue().to_pybytes()
    n = 8 + int.from_bytes(s[4:8], 'little')
    open(f'{out}/{name}.schema.arrow','wb').write(s[:n]); open(f'{out}/{name}.batch.arrow','wb').write(s[n:-8])
print(pa.__version__)
t = pa.table({'a': pa.array(range(100), pa.int32())})
split(t,'lz4', compression='lz4')
split(t,'zstd', compression='zstd')
split(pa.table({'a': pa.array(['x','y','x']).dictionary_encode()}), 'dictionary')
split(pa.table({'ok': pa.array([1]), 'wide': pa.array(['x'], pa.large_string())}), 'large-utf8')
split(pa.table({'ok': pa.array([1]), 'view': pa.array(['x'], pa.string_view())}), 'utf8-view')
