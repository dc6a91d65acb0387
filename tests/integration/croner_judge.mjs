// Due times by croner: lines as schedule_probe takes them. The first argument is croner's module.
import { createInterface } from "node:readline";
const { Cron } = await import(process.argv[2]);

function answer(line) {
  const [zone, begin, end, most, rule] = line.split("\t");
  // Fixed times as Debian's cron has them: no wildcard, whatever the number of values.
  const cron = new Cron(rule, { timezone: zone, paused: true, fixedTimeRule: "no-wildcard" });
  const out = [];
  for (let at = new Date(begin * 1000); out.length < most; ) {
    at = cron.nextRun(at);
    if (!at || at.getTime() >= end * 1000) break;
    out.push(at.getTime() / 1000);
  }
  return out.join(" ");
}

const out = [];
for await (const line of createInterface({ input: process.stdin })) {
  try {
    out.push(answer(line));
  } catch (error) {
    out.push("refused: " + String(error.message).replaceAll("\n", " "));
  }
}
process.stdout.write(out.join("\n") + "\n");
