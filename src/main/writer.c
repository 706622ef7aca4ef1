/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What calls change in the configuration (a lock, night mode) goes to the store as a request of the API would.  Nobody waits for
 * the answer; one that is an error is logged when the next change is made.
 */
#include <stdlib.h>
#include <string.h>
#include "base/log.h"
#include "main/server.h"

enum { ANSWERS = 256, BACKUP_NEWS = 256 };

static void read_answers(struct server *s)
{
	struct store_reply reply;

	while (ring_pop(s->written, &reply)) {
		if (reply.err)
			log_warn(NULL, LOGID_STORE, "a change by a call was refused: %s",
				 reply.json ? reply.json : strerror(reply.err));
		free(reply.json);
	}
}

int writer_change(struct server *s, const char *actor, const struct object *what, const char *json)
{
	struct store_request req = {
		.op = STORE_UPDATE,
		.reply_to = s->written,
		.tenant_id = what->tenant_id,
		.res = what->res,
		.id = what->id,
		.is_admin = true,
		.json = strdup(json),
		.njson = strlen(json),
	};
	int err;

	str_fit(req.actor.name, sizeof(req.actor.name), str_of(actor));
	read_answers(s);
	err = req.json ? store_post(s->store, &req) : ENOMEM;
	if (err)
		free(req.json);
	return err;
}

static int set(struct config_writer *w, uint64_t tenant_id, const struct resource *res, uint64_t id,
	       const char *json)
{
	const struct object what = {.res = res, .tenant_id = tenant_id, .id = id};

	return writer_change(CONTAINER_OF(w, struct server, writer), "feature code", &what, json);
}

int writer_start(struct server *s)
{
	int err = ring_alloc(&s->written, ANSWERS, sizeof(struct store_reply));

	s->writer.set = set;
	return err ? err : ring_alloc(&s->backups, BACKUP_NEWS, sizeof(struct store_news));
}

void writer_stop(struct server *s)
{
	if (s->written)
		read_answers(s);
	s->written = ring_free(s->written);
	s->backups = ring_free(s->backups);
}
