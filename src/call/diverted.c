/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "call/diverted.h"
#include "call/leg_sip.h"
#include "call/party.h"
#include "route/route.h"
#include "sip/write.h"

enum { MAX_BROUGHT = 8, INDEX_BYTES = 64, BROUGHT_BYTES = 2048 };

struct diverted {
	struct buf diversions, entries; /* as they came, whole lines */
	char index[INDEX_BYTES];	/* of the last entry that came; "": none */
	size_t n;
	struct {
		char number[33];
		const char *reason;
	} at[ROUTE_MAX_FORWARDS];
};

static struct diverted *get(struct call *call)
{
	if (!call->diverted) {
		call->diverted = mem_alloc(sizeof(*call->diverted));
		if (call->diverted)
			call->diverted->diversions.max = call->diverted->entries.max =
				BROUGHT_BYTES;
	}
	return call->diverted;
}

void diverted_free(struct call *call)
{
	if (!call->diverted)
		return;
	buf_free(&call->diverted->diversions);
	buf_free(&call->diverted->entries);
	call->diverted = mem_free(call->diverted);
}

void diverted_copy(struct call *call, const struct call *from)
{
	struct diverted *d = from->diverted ? get(call) : NULL;

	if (!d)
		return;
	buf_str(&d->diversions, buf_view(&from->diverted->diversions));
	buf_str(&d->entries, buf_view(&from->diverted->entries));
	memcpy(d->index, from->diverted->index, sizeof(d->index));
}

/* "1.2.1": numbers and dots. */
static bool is_index(struct str s)
{
	if (!s.n || s.n > INDEX_BYTES / 2)
		return false;
	for (size_t i = 0; i < s.n; i++)
		if (s.p[i] != '.' && (s.p[i] < '0' || s.p[i] > '9'))
			return false;
	return s.p[0] != '.' && s.p[s.n - 1] != '.';
}

/* All of a header, or nothing of it: half a way would be another one. */
static void bring(struct buf *out, const struct sip_msg *req, enum sip_hdr id, char *index)
{
	struct sip_values v;
	struct sip_addr a;
	struct str value, param;
	size_t n = 0;

	sip_values_init(&v, req, id);
	while (sip_values_next(&v, &value) && !out->err) {
		if (n++ == MAX_BROUGHT || sip_addr_parse(&a, value))
			goto nothing;
		if (index && (!sip_param(a.params, STR("index"), &param) || !is_index(param) ||
			      str_copy(index, INDEX_BYTES, param)))
			goto nothing;
		sip_write_header(out, id, value);
	}
	if (!out->err)
		return;
nothing:
	buf_reset(out);
	if (index)
		*index = '\0';
}

void diverted_read(const struct leg *caller, const struct sip_msg *req)
{
	struct diverted *d;

	if ((!sip_msg_has(req, SIP_HDR_DIVERSION) && !sip_msg_has(req, SIP_HDR_HISTORY_INFO)) ||
	    !party_is_trusted(caller) || caller->is_private)
		return;
	d = get(caller->call);
	if (!d)
		return;
	bring(&d->diversions, req, SIP_HDR_DIVERSION, NULL);
	bring(&d->entries, req, SIP_HDR_HISTORY_INFO, d->index);
}

/* RFC 5806 5 */
static const char *reason_of(const struct route_via *v)
{
	static const char *const names[] = {
		[ROUTE_NO_ANSWER] = "no-answer",     [ROUTE_BUSY] = "user-busy",
		[ROUTE_UNAVAILABLE] = "unavailable", [ROUTE_DECLINED] = "user-busy",
		[ROUTE_MOVED] = "deflection",
	};

	return v->is_always ? "unconditional" : names[v->outcome];
}

void diverted_add(struct call *call, const struct route_via *via, size_t n)
{
	struct diverted *d = n ? get(call) : NULL;

	for (size_t i = 0; d && i < n && d->n < ARRAY_LEN(d->at); i++) {
		str_fit(d->at[d->n].number, sizeof(d->at[0].number), str_of(via[i].number));
		d->at[d->n++].reason = reason_of(&via[i]);
	}
}

/* RFC 4458: what made it go on, as a status. */
static unsigned cause_of(const char *reason)
{
	static const struct {
		const char *reason;
		unsigned cause;
	} causes[] = {{"unconditional", 302},
		      {"no-answer", 408},
		      {"user-busy", 486},
		      {"deflection", 480}};

	for (size_t i = 0; i < ARRAY_LEN(causes); i++)
		if (!strcmp(reason, causes[i].reason))
			return causes[i].cause;
	return 503;
}

static void write_diversion(struct buf *lines, const struct diverted *d, struct str number,
			    struct str domain)
{
	struct buf who = {0};

	party_write_addr(&who, STR_NONE, number, domain);
	buf_printf(&who, ";reason=%s;counter=%zu", d->at[d->n - 1].reason, d->n);
	sip_write_header(lines, SIP_HDR_DIVERSION, buf_view(&who));
	if (who.err)
		lines->err = who.err;
	buf_free(&who);
}

/* cause: why it did not stay there; 0: it rings. */
static void write_entry(struct buf *lines, struct str number, struct str domain, unsigned cause,
			const char *index, bool is_moved)
{
	struct buf uri = {0}, value = {0};
	char params[INDEX_BYTES + 8];

	buf_cstr(&uri, "sip:");
	sip_escape_user(&uri, number);
	buf_char(&uri, '@');
	buf_str(&uri, domain);
	if (cause)
		buf_printf(&uri, "?Reason=SIP%%3Bcause%%3D%u", cause);
	/* RFC 7044 5: by what it came here, of the entry before */
	snprintf(params, sizeof(params), ";index=%s", index);
	sip_write_addr(&value, STR_NONE, buf_view(&uri), STR_NONE);
	buf_cstr(&value, params);
	if (is_moved)
		buf_printf(&value, ";mp=%.*s", (int)(strrchr(index, '.') - index), index);
	sip_write_header(lines, SIP_HDR_HISTORY_INFO, buf_view(&value));
	if (uri.err || value.err)
		lines->err = uri.err ? uri.err : value.err;
	buf_free(&uri);
	buf_free(&value);
}

static void write_history(struct buf *lines, const struct diverted *d, struct str target,
			  struct str shown, struct str domain)
{
	char index[INDEX_BYTES];

	/* Where it came to first stands below the last entry that it brought. */
	if (*d->index)
		snprintf(index, sizeof(index), "%.*s.1", INDEX_BYTES / 2, d->index);
	else
		memcpy(index, "1", 2);
	for (size_t i = 0; i < d->n; i++) {
		write_entry(lines, shown.n ? shown : str_of(d->at[i].number), domain,
			    cause_of(d->at[i].reason), index, i > 0);
		if (strlen(index) + 3 > sizeof(index))
			return;
		memcpy(index + strlen(index), ".1", 3);
	}
	write_entry(lines, target, domain, 0, index, d->n > 0);
}

void diverted_write(struct buf *lines, const struct leg *leg, struct str target, struct str shown,
		    struct str domain)
{
	const struct diverted *d = leg->call->diverted;

	if (!d || (!d->n && !d->diversions.n && !d->entries.n))
		return;
	if (d->n && (shown.n || !leg->trunk_id))
		write_diversion(lines, d, shown.n ? shown : str_of(d->at[d->n - 1].number), domain);
	buf_str(lines, buf_view(&d->diversions));
	buf_str(lines, buf_view(&d->entries));
	if ((d->n || *d->index) && (shown.n || !leg->trunk_id))
		write_history(lines, d, target, shown, domain);
}
