// Node's fetch.

import { createInterface } from "node:readline";

const FIELDS = {
  firstname: "Ann Marie",
  subject: "Order 17",
  _customer_number: "+14151110000",
  _desired_time: "2030-12-01T10:00:00.000Z",
};
const TIMEOUT_MS = 3000;

async function schedule(url) {
  const response = await fetch(url, {
    method: "POST",
    headers: { Accept: "application/json" },
    body: new URLSearchParams(FIELDS),
    signal: AbortSignal.timeout(TIMEOUT_MS),
  });
  if (!response.ok) throw new Error(`HTTP ${response.status}`);
  return (await response.json())._id;
}

for await (const line of createInterface({ input: process.stdin })) {
  const [, path, count] = line.split(" ");
  const nanoseconds = [];
  for (let call = 0; call < Number(count); call++) {
    const start = process.hrtime.bigint();
    if (!(await schedule(process.argv[2] + path))) throw new Error("no id");
    nanoseconds.push(Number(process.hrtime.bigint() - start));
  }
  console.log(JSON.stringify({ bytes: 0, nanoseconds }));
}
