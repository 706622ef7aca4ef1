/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The REST interface: resources from their tables, sign-in and rights, records, live tables, OpenAPI.
 *
 * Thread     api_open, api_stop, api_close: main; the rest on the web thread
 * Ownership  answers of store and core arrive on rings that api owns: they must live until nobody answers any more, so stopping
 *            takes two steps: api_stop(), then the core and the store stop, then api_close()
 */
#ifndef API_API_H
#define API_API_H

#include "base/command.h"
#include "store/store.h"
#include "web/web.h"

struct api;
struct api_conf {
	struct store *store;
	struct ring *commands; /* to the core: struct command */
	struct addr listen;
	const char *unix_path;
	const char *events_path; /* file of the latest events; NULL: none outlives the process */
	const char *log_file;	 /* where the log goes; NULL: to nobody's file */
	const struct store_past *past; /* makes configurations of the past */
	const char *version;
	const char *setup_token; /* makes the first administrator; NULL: there is one */
};
int api_open(struct api **ap, const struct api_conf *conf, struct addr *bound) MUST_USE;
void api_stop(struct api *a); /* no more requests; those in progress end without an answer */
struct api *api_close(struct api *a);
/* For who watches events; on the core thread, between api_open() and api_close(). */
struct bus_event;
struct call_record;
void api_event(const struct bus_event *ev, void *api); /* a bus_h */
void api_call_ended(struct api *a, const struct call_record *call);

#endif
