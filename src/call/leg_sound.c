/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <stdio.h>
#include <string.h>
#include "call/calls.h"
#include "call/leg_media.h"
#include "call/leg_press.h"
#include "call/leg_sound.h"
#include "call/mobile.h"
#include "call/music.h"
#include "call/services.h"
#include "media/files.h"

static int copy_paths(struct path_list **lp, const char *const *paths, size_t n)
{
	struct path_list *l;

	*lp = NULL;
	if (n > FILES_MAX_LIST)
		return E2BIG;
	for (size_t i = 0; i < n; i++)
		if (strlen(paths[i]) >= FILES_MAX_PATH)
			return ENAMETOOLONG;
	if (!n)
		return 0;
	l = path_list_make(n);
	if (!l)
		return ENOMEM;
	for (size_t i = 0; i < n; i++)
		snprintf(l->paths[i], FILES_MAX_PATH, "%s", paths[i]);
	*lp = l;
	return 0;
}

int leg_sound_play(struct leg *leg, const struct owner_play *play)
{
	struct media_cmd cmd = {.type = MEDIA_PLAY};
	struct media_play *p = &cmd.u.play;
	int err = copy_paths(&p->paths, play->paths, play->npaths);

	if (err)
		return err;
	memcpy(p->hz, play->hz, sizeof(p->hz));
	memcpy(p->ms, play->ms, sizeof(p->ms));
	p->times = play->times;
	p->most_ms = play->most_ms;
	p->until_key = play->until_key;
	p->to_room = play->to_room;
	p->is_shared = play->is_shared;
	err = leg_media_post(leg, &cmd);
	if (!err)
		leg->play_seq = cmd.seq;
	return err;
}

int leg_sound_hush(struct leg *leg)
{
	return leg_media_post(leg, &(struct media_cmd){.type = MEDIA_HUSH});
}

int leg_sound_record(struct leg *leg, const char *path, const struct owner_record *how)
{
	struct media_cmd cmd = {.type = MEDIA_RECORD};
	int err = copy_paths(&cmd.u.record.path, &path, 1);

	if (err)
		return err;
	cmd.u.record.has_two_tracks = how->has_two_tracks;
	cmd.u.record.is_scratch = how->is_scratch;
	cmd.u.record.has_pictures = how->has_pictures;
	cmd.u.record.makes_folder = how->makes_folder;
	cmd.u.record.most_bytes = how->most_bytes;
	cmd.u.record.most_ms = how->most_ms;
	err = leg_media_post(leg, &cmd);
	if (!err)
		leg->record_seq = cmd.seq;
	return err;
}

int leg_sound_record_end(struct leg *leg)
{
	return leg_media_post(leg, &(struct media_cmd){.type = MEDIA_RECORD_END});
}

int leg_sound_press(struct leg *leg, char key)
{
	leg->is_pressed = true;
	return leg_media_post(leg, &(struct media_cmd){.type = MEDIA_PRESS, .u.press = {key}});
}

int leg_sound_mix(struct leg *leg, const struct media_mix *mix)
{
	struct media_cmd cmd = {.type = MEDIA_MIX, .u.mix = *mix};
	int err = leg_media_post(leg, &cmd);

	if (!err)
		leg->mix_seq = cmd.seq;
	return err;
}

static bool tell(struct leg *leg, enum owner_event_type type, int err)
{
	if (type == OWNER_PLAYED && mobile_played(leg, err))
		return true;
	if (!leg_is_over(leg))
		services_tell(leg->call,
			      &(struct owner_event){.type = type, .leg = leg->id, .err = err});
	return true;
}

/* A command that was refused: nothing else follows for it. */
static bool refused(struct leg *leg, const struct media_event *ev)
{
	if (!ev->err || !ev->seq)
		return false;
	if (ev->seq == leg->play_seq)
		return tell(leg, OWNER_PLAYED, ev->err);
	if (ev->seq == leg->record_seq)
		return tell(leg, OWNER_RECORDED, ev->err);
	if (ev->seq == leg->mix_seq)
		return tell(leg, OWNER_FAILED, ev->err);
	/* A key more than can wait, or one that it presses as an event too: the call goes on. */
	return leg->is_pressed && (ev->err == EALREADY || ev->err == ENOSPC);
}

bool leg_sound_event(struct leg *leg, const struct media_event *ev)
{
	if (music_event(leg, ev))
		return true;
	switch (ev->type) {
	case MEDIA_KEY:
		leg_press_heard(leg, ev->u.key);
		return true;
	case MEDIA_FAX:
		return tell(leg, OWNER_FAX, 0);
	case MEDIA_PLAYED:
		return tell(leg, OWNER_PLAYED, ev->err);
	case MEDIA_RECORDED:
		return tell(leg, OWNER_RECORDED, ev->err);
	case MEDIA_DONE:
		return refused(leg, ev);
	default:
		return false;
	}
}
