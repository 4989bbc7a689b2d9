"""What others do with the same job: a whole table into a Parquet file with zstd, or a version of a table, as their manuals show it.

`peers.py PEER PORT TABLE KEY FILE [CA]` runs one and prints a line of JSON: version, seconds, CPU seconds, and the
bytes of memory at the peak over what was there before it began. Starting Python and importing don't count.
"""

import importlib.metadata, json, os, resource, subprocess, sys, time

peer, port, table, key, file, ca = (sys.argv[1:] + [""])[:6]
where = {"host": "127.0.0.1", "port": port, "user": "mycorr_reader", "dbname": "bench"}
where |= {"sslmode": "verify-full", "sslrootcert": ca} if ca else {"sslmode": "disable"}
url = f"postgresql://mycorr_reader@127.0.0.1:{port}/bench?sslmode=" + (f"verify-full&sslrootcert={ca}" if ca else "disable")


def duckdb():
    import duckdb
    from duckdb_extension_postgres_scanner import __file__ as package

    extension = f"{os.path.dirname(package)}/extensions/v{duckdb.__version__}/postgres_scanner.duckdb_extension"
    threads = {"threads": os.environ["DUCKDB_THREADS"]} if "DUCKDB_THREADS" in os.environ else {}
    database = duckdb.connect(config={"allow_unsigned_extensions": "true"} | threads)
    database.execute(f"LOAD '{extension}'")

    def run():
        attached = " ".join(f"{name}={value}" for name, value in where.items())
        database.execute(f"ATTACH '{attached}' AS source (TYPE postgres, READ_ONLY)")
        database.execute(f"COPY source.public.{table} TO '{file}' (FORMAT parquet, COMPRESSION zstd)")

    return run


def ducklake():
    import duckdb, shutil
    from duckdb_extension_ducklake import __file__ as lake
    from duckdb_extension_postgres_scanner import __file__ as scanner

    database = duckdb.connect(config={"allow_unsigned_extensions": "true"})
    for package, name in ((scanner, "postgres_scanner"), (lake, "ducklake")):
        folder = f"{os.path.dirname(package)}/extensions/v{duckdb.__version__}"
        database.execute(f"LOAD '{folder}/{name}.duckdb_extension'")
    shutil.rmtree(f"{file}.lake", ignore_errors=True)
    os.makedirs(f"{file}.lake")

    def run():
        attached = " ".join(f"{name}={value}" for name, value in where.items())
        database.execute(f"ATTACH '{attached}' AS source (TYPE postgres, READ_ONLY)")
        database.execute(f"ATTACH 'ducklake:{file}.lake/catalogue' AS lake (DATA_PATH '{file}.lake/data/')")
        database.execute("CALL lake.set_option('parquet_compression', 'zstd')")
        database.execute(f"CREATE TABLE lake.{table} AS FROM source.public.{table}")

    return run


def deltalake():
    import adbc_driver_postgresql.dbapi as driver
    import deltalake, shutil

    shutil.rmtree(f"{file}.delta", ignore_errors=True)
    properties = deltalake.WriterProperties(compression="ZSTD", compression_level=1)

    def run():
        with driver.connect(url) as connection, connection.cursor() as cursor:
            cursor.execute(f"SELECT * FROM {table}")
            deltalake.write_deltalake(f"{file}.delta", cursor.fetch_record_batch(), writer_properties=properties)

    return run


def connectorx():
    import connectorx, pyarrow.parquet

    # Its TLS knows `require` only, which verifies when it is given a root.
    address = url.replace("verify-full", "require")

    def run():
        read = connectorx.read_sql(
            address, f"SELECT * FROM {table}", partition_on=key, partition_num=2, return_type="arrow"
        )
        pyarrow.parquet.write_table(read, file, compression="zstd")

    return run


def adbc():
    import adbc_driver_postgresql.dbapi as driver
    import pyarrow.parquet

    def run():
        with driver.connect(url) as connection, connection.cursor() as cursor:
            cursor.execute(f"SELECT * FROM {table}")
            rows = cursor.fetch_record_batch()
            with pyarrow.parquet.ParquetWriter(file, rows.schema, compression="zstd") as writer:
                for batch in rows:
                    writer.write_batch(batch)

    return run


def pg2parquet():
    program = os.environ["PG2PARQUET"]
    host, user, database = where["host"], where["user"], where["dbname"]
    command = [program, "export", f"--host={host}", f"--port={port}", f"--user={user}", f"--dbname={database}"]
    command += [f"--table={table}", f"--output-file={file}", "--compression=zstd", "--quiet"]
    command += ["--sslmode=require", f"--ssl-root-cert={ca}"] if ca else ["--sslmode=disable"]
    # It asks for a password that the server does not want.
    environment = os.environ | {"PGPASSWORD": "trust"}
    return lambda: subprocess.run(command, check=True, stdout=subprocess.DEVNULL, env=environment)


def status(field):
    with open("/proc/self/status") as lines:
        return next(int(line.split()[1]) * 1024 for line in lines if line.startswith(field))


version = {
    "duckdb": lambda: importlib.metadata.version("duckdb"),
    "ducklake": lambda: importlib.metadata.version("duckdb-extension-ducklake"),
    "deltalake": lambda: importlib.metadata.version("deltalake"),
    "connectorx": lambda: importlib.metadata.version("connectorx"),
    "adbc": lambda: importlib.metadata.version("adbc-driver-postgresql"),
    "pg2parquet": lambda: subprocess.check_output([os.environ["PG2PARQUET"], "--version"], text=True).split()[-1],
}[peer]()
run = globals()[peer]()
who = resource.RUSAGE_CHILDREN if peer == "pg2parquet" else resource.RUSAGE_SELF
before = resource.getrusage(who)
idle = 0 if peer == "pg2parquet" else status("VmRSS")
started = time.perf_counter()
run()
seconds = time.perf_counter() - started
after = resource.getrusage(who)
cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
if os.path.exists(file):
    os.remove(file)
print(json.dumps({"version": version, "seconds": seconds, "cpu": cpu, "peak": after.ru_maxrss * 1024 - idle}))
