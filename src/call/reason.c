/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "call/reason.h"

static const struct {
	const char *name;
	unsigned sip, q850;
	bool is_fault;
	const char *text;
} reasons[REASON_COUNT] = {
#define X(name, lower, sip, q850, fault, text) [REASON_##name] = {lower, sip, q850, fault, text},
#include "call/reason.def"
#undef X
};

static const struct status {
	unsigned status, for_caller;
	enum reason reason;
} statuses[] = {
#define X(status, for_caller, reason) {status, for_caller, REASON_##reason},
#include "call/status.def"
#undef X
};

/* RFC 3261 8.1.3.2: a status we do not know counts as the x00 of its class; a redirection counts as "not there". */
static struct status status_row(unsigned status)
{
	for (size_t i = 0; i < ARRAY_LEN(statuses); i++)
		if (statuses[i].status == status)
			return statuses[i];
	if (status >= 200 && status < 300)
		return (struct status){status, status, REASON_NORMAL};
	if (status >= 600)
		return (struct status){status, 603, REASON_DECLINED};
	if (status >= 400)
		return (struct status){status, 500, REASON_FAILED};
	return (struct status){status, 480, REASON_UNAVAILABLE};
}

const char *reason_name(enum reason r)
{
	return (unsigned)r < REASON_COUNT ? reasons[r].name : "";
}

unsigned reason_status(enum reason r)
{
	return (unsigned)r < REASON_COUNT && reasons[r].sip >= 300 ? reasons[r].sip : 480;
}

unsigned reason_q850(enum reason r)
{
	return (unsigned)r < REASON_COUNT ? reasons[r].q850 : 0;
}

bool reason_is_fault(enum reason r)
{
	return (unsigned)r < REASON_COUNT && reasons[r].is_fault;
}

const char *reason_text(enum reason r)
{
	return (unsigned)r < REASON_COUNT ? reasons[r].text : "";
}

enum reason reason_from_status(unsigned sip_status)
{
	return status_row(sip_status).reason;
}

unsigned reason_status_for_caller(unsigned sip_status)
{
	return status_row(sip_status).for_caller;
}

unsigned reason_rank(enum reason r)
{
	switch (r) {
	case REASON_DECLINED: /* a person has said no: nothing weighs more */
		return 6;
	case REASON_NO_ANSWER:
		return 5;
	case REASON_BUSY:
		return 4;
	case REASON_NOT_ACCEPTABLE:
		return 3;
	case REASON_UNAVAILABLE:
		return 2;
	default:
		return 1;
	}
}

/* RFC 3326: a fork's losers hear that the call was answered, so that they show no missed call. */
void reason_write_header(struct buf *out, enum reason r)
{
	if (r == REASON_ANSWERED_ELSEWHERE)
		buf_cstr(out, "Reason: SIP;cause=200;text=\"Call completed elsewhere\"\r\n");
	else if (reason_is_fault(r) || r == REASON_ADMINISTRATOR)
		buf_printf(out, "Reason: Q.850;cause=%u;text=\"%s\"\r\n", reason_q850(r),
			   reason_text(r));
}
