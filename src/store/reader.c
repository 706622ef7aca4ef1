/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Readers: each a thread with its own connection, answering GET, LIST and QUERY in one read transaction, so that an object
 * and its children, or a page and its details, are of one instant.
 */
#include <stdlib.h>
#include "store/store_impl.h"

static int answer(struct rows *rows, const struct store_request *req, struct store_reply *reply,
		  struct field_errors *errs)
{
	int err = db_begin(rows->db, false);

	if (!err)
		err = query_answer(rows, req, reply, errs);
	db_rollback(rows->db);
	return err;
}

static void handle(struct rows *rows, struct store_request *req)
{
	struct store_reply reply = {0};
	struct field_errors errs = {.n = 0};
	int err = answer(rows, req, &reply, &errs);

	/* A connection that broke under the statements: the next one may hold. */
	if (err == EAGAIN) {
		free(reply.json);
		reply = (struct store_reply){0};
		err = answer(rows, req, &reply, &errs);
	}
	if (err) {
		free(reply.json);
		store_answer_error(req, err, &errs);
	} else {
		store_answer(req, &reply);
	}
	free(req->json);
}

void reader_main(void *arg)
{
	struct store_reader *r = arg;
	struct store_request req;
	struct db *db = NULL;
	struct rows rows;
	bool has_rows = false;

	while (!db_worker_stopping(&r->worker)) {
		if (!db_worker_next(&r->worker, &req, -1))
			continue;
		if (!has_rows && !store_connect(r->store, LINK_READER, &db)) {
			rows = store_rows(r->store, db);
			has_rows = true;
		}
		if (has_rows) {
			handle(&rows, &req);
		} else {
			store_answer_error(&req, EAGAIN, NULL);
			free(req.json);
		}
		atomic_fetch_sub(&r->busy, 1);
	}
	if (has_rows)
		buf_free(&rows.hold);
	db_close(db);
}
