"""ADBC: Arrow from COPY in binary."""

import os
from urllib.parse import quote

import adbc_driver_postgresql.dbapi as adbc

uri = f"postgresql://{quote(os.environ['DOOR_USER'])}:{os.environ['DOOR_TOKEN']}@127.0.0.1:{os.environ['DOOR_PORT']}/{os.environ['DOOR_DATABASE']}"
with adbc.connect(uri) as connection, connection.cursor() as cursor:
    cursor.execute("SELECT id, total, placed_at, note FROM orders ORDER BY id")
    table = cursor.fetch_arrow_table()
    assert table.num_rows == 1000, table
    assert [str(field.type) for field in table.schema][0] == "int32", table.schema
    assert table.column("total")[7].as_py() == "10.00", table.column("total")[7]
    assert table.column("note")[7].as_py() == "note 8"
print("ok")
