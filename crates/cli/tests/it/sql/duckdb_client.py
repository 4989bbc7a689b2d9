"""DuckDB's extension: the database attached, a table read and joined there."""

import os

import duckdb
from duckdb_extension_postgres_scanner import __file__ as package

extension = f"{os.path.dirname(package)}/extensions/v{duckdb.__version__}/postgres_scanner.duckdb_extension"
database = duckdb.connect(config={"allow_unsigned_extensions": "true"})
database.execute(f"LOAD '{extension}'")
dsn = " ".join(f"{name}={value}" for name, value in {
    "host": "127.0.0.1", "port": os.environ["DOOR_PORT"], "user": os.environ["DOOR_USER"],
    "password": os.environ["DOOR_TOKEN"], "dbname": os.environ["DOOR_DATABASE"],
}.items())
database.execute(f"ATTACH '{dsn}' AS door (TYPE postgres, READ_ONLY)")
assert database.execute("SELECT count(*), sum(total), max(note) FROM door.public.orders").fetchone() == (1000, 625625, "note 999")
rows = database.execute("SELECT id, customer FROM door.public.orders WHERE id < 3 ORDER BY id").fetchall()
assert rows == [(1, "c1"), (2, "c2")], rows
print("ok")
