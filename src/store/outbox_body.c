/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Bodies of webhooks: a call as the guide's chapter 13.6 prints it, all values text and times Unix seconds; events as in the stream,
 * a registration besides with the names of the guide. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "base/clock.h"
#include "schema/record.h"
#include "store/outbox_put.h"

struct tenant_names {
	char id[24], name[65], domain[256];
};

static int names_of(struct rows *r, uint64_t tenant_id, struct tenant_names *t)
{
	struct db_stmt *st;
	int err = db_sql(r->db, "SELECT name, domain FROM tenants WHERE tenant_id = 0 AND id = $1",
			 &st);

	if (err)
		return err;
	db_bind_id(st, 1, tenant_id);
	(void)snprintf(t->id, sizeof(t->id), "%" PRIu64, tenant_id);
	err = db_step(st);
	if (!err)
		err = str_copy(t->name, sizeof(t->name), db_text(st, 0));
	if (!err)
		err = str_copy(t->domain, sizeof(t->domain), db_text(st, 1));
	db_done(st);
	return err;
}

static void set(json_t *j, const char *name, const char *text)
{
	json_t *s = json_string(text);

	json_object_set_new(j, name,
			    s ? s : json_string("")); /* what came from afar may be no UTF-8 */
}

static void set_seconds(json_t *j, const char *name, int64_t us)
{
	json_object_set_new(j, name, json_sprintf("%" PRId64, us / 1000000));
}

static void set_id(json_t *j, const char *name, uint64_t id)
{
	json_object_set_new(j, name, id ? json_sprintf("%" PRIu64, id) : json_string(""));
}

static int finish(json_t *j, char **bodyp)
{
	*bodyp = j ? json_dumps(j, JSON_COMPACT) : NULL;
	json_decref(j);
	return *bodyp ? 0 : ENOMEM;
}

int outbox_call_body(struct rows *r, const struct call_record *c, char **bodyp)
{
	int64_t talked = c->answered_at ? c->ended_at - c->answered_at : 0;
	int64_t rang =
		c->ringing_at ? (c->answered_at ? c->answered_at : c->ended_at) - c->ringing_at : 0;
	struct tenant_names t;
	int err = names_of(r, c->tenant_id, &t);
	bool is_inbound = strcmp(c->direction, "inbound") == 0;
	json_t *j;

	if (err)
		return err;
	j = json_object();
	set(j, "event_type", "call_cdr");
	set_seconds(j, "answered_time", c->answered_at);
	set_id(j, "call_id", c->id);
	set(j, "call_status", c->status);
	set(j, "callee", c->callee);
	set(j, "callee_domain", t.domain);
	set(j, "caller", c->caller);
	set(j, "caller_display_name", c->caller_name);
	set(j, "caller_domain", is_inbound ? c->trunk : t.domain);
	set(j, "did_cid", is_inbound ? c->callee : "");
	set(j, "direction", c->direction);
	set(j, "ended_reason", c->reason);
	set_seconds(j, "ended_time", c->ended_at);
	json_object_set_new(j, "fail_code",
			    c->answered_at ? json_string("")
					   : json_sprintf("%" PRId64, c->sip_code));
	set(j, "final_dest", c->final_dest);
	set(j, "outbound_caller_id", c->outbound_caller_id);
	set_id(j, "related_callid1", c->transferred_from);
	set_id(j, "related_callid2", c->transferred_to);
	set_seconds(j, "ring_duration", rang);
	set_seconds(j, "ring_time", c->ringing_at);
	set_seconds(j, "start_time", c->started_at);
	set_seconds(j, "talk_duration", talked);
	set(j, "tenant_id", t.id);
	set(j, "tenant_name", t.name);
	return finish(j, bodyp);
}

int outbox_event_body(struct rows *r, const struct event_record *ev, char **bodyp)
{
	struct tenant_names t;
	char at[40];
	int err = names_of(r, ev->tenant_id, &t);
	json_t *j;

	if (err)
		return err;
	j = json_object();
	clock_rfc3339(at, sizeof(at), ev->at);
	set(j, "event_type",
	    strcmp(ev->key, "extension_register") == 0 ? "extension_registered" : ev->key);
	set(j, "topic", ev->topic);
	set(j, "key", ev->key);
	set(j, "at", at);
	json_object_set_new(j, "time", json_integer(ev->at / 1000000));
	set(j, "tenant_id", t.id);
	set(j, "domain", t.domain);
	if (strcmp(ev->topic, "extension_events") == 0)
		set(j, "extension_number", ev->number);
	set(j, "number", ev->number);
	set(j, "peer", ev->peer);
	set(j, "source_ip", ev->address);
	set(j, "reason", ev->reason);
	set_id(j, "call_id", ev->call_id);
	return finish(j, bodyp);
}
