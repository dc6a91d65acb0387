"""Due times judged by programs that others wrote: cron expressions by croner (npm) and cronsim (PyPI), calendars by
python-holidays, repeated events of iCalendar by python-dateutil.

Expressions, zones and years are random, with a seed. Each difference has to be one of those in `EXPLAINED`: nothing is
passed over for being rare.
"""
import concurrent.futures
import datetime as dt
import json
import os
import pathlib
import random
import re
import subprocess
import zoneinfo

import pytest

PROBE = pathlib.Path(os.environ.get("WINDROW", "")).parent / "schedule_probe"
CRONER = os.environ.get("CRONER", "")
UTC = dt.timezone.utc

# Rules of all kinds: of Europe, both Americas and Australia, half an hour, none, Ramadan, midnight, changed lately.
ZONES = """UTC Europe/Berlin Europe/London Europe/Dublin Europe/Lisbon Europe/Istanbul Europe/Moscow Europe/Chisinau
America/New_York America/Chicago America/Denver America/Phoenix America/Los_Angeles America/Anchorage America/Halifax
America/St_Johns America/Sao_Paulo America/Santiago America/Asuncion America/Havana America/Mexico_City America/Bogota
Africa/Cairo Africa/Casablanca Africa/Johannesburg Africa/Lagos Asia/Tokyo Asia/Shanghai Asia/Kolkata Asia/Kathmandu
Asia/Tehran Asia/Beirut Asia/Jerusalem Asia/Amman Australia/Sydney Australia/Adelaide Australia/Lord_Howe
Pacific/Auckland Pacific/Chatham Pacific/Apia""".split()
MONTHS = "JAN FEB MAR APR MAY JUN JUL AUG SEP OCT NOV DEC".split()
DAYS = "SUN MON TUE WED THU FRI SAT".split()
FIRINGS = 12


class Expressions:
    def __init__(self, seed):
        self.random = random.Random(seed)

    def one(self):
        r = self.random
        fields = [self.field(0, 59, 0.25), self.field(0, 23, 0.35), "*", "*", "*"]
        kind = r.random()
        if kind < 0.3:
            fields[2] = self.day()
        elif kind < 0.6:
            fields[4] = self.weekday()
        elif kind < 0.65:
            fields[2], fields[4] = self.numbers(1, 31), self.numbers(0, 6)
        if r.random() < 0.15:
            fields[3] = r.choice([self.numbers(1, 12), r.choice(MONTHS), "*/3", "3-10"])
        if r.random() < 0.1:
            fields.insert(0, self.field(0, 59, 0.1))
        return " ".join(fields)

    def field(self, low, high, star):
        r = self.random
        if r.random() < star:
            return r.choice(["*", "*", f"*/{r.choice([2, 3, 5, 7, 10, 15, 20])}"])
        return self.numbers(low, high)

    def numbers(self, low, high):
        r = self.random
        a, b = sorted((r.randint(low, high), r.randint(low, high)))
        several = ",".join(str(n) for n in sorted({r.randint(low, high) for _ in range(3)}))
        return r.choice([str(a), str(a), str(a), several, f"{a}-{b}", f"{a}-{b}/{r.randint(1, 5)}"])

    def day(self):
        return self.random.choice([self.numbers(1, 31), "L", "LW", f"{self.random.randint(1, 31)}W", "1,15,L", "*/4"])

    def weekday(self):
        r = self.random
        day = r.randint(0, 7)
        return r.choice([self.numbers(0, 6), str(day), f"{day % 7}L", f"{day % 7}#{r.randint(1, 5)}", "MON-FRI",
                         r.choice(DAYS), f"{r.choice(DAYS)}#{r.randint(1, 4)}", "*/2"])


def changes(zone, year):
    """The moments of a year at which clocks of a zone are moved."""
    info, out = zoneinfo.ZoneInfo(zone), []
    at = dt.datetime(year, 1, 1, tzinfo=UTC)
    offset = at.astimezone(info).utcoffset()
    while at.year == year:
        at += dt.timedelta(hours=6)
        now = at.astimezone(info).utcoffset()
        if now != offset:
            out.append(int(at.timestamp()))
        offset = now
    return out


def asked(seed, expressions, zones, years):
    """Lines for the probe: some begin anywhere, some a day and a half before clocks change."""
    r, source, known = random.Random(seed), Expressions(seed), {}
    for _ in range(expressions):
        expression = source.one()
        for zone in zones(r):
            year = r.choice(years)
            if (zone, year) not in known:
                known[zone, year] = changes(zone, year)
            begins = [int(dt.datetime(year, 1, 1, tzinfo=UTC).timestamp()) + r.randint(0, 31_000_000)]
            begins += [t - 36 * 3600 + r.randint(0, 7200) for t in known[zone, year][:2]]
            for begin in begins:
                yield f"{zone}\t{begin}\t{begin + 400 * 86400}\t{FIRINGS}\t{expression}"


def answers(command, lines):
    done = subprocess.run(command, input="\n".join(lines) + "\n", capture_output=True, text=True, check=True)
    out = done.stdout.split("\n")[:-1]
    assert len(out) == len(lines)
    return out


def by_cronsim(line):
    from cronsim import CronSim, CronSimError
    zone, begin, end, most, rule = line.split("\t")
    out = []
    try:
        for at in CronSim(rule, dt.datetime.fromtimestamp(int(begin), zoneinfo.ZoneInfo(zone))):
            stamp = int(at.timestamp())
            if stamp >= int(end) or len(out) == int(most):
                break
            # In the gap it gives what the clocks never show.
            out.append(stamp)
    except CronSimError as error:
        return f"refused: {error}"
    return " ".join(map(str, out))


# --- why somebody may differ -----------------------------------------------------------------------------------------

def fields_of(rule):
    fields = rule.split()
    return fields if len(fields) == 6 else ["0", *fields]


def near_change(line, stamps):
    """A day in which clocks are moved lies among these moments."""
    zone = zoneinfo.ZoneInfo(line.split("\t")[0])
    for stamp in stamps:
        at = dt.datetime.fromtimestamp(stamp, UTC)
        before, after = at - dt.timedelta(hours=26), at + dt.timedelta(hours=26)
        if before.astimezone(zone).utcoffset() != after.astimezone(zone).utcoffset():
            return True
    return False


def midnight_is_skipped(line, stamps):
    """Some of these moments lie in a day that begins with a gap."""
    zone = zoneinfo.ZoneInfo(line.split("\t")[0])
    for stamp in stamps:
        at = dt.datetime.fromtimestamp(stamp, zone)
        midnight = dt.datetime(at.year, at.month, at.day, tzinfo=zone)
        if midnight.astimezone(UTC).astimezone(zone).hour != 0:
            return True
    return False


def explained(judge, line, ours, theirs):
    """Why the judge may differ here; nothing where it may not."""
    rule = line.split("\t")[4]
    second, minute, hour, day, _, weekday = fields_of(rule)
    if ours.startswith("refused"):
        if re.search(r"^\*/", day) and weekday not in "*?" or re.search(r"^\*/", weekday) and day not in "*?":
            return "we refuse */n beside another restricted day field"
        if "never comes" in ours:
            return "we refuse days that no month has"
        return None
    if theirs.startswith("refused"):
        if judge == "cronsim" and "W" in day and day != "LW":
            return "cronsim knows no 15W"
        if judge == "cronsim" and "Bad day-of-week" in theirs and "#" in weekday:
            return None
        if judge == "croner" and "steps cannot be greater" in theirs:
            return "croner refuses steps larger than a range"
        return None
    if judge == "cronsim" and re.search(r"\b(\d+)-\1/", rule):
        return "cronsim takes 7-7/3 for 7/3"
    differ = {int(t) for t in set(ours.split()) ^ set(theirs.split())}
    if not near_change(line, differ):
        return None
    if judge == "cronsim" and midnight_is_skipped(line, differ):
        return "cronsim loses real time in a day whose midnight is skipped"
    if judge == "cronsim" and line.startswith("Australia/Lord_Howe"):
        return "cronsim goes by whole hours, also where clocks are moved by half of one"
    if judge == "cronsim" and len(rule.split()) == 6:
        return "cronsim has no rule for clocks that change where there are seconds"
    if judge == "croner" and any("/" in part for part in (second, minute, hour)):
        return "croner takes 1-5/2 for real time: it has a slash"
    if hour == "0-23" or minute == "0-59" or second == "0-59":
        return "all hours written out are * to us"
    if judge == "croner":
        zone = zoneinfo.ZoneInfo(line.split("\t")[0])
        for stamp in differ:
            end = dt.datetime.fromtimestamp(stamp, UTC).astimezone(zone)
            if (end.hour, end.minute) == (0, 0):
                return "croner skips a gap that ends on another day"
    return None


def compare(lines):
    """How often each explanation was needed, and the lines that none explains."""
    ours = answers([PROBE], lines)
    with concurrent.futures.ThreadPoolExecutor() as beside:  # croner, which takes longer, on a core of its own
        script = pathlib.Path(__file__).with_name("croner_judge.mjs")
        croner = beside.submit(answers, ["node", script, CRONER], lines) if CRONER else None
        judges = {"cronsim": [by_cronsim(line) for line in lines]}
        if croner:
            judges["croner"] = croner.result()
    reasons, unexplained, equal = {}, [], 0
    for judge, theirs in judges.items():
        for line, mine, other in zip(lines, ours, theirs):
            if mine == other or mine.startswith("refused") and other.startswith("refused"):
                equal += 1
                continue
            reason = explained(judge, line, mine, other)
            if reason:
                reasons[reason] = reasons.get(reason, 0) + 1
            else:
                unexplained.append(f"{judge}: {line!r}\n  ours   {mine}\n  theirs {other}")
    print(f"{equal} equal, {sum(reasons.values())} explained: {reasons}")
    return equal, unexplained


def test_random_expressions_fire_as_croner_and_cronsim_say():
    seed = int(os.environ.get("SEED", "20261"))
    lines = list(asked(seed, 150, lambda r: r.sample(ZONES, 3), range(2021, 2031)))
    equal, unexplained = compare(lines)
    assert not unexplained, f"seed {seed}: {len(unexplained)}\n" + "\n".join(unexplained[:10])
    assert equal > len(lines)


@pytest.mark.soak
def test_ten_thousand_expressions_in_forty_zones_over_ten_years():
    seed = int(os.environ.get("SEED", random.randrange(10 ** 6)))
    print("seed", seed)
    lines = []
    for line in asked(seed, 10_000, lambda r: ZONES, range(2021, 2031)):
        lines.append(line)
        if len(lines) == 100_000:
            _, unexplained = compare(lines)
            assert not unexplained, f"seed {seed}: {len(unexplained)}\n" + "\n".join(unexplained[:10])
            lines = []
    _, unexplained = compare(lines)
    assert not unexplained, f"seed {seed}: {len(unexplained)}\n" + "\n".join(unexplained[:10])


@pytest.mark.soak
def test_years_of_schedules_are_simulated():
    """Every due time once, through crashes, edits and clocks that jump: src/schedule/simulation_test.cc."""
    seed = int(os.environ.get("SEED", random.randrange(10 ** 6)))
    for one in range(seed, seed + 10):
        done = subprocess.run([PROBE.with_name("schedule_test"), "--gtest_filter=Simulation.*", "--gtest_brief=1"],
                              env={**os.environ, "WINDROW_SIMULATION": f"{one} 200 365"}, capture_output=True, text=True)
        print(done.stdout)
        assert done.returncode == 0, f"seed {one}\n{done.stdout}{done.stderr}"


# --- calendars -------------------------------------------------------------------------------------------------------

def probed_days(folder, file, text, days, begin, count, weekend="[sat, sun]"):
    """Days on which a schedule of such a calendar is due, asked of the whole program."""
    folder.joinpath("windrow.yaml").write_text(
        f"project: p\ncalendars: {{c: {{holidays: [calendars/{file}], weekend: {weekend}}}}}\n"
        f"schedules: {{s: {{cron: '0 0 * * *', calendar: {{name: c, days: {days}}}}}}}\n")
    folder.joinpath("calendars").mkdir(exist_ok=True)
    folder.joinpath("calendars", file).write_text(text)
    done = subprocess.run([os.environ["WINDROW"], "-C", folder, "--json", "schedule", "next", "s", "--from", str(begin),
                           "--count", str(count)], capture_output=True, text=True, check=True)
    return [dt.date.fromisoformat(one["due"][:10]) for one in json.loads(done.stdout)["due"]]


@pytest.mark.parametrize("country", ["DE", "US", "JP", "BR"])
def test_business_days_are_those_of_python_holidays(tmp_path, country):
    import holidays
    # Whatever a name holds.
    calendar = {day: name.replace("'", "") for day, name in sorted(
        holidays.country_holidays(country, years=range(2024, 2030)).items())}
    begin, end = dt.date(2024, 1, 1), dt.date(2029, 12, 31)
    days = [begin + dt.timedelta(n) for n in range((end - begin).days + 1)]
    business = [day for day in days if day.weekday() < 5 and day not in calendar]
    text = "".join(f"{day}: {name!r}\n" for day, name in calendar.items())
    assert probed_days(tmp_path, "c.yaml", text, "business", begin, len(business)) == business
    months = {}
    for day in business:
        months.setdefault((day.year, day.month), []).append(day)
    for word, n in [("first", 0), ("last", -1), ("3", 2), ("-5", -5)]:
        expected = [each[n] for each in months.values()]
        assert probed_days(tmp_path, "c.yaml", text, word, begin, len(months)) == expected, word


def random_rule(r):
    frequency = r.choice(["YEARLY", "MONTHLY", "WEEKLY", "DAILY"])
    parts = [f"FREQ={frequency}", f"INTERVAL={r.choice([1, 1, 1, 2, 3])}"]
    if frequency in ("YEARLY", "MONTHLY"):
        month = f"BYMONTH={r.randint(1, 12)}"
        day = r.choice([f"BYMONTHDAY={r.choice([1, 15, 31, -1, -3])}", f"BYDAY={r.choice([1, 2, 3, 4, -1, -2])}TH",
                        f"BYDAY={r.choice(['MO', 'TU,FR', '1SU,3SU'])}", ""])
        parts += ([month] if frequency == "YEARLY" and day else []) + ([day] if day else [])
    elif frequency == "WEEKLY":
        parts += r.choice([[], ["BYDAY=MO,TH"], ["BYDAY=SU", "WKST=SU"]])
    if r.random() < 0.3:
        parts.append(f"COUNT={r.randint(1, 9)}")
    elif r.random() < 0.3:
        parts.append("UNTIL=20270615")
    return ";".join(parts)


def test_repeated_events_are_those_of_dateutil(tmp_path):
    from dateutil.rrule import rrulestr
    seed = int(os.environ.get("SEED", "7"))
    r = random.Random(seed)
    for _ in range(25):
        rule = random_rule(r)
        start = dt.date(2025, 1, 1) + dt.timedelta(r.randint(0, 400))
        expected = [at.date() for at in rrulestr(f"RRULE:{rule}", dtstart=dt.datetime.combine(start, dt.time()))
                    .between(dt.datetime(2025, 1, 1), dt.datetime(2040, 1, 1), inc=True)][:60]
        if not expected:
            continue  # a schedule that is never due is refused
        text = ("BEGIN:VCALENDAR\nBEGIN:VEVENT\nSUMMARY:x\n"
                f"DTSTART;VALUE=DATE:{start:%Y%m%d}\nRRULE:{rule}\nEND:VEVENT\nEND:VCALENDAR\n")
        found = probed_days(tmp_path, "c.ics", text, "holidays", dt.date(2025, 1, 1), len(expected), "[]")
        assert found == expected, f"seed {seed}: {rule} from {start}"
