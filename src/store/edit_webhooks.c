/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <string.h>
#include "base/bus.h"
#include "store/edit.h"

static bool is_event(struct str name)
{
	if (str_eq(name, STR("*")))
		return true;
	for (unsigned i = 0; i < BUS_NKINDS; i++)
		if (str_eq(name, str_of(bus_key((enum bus_kind)i))))
			return true;
	return false;
}

static bool is_url(const char *url)
{
	const char *host = strstr(url, "://");

	if (strncmp(url, "http://", 7) != 0 && strncmp(url, "https://", 8) != 0)
		return false;
	for (const char *p = url; *p; p++)
		if (*p <= ' ' || *p > '~')
			return false;
	host += 3;
	return *host && !strchr("/:@?#", *host);
}

int edit_check_webhook(struct edit *e, struct object *o, const struct object *before)
{
	const struct webhook *h = (const struct webhook *)o;
	struct str events = str_of(h->events);

	if (!is_url(h->url))
		field_error_add(&e->errs, "url", "bad_url",
				"must begin with http:// or https:// and a host");
	while (events.p) {
		struct str one = str_trim(str_cut(&events, ','));

		if (!is_event(one))
			field_error_add(&e->errs, "events", "not_in_list",
					"%.*s is no key of an event", STR_ARG(one));
	}
	if (h->authentication != WEBHOOK_AUTH_NONE && !*h->username)
		field_error_add(&e->errs, "username", "required", "must be given to sign in");
	return 0;
}

int edit_webhook_deleting(struct edit *e, const struct object *o)
{
	struct db_stmt *st;
	int err = db_sql(e->rows->db, "DELETE FROM outbox WHERE tenant_id = $1 AND webhook_id = $2",
			 &st);

	if (err)
		return err;
	db_bind_id(st, 1, o->tenant_id);
	db_bind_id(st, 2, o->id);
	return db_run(st);
}
