import { count } from "./format";

/** A bar a row, as a list that can be read as text too. */
export function Bars({ name, bars }: { name: string; bars: { label: string; value: number }[] }) {
  const most = Math.max(...bars.map(({ value }) => value), 0);
  const least = Math.min(...bars.map(({ value }) => value), 0);
  const range = most - least || 1;
  return (
    <ul className="bars" aria-label={name}>
      {bars.map(({ label, value }, i) => (
        <li key={i}>
          <span className="ellipsis" title={label}>
            {label}
          </span>
          <span className="bar-room">
            <i style={{ left: `${((Math.min(value, 0) - least) / range) * 100}%`, width: `${(Math.abs(value) / range) * 100}%` }} />
          </span>
          <span className="num">{Number.isInteger(value) ? count(value) : value.toPrecision(6).replace(/\.?0+$/, "")}</span>
        </li>
      ))}
    </ul>
  );
}
