/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The REST interface: resources from their tables, sign-in and rights, records, live tables, OpenAPI.
 *
 * Thread     api_open, api_close: main; the rest on the web thread
 */
#ifndef API_API_H
#define API_API_H

#include "base/command.h"
#include "store/store.h"
#include "web/web.h"

struct api;
struct api_conf {
	struct store *store;
	struct ring *commands;	/* to the core: struct command */
	struct addr listen;
	const char *unix_path;
	const char *version;
};
int api_open(struct api **ap, const struct api_conf *conf, struct addr *bound) MUST_USE;
struct api *api_close(struct api *a);

#endif
