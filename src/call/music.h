/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Music on hold: what the other side hears while one holds.  All of a media thread who wait with the same music hear it together.
 *
 * Which: the tenant's file, or else the server's, or else a tone; what cannot be played makes way for the next.
 *
 * Thread     core
 * Sources    RFC 3264 8.4 (sendonly, inactive), RFC 2543 B.5 (c=0.0.0.0)
 */
#ifndef CALL_MUSIC_H
#define CALL_MUSIC_H

#include "call/leg.h"

/* A line that neither sends nor receives is told to this leg, which talks, as one that sends: the music. */
bool music_is_for(const struct leg *leg, const struct sdp_media *from);
void music_follow(struct leg *leg); /* it holds the other side, or has taken it back */
void music_end(struct leg *leg);    /* it goes elsewhere */
/* An answer of the engine about it; false: it is about something else. */
bool music_event(struct leg *leg, const struct media_event *ev);

#endif
