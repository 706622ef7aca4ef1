/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What the files of this folder know of the store.  Not for other folders.
 */
#ifndef STORE_STORE_IMPL_H
#define STORE_STORE_IMPL_H

#include "store/bell.h"
#include "store/rows.h"
#include "store/store.h"
#include "store/ticket.h"
#include "store/db_worker.h"

enum { STORE_MAX_READERS = 8, STORE_HASHERS = 2, STORE_CHANGES = 4096 };

enum store_link { LINK_WRITER, LINK_READER, LINK_JOURNAL };

struct store_reader {
	struct store *store;
	struct db_worker worker;
	_Atomic uint32_t busy; /* requests it has */
};

struct store {
	char *url, *data_dir;
	const struct addr *own;
	size_t nown;
	uint16_t sip_port, tls_port;
	uint64_t node;
	enum db_engine engine;
	struct sql_schema *schema;
	struct seal seal;
	struct db_worker writer;
	struct db_worker hashers[STORE_HASHERS];
	struct store_hasher *hasher; /* what the hashers share */
	struct store_reader readers[STORE_MAX_READERS];
	unsigned nreaders;
	struct ring *changes;
	struct ring
		*now; /* answers to store_create_now(): kept, as who pushed may still look at it */
	struct tickets *tickets;
	struct backups *backups;
	struct reports *reports;
	struct bell *bell; /* what may have become due */
	struct storage_marks *storage;
	struct feed *feed;	   /* NULL: nobody else writes */
	struct listener *listener; /* so */
	struct ring *news;	   /* of backups; not ours */
	_Atomic bool is_loaded;	   /* the core holds what the database holds */
	_Atomic unsigned next_hasher;
	_Atomic uint64_t commits; /* of the writer, and what is heard of others' */
};

/* A connection of its own for a thread; it connects when first used. */
int store_connect(struct store *s, enum store_link link, struct db **dbp) MUST_USE;
struct rows store_rows(struct store *s, struct db *db);

/* Answer: takes the JSON text in `reply`.  Waits a while for an asker that does not read. */
void store_answer(const struct store_request *req, struct store_reply *reply);
void store_answer_error(const struct store_request *req, int err, const struct field_errors *errs);
int store_reply_json(struct store_reply *reply, json_t *json) MUST_USE; /* takes json */

/* Threads' functions; arg as they say. */
void writer_main(void *store);
void reader_main(void *store_reader);
int hashers_start(struct store *s) MUST_USE;
void hashers_stop(struct store *s);

/* query_people.c: does the extension's owner come in?  *yes: not changed when it does. */
int query_may_sign_in(struct db *db, uint64_t tenant_id, uint64_t extension_id, bool *yes) MUST_USE;

/* query.c: answers a GET, LIST or QUERY. */
int query_answer(struct rows *r, const struct store_request *req, struct store_reply *reply,
		 struct field_errors *errs) MUST_USE;

#endif
