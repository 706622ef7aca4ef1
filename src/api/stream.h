/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The stream of events (CDR-4): what the bus tells goes to those who watch over WebSocket, each in its own tenant, with a number
 * that grows; who comes back with the last number it has seen gets what it missed, as far as it is kept.
 *
 * Thread     api_event, api_call_ended: core; the rest web
 * Ownership  stream_hub_stop() before the server is closed, stream_hub_free() after the core has ended
 */
#ifndef API_STREAM_H
#define API_STREAM_H

#include "api/ask.h"
#include "base/bus.h"

struct stream_hub;
/* path: of the file of the latest events; NULL: none. */
int stream_hub_alloc(struct stream_hub **hp, struct api *a, const char *path) MUST_USE;
int stream_hub_start(
	struct stream_hub *h) MUST_USE; /* the server is open, its thread does not run yet */
void stream_hub_stop(struct stream_hub *h);
struct stream_hub *stream_hub_free(struct stream_hub *h);
void stream_hub_event(struct stream_hub *h, const struct bus_event *ev);
void stream_hub_call(struct stream_hub *h, const struct call_record *call);

#endif
