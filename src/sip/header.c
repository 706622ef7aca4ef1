/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Names are found by their length: memchr over the table of lengths skips most candidates in one instruction or two,
 * and the usual headers stand first in headers.def.  No table has to be built at start, none can be out of date.
 */
#include <string.h>
#include "sip/header.h"

static const uint8_t lengths[] = {
#define X(id, name, compact, multiple) sizeof(name) - 1,
#include "sip/headers.def"
#undef X
};

static const char *const names[] = {
#define X(id, name, compact, multiple) name,
#include "sip/headers.def"
#undef X
};

static const char compacts[][2] = {
#define X(id, name, compact, multiple) compact,
#include "sip/headers.def"
#undef X
};

static const bool lists[] = {
#define X(id, name, compact, multiple) multiple,
#include "sip/headers.def"
#undef X
};

static const struct str methods[] = {
#define X(name) {#name, sizeof(#name) - 1},
#include "sip/methods.def"
#undef X
};

static enum sip_hdr find_compact(char c)
{
	if (c >= 'A' && c <= 'Z')
		c = (char)(c + 'a' - 'A');
	for (size_t i = 0; c && i < ARRAY_LEN(compacts); i++)
		if (compacts[i][0] == c)
			return (enum sip_hdr)i;
	return SIP_HDR_OTHER;
}

/* Of equal length.  Nearly everybody writes a name as the RFC does. */
static bool is_named(struct str name, const char *as)
{
	return ((name.p[0] ^ as[0]) & ~0x20) == 0 &&
	       (!memcmp(name.p, as, name.n) || str_ieq(name, (struct str){as, name.n}));
}

enum sip_hdr sip_header_find(struct str name)
{
	const uint8_t *at = lengths, *end = lengths + sizeof(lengths);

	if (name.n == 1)
		return find_compact(name.p[0]);
	if (!name.n || name.n > UINT8_MAX)
		return SIP_HDR_OTHER;
	while (at < end) {
		at = memchr(at, (int)name.n, (size_t)(end - at));
		if (!at)
			break;
		if (is_named(name, names[at - lengths]))
			return (enum sip_hdr)(at - lengths);
		at++;
	}
	return SIP_HDR_OTHER;
}

struct str sip_header_name(enum sip_hdr id)
{
	if ((size_t)id >= ARRAY_LEN(names))
		return STR_NONE;
	return (struct str){names[id], lengths[id]};
}

bool sip_header_is_list(enum sip_hdr id)
{
	return (size_t)id < ARRAY_LEN(lists) && lists[id];
}

bool sip_header_is_single(enum sip_hdr id, bool is_request)
{
	switch (id) {
	case SIP_HDR_FROM:
	case SIP_HDR_TO:
	case SIP_HDR_CALL_ID:
	case SIP_HDR_CSEQ:
	case SIP_HDR_MAX_FORWARDS:
	case SIP_HDR_CONTENT_LENGTH:
	case SIP_HDR_CONTENT_TYPE:
		return true;
	case SIP_HDR_CONTENT_DISPOSITION:
	case SIP_HDR_EVENT:
	case SIP_HDR_EXPIRES:
	case SIP_HDR_MIN_SE:
	case SIP_HDR_RACK:
	case SIP_HDR_REFERRED_BY:
	case SIP_HDR_REFER_TO:
	case SIP_HDR_REPLACES:
	case SIP_HDR_SESSION_EXPIRES:
	case SIP_HDR_SIP_IF_MATCH:
	case SIP_HDR_SUBSCRIPTION_STATE:
		return is_request;
	default:
		return false;
	}
}

enum sip_method sip_method_find(struct str name)
{
	for (size_t i = 0; i < ARRAY_LEN(methods); i++)
		if (str_eq(name, methods[i]))
			return (enum sip_method)i;
	return SIP_UNKNOWN_METHOD;
}

struct str sip_method_name(enum sip_method m)
{
	return (size_t)m < ARRAY_LEN(methods) ? methods[m] : STR_NONE;
}
