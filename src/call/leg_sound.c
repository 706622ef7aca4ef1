/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <stdio.h>
#include <string.h>
#include "call/calls.h"
#include "call/leg_media.h"
#include "call/leg_sound.h"
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

int leg_sound_mix(struct leg *leg, uint64_t room, uint32_t speaks, uint32_t hears)
{
	struct media_cmd cmd = {.type = MEDIA_MIX, .u.mix = {room, speaks, hears}};
	int err = leg_media_post(leg, &cmd);

	if (!err)
		leg->mix_seq = cmd.seq;
	return err;
}

static bool tell(struct leg *leg, enum owner_event_type type, int err, char digit)
{
	if (!leg_is_over(leg))
		services_tell(leg->call,
			      &(struct owner_event){
				      .type = type, .leg = leg->id, .err = err, .digit = digit});
	return true;
}

/* A command that was refused: nothing else follows for it. */
static bool refused(struct leg *leg, const struct media_event *ev)
{
	if (!ev->err || !ev->seq)
		return false;
	if (ev->seq == leg->play_seq)
		return tell(leg, OWNER_PLAYED, ev->err, 0);
	if (ev->seq == leg->record_seq)
		return tell(leg, OWNER_RECORDED, ev->err, 0);
	if (ev->seq == leg->mix_seq)
		return tell(leg, OWNER_FAILED, ev->err, 0);
	return false;
}

/* "Signal=5" among other lines, or the body is the key. */
static char key_of(const struct sip_msg *info)
{
	struct str body = sip_msg_body(info, STR("application/dtmf-relay"));

	while (body.p) {
		struct str line = str_cut(&body, '\n'), name = str_trim(str_cut(&line, '='));

		line = str_trim(line);
		if (str_ieq(name, STR("Signal")))
			return line.n == 1 ? *line.p : 0;
	}
	body = str_trim(sip_msg_body(info, STR("application/dtmf")));
	return body.n == 1 ? *body.p : 0;
}

bool leg_sound_info(struct leg *leg, const struct sip_msg *info)
{
	char key = key_of(info);

	if (!key || !strchr("0123456789*#ABCDabcd", key) || !leg->call->service)
		return false;
	if (key >= 'a')
		key = (char)(key - 'a' + 'A');
	return tell(leg, OWNER_DIGIT, 0, key);
}

bool leg_sound_event(struct leg *leg, const struct media_event *ev)
{
	switch (ev->type) {
	case MEDIA_KEY:
		return tell(leg, OWNER_DIGIT, 0, ev->u.key);
	case MEDIA_FAX:
		return true; /* for menus, which do not exist yet */
	case MEDIA_PLAYED:
		return tell(leg, OWNER_PLAYED, ev->err, 0);
	case MEDIA_RECORDED:
		return tell(leg, OWNER_RECORDED, ev->err, 0);
	case MEDIA_DONE:
		return refused(leg, ev);
	default:
		return false;
	}
}
