"""asyncpg: everything in binary, types as the server describes them, a pool that resets its connections."""

import asyncio
import datetime
import decimal
import os

import asyncpg


async def main():
    pool = await asyncpg.create_pool(
        host="127.0.0.1", port=int(os.environ["DOOR_PORT"]), user=os.environ["DOOR_USER"],
        password=os.environ["DOOR_TOKEN"], database=os.environ["DOOR_DATABASE"], min_size=2, max_size=2, ssl=False,
    )
    for _ in range(3):
        async with pool.acquire() as connection:
            row = await connection.fetchrow("SELECT * FROM orders WHERE id = $1 AND customer = $2", 8, "c1")
            assert row["total"] == decimal.Decimal("10.00") and row["note"] == "note 8" and row["code"] == "I  ", row
            assert row["placed_at"] == datetime.datetime(2026, 1, 1, 8, tzinfo=datetime.timezone.utc), row
            found = await connection.fetchval("SELECT count(*) FROM orders WHERE total >= $1", decimal.Decimal("1249.5"))
            assert found == 1, found
            async with connection.transaction(readonly=True):
                seen = [record["id"] async for record in connection.cursor("SELECT id FROM orders ORDER BY id", prefetch=100)]
                assert seen == list(range(1, 1001))
            try:
                await connection.execute("DELETE FROM orders")
                raise AssertionError("it was written")
            except asyncpg.exceptions.ReadOnlySQLTransactionError:
                pass
    await pool.close()


asyncio.run(main())
print("ok")
