/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "api/event_msg.h"
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include "base/buf.h"
#include "base/clock.h"
#include "base/crc32c.h"

void event_msg_set(struct event_msg *m, const struct bus_event *ev)
{
	*m = (struct event_msg){.kind = ev->kind,
				.tenant_id = ev->tenant_id,
				.call_id = ev->call_id,
				.leg_id = ev->leg_id,
				.extension_id = ev->extension_id,
				.account_id = ev->account_id,
				.wall_us = ev->wall_us};
	record_set_text(m->number, sizeof(m->number), str_of(ev->number));
	record_set_text(m->peer, sizeof(m->peer), str_of(ev->peer));
	record_set_text(m->address, sizeof(m->address), str_of(ev->address));
	record_set_text(m->reason, sizeof(m->reason), str_of(ev->reason));
}

void event_msg_close(struct event_msg *m)
{
	free(m->call);
	m->call = NULL;
}

static void set_id(json_t *j, const char *name, uint64_t id)
{
	if (id)
		json_object_set_new(j, name, json_sprintf("%" PRIu64, id));
}

static void set_text(json_t *j, const char *name, const char *text)
{
	json_t *s = *text ? json_string(text) : NULL;

	if (s)
		json_object_set_new(j, name, s);
}

static json_t *to_json(const struct event_msg *m)
{
	json_t *j = json_object();
	char at[40];

	if (!j)
		return NULL;
	clock_rfc3339(at, sizeof(at), m->wall_us);
	set_id(j, "seq", m->seq);
	json_object_set_new(j, "topic", json_string(bus_topic(m->kind)));
	json_object_set_new(j, "key", json_string(bus_key(m->kind)));
	json_object_set_new(j, "at", json_string(at));
	set_id(j, "tenant_id", m->tenant_id);
	set_id(j, "call_id", m->call_id);
	set_id(j, "leg_id", m->leg_id);
	set_id(j, "extension_id", m->extension_id);
	set_id(j, "account_id", m->account_id);
	set_text(j, "number", m->number);
	set_text(j, "peer", m->peer);
	set_text(j, "address", m->address);
	set_text(j, "reason", m->reason);
	if (m->call)
		json_object_set_new(j, "cdr", record_to_json(&record_tables[RECORD_CALL], m->call));
	return j;
}

char *event_msg_json(const struct event_msg *m)
{
	json_t *j = to_json(m);
	char *text = j ? json_dumps(j, JSON_COMPACT) : NULL;

	json_decref(j);
	return text;
}

/* ---- bytes ---- */

struct fixed {
	uint32_t kind, ncall;
	uint64_t tenant_id, call_id, leg_id, extension_id, account_id;
	int64_t wall_us;
	uint8_t ntext[4], unused[4];
};

size_t event_msg_bound(void)
{
	return sizeof(struct fixed) + 4 * sizeof(((struct event_msg *)NULL)->number) +
	       pack_bound(&record_tables[RECORD_CALL]);
}

size_t event_msg_pack(const struct event_msg *m, uint8_t *dst)
{
	const char *const text[] = {m->number, m->peer, m->address, m->reason};
	struct fixed f = {.kind = m->kind,
			  .tenant_id = m->tenant_id,
			  .call_id = m->call_id,
			  .leg_id = m->leg_id,
			  .extension_id = m->extension_id,
			  .account_id = m->account_id,
			  .wall_us = m->wall_us};
	size_t at = sizeof(f);

	for (size_t i = 0; i < ARRAY_LEN(text); i++) {
		f.ntext[i] = (uint8_t)strlen(text[i]);
		memcpy(dst + at, text[i], f.ntext[i]);
		at += f.ntext[i];
	}
	if (m->call)
		f.ncall = (uint32_t)pack_record(&record_tables[RECORD_CALL], m->call, dst + at);
	memcpy(dst, &f, sizeof(f));
	return at + f.ncall;
}

int event_msg_unpack(struct event_msg *m, const struct pack_names *names, const void *p, size_t n)
{
	const uint8_t *at = p, *end = at + n;
	char *const text[] = {m->number, m->peer, m->address, m->reason};
	struct fixed f;

	memset(m, 0, sizeof(*m));
	if (n < sizeof(f))
		return EBADMSG;
	memcpy(&f, at, sizeof(f));
	at += sizeof(f);
	if (f.kind >= BUS_NKINDS)
		return EBADMSG;
	m->kind = (enum bus_kind)f.kind;
	m->tenant_id = f.tenant_id;
	m->call_id = f.call_id;
	m->leg_id = f.leg_id;
	m->extension_id = f.extension_id;
	m->account_id = f.account_id;
	m->wall_us = f.wall_us;
	for (size_t i = 0; i < ARRAY_LEN(text); i++) {
		if (f.ntext[i] >= sizeof(m->number) || f.ntext[i] > end - at)
			return EBADMSG;
		memcpy(text[i], at, f.ntext[i]);
		at += f.ntext[i];
	}
	if (f.ncall != (size_t)(end - at))
		return EBADMSG;
	if (!f.ncall)
		return 0;
	m->call = malloc(sizeof(*m->call));
	if (!m->call)
		return ENOMEM;
	if (!pack_read(names, RECORD_CALL, m->call, at, f.ncall))
		return 0;
	event_msg_close(m);
	return EBADMSG;
}

int event_msg_what(uint64_t *what, struct pack_names *names)
{
	char text[PACK_NAMES_BYTES];
	struct buf keys = {0};
	int err = pack_names_write(text);

	for (unsigned i = 0; i < BUS_NKINDS; i++)
		buf_printf(&keys, "%s\n", bus_key((enum bus_kind)i));
	if (!err)
		err = keys.err;
	if (!err) {
		pack_names_read(names, text);
		*what = (uint64_t)crc32c(0, text, sizeof(text)) << 32 | crc32c(0, keys.p, keys.n);
	}
	buf_free(&keys);
	return err;
}
