/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What a leg hears and what is kept of what it says: commands to the media engine, and its answers for the service that asked.
 *
 * Thread     core
 * Ownership  paths are copied
 * Errors     those of the engine's post; E2BIG: too many files, ENAMETOOLONG
 */
#ifndef CALL_LEG_SOUND_H
#define CALL_LEG_SOUND_H

#include "call/owner.h"
#include "media/media.h"

struct leg;

int leg_sound_play(struct leg *leg, const struct owner_play *play) MUST_USE;
int leg_sound_hush(struct leg *leg) MUST_USE;
int leg_sound_record(struct leg *leg, const char *path, const struct owner_record *how) MUST_USE;
int leg_sound_record_end(struct leg *leg) MUST_USE;
int leg_sound_mix(struct leg *leg, const struct media_mix *mix) MUST_USE;
int leg_sound_press(struct leg *leg, char key) MUST_USE;
/* An event of the engine about one of these; false: it is about something else. */
bool leg_sound_event(struct leg *leg, const struct media_event *ev);

#endif
