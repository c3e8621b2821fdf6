"""aws_kinesis_agg for Python on the loads of main.go, whose files and digest are
described in load.go: python3 python.py DIR SECONDS LOAD..."""

import base64
import hashlib
import json
import os
import struct
import sys
import time

from aws_kinesis_agg.aggregator import RecordAggregator
from aws_kinesis_agg.deaggregator import iter_deaggregate_records


class File:
    def __init__(self, path):
        with open(path, "rb") as f:
            self.content = f.read()
        self.at = 0

    def more(self):
        return self.at < len(self.content)

    def number(self):
        (n,) = struct.unpack_from(">I", self.content, self.at)
        self.at += 4
        return n

    def field(self):
        n = self.number()
        self.at += n
        return self.content[self.at - n : self.at]


def read_load(directory, load):
    """The aggregates, and for each of them its user records."""
    packed, records = [], []
    f = File(os.path.join(directory, load + ".aggregates"))
    while f.more():
        packed.append(f.field())
    f = File(os.path.join(directory, load + ".records"))
    while f.more():
        records.append([(f.field().decode(), f.field()) for _ in range(f.number())])
    return packed, records


def unpack(data):
    """Data goes in as boto3 hands it out, so that nothing is decoded from base64; the
    user records' data comes out in base64."""
    outer = {"PartitionKey": "a", "SequenceNumber": "1", "ApproximateArrivalTimestamp": 0, "Data": data}
    return list(iter_deaggregate_records([outer], data_format="Boto3"))


def unpack_each(packed):
    for data in packed:
        unpack(data)


def pack(records):
    packed = []
    for own in records:
        a = RecordAggregator()
        for key, data in own:
            a.add_user_record(key, data)
        packed.append(a.clear_and_get().get_contents()[2])
    return packed


def per_record(n, seconds, do):
    """As perRecord in measure.go; returns what do returned last, too."""
    for d in seconds / 2, seconds:
        start, cpu, rounds = time.monotonic(), time.process_time_ns(), 0
        while rounds == 0 or time.monotonic() - start < d:
            out = do()
            rounds += 1
        nanos = (time.process_time_ns() - cpu) / (rounds * n)
    return out, nanos


def tell(what, load, packed, nanos):
    users = [user for data in packed for user in unpack(data)]
    total = hashlib.sha256()
    for user in users:
        for b in user["kinesis"]["partitionKey"].encode(), base64.b64decode(user["kinesis"]["data"]):
            total.update(struct.pack(">I", len(b)))
            total.update(b)
    print(json.dumps({
        "peer": "aws_kinesis_agg, Python", "what": what, "load": load,
        "records": len(users), "digest": total.hexdigest()[:16], "nanos": nanos,
    }), flush=True)


def main(directory, seconds, *loads):
    for load in loads:
        packed, records = read_load(directory, load)
        n = sum(len(own) for own in records)
        _, nanos = per_record(n, float(seconds), lambda: unpack_each(packed))
        tell("read", load, packed, nanos)
        repacked, nanos = per_record(n, float(seconds), lambda: pack(records))
        tell("write", load, repacked, nanos)


main(*sys.argv[1:])
