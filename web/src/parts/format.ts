/** Numbers, sizes, times as text. Pure: the present time and the zone are arguments. */

const grouped = new Intl.NumberFormat("en-US");
export const count = (n: number | undefined): string => (n === undefined ? "" : grouped.format(n));

export function plural(n: number, one: string, many = `${one}s`): string {
  return `${count(n)} ${n === 1 ? one : many}`;
}

export function bytes(n: number | undefined): string {
  if (n === undefined) return "";
  const units = ["B", "kB", "MB", "GB", "TB", "PB"];
  let value = n;
  let unit = 0;
  while (value >= 999.5 && unit < units.length - 1) {
    value /= 1000;
    unit++;
  }
  return `${unit === 0 || value >= 100 ? Math.round(value) : value.toFixed(1)} ${units[unit]}`;
}

export function duration(seconds: number | undefined): string {
  if (seconds === undefined || Number.isNaN(seconds)) return "";
  if (seconds < 0.0995) return `${Math.round(seconds * 1000)} ms`;
  if (seconds < 10) return `${seconds.toFixed(1)} s`;
  if (seconds < 59.5) return `${Math.round(seconds)} s`;
  const whole = Math.round(seconds);
  if (whole < 3600) return `${Math.floor(whole / 60)} min ${whole % 60} s`;
  if (whole < 86_400) return `${Math.floor(whole / 3600)} h ${Math.floor((whole % 3600) / 60)} min`;
  return `${Math.floor(whole / 86_400)} d ${Math.floor((whole % 86_400) / 3600)} h`;
}

export const between = (start: string | undefined, end: string | undefined, now: number): number | undefined =>
  start === undefined ? undefined : ((end === undefined ? now : Date.parse(end)) - Date.parse(start)) / 1000;

/** `4 min ago`, `in 2 h`; beyond a week the date says more. */
export function relative(time: number, now: number): string {
  const away = Math.abs(time - now) / 1000;
  const text =
    away < 5 ? "now"
    : away < 60 ? `${Math.round(away)} s`
    : away < 3600 ? `${Math.round(away / 60)} min`
    : away < 86_400 ? `${Math.round(away / 3600)} h`
    : `${Math.round(away / 86_400)} d`;
  if (text === "now") return text;
  return time > now ? `in ${text}` : `${text} ago`;
}

const formats = new Map<string, Intl.DateTimeFormat>();
function format(zone: string, options: Intl.DateTimeFormatOptions): Intl.DateTimeFormat {
  const key = zone + JSON.stringify(options);
  let found = formats.get(key);
  if (!found) {
    found = new Intl.DateTimeFormat("en-GB", { timeZone: zone, hourCycle: "h23", ...options });
    formats.set(key, found);
  }
  return found;
}

const partsOf = (time: number, zone: string, options: Intl.DateTimeFormatOptions) =>
  Object.fromEntries(format(zone, options).formatToParts(time).map((part) => [part.type, part.value]));

/** `CET`, `UTC`, `GMT+10:30`: what the zone is called at that time. */
export const zoneName = (time: number, zone: string): string =>
  zone === "UTC" ? "UTC" : (partsOf(time, zone, { timeZoneName: "short" }).timeZoneName ?? zone);

/** `2025-10-17 14:00:05`, in the zone. */
export function dateTime(time: number, zone: string, seconds = true): string {
  const p = partsOf(time, zone, {
    year: "numeric", month: "2-digit", day: "2-digit", hour: "2-digit", minute: "2-digit", second: "2-digit",
  });
  return `${p.year}-${p.month}-${p.day} ${p.hour}:${p.minute}${seconds ? `:${p.second}` : ""}`;
}

export const clock = (time: number, zone: string, millis = false): string => {
  const text = dateTime(time, zone).slice(11);
  return millis ? `${text}.${String(new Date(time).getUTCMilliseconds()).padStart(3, "0")}` : text;
};

export const day = (time: number, zone: string): string => dateTime(time, zone).slice(0, 10);

/** Only all of it is 100 %. */
export const percent = (share: number): string =>
  `${share >= 0.99 ? Math.floor(share * 1000) / 10 : (share * 100).toFixed(share < 0.1 ? 1 : 0)} %`;

/** The first part of an id, as people speak of it. */
export const shortId = (id: string): string => (id.length > 13 ? id.slice(0, 13) : id);

/** A cell of a table of rows. */
export function cell(value: unknown): string {
  if (value === null || value === undefined) return "NULL";
  if (typeof value === "object") return JSON.stringify(value);
  return String(value);
}
