"""Loads orders with dlt: `rows FILE URL COUNT` as its introduction says, `merge URL URL COUNT` with Arrow tables by key."""

import csv
import itertools
import os
import sys

import dlt

how, source, target, count = sys.argv[1], sys.argv[2], sys.argv[3], int(sys.argv[4])
pipeline = dlt.pipeline(
    "orders",
    pipelines_dir=os.path.join(os.getcwd(), "pipelines"),
    destination=dlt.destinations.postgres(target),
    dataset_name="loaded",
)
if how == "rows":

    @dlt.resource(name="orders", primary_key="id", write_disposition="replace")
    def orders():
        with open(source, newline="") as file:
            yield from itertools.islice(csv.DictReader(file), count)

    pipeline.run(orders())
else:
    from dlt.sources.sql_database import sql_table

    table = sql_table(
        # The name of PostgreSQL that SQLAlchemy knows.
        credentials=source.replace("postgres://", "postgresql://", 1),
        table="orders",
        backend="pyarrow",
        incremental=dlt.sources.incremental("updated_at"),
        primary_key="id",
        write_disposition="merge",
        chunk_size=50_000,
    )
    pipeline.run(table)
