"""Compares cells, types and modifiers of the table `cells` with those that its source sends, in text and in binary."""

import os
import sys

import psycopg
from psycopg.pq import Format

door = psycopg.connect(
    host="127.0.0.1", port=os.environ["DOOR_PORT"], user=os.environ["DOOR_USER"],
    password=os.environ["DOOR_TOKEN"], dbname=os.environ["DOOR_DATABASE"], sslmode="disable",
)
source = psycopg.connect(
    host=os.environ["SOURCE_HOST"], port=os.environ["SOURCE_PORT"], user="postgres", dbname=os.environ["SOURCE_DATABASE"],
)
# Of a type that is not PostgreSQL's own, the oid differs in each database: it is text here.
FOREIGN_FROM = 16384
TEXT = 25


def answer(connection, column, format):
    result = connection.pgconn.exec_params(
        f'SELECT id, "{column}" FROM cells ORDER BY id'.encode(), [], result_format=format)
    if result.status != psycopg.pq.ExecStatus.TUPLES_OK:
        raise RuntimeError(f"{column}: {result.error_message.decode()}")
    rows = [[result.get_value(row, at) for at in range(2)] for row in range(result.ntuples)]
    return result.ftype(1), result.fmod(1), result.fsize(1), rows


columns = [column.name for column in source.execute("SELECT * FROM cells LIMIT 0").description if column.name != "id"]
in_text_only = set(sys.argv[1].split(","))
for column in columns:
    for format in (Format.TEXT, Format.BINARY):
        if format == Format.BINARY and column in in_text_only:
            try:
                answer(door, column, format)
            except RuntimeError as refused:
                assert "no binary form" in str(refused), refused
                continue
            raise AssertionError(f"{column} has a binary form: the list is too long")
        want, got = answer(source, column, format), answer(door, column, format)
        if want[0] >= FOREIGN_FROM:
            want = (TEXT, -1, -1, want[3])
        assert want == got, f"{column} in {format.name}:\n  {want}\n  {got}"
print(len(columns))
