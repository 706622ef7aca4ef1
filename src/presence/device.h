/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A request of ours to a registered device, outside of any dialog.
 *
 * Thread     core
 * Errors     errno of the stack; nothing was sent
 * Sources    RFC 3261 8.1
 */
#ifndef PRESENCE_DEVICE_H
#define PRESENCE_DEVICE_H

#include "presence/inside.h"

struct device_request {
	enum sip_method method;
	const struct contact *to;
	struct str name,
		number; /* who it is from: display name (may be empty), number in the tenant */
	const char *recipient; /* number it is for */
	struct sip_extra extra;
};

int device_send(struct presence *p, const struct device_request *rq, sip_response_h *fn, void *arg,
		oid *idp) MUST_USE;

#endif
