#pragma once

/// What a server is asked over its control socket, one JSON object a line, and what it answers:
///
///   {"do": "status"}                      → {"pid", "jobs", "projects": [{"project", "folder",
///                                            "version", "weight",
///                                            "runs": [{"run", "schedule", "due", "started"}],
///                                            "ingests": [{"source", "run"}],
///                                            "tasks": [{"run", "task", "state", "priority",
///                                            "seconds", "for", "held_by", "gave_way_to",
///                                            "until"}]}]}
///   {"do": "trigger", "schedule": NAME,   → {"run", "due"}; with `wait` the run's result, once it
///    "vars": {…}, "start", "end", "wait"}   has ended
///   {"do": "pause" | "resume" | "as declared", "schedules": [NAME…], "tag": TAG}
///                                         → {"schedules": [ID…]}: with a tag those of all projects
///                                           that the server serves
///   {"do": "cancel", "run": ID}           → {"run"}
///   {"do": "run", "select", "exclude", "vars": {…}, "jobs", "fail_fast", "full_refresh", "wait"}
///                                         → {"run"}, or as of trigger
///   {"do": "retry", "run": ID, "select": SELECTOR,   → the same
///    "jobs", "fail_fast", "wait"}
///   {"do": "backfill", "backfill": ID}    → {"backfill"}: one that was written down, or resumed,
///                                           is built from now on
///   {"do": "schedules"}                   → {"schedules": [{"schedule", "paused", "next",
///   "behind",
///                                            "running": [ID…]}]}
///   {"do": "sensors"}                     → {"sensors": [{"sensor", "state", "sees", "looked",
///                                            "next_look", "seen", "seen_at", "problem"}]}
///   {"do": "wait", "run": ID}             → the run's result, once it has ended
///
/// What is refused: {"error": {"code", "message", "hint"}}. Times are whole microseconds since
/// 1970.
