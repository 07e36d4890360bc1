#!/usr/bin/env python3
"""Validates documents of slipway's: validate.py NAME <DOCUMENT. With --lines each line is one.

A document must have all that its schema names and, unlike for those who read it, nothing else: what is printed is documented.
"""

import json
import os
import sys

import jsonschema


def strict(schema):
    if isinstance(schema, dict):
        made = {name: strict(value) for name, value in schema.items()}
        if "properties" in made and "additionalProperties" not in made:
            made["additionalProperties"] = False
        return made
    return [strict(value) for value in schema] if isinstance(schema, list) else schema


def main():
    words = [word for word in sys.argv[1:] if word != "--lines"]
    here = os.path.dirname(os.path.abspath(__file__))
    with open(os.path.join(here, "../../docs/schemas/slipway.schema.json"), encoding="utf-8") as file:
        schema = json.load(file)
    jsonschema.Draft202012Validator.check_schema(schema)
    # A key's own members may grow; they are the store's.
    one = {"$ref": "#/$defs/" + words[0], "$defs": strict(schema["$defs"])}
    text = sys.stdin.read()
    documents = text.splitlines() if "--lines" in sys.argv else [text]
    failed = not documents
    for document in documents:
        for error in jsonschema.Draft202012Validator(one).iter_errors(json.loads(document)):
            failed = True
            print("/".join(map(str, error.absolute_path)) + ": " + error.message[:300])
    sys.exit(1 if failed else 0)


main()
