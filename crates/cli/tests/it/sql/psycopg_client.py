"""psycopg 3: parameters, prepared statements, binary cursors, COPY, errors, transactions."""

import datetime
import decimal
import os

import psycopg

connection = psycopg.connect(
    host="127.0.0.1", port=os.environ["DOOR_PORT"], user=os.environ["DOOR_USER"],
    password=os.environ["DOOR_TOKEN"], dbname=os.environ["DOOR_DATABASE"],
)
row = connection.execute("SELECT id, total, placed_at, note, code, \"Odd name\" FROM orders WHERE id = %s", [8]).fetchone()
assert row[:2] == (8, decimal.Decimal("10.00")), row
assert row[2] == datetime.datetime(2026, 1, 1, 8, tzinfo=datetime.timezone.utc), row
assert row[3:] == ("note 8", "I  ", True), row
for turn in range(8):
    found = connection.execute("SELECT count(*) FROM orders WHERE total > %s AND note <> %s", [decimal.Decimal("1249.99"), "x"], prepare=True)
    assert found.fetchone() == (1,)
with connection.cursor(binary=True) as cursor:
    cursor.execute("SELECT id, total, placed_at, \"Odd name\" FROM orders WHERE placed_at < %b AND id > %b ORDER BY id",
                   [datetime.datetime(2026, 1, 1, 3, tzinfo=datetime.timezone.utc), 1])
    assert [row[:2] for row in cursor] == [(2, decimal.Decimal("2.50"))]
with connection.cursor() as cursor, cursor.copy("COPY (SELECT id, note FROM orders WHERE id < 4 ORDER BY id) TO STDOUT") as copy:
    assert list(copy.rows()) == [("1", "note 1"), ("2", "note 2"), ("3", "note 3")]
connection.commit()
try:
    connection.execute("INSERT INTO orders (id) VALUES (1)")
    raise AssertionError("it was written")
except psycopg.errors.ReadOnlySqlTransaction:
    pass
try:
    connection.execute("SELECT 1")
    raise AssertionError("the transaction goes on")
except psycopg.errors.InFailedSqlTransaction:
    connection.rollback()
assert connection.execute("SELECT sum(id) FROM orders").fetchone() == (500500,)
print("ok")
