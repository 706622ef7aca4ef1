/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <string.h>

#include "call/calls.h"
#include "call/mobile.h"
#include "call/moved.h"

struct candidate {
	char number[33];
	unsigned q; /* thousandths */
};

/* "0.75" */
static unsigned q_of(struct str params)
{
	struct str text;
	unsigned q = 0, unit = 100;

	if (!sip_param(params, STR("q"), &text) || !text.n)
		return 1000;
	if (text.p[0] != '0')
		return text.p[0] == '1' ? 1000 : 0;
	for (size_t i = 2; i < text.n && i < 5 && text.p[i] >= '0' && text.p[i] <= '9'; i++) {
		q += unit * (unsigned)(text.p[i] - '0');
		unit /= 10;
	}
	return q;
}

static bool is_number(const char *s)
{
	return *s && !s[strspn(s, "0123456789+")];
}

/* In the order of q, equals as they stand. */
static size_t insert(struct candidate *list, size_t n, const struct candidate *c)
{
	size_t at = n;

	for (size_t i = 0; i < n; i++)
		if (!strcmp(list[i].number, c->number))
			return n;
	while (at && list[at - 1].q < c->q)
		at--;
	if (at == CALL_MAX_MOVED)
		return n;
	if (n < CALL_MAX_MOVED)
		n++;
	memmove(&list[at + 1], &list[at], (n - 1 - at) * sizeof(list[0]));
	list[at] = *c;
	return n;
}

void moved_read(struct leg *leg, const struct sip_msg *msg)
{
	struct candidate list[CALL_MAX_MOVED], c;
	struct call *call = leg->call;
	struct sip_values v;
	struct str value;
	struct sip_addr a;
	size_t n = 0;

	if (!msg || msg->status < 300 || msg->status > 302 || !leg->member || mobile_is(leg) ||
	    call->service || call->has_moved)
		return;
	sip_values_init(&v, msg, SIP_HDR_CONTACT);
	while (sip_values_next(&v, &value)) {
		if (sip_addr_parse(&a, value) ||
		    calls_number_dialled(c.number, sizeof(c.number), a.uri) ||
		    !is_number(c.number) || calls_names_elsewhere(leg, a.uri, c.number))
			continue;
		c.q = q_of(a.params);
		n = insert(list, n, &c);
	}
	if (!n)
		return;
	call->has_moved = true;
	call->nmoved = n;
	for (size_t i = 0; i < n; i++)
		memcpy(call->moved[i], list[i].number, sizeof(call->moved[i]));
}

void moved_used(struct call *call, size_t n)
{
	if (!n)
		return;
	call->nmoved -= n;
	memmove(call->moved[0], call->moved[n], call->nmoved * sizeof(call->moved[0]));
}
