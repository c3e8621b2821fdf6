// aws-kinesis-agg for Node.js on the loads of main.go, whose files and digest are
// described in load.go: node node.js DIR SECONDS LOAD...
"use strict";
const crypto = require("crypto");
const fs = require("fs");
const path = require("path");
const agg = require("aws-kinesis-agg");

function* fields(buffer) {
  for (let at = 0; at < buffer.length; ) {
    const n = buffer.readUInt32BE(at);
    yield buffer.subarray(at + 4, at + 4 + n);
    at += 4 + n;
  }
}

// Arrays of user records, one for each aggregate.
function readRecords(buffer) {
  const all = [];
  for (let at = 0; at < buffer.length; ) {
    const own = [];
    let n = buffer.readUInt32BE(at);
    at += 4;
    const field = () => {
      const end = at + 4 + buffer.readUInt32BE(at);
      const b = buffer.subarray(at + 4, end);
      at = end;
      return b;
    };
    for (; n > 0; n--) own.push({ partitionKey: field().toString(), data: field() });
    all.push(own);
  }
  return all;
}

// The library's first form of a record, which is its fastest. Data goes in as bytes, so
// that nothing is decoded from base64; the user records' data comes out in base64.
function unpack(data) {
  let users;
  agg.deaggregateSync({ partitionKey: "a", sequenceNumber: "1", data }, true, (err, all) => {
    if (err) throw err;
    users = all;
  });
  return users;
}

function pack(records) {
  return records.map((own) => {
    const a = new agg.RecordAggregator();
    for (const r of own) a.addUserRecord(r);
    return a.build().data;
  });
}

// As perRecord in measure.go.
function perRecord(n, seconds, round) {
  let nanos;
  for (const d of [seconds / 2, seconds]) {
    const start = process.hrtime.bigint(), cpu = process.cpuUsage();
    let rounds = 0;
    do {
      round();
      rounds++;
    } while (Number(process.hrtime.bigint() - start) < d * 1e9);
    const used = process.cpuUsage(cpu);
    nanos = ((used.user + used.system) * 1e3) / (rounds * n);
  }
  return nanos;
}

function tell(what, load, users, nanos) {
  const sum = crypto.createHash("sha256");
  const add = (b) => {
    const length = Buffer.alloc(4);
    length.writeUInt32BE(b.length);
    sum.update(length).update(b);
  };
  for (const u of users) {
    add(Buffer.from(u.partitionKey));
    add(Buffer.from(u.data, "base64"));
  }
  const digest = sum.digest("hex").slice(0, 16);
  console.log(JSON.stringify({ peer: "aws-kinesis-agg, Node.js", what, load, records: users.length, digest, nanos }));
}

const [dir, seconds, ...loads] = process.argv.slice(2);
for (const load of loads) {
  const packed = [...fields(fs.readFileSync(path.join(dir, load + ".aggregates")))];
  const records = readRecords(fs.readFileSync(path.join(dir, load + ".records")));
  const n = records.reduce((sum, own) => sum + own.length, 0);
  let repacked;
  const read = perRecord(n, Number(seconds), () => packed.forEach((data) => unpack(data)));
  tell("read", load, packed.flatMap((data) => unpack(data)), read);
  const write = perRecord(n, Number(seconds), () => (repacked = pack(records)));
  tell("write", load, repacked.flatMap((data) => unpack(data)), write);
}
