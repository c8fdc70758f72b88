"""Fills corpus/ with what fuzzing starts from, made of the specs in this repository.

For `spec` the specs themselves, and once more behind a line that makes them YAML; for `expression`
every text in them; and for `path` a page in which each path of theirs leads somewhere.
"""

import json
import re
from pathlib import Path

HERE = Path(__file__).parent
RECORDS = [{"id": 1, "b": "x\u00e9]"}, {"id": 2.50, "b": None}]


def texts(value):
    if isinstance(value, str):
        yield value
    elif isinstance(value, list):
        for item in value:
            yield from texts(item)
    elif isinstance(value, dict):
        for key, item in value.items():
            yield key
            yield from texts(item)


def page(path):
    """A page in which `path` leads to records; of a query, as far as it is plain."""
    body = RECORDS
    for key, index in reversed(re.findall(r"\.([^.\[]+)|\[(\d+)\]", path)):
        body = {"a": 1, "b": [True], key: body} if key else [0] * min(int(index), 9) + [body]
    return json.dumps(body)


def write(target, seeds):
    folder = HERE / "corpus" / target
    folder.mkdir(parents=True, exist_ok=True)
    for number, seed in enumerate(sorted(seeds)):
        (folder / f"seed-{number}").write_bytes(seed.encode())


def main():
    folders = [HERE / "../../specs", HERE / "../fixtures/specs"]
    files = [file for folder in folders for file in folder.rglob("*") if file.is_file()]
    specs = {file.read_text() for file in files if file.suffix in (".json", ".yaml", ".yml")}
    found = set()
    for spec in specs:
        try:
            found.update(texts(json.loads(spec)))
        except ValueError:
            pass  # Wrong on purpose, or YAML.
    paths = {text for text in found if text.startswith("$") and "\n" not in text}
    write("spec", specs | {f"---\n{spec}" for spec in specs})
    write("expression", found)
    write("path", {f"{path}\n{path}\n{page(path)}" for path in paths})


main()
