"""Reads all pages with a tap as the Singer SDK wants it written: a `RESTStream` with a schema."""

from singer_sdk import RESTStream, Tap
from singer_sdk import typing as th
from singer_sdk.pagination import JSONPathPaginator

TEXTS = [
    "id",
    "email_address",
    "unique_email_id",
    "full_name",
    "email_type",
    "status",
    "ip_signup",
    "timestamp_signup",
    "ip_opt",
    "timestamp_opt",
    "last_changed",
    "language",
    "email_client",
    "source",
    "list_id",
]
INTEGERS = ["web_id", "member_rating", "tags_count"]
FLAGS = ["vip"]
OBJECTS = ["merge_fields", "interests", "stats", "location", "last_note"]
LISTS = ["marketing_permissions", "tags"]

ANY_OBJECT = th.ObjectType(additional_properties=True)


class Members(RESTStream):
    """The members; each page names the URL of the next one."""

    name = "members"
    path = ""
    records_jsonpath = "$.items[*]"
    schema = th.PropertiesList(
        *(th.Property(name, th.StringType) for name in TEXTS),
        *(th.Property(name, th.IntegerType) for name in INTEGERS),
        *(th.Property(name, th.BooleanType) for name in FLAGS),
        *(th.Property(name, ANY_OBJECT) for name in OBJECTS),
        *(th.Property(name, th.ArrayType(ANY_OBJECT)) for name in LISTS),
    ).to_dict()

    @property
    def url_base(self):
        return self.config["first_url"]

    def get_new_paginator(self):
        return JSONPathPaginator("$.next")

    def prepare_request(self, context, next_page_token):
        request = super().prepare_request(context, next_page_token)
        if next_page_token:
            request.url = next_page_token
        return request


class Bench(Tap):
    """The tap."""

    name = "tap-bench"
    config_jsonschema = th.PropertiesList(
        th.Property("first_url", th.StringType, required=True),
    ).to_dict()

    def discover_streams(self):
        return [Members(self)]


if __name__ == "__main__":
    Bench.cli()
