#!/usr/bin/env python3
"""The answers of the Insights cases, computed without a database and without KQL.

Owns the data set (`data.json`) and one plain function per case. It shares nothing with the product: what a query means is written here a second
time, by hand, from Kusto's documentation. `compute.py` compares what it computes with every `expected.json`, and ends with 1 where they
differ; `compute.py --write` writes them and the data set.
"""

import json
import math
import sys
from collections import defaultdict
from datetime import datetime, timedelta, timezone
from pathlib import Path

HERE = Path(__file__).parent
MS = timedelta(milliseconds=1)
EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)
NOW = datetime(2026, 3, 20, 12, 0, 0, tzinfo=timezone.utc)
DAY, HOUR = timedelta(days=1), timedelta(hours=1)


def ms(at):
    return (at - EPOCH) // MS


def at(millis):
    return EPOCH + millis * MS


def iso(time):
    """RFC 3339 as the product tells it: no more digits than there are."""
    text = time.strftime("%Y-%m-%dT%H:%M:%S")
    if time.microsecond:
        text += (".%06d" % time.microsecond).rstrip("0")
    return text + "Z"


# ---------------------------------------------------------------------------------------------------------------- data

class Dice:
    """The same numbers on every machine."""

    def __init__(self, seed):
        self.state = seed

    def to(self, n):
        self.state = (self.state * 6364136223846793005 + 1442695040888963407) % 2**64
        return (self.state >> 33) % n


def data_of(tenant, seed, passes):
    dice = Dice(seed)
    data = {"happening": [], "notification": [], "run": [], "delivery_attempt": [], "metric": []}
    notes = ["Gate A opens", "gate b", "The Opera-House", "Opéra national", "operator 100%", "it's [open]", "", "A*B?"]

    def happen(kind, time, properties, operation):
        n = len(data["happening"])
        data["happening"].append({
            "tenant": tenant, "id": f"{tenant}-e{n:04}", "type": kind, "at": ms(time), "operation": operation,
            "properties": properties})

    for n in range(passes):
        created = NOW - timedelta(days=dice.to(60), minutes=dice.to(1440), milliseconds=dice.to(1000))
        name = f"{tenant}{n:04}"
        base = {"passId": name, "passType": ["event-ticket", "member-card", "Season-Ticket"][dice.to(3)],
                "identifiers": {"secutix.movementId": str(10**13 + n)}}
        operation = f"{tenant}-op{n // 2}" if dice.to(4) else None
        happen("Pass:Created", created, {**base, "price": [12, 30.5, "45", None, -7][dice.to(5)],
                                         "note": notes[dice.to(len(notes))], "seats": [f"A{n}", f"B{n}"][: dice.to(3)]}, operation)
        for wallet in range(dice.to(3)):
            device = ["apple", "google"][dice.to(2)]
            when = created + timedelta(minutes=dice.to(4000), milliseconds=dice.to(1000))
            if when < NOW:
                happen("Pass:Installed", when, {**base, "device": device, "active": dice.to(3) + 1, "first": wallet == 0}, operation)
                gone = when + timedelta(minutes=dice.to(9000))
                if dice.to(3) == 0 and gone < NOW:
                    happen("Pass:Uninstalled", gone, {**base, "device": device, "active": 0}, None)
    happen("Webhook:Tested", NOW - HOUR, {}, None)
    outcomes = ["done", "unchanged", "unreachable", "void-limit", "throttled"]
    for n in range(passes):
        received = NOW - timedelta(days=dice.to(90), seconds=dice.to(86400))
        data["notification"].append({
            "tenant": tenant, "id": f"{tenant}-n{n:04}", "task": f"{tenant}-t{n % 7}", "gen": n // 7 + 1, "received_at": ms(received),
            "correlation": f"{tenant}-op{n % 9}", "state": ["MODIFIED", "VALID", "CANCELLED"][dice.to(3)],
            "movement": str(10**13 + n) if dice.to(2) else None, "ticket": None})
        began = received + timedelta(seconds=dice.to(30))
        outcome = outcomes[dice.to(5)]
        data["run"].append({
            "tenant": tenant, "id": f"{tenant}-r{n:04}", "task": f"{tenant}-t{n % 7}", "gen": n // 7 + 1,
            "fetch_started_at": ms(began) if dice.to(5) else None, "finished_at": ms(began + timedelta(milliseconds=100 + dice.to(9000))),
            "outcome": outcome, "error": None if outcome in ("done", "unchanged") else "http-" + str(500 + dice.to(4)),
            "secutix_calls": dice.to(4)})
    for n, event in enumerate(data["happening"][:: 2]):
        ok = dice.to(4) > 0
        data["delivery_attempt"].append({
            "tenant": tenant, "webhook": f"w{n % 3}", "happening": event["id"], "n": 1, "at": event["at"] + dice.to(60000),
            "took_ms": 20 + dice.to(2000), "status": 200 if ok else [500, None][dice.to(2)],
            "error": None if ok else ["status", "timeout"][dice.to(2)]})
    start = NOW.replace(minute=0) - 3 * DAY
    for hour in range(72):
        for wallets in ("none", "apple", "google", "apple+google"):
            properties = {"wallets": wallets}
            data["metric"].append({
                "tenant": tenant, "at": ms(start + hour * HOUR), "type": "Passes:Wallets", "id": f"Passes:Wallets/{hour}/{wallets}",
                "value": 100 + dice.to(50), "properties": properties})
        data["metric"].append({
            "tenant": tenant, "at": ms(start + hour * HOUR), "type": "Tasks:Dead", "id": f"Tasks:Dead/{hour}", "value": dice.to(3),
            "properties": {}})
    return data


def data_set():
    both = {"now": ms(NOW)}
    for data in (data_of("demo", 20260314, 60), data_of("annex", 7, 25)):
        for table, rows in data.items():
            both.setdefault(table, []).extend(rows)
    return both


ALL = data_set()
MINE = {table: [row for row in rows if row["tenant"] == "demo"] for table, rows in ALL.items() if table != "now"}
EVENTS = [{**row, "time": at(row["at"]), "p": row["properties"]} for row in MINE["happening"]]


def logs():
    rows = []
    oldest = NOW - 45 * DAY
    good = {"done", "unchanged", "merged", "absence-unconfirmed", "between-tickets", "not-ready"}
    for row in MINE["notification"]:
        rows.append({"type": "Notification:Received", "time": at(row["received_at"]), "operation": row["correlation"],
                     "level": "Information", "message": row["state"], "p": {"movementId": row["movement"]}, "id": row["id"]})
    for row in MINE["run"]:
        answered = [n for n in MINE["notification"] if n["task"] == row["task"] and n["gen"] <= row["gen"]]
        answered.sort(key=lambda n: (n["gen"], n["received_at"], n["id"]))
        took = None if row["fetch_started_at"] is None else row["finished_at"] - row["fetch_started_at"]
        level = "Information" if row["outcome"] in good else "Error" if row["outcome"] == "void-limit" else "Warning"
        rows.append({"type": "Run:Finished", "time": at(row["finished_at"]), "operation": answered[-1]["correlation"], "level": level,
                     "message": row["outcome"], "id": row["id"],
                     "p": {"outcome": row["outcome"], "error": row["error"], "secutixCalls": row["secutix_calls"], "durationMs": took}})
    operations = {event["id"]: event["operation"] for event in EVENTS}
    for row in MINE["delivery_attempt"]:
        fine = row["error"] is None and row["status"] == 200
        rows.append({"type": "Delivery:Attempted", "time": at(row["at"]), "operation": operations[row["happening"]] or "",
                     "level": "Information" if fine else "Warning", "id": f"{row['webhook']}/{row['happening']}/1",
                     "message": row["error"] or str(row["status"] or ""),
                     "p": {"webhookId": row["webhook"], "status": row["status"], "tookMs": row["took_ms"], "error": row["error"]}})
    return [row for row in rows if row["time"] >= oldest]


METRICS = [{**row, "time": at(row["at"]), "p": row["properties"]} for row in MINE["metric"]]

# ------------------------------------------------------------------------------------------------------------- helpers


def text(value):
    """tostring() of a property."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return value
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False)


def number(value):
    """todouble() of a property."""
    if value is None or value == "":
        return None
    try:
        return float(value)
    except (TypeError, ValueError):
        return None


def of(kind):
    return [event for event in EVENTS if event["type"] == kind]


def floor(time, width):
    """bin() of a time: from the year 1 on."""
    zero = datetime(1, 1, 1, tzinfo=timezone.utc)
    return zero + (time - zero) // width * width


def groups(rows, key):
    found = defaultdict(list)
    for row in rows:
        found[key(row)].append(row)
    return found


def nearest_rank(values, share):
    values = sorted(value for value in values if value is not None)
    return values[max(math.ceil(share * len(values) / 100), 1) - 1] if values else None


def words(text):
    """What `has` sees: runs of letters and digits."""
    run, found = "", []
    for c in text + " ":
        if c.isalnum() and (c.isascii() or ord(c) > 127):
            run += c
        else:
            if run:
                found.append(run)
            run = ""
    return found


def span(delta):
    millis = delta // MS
    sign, millis = ("-", -millis) if millis < 0 else ("", millis)
    days, rest = divmod(millis, 86_400_000)
    hours, rest = divmod(rest, 3_600_000)
    minutes, rest = divmod(rest, 60_000)
    seconds, rest = divmod(rest, 1000)
    return f"{sign}{f'{days}.' if days else ''}{hours:02}:{minutes:02}:{seconds:02}{f'.{rest:03}' if rest else ''}"


CASES = {}


def case(*columns, ordered=False):
    """The columns as `name:type`."""
    def register(function):
        CASES[function.__name__.replace("_", "-")] = (columns, ordered, function)
        return function
    return register

# --------------------------------------------------------------------------------------------------------------- cases


@case("timestamp:datetime", "n:long")
def installs_per_day_as_documented():
    rows = [e for e in of("Pass:Installed") if e["time"] > NOW - 7 * DAY]
    return [[iso(day), len(list_)] for day, list_ in groups(rows, lambda e: floor(e["time"], DAY)).items()]


@case("eventType:string", "count_:long", ordered=True)
def events_by_type():
    return [[kind, len(rows)] for kind, rows in sorted(groups(EVENTS, lambda e: e["type"]).items())]


@case("device:string", "installs:long", "passes:long", ordered=True)
def installs_by_device():
    found = groups(of("Pass:Installed"), lambda e: text(e["p"].get("device")))
    rows = [[device, len(rows), len({e["p"]["passId"] for e in rows})] for device, rows in found.items()]
    return sorted(rows, key=lambda row: (-row[1], row[0]))


@case("passType:string", "share:real", ordered=True)
def share_of_installs_that_went_away():
    rows = []
    for kind, events in groups(EVENTS, lambda e: text(e["p"].get("passType"))).items():
        installed = sum(e["type"] == "Pass:Installed" for e in events)
        gone = sum(e["type"] == "Pass:Uninstalled" for e in events)
        if installed:
            rows.append([kind, round(100.0 * gone / installed, 1)])
    return sorted(rows)


@case("eventType:string", "level:string", "count_:long")
def logs_of_45_days_by_level():
    return [[*key, len(rows)] for key, rows in groups(logs(), lambda row: (row["type"], row["level"])).items()]


@case("outcome:string", "runs:long", "p50:long", "p95:long", "p100:long", ordered=True)
def how_long_runs_took():
    runs = [row for row in logs() if row["type"] == "Run:Finished"]
    rows = []
    for outcome, some in groups(runs, lambda row: row["message"]).items():
        took = [row["p"]["durationMs"] for row in some]
        rows.append([outcome, len(some), *(nearest_rank(took, share) for share in (50, 95, 100))])
    return sorted(rows)


@case("passId:string", "installed:datetime", "removed:datetime", ordered=True)
def installs_with_their_removal():
    first = {}
    for e in of("Pass:Installed"):
        first[e["p"]["passId"]] = min(first.get(e["p"]["passId"], NOW), e["time"])
    last = {}
    for e in of("Pass:Uninstalled"):
        last[e["p"]["passId"]] = max(last.get(e["p"]["passId"], EPOCH), e["time"])
    return [[name, iso(time), iso(last[name]) if name in last else None] for name, time in sorted(first.items())]


@case("Count:long")
def default_join_takes_one_of_the_left():
    left = {e["p"]["passId"] for e in of("Pass:Installed")}
    return [[sum(e["p"]["passId"] in left for e in of("Pass:Uninstalled"))]]


@case("Count:long")
def inner_join_takes_all_pairs():
    left = groups(of("Pass:Installed"), lambda e: e["p"]["passId"])
    return [[sum(len(left.get(e["p"]["passId"], [])) for e in of("Pass:Uninstalled"))]]


@case("passType:string", "count_:long", ordered=True)
def created_and_never_installed():
    installed = {e["p"]["passId"] for e in of("Pass:Installed")}
    rows = [e for e in of("Pass:Created") if e["p"]["passId"] not in installed]
    return [[kind, len(some)] for kind, some in sorted(groups(rows, lambda e: e["p"]["passType"]).items())]


@case("eventId:string", ordered=True)
def created_and_removed_once():
    gone = {e["p"]["passId"] for e in of("Pass:Uninstalled")}
    return sorted([e["id"]] for e in of("Pass:Created") if e["p"]["passId"] in gone)


@case("side:string", "count_:long", ordered=True)
def full_outer_join_of_two_sides():
    left = {e["p"]["passId"] for e in of("Pass:Installed") if e["p"]["device"] == "apple"}
    right = {e["p"]["passId"] for e in of("Pass:Installed") if e["p"]["device"] == "google"}
    return [["apple", len(left - right)], ["both", len(left & right)], ["google", len(right - left)]]


@case("passType:string", "count_:long", ordered=True)
def in_lists_with_and_without_case():
    rows = [e for e in EVENTS if text(e["p"].get("passType")).lower() in ("season-ticket", "member-card")
            and e["type"] != "Pass:Created" and e["type"].lower() != "pass:installed"]
    return [[kind, len(some)] for kind, some in sorted(groups(rows, lambda e: e["p"]["passType"]).items())]


@case("note:string", "has_:bool", "hasCs:bool", "contains_:bool", "containsCs:bool", "starts:bool", "ends:bool", ordered=True)
def words_and_parts_of_texts():
    rows = []
    for note in sorted({e["p"]["note"] for e in of("Pass:Created")}):
        fold = note.lower()
        rows.append([note, "opera" in words(fold), "Opera" in words(note), "opera" in fold, "oper" in note,
                     fold.startswith("gate"), note.endswith("b")])
    return rows


@case("note:string", "any_:bool", "all_:bool", "special:bool", "not_:bool", ordered=True)
def any_and_all_words():
    rows = []
    for note in sorted({e["p"]["note"] for e in of("Pass:Created")}):
        found = words(note.lower())
        rows.append([note, "gate" in found or "opera" in found, "gate" in found and "a" in found, "[open]" in note, "100%" not in note])
    return rows


@case("Count:long")
def between_two_times():
    return [[sum(NOW - 30 * DAY <= e["time"] <= NOW - 10 * DAY for e in EVENTS)]]


@case("kind:string", "n:long", ordered=True)
def cases_and_texts():
    def kind(e):
        if e["type"] == "Pass:Installed" and e["p"].get("device") == "apple":
            return "IN APPLE"
        if e["type"] == "Pass:Installed":
            return "in google"
        return "other:" + e["type"].lower()[:7]
    return [[name, len(rows)] for name, rows in sorted(groups(EVENTS, kind).items())]


@case("missing:long", "different:long", "unknown:long", "empty:long", "present:long", "neither:long")
def nulls_are_compared_as_kusto_does():
    created = of("Pass:Created")
    prices = [number(e["p"]["price"]) for e in created]
    return [[sum(p is None for p in prices), sum(p != 12 for p in prices), sum(p is not None and p > 0 for p in prices),
             sum(e["p"]["note"] == "" for e in created), sum(e["p"].get("device") is not None for e in EVENTS),
             sum(not (p == 12) for p in prices)]]


@case("n:long", "sum_:real", "avg_:real", "least:real", "greatest:real", "p90:real")
def numbers_of_properties():
    prices = [p for p in (number(e["p"]["price"]) for e in of("Pass:Created")) if p is not None]
    return [[len(prices), sum(prices), sum(prices) / len(prices), min(prices), max(prices), nearest_rank(prices, 90)]]


@case("passId:string", "price:real", ordered=True)
def top_prices_with_nulls_last():
    rows = [[e["p"]["passId"], number(e["p"]["price"])] for e in of("Pass:Created")]
    rows.sort(key=lambda row: row[0])
    rows.sort(key=lambda row: (row[1] is None, -(row[1] or 0)))
    return rows[:45]


@case("price:real", "passId:string", ordered=True)
def sorted_upwards_with_nulls_first():
    rows = [[number(e["p"]["price"]), e["p"]["passId"]] for e in of("Pass:Created")]
    rows.sort(key=lambda row: row[1], reverse=True)
    rows.sort(key=lambda row: (row[0] is not None, row[0] or 0))
    return rows[:20]


@case("eventType:string", "properties_device:string")
def distinct_pairs():
    return [list(pair) for pair in {(e["type"], text(e["p"].get("device"))) for e in EVENTS}]


@case("Count:long")
def count_of_all():
    return [[len(EVENTS)]]


@case("eventId:string", "timestamp:datetime", ordered=True)
def the_newest_five():
    rows = sorted(EVENTS, key=lambda e: e["time"], reverse=True)[:5]
    return [[e["id"], iso(e["time"])] for e in rows]


@case("when:datetime", "eventType:string", ordered=True)
def columns_renamed_and_left_out():
    rows = sorted(EVENTS, key=lambda e: (e["time"], e["id"]))[:10]
    return [[iso(e["time"]), e["type"]] for e in rows]


@case("day:datetime", "installed:long", "removed:long", ordered=True)
def two_named_tables_joined():
    since = NOW - 20 * DAY
    def per_day(kind):
        rows = [e for e in of(kind) if e["time"] > since]
        return {day: len(some) for day, some in groups(rows, lambda e: floor(e["time"], DAY)).items()}
    installed, removed = per_day("Pass:Installed"), per_day("Pass:Uninstalled")
    return [[iso(day), n, removed.get(day, 0)] for day, n in sorted(installed.items())]


@case("movement:string", "first:string", "last:string", "seats:long", "third:dynamic", ordered=True)
def nested_properties_and_lists():
    rows = []
    for e in sorted(of("Pass:Created"), key=lambda e: e["id"])[:12]:
        seats = e["p"]["seats"]
        rows.append([e["p"]["identifiers"]["secutix.movementId"], seats[0] if seats else "", seats[-1] if seats else "", len(seats), None])
    return rows


@case("price:dynamic", "text:string", "whole:long", "real:real", "truth:bool", ordered=True)
def conversions_of_what_is_there():
    table = {12: ["12", 12, 12.0, None], 30.5: ["30.5", 30, 30.5, None], "45": ["45", 45, 45.0, None], None: ["", None, None, None],
             -7: ["-7", -7, -7.0, None]}
    prices = {e["p"]["price"] for e in of("Pass:Created")}
    return [[price, *table[price]] for price in sorted(prices, key=lambda price: table[price][0])]


@case("half:long", "rest:long", "real_:real", "down:long", "downReal:real", "nothing:long")
def arithmetic_of_whole_numbers():
    # -7 / 2 towards zero, its rest with its sign; bins go down.
    return [[-3, -1, -3.5, -10, -7.5, None]]


@case("week:datetime", "bin7:datetime", "month:datetime", "n:long", ordered=True)
def weeks_and_months():
    def key(e):
        day = floor(e["time"], DAY)
        sunday = day - timedelta(days=(day.weekday() + 1) % 7)
        return iso(sunday), iso(floor(e["time"], 7 * DAY)), iso(day.replace(day=1))
    return [[*name, len(rows)] for name, rows in sorted(groups(EVENTS, key).items())]


@case("hour:long", "n:long", ordered=True)
def hours_of_the_day():
    return [[hour, len(rows)] for hour, rows in sorted(groups(of("Pass:Installed"), lambda e: e["time"].hour).items())]


@case("devices:long", "all_:long", "types:dynamic", ordered=True)
def sets_and_lists():
    kinds = groups(EVENTS, lambda e: text(e["p"].get("passType")))
    rows = []
    for kind, some in sorted(kinds.items()):
        devices = [text(e["p"].get("device")) for e in some if e["p"].get("device")]
        rows.append([len(set(devices)), len(devices), [kind]])
    return rows


@case("wallets:string", "most:long", "mean:real", ordered=True)
def figures_by_wallet_and_day():
    rows = [m for m in METRICS if m["type"] == "Passes:Wallets" and m["time"] >= NOW - DAY]
    found = groups(rows, lambda m: m["p"]["wallets"])
    return [[name, max(m["value"] for m in some), sum(m["value"] for m in some) / len(some)] for name, some in sorted(found.items())]


@case("operationId:string", "runs:long", "events:long", ordered=True)
def runs_and_events_of_an_operation():
    runs = groups([row for row in logs() if row["type"] == "Run:Finished"], lambda row: row["operation"])
    events = groups([e for e in EVENTS if e["operation"]], lambda e: e["operation"])
    return [[name, len(some), len(events[name])] for name, some in sorted(runs.items()) if name in events]


@case("hours:real", "longest:timespan")
def time_from_creation_to_first_install():
    created = {e["p"]["passId"]: e["time"] for e in of("Pass:Created")}
    first = {}
    for e in of("Pass:Installed"):
        name = e["p"]["passId"]
        first[name] = min(first.get(name, NOW), e["time"])
    took = [first[name] - created[name] for name in first]
    return [[round(sum(t / HOUR for t in took) / len(took), 6), span(max(took))]]


@case("n:long", "sum_:long", "avg_:real", "least:datetime", "distinct_:long", "list:dynamic")
def aggregates_of_nothing():
    return [[0, 0, None, None, 0, []]]


@case("Count:long")
def parameters_of_every_kind():
    since = datetime(2026, 2, 1, tzinfo=timezone.utc)
    return [[sum(e["p"]["first"] is True and e["p"]["active"] >= 2 and e["time"] > since and e["time"] > NOW - 40 * DAY
                 for e in of("Pass:Installed"))]]


@case("Count:long")
def a_parameter_is_a_value_whatever_it_says():
    return [[0]]


@case("webhook:string", "failed:long", "share:real", "slowest:long", ordered=True)
def endpoints_that_fail():
    found = groups([row for row in logs() if row["type"] == "Delivery:Attempted"], lambda row: row["p"]["webhookId"])
    rows = []
    for name, some in found.items():
        failed = sum(row["level"] != "Information" for row in some)
        rows.append([name, failed, failed / len(some), max(row["p"]["tookMs"] for row in some)])
    return sorted(rows, key=lambda row: (-row[1], row[0]))


@case("month:string", "n:long", ordered=True)
def months_as_text():
    return [[month, len(rows)] for month, rows in sorted(groups(EVENTS, lambda e: e["time"].strftime("%Y-%m")).items())]


@case("tenantId:string", "n:long", ordered=True)
def only_the_own_tenant():
    return [["demo", len(EVENTS)]]


@case("walletLastEvent:string", "passes:long", ordered=True)
def last_event_of_each_pass():
    newest = {}
    for e in EVENTS:
        name = e["p"].get("passId")
        if name and e["type"] in ("Pass:Installed", "Pass:Uninstalled") and (name not in newest or newest[name]["time"] < e["time"]):
            newest[name] = e
    found = groups(newest.values(), lambda e: e["type"])
    return [[kind, len(rows)] for kind, rows in sorted(found.items())]


@case("properties:dynamic", "eventType:string")
def a_dynamic_value_is_told_as_json():
    return [[{}, "Webhook:Tested"]]


@case("exact:long", "folded:long", "wrong:long")
def case_of_texts_counts_unless_told():
    return [[len(of("Pass:Created")), len(of("Pass:Created")), 0]]


def main():
    write = "--write" in sys.argv
    wrong = []
    files = {HERE / "data.json": ALL}
    for name, (columns, ordered, function) in CASES.items():
        split = [column.split(":") for column in columns]
        files[HERE / "cases" / name / "expected.json"] = {
            "columns": [{"name": name, "type": kind} for name, kind in split], "ordered": ordered, "rows": function()}
    for path, content in files.items():
        # Rows in a set's order differ from run to run.
        if not content.get("ordered", True):
            content["rows"].sort(key=lambda row: json.dumps(row, sort_keys=True))
        told = json.dumps(content, indent=1, ensure_ascii=False, sort_keys=True) + "\n"
        if write:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(told, encoding="utf-8")
        elif not path.exists() or path.read_text(encoding="utf-8") != told:
            wrong.append(str(path))
    folders = {folder.name for folder in (HERE / "cases").iterdir()}
    wrong += [f"{name}: nothing computes it" for name in sorted(folders - set(CASES))]
    for line in wrong:
        print(line)
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
