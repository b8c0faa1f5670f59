"""Fills a database that the daemon made: rows are copies of one that it wrote itself, so that they are as it writes them."""

import sqlite3
import uuid

ACCOUNTS = 1_000


def columns(db, table, without):
    return [row[1] for row in db.execute(f"PRAGMA table_info({table})") if row[1] not in without]


def copies(db, table, where, changes, count):
    """Inserts `count` copies of a row; `changes` says by column what is different, as SQL over `n`."""
    names = columns(db, table, ())
    values = [changes.get(name, f"t.{name}") for name in names if changes.get(name) != "NULL"]
    names = [name for name in names if changes.get(name) != "NULL"]
    db.execute(
        f"""WITH RECURSIVE numbers(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM numbers WHERE n < {count})
        INSERT INTO {table} ({', '.join(names)})
        SELECT {', '.join(values)} FROM numbers JOIN (SELECT * FROM {table} WHERE {where}) t"""
    )


def fill(path, enrollments, dead):
    db = sqlite3.connect(path)
    db.execute("PRAGMA synchronous = OFF")
    db.create_function("event_id", 1, lambda n: f"evt_{uuid.UUID(int=n)}", deterministic=True)
    with db:
        copies(db, "accounts", "id = 'acc_0'", {"id": "'acc_' || n"}, ACCOUNTS)
        copies(db, "campaigns", "id = 'camp_0'", {"seq": "NULL", "id": "'camp_' || n"}, 50)
        copies(
            db,
            "enrollments",
            "id = 'seed'",
            {
                "seq": "NULL",
                "id": "'enr_' || n",
                "account_id": f"'acc_' || (n % {ACCOUNTS} + 1)",
                "campaign_id": "'camp_' || (n % 50 + 1)",
                "name": "'Person ' || n",
                "public_identifier": "'person-' || n",
                "linkedin_url": "'https://www.linkedin.com/in/person-' || n",
            },
            enrollments,
        )
        copies(
            db,
            "events",
            "type = 'webhook.test'",
            {"seq": "NULL", "id": "event_id(n)", "dedupe_key": "'webhook-test:' || n"},
            dead,
        )
        db.execute(
            """INSERT INTO deliveries (event_id, destination, state, attempts, last_status, created_at)
            SELECT e.id, 'crm', 'dead', 10, 500, e.created_at FROM events e
            WHERE e.id NOT IN (SELECT event_id FROM deliveries)"""
        )
    db.close()
