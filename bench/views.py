"""What DuckDB takes for the first 200 rows of each sort, and for a count by a pattern, over the same Parquet files.

`views.py PATTERN FILE…` prints a line of JSON: milliseconds by column, and by `ilike`, each the median of three.
"""

import json, statistics, sys, time

import duckdb

pattern, files = sys.argv[1], sys.argv[2:]
database = duckdb.connect()
rows = database.read_parquet(files)


def milliseconds(sql):
    times = []
    for _ in range(3):
        started = time.perf_counter()
        database.execute(sql).fetchall()
        times.append((time.perf_counter() - started) * 1000)
    return statistics.median(times)


found = {name: milliseconds(f'SELECT * FROM rows ORDER BY "{name}" LIMIT 200') for name in rows.columns}
column, text = pattern.split("=")
# The first page and the count, which is what the page shows.
found["ilike"] = milliseconds(f"""SELECT count(*) FROM rows WHERE "{column}" ILIKE '{text}'""")
print(json.dumps(found))
