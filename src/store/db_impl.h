/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What an engine implements, and the part of a connection and of a statement that db.c keeps for it.
 */
#ifndef STORE_DB_IMPL_H
#define STORE_DB_IMPL_H

#include "base/list.h"
#include "base/map.h"
#include "store/db.h"

struct db_stmt {
	struct db *db;
	struct map_node by_text;
	struct link by_use; /* last used first */
	char *sql;
	bool is_busy; /* between its first step and its end */
	int bind_err;
	int64_t changed;
};

struct db_ops {
	enum db_engine engine;
	size_t stmt_bytes;
	int (*open)(struct db **dbp, const struct db_conf *conf);
	void (*close)(struct db *db); /* frees db */
	const char *(*error)(const struct db *db);
	int (*begin)(struct db *db, bool is_write);
	int (*commit)(struct db *db);
	void (*rollback)(struct db *db);
	int (*exec)(struct db *db, const char *sql);
	int (*listen)(struct db *db, const char *channel); /* NULL: cannot */
	int (*notice)(struct db *db, int stop_fd, int wait_ms, char *text, size_t text_bytes);
	int (*ping)(struct db *db); /* NULL where listen is */
	int (*prepare)(struct db_stmt *st);
	void (*unprepare)(struct db_stmt *st);
	void (*bind_int)(struct db_stmt *st, unsigned n, int64_t v);
	void (*bind_bytes)(struct db_stmt *st, unsigned n, const void *p, size_t bytes,
			   bool is_text);
	void (*bind_null)(struct db_stmt *st, unsigned n);
	int (*step)(struct db_stmt *st);
	void (*done)(struct db_stmt *st);
	int64_t (*col_int)(const struct db_stmt *st, unsigned col);
	struct str (*col_text)(const struct db_stmt *st, unsigned col);
	struct str (*col_blob)(struct db_stmt *st, unsigned col);
	bool (*col_null)(const struct db_stmt *st, unsigned col);
};

struct db { /* first in an engine's own struct */
	const struct db_ops *ops;
	struct map stmts;
	struct link used;
	size_t nstmts;
};

extern const struct db_ops db_sqlite_ops;
extern const struct db_ops db_postgres_ops;

#endif
