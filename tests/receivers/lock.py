"""Keeps a SQLite database locked until its standard input ends. Argument: the database. Prints `locked`."""

import sqlite3
import sys

connection = sqlite3.connect(sys.argv[1], isolation_level=None)
connection.execute("BEGIN EXCLUSIVE")
print("locked", flush=True)
sys.stdin.read()
