"""ConnectorX: COPY in binary, and a query that is cut into ranges."""

import os
from urllib.parse import quote

import connectorx

url = f"postgresql://{quote(os.environ['DOOR_USER'])}:{os.environ['DOOR_TOKEN']}@127.0.0.1:{os.environ['DOOR_PORT']}/{os.environ['DOOR_DATABASE']}"
query = "SELECT id, total, note FROM orders"
for more in ({}, {"partition_on": "id", "partition_num": 3}, {"protocol": "cursor"}):
    table = connectorx.read_sql(url, query, return_type="arrow", **more)
    assert table.num_rows == 1000, (more, table)
    notes = dict(zip(table.column("id").to_pylist(), table.column("note").to_pylist()))
    assert notes[8] == "note 8", more
print("ok")
