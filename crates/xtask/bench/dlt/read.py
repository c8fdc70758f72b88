"""Reads all pages with dlt's own REST source into Parquet files. Nested values stay JSON, as with
the others: tables of their own would be more work."""

import sys
from urllib.parse import urlsplit

import dlt
from dlt.sources.rest_api import rest_api_source

first, out = urlsplit(sys.argv[1]), sys.argv[2]
source = rest_api_source(
    {
        "client": {
            "base_url": f"{first.scheme}://{first.netloc}",
            "paginator": {"type": "json_link", "next_url_path": "next"},
        },
        "resources": [
            {
                "name": "members",
                "endpoint": {"path": first.path, "data_selector": "items"},
            }
        ],
    },
    max_table_nesting=0,
)
pipeline = dlt.pipeline(
    "bench",
    pipelines_dir="pipelines",
    destination=dlt.destinations.filesystem(f"file://{out}"),
    dataset_name="bench",
)
pipeline.run(source, loader_file_format="parquet").raise_on_failed_jobs()
