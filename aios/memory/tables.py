"""The tables of the index, and the statements that keep its words in step with its rows.

A file of one passage has its words once, in `passage_words`; one of several also as a whole, in `file_words`. What
FTS5 is to forget, it must be told again, exactly as it was entered.
"""

from __future__ import annotations

TABLES = """
CREATE TABLE state (tree TEXT NOT NULL, passages INTEGER NOT NULL, gone INTEGER NOT NULL);
INSERT INTO state VALUES ('', 0, 0);
CREATE TABLE file (
  id INTEGER PRIMARY KEY, path TEXT NOT NULL UNIQUE, blob TEXT NOT NULL, kind TEXT NOT NULL, kinds TEXT NOT NULL,
  title TEXT NOT NULL, trust TEXT NOT NULL, created TEXT NOT NULL, expires REAL, run TEXT NOT NULL,
  replaced_by TEXT NOT NULL, facts TEXT NOT NULL, extra TEXT NOT NULL
);
CREATE INDEX file_expiring ON file(expires) WHERE expires IS NOT NULL;
CREATE TABLE name (name TEXT NOT NULL, file INTEGER NOT NULL, PRIMARY KEY (name, file)) WITHOUT ROWID;
CREATE INDEX name_by_file ON name(file);
CREATE TABLE link (target TEXT NOT NULL, file INTEGER NOT NULL, PRIMARY KEY (target, file)) WITHOUT ROWID;
CREATE INDEX link_by_file ON link(file);
CREATE TABLE passage (
  id INTEGER PRIMARY KEY, file INTEGER NOT NULL, start INTEGER NOT NULL, end INTEGER NOT NULL, line INTEGER NOT NULL,
  heading TEXT NOT NULL, speaker TEXT NOT NULL, around INTEGER NOT NULL, key INTEGER NOT NULL, text TEXT NOT NULL
);
CREATE INDEX passage_by_file ON passage(file, start);
CREATE INDEX passage_by_key ON passage(key);
CREATE VIEW passage_columns AS
  SELECT p.id AS id, p.text AS text, p.heading AS heading, f.title AS title, '' AS more
  FROM passage p JOIN file f ON f.id = p.file;
CREATE VIEW file_columns AS SELECT id, title, facts, '' AS body FROM file;
CREATE VIRTUAL TABLE passage_words USING fts5(
  text, heading, title, more, content='passage_columns', content_rowid='id', tokenize='porter unicode61');
CREATE VIRTUAL TABLE file_words USING fts5(
  title, facts, body, content='file_columns', content_rowid='id', tokenize='porter unicode61');
CREATE VIRTUAL TABLE word USING fts5vocab('passage_words', 'row');
"""

# Of each connection: a place to cut texts into words by the index's own idea of a word.
OWN_TABLES = """
CREATE VIRTUAL TABLE temp.sample USING fts5(text, heading, title, more, tokenize='porter unicode61');
CREATE VIRTUAL TABLE temp.sample_word USING fts5vocab('temp', 'sample', 'row');
CREATE VIRTUAL TABLE temp.sample_place USING fts5vocab('temp', 'sample', 'instance');
"""

INSERT_PASSAGE = "INSERT INTO passage_words(rowid, text, heading, title, more) VALUES (?, ?, ?, ?, ?)"
DELETE_PASSAGE = (
    "INSERT INTO passage_words(passage_words, rowid, text, heading, title, more) VALUES ('delete', ?, ?, ?, ?, ?)"
)
INSERT_FILE = "INSERT INTO file_words(rowid, title, facts, body) VALUES (?, ?, ?, ?)"
DELETE_FILE = "INSERT INTO file_words(file_words, rowid, title, facts, body) VALUES ('delete', ?, ?, ?, ?)"
